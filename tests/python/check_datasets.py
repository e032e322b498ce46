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


class Pairs:
    """Reads a folder in 3DIEBench's layout as a map-style data set of pairs of views, the way training programs do.

    The split's two files give the objects and their classes; an object's folder is the root with the listed string
    appended; two different views are drawn; a view is a JPEG and seven floats of which the first three are angles.
    """

    def __init__(self, root, split, views, seed):
        self.root = root
        self.objects = np.load(os.path.join(root, f"{split}_images.npy"))
        self.labels = np.load(os.path.join(root, f"{split}_labels.npy"))
        self.views = views
        self.random = np.random.default_rng(seed)

    def __len__(self):
        return len(self.objects)

    def view(self, index, view):
        folder = self.root + self.objects[index]
        with open(folder + f"image_{view}.jpg", "rb") as file:
            image = np.asarray(Image.open(file).convert("RGB"), dtype=np.float32) / 255
        return image, np.load(folder + f"latent_{view}.npy").astype(np.float32)

    def __getitem__(self, index):
        first, second = self.random.choice(self.views, size=2, replace=False)
        return self.view(index, first), self.view(index, second), int(self.labels[index])


def check_3diebench(root):
    lists = [f"{split}_{kind}.npy" for split in ["train", "val"] for kind in ["images", "labels"]]
    known, total, classes = set(lists) | {"contact-sheet.png"}, 0, set()
    for split in ["train", "val"]:
        # Without pickles, as np.load reads by default.
        paths = np.load(os.path.join(root, f"{split}_images.npy"), allow_pickle=False)
        labels = np.load(os.path.join(root, f"{split}_labels.npy"), allow_pickle=False)
        assert paths.dtype.kind == "U" and labels.dtype == np.int64 and paths.shape == labels.shape and paths.ndim == 1
        assert len(set(paths)) == len(paths) > 0
        classes.update(labels.tolist())
        for path in paths:
            assert path.startswith("/") and path.endswith("/") and path.count("/") == 3, path
            known.add(path.split("/")[1])
            views = check_views(root + path)
            total += views
        pairs = Pairs(root, split, views, seed=0)
        for (first, latent), (second, other), label in (pairs[index] for index in range(len(pairs))):
            assert first.shape == second.shape and (first != second).any() and (latent != other).any()
            assert 0 <= label
    assert classes == set(range(len(classes))), "labels are not 0, 1, ..., so that a classifier has outputs without use"
    assert set(os.listdir(root)) == known, set(os.listdir(root)) ^ known
    print(f"3diebench: {total} images of {len(classes)} classes")


def check_views(folder):
    """The number of views in an object's folder, which holds nothing else."""
    names = set(os.listdir(folder))
    views = len(names) // 2
    assert names == {f"{kind}" for view in range(views) for kind in (f"image_{view}.jpg", f"latent_{view}.npy")}, names
    for view in range(views):
        latent = np.load(folder + f"latent_{view}.npy", allow_pickle=False)
        assert latent.dtype == np.float64 and latent.shape == (7,)
        check_latents(latent[None], {"kind": "euler", "limit_deg": 90})
        with Image.open(folder + f"image_{view}.jpg") as image:
            # Baseline JPEG of three channels: what every decoder reads, TorchVision's too.
            assert image.format == "JPEG" and image.mode == "RGB" and "progressive" not in image.info
            assert image.size[0] == image.size[1]
            assert np.asarray(image).std() > 0, "an image of one colour"
    return views


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sextant")
    parser.add_argument("--3diebench", dest="three_die_bench")
    arguments = parser.parse_args()
    if arguments.sextant:
        check_sextant(arguments.sextant)
    if arguments.three_die_bench:
        check_3diebench(arguments.three_die_bench)
