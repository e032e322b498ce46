"""Runs `trainer bench` and PyTorch in turn and prints one JSON object; started by `train_throughput`."""

import argparse
import json
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
TRAINER = HERE.parents[1] / "target/release/sextant-trainer"
LARGEST_ERROR = 1e-3
LAYOUTS = ("contiguous", "channels_last")
NETS = ("resnet18", "tiny")
# Size, channels in and out, window, step, groups.
LAYERS = {
    "conv 3x3 64-64 at 16 px": (16, 64, 64, 3, 1, 1),
    "conv 3x3 128-128 at 8 px": (8, 128, 128, 3, 1, 1),
    "conv 1x1 64-128 step 2 at 16 px": (16, 64, 128, 1, 2, 1),
    "conv 7x7 3-64 step 2 at 64 px": (64, 3, 64, 7, 2, 1),
    "depthwise 3x3 64 at 16 px": (16, 64, 64, 3, 1, 64),
}


def say(*words):
    print(*words, file=sys.stderr, flush=True)


class Side:
    """A process that measures one round for each line that it is sent."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.images_per_s = []
        self.last = {}

    def round(self, images):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} ended with {self.process.wait()}")
        self.last = json.loads(line)
        return images / statistics.median(self.last["seconds"])

    def measure(self, images):
        # Threads of the other side stop spinning.
        time.sleep(0.2)
        self.images_per_s.append(self.round(images))

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def figures(self):
        speeds = self.images_per_s
        median = statistics.median(speeds)
        return {
            "images_per_s": median,
            "min": min(speeds),
            "max": max(speeds),
            "spread": (max(speeds) - min(speeds)) / median,
            "rounds": speeds,
            "peak_memory_bytes": self.last["peak_memory_bytes"],
        }


def torch_command(options, *arguments):
    return [sys.executable, str(HERE / "torch_training.py"), "--threads", str(options.threads), *arguments]


def our_command(options, *arguments):
    return [str(TRAINER), "bench", "--threads", str(options.threads), "--batch", str(options.batch), *arguments]


def check_agreement(options, net, exchange):
    """Writes one step of ours to `exchange`; PyTorch computes it in float64, and in float32 as it will be timed."""
    size = ("--net", net, "--size", str(options.size))
    subprocess.run(our_command(options, *size, "--exchange", exchange), check=True, stdout=sys.stderr)
    command = torch_command(options, "--net", net, "--exchange", exchange, "--check")
    errors = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    for name, side in {"ours": errors["ours"], **errors["peer"]}.items():
        say(f"{net}, {name} against float64: loss differs by {side['loss']:.1e}, the gradient by"
            f" {side['gradient']:.1e}, its worst tensor {side['worst_tensor']} by {side['worst_tensor_error']:.1e}")
    return {**errors, "agrees": agrees(errors)}


def agrees(errors):
    """Our loss and gradient are right, and no tensor of it is worse than PyTorch's worst.

    The bound for single tensors is relative: an activation whose rounding error decides its sign passes ReLU on one
    side and not on the other, which no float32 implementation avoids.
    """
    ours = errors["ours"]
    worst_peer = max(side["worst_tensor_error"] for side in errors["peer"].values())
    return (ours["loss"] <= LARGEST_ERROR and ours["gradient"] <= LARGEST_ERROR
            and ours["worst_tensor_error"] <= max(LARGEST_ERROR, worst_peer))


def compare(options, ours, peers, steps):
    """Warms both sides up, keeps the faster of the peer's layouts, and measures in turn."""
    sides = {"ours": Side(ours)}
    candidates = {layout: Side(command) for layout, command in peers.items()}
    sides["ours"].round(options.batch)
    warm = {}
    for layout, side in candidates.items():
        side.round(options.batch)
        warm[layout] = side.round(options.batch)
    layout = max(warm, key=warm.get)
    for other, side in candidates.items():
        if other != layout:
            side.close()
    sides["peer"] = candidates[layout]
    for _ in range(options.rounds):
        for side in sides.values():
            side.measure(options.batch)
    for side in sides.values():
        side.close()
    figures = {name: side.figures() for name, side in sides.items()}
    figures["peer"]["layout"] = layout
    figures["peer"]["memory_before_first_tensor_bytes"] = sides["peer"].last["memory_before_first_tensor_bytes"]
    figures["ratio"] = figures["ours"]["images_per_s"] / figures["peer"]["images_per_s"]
    figures["steps_per_round"] = steps
    return figures


def compare_net(options, net, exchange):
    steps = 2 if options.quick or net == "resnet18" else 8
    ours = our_command(options, "--net", net, "--size", str(options.size), "--steps", str(steps), "--rounds")
    peers = {
        layout: torch_command(
            options, "--net", net, "--exchange", exchange, "--layout", layout, "--steps", str(steps))
        for layout in LAYOUTS
    }
    return compare(options, ours, peers, steps)


def compare_layer(options, layer):
    steps = 2 if options.quick else 15
    spec = ",".join(map(str, layer))
    ours = our_command(options, "--layer", spec, "--steps", str(steps), "--rounds")
    peers = {
        layout: torch_command(
            options, "--layer", spec, "--batch", str(options.batch), "--layout", layout, "--steps", str(steps))
        for layout in LAYOUTS
    }
    return compare(options, ours, peers, steps)


def versions():
    ours = subprocess.run([str(TRAINER), "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    torch = subprocess.run([sys.executable, "-c", "import torch; print(torch.__version__)"],
                           check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "") \
        if pathlib.Path("/proc/cpuinfo").exists() else platform.processor()
    return {"ours": ours, "torch": torch, "python": platform.python_version(), "cpu": cpu}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    names = [*NETS, *LAYERS]
    parser.add_argument("--quick", action="store_true", help="16 images of 32 px, two rounds")
    parser.add_argument("--rounds", type=int, default=5, help="rounds in turn, at least 1 (5)")
    parser.add_argument("--threads", type=int, default=2, help="threads of each side (2)")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="CASE", help="; ".join(names))
    options = parser.parse_args()
    # Images through the network in a step, on both sides: two views of each of half as many objects.
    options.batch, options.size = (16, 32) if options.quick else (256, 64)
    options.rounds = 2 if options.quick else max(1, options.rounds)
    return options


def main():
    options = arguments()
    cases, agreement = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only:
            if name in NETS:
                exchange = str(pathlib.Path(folder) / f"{name}.safetensors")
                agreement[name] = check_agreement(options, name, exchange)
                figures = compare_net(options, name, exchange)
            else:
                figures = compare_layer(options, LAYERS[name])
            cases[name] = figures
            say(f"{name}: ours {figures['ours']['images_per_s']:.1f} images/s, PyTorch"
                f" {figures['peer']['images_per_s']:.1f} ({figures['peer']['layout']}), ratio {figures['ratio']:.2f}")
    agreed = all(errors["agrees"] for errors in agreement.values())
    print(json.dumps({
        "ratios": {name: figures["ratio"] for name, figures in cases.items()},
        "agrees": agreed,
        "largest_relative_error": LARGEST_ERROR,
        "agreement": agreement,
        "batch_images": options.batch,
        "image_size": options.size,
        "threads": options.threads,
        "cases": cases,
        "versions": versions(),
    }))
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
