"""Runs the guide's example for scipy and compares it with the guide's table, which our own code has written.

    check_conventions.py GUIDE
"""

import re
import sys

import numpy as np
from scipy.spatial.transform import Rotation


def main(path):
    with open(path, encoding="utf-8") as file:
        guide = file.read()
    table = re.findall(r"^\| (.+?) \| ([-0-9. ]*[0-9]) \|$", guide, re.MULTILINE)
    numbers = {what: np.array([float(value) for value in values.split()]) for what, values in table}
    example = {}
    exec(re.search(r"```python\n(.*?)```", guide, re.DOTALL).group(1), example)  # noqa: S102: our own text
    turned = example["world_from_object"] * Rotation.from_euler("z", 90, degrees=True)
    pairs = {
        "`camera_from_object`, camera at azimuth -90": example["camera_from_object"],
        "camera of OpenGL from object, azimuth -90": example["gl_from_object"],
        "camera body of ROS from object, azimuth -90": example["body_from_object"],
        "`world_from_object`, wxyz": example["world_from_object"],
        "R1^-1 R2, object then turned by 90 degrees about its own z axis": example["world_from_object"].inv() * turned,
    }
    for what, rotation in pairs.items():
        w, x, y, z = numbers[what]
        apart = (Rotation.from_quat([x, y, z, w]).inv() * rotation).magnitude()
        assert apart < 1e-3, f"{what}: {apart} rad from scipy's"
    euler_deg = example["world_from_object"].as_euler("xyz", degrees=True)
    assert np.allclose(euler_deg, numbers["the same, `euler_deg`"], atol=0.05), euler_deg
    print(f"conventions: {len(pairs)} rotations as scipy has them")


if __name__ == "__main__":
    main(sys.argv[1])
