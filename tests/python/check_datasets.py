#!/usr/bin/env python3
"""Loads data sets as other people's code does, and checks their layout.

    check_datasets.py [--sextant DIR] [--3diebench DIR]

Needs numpy, pillow and safetensors.
"""

import argparse
import json
import os

import numpy as np
from PIL import Image
from safetensors import safe_open


def check_latents(latents, rotation):
    """`latents` is [n, 7], in 3DIEBench's order and ranges."""
    limit = np.radians(rotation["limit_deg"]) if rotation["kind"] == "euler" else np.pi
    low = np.array([-limit] * 3 + [0, 0, 0, 0]) - 1e-5
    high = np.array([limit] * 3 + [1, np.pi / 4, 2 * np.pi, 1]) + 1e-5
    assert np.isfinite(latents).all()
    assert (latents >= low).all() and (latents <= high).all(), (latents.min(0), latents.max(0))


def check_sextant(root):
    with open(os.path.join(root, "dataset.json")) as file:
        manifest = json.load(file)
    assert manifest["format"] == "sextant-dataset" and manifest["version"] == 1
    objects, size = manifest["objects"], manifest["image_size"]
    views = np.zeros(len(objects), dtype=int)
    for shard in manifest["shards"]:
        with safe_open(os.path.join(root, shard["file"]), framework="numpy") as file:
            images, latents = file.get_tensor("images"), file.get_tensor("latents")
            labels, index = file.get_tensor("labels"), file.get_tensor("objects")
        n = shard["images"]
        assert images.dtype == np.uint8 and images.shape == (n, size, size, 3)
        assert latents.dtype == np.float32 and latents.shape == (n, 7)
        assert labels.dtype == np.int64 and labels.shape == (n,)
        assert index.dtype == np.uint32 and index.shape == (n,)
        check_latents(latents, manifest["rotation"])
        assert all(objects[o]["label"] == label for o, label in zip(index, labels))
        assert images.reshape(n, -1).std(axis=1).min() > 0, "an image of one colour"
        np.add.at(views, index, 1)
    assert (views == manifest["views_per_object"]).all()
    held_out = sum(o["held_out"] for o in objects)
    assert 0 < held_out < len(objects)
    print(f"sextant: {views.sum()} images of {len(objects)} objects, {held_out} held out")


def check_3diebench(root):
    total = 0
    for split in ["train", "val"]:
        paths = np.load(os.path.join(root, f"{split}_images.npy"))
        labels = np.load(os.path.join(root, f"{split}_labels.npy"))
        assert paths.dtype.kind == "U" and labels.dtype == np.int64 and paths.shape == labels.shape and paths.ndim == 1
        for path in paths:
            assert path.startswith("/") and path.endswith("/") and path.count("/") == 3, path
            views = len([name for name in os.listdir(root + path) if name.endswith(".jpg")])
            for view in range(views):
                latent = np.load(root + path + f"latent_{view}.npy")
                assert latent.dtype == np.float64 and latent.shape == (7,)
                check_latents(latent[None], {"kind": "euler", "limit_deg": 180})
                image = Image.open(root + path + f"image_{view}.jpg")
                assert image.mode == "RGB" and image.size[0] == image.size[1]
                assert np.asarray(image).std() > 0, "an image of one colour"
            total += views
    print(f"3diebench: {total} images")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sextant")
    parser.add_argument("--3diebench", dest="three_die_bench")
    arguments = parser.parse_args()
    if arguments.sextant:
        check_sextant(arguments.sextant)
    if arguments.three_die_bench:
        check_3diebench(arguments.three_die_bench)
