"""Runs `trainer bench` over a group and without one, in turn, and prints one JSON object; started by `group_convolution`."""

import argparse
import json
import sys

from train_throughput import Side, our_command, say

# Size, channels in and out, window, step, groups; of plain layers and, counting orientations, of those over a group.
LAYERS = {
    "3x3 64-64 at 16 px": (16, 64, 64, 3, 1, 1),
    "3x3 128-128 at 8 px": (8, 128, 128, 3, 1, 1),
    "3x3 32-32 at 32 px": (32, 32, 32, 3, 1, 1),
}
GROUPS = ("c4", "d4")


def compare(options, layer, group):
    command = our_command(options, "--layer", ",".join(map(str, layer)), "--steps", str(options.steps), "--rounds")
    sides = {"over the group": Side([*command, "--over", group]), "plain": Side(command)}
    for side in sides.values():
        side.round(options.batch)
    for _ in range(options.rounds):
        for side in sides.values():
            side.measure(options.batch)
    for side in sides.values():
        side.close()
    figures = {name: side.figures() for name, side in sides.items()}
    figures["ratio"] = figures["over the group"]["images_per_s"] / figures["plain"]["images_per_s"]
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two rounds of two steps")
    parser.add_argument("--rounds", type=int, default=9, help="rounds in turn, at least 1 (9)")
    parser.add_argument("--threads", type=int, default=2, help="threads (2)")
    options = parser.parse_args()
    options.batch, options.steps = 256, 2 if options.quick else 15
    options.rounds = 2 if options.quick else max(1, options.rounds)
    cases = {}
    for name, layer in LAYERS.items():
        for group in GROUPS:
            figures = cases[f"{name}, {group}"] = compare(options, layer, group)
            say(f"{name}, {group}: {figures['over the group']['images_per_s']:.0f} images/s, plain"
                f" {figures['plain']['images_per_s']:.0f}, ratio {figures['ratio']:.3f}")
    print(json.dumps({"ratios": {name: figures["ratio"] for name, figures in cases.items()},
                      "threads": options.threads, "cases": cases}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
