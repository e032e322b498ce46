#!/usr/bin/env python3
"""Cuts photographs into square crops of 64 px, for `trainer fit --preset orientation` on ordinary pictures.

    tests/learning/photograph_crops.py TRAIN TEST OUT

writes 120 crops of each photograph below the folders TRAIN and TEST to OUT/train/photo and OUT/test/photo. A crop has 0.4 to 1
of the photograph's shorter side; places and sizes are drawn from seed 0, photographs come in the order of their paths. Crops
of one photograph stay on one side. Needs Pillow."""

import pathlib
import random
import sys

from PIL import Image

CROPS, SIZE, LONGEST, KINDS = 120, 64, 1024, {".jpg", ".jpeg", ".png"}


def photographs(folder):
    found = sorted(path for path in pathlib.Path(folder).rglob("*") if path.suffix.lower() in KINDS)
    if not found:
        sys.exit(f"{folder}: there is no JPEG or PNG file in it")
    return found


def cut(path, index, folder, draws):
    photograph = Image.open(path).convert("RGB")
    photograph.thumbnail((LONGEST, LONGEST), Image.LANCZOS)
    for number in range(CROPS):
        side = int(min(photograph.size) * draws.uniform(0.4, 1))
        left, top = (draws.randint(0, length - side) for length in photograph.size)
        crop = photograph.crop((left, top, left + side, top + side)).resize((SIZE, SIZE), Image.LANCZOS)
        crop.save(folder / f"{index:03}-{number:03}.png")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    draws = random.Random(0)
    for split, source in zip(("train", "test"), sys.argv[1:3]):
        folder = pathlib.Path(sys.argv[3]) / split / "photo"
        folder.mkdir(parents=True, exist_ok=True)
        paths = photographs(source)
        for index, path in enumerate(paths):
            cut(path, index, folder, draws)
        print(f"{folder}: {CROPS} crops of each of {len(paths)} photographs")


if __name__ == "__main__":
    main()
