"""Writes the JPEG files of this folder, with Pillow 12 or newer and libjpeg-turbo's cjpeg:  python make.py

All show the picture that `original` in `runtime/src/picture/tests.rs` computes.
"""

import subprocess

from PIL import Image

WIDTH, HEIGHT = 45, 35
picture = Image.new("RGB", (WIDTH, HEIGHT))
for y in range(HEIGHT):
    for x in range(WIDTH):
        picture.putpixel((x, y), (5 * x, 7 * y, 255 - 3 * (x + y)))

picture.save("baseline.jpg", quality=90)
picture.save("progressive.jpg", quality=90, progressive=True)
picture.save("restarts.jpg", quality=90, subsampling=0, restart_marker_blocks=3)
picture.save("progressive-restarts.jpg", quality=90, progressive=True, restart_marker_blocks=3)
picture.save("rgb.jpg", quality=90, keep_rgb=True)
picture.convert("L").save("grey.jpg", quality=90)
picture.convert("CMYK").save("cmyk.jpg", quality=90)

picture.save("picture.ppm")
open("scans.txt", "w").write("0; 1; 2;\n")
cjpeg = ["cjpeg", "-quality", "90"]
for name, flags in [("one-by-one.jpg", ["-scans", "scans.txt"]), ("arithmetic.jpg", ["-arithmetic"])]:
    subprocess.run([*cjpeg, *flags, "-outfile", name, "picture.ppm"], check=True)
for name in ["picture.ppm", "scans.txt"]:
    subprocess.run(["rm", name], check=True)
