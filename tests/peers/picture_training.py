"""Trains SimCLR on pictures with `trainer fit` and PyTorch in turn; started by `picture_training`. Prints one JSON object."""

import argparse
import gzip
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy
import torch
import torch.nn.functional as F
import torchvision
from PIL import Image
from safetensors.torch import load_file
from torch import nn
from torchvision import transforms

from train_throughput import TRAINER, Side, check_agreement, say, versions

SIZE = 32
NET = "resnet18-cifar"
TEMPERATURE = 0.5
# Draws of the augmentation, and how many standard errors its mean and spread may differ by.
DRAWS, LARGEST_Z = 20_000, 6.0


def data_folder():
    cache = os.environ.get("SEXTANT_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "sextant")
    return pathlib.Path(cache) / "fashion-mnist-v1"


def augmentation():
    """SimCLR for small pictures, as "Understanding the Role of Equivariance in Self-supervised Learning" has it."""
    return transforms.Compose([
        transforms.RandomResizedCrop(SIZE),
        transforms.RandomHorizontalFlip(),
        transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
        transforms.RandomGrayscale(p=0.2),
    ])


class Pairs(torch.utils.data.Dataset):
    """Two augmented views of each picture."""

    def __init__(self):
        with gzip.open(data_folder() / "train-images-idx3-ubyte.gz") as file:
            pixels = numpy.frombuffer(file.read(), numpy.uint8, offset=16).reshape(-1, 28, 28)
        self.pictures = [Image.fromarray(grey).resize((SIZE, SIZE)).convert("RGB") for grey in pixels]
        self.draw = transforms.Compose([
            augmentation(), transforms.ToTensor(),
            transforms.Normalize((0.5016, 0.5037, 0.5060), (0.1030, 0.0999, 0.0969)),
        ])

    def __len__(self):
        return len(self.pictures)

    def __getitem__(self, index):
        return self.draw(self.pictures[index]), self.draw(self.pictures[index])


class SimClr(nn.Module):
    def __init__(self, hidden, embedding):
        super().__init__()
        self.encoder = torchvision.models.resnet18(num_classes=1)
        self.encoder.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.encoder.maxpool = nn.Identity()
        self.encoder.fc = nn.Identity()
        layers = lambda width: [nn.Linear(width, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(inplace=True)]
        self.projector = nn.Sequential(*layers(512), *layers(hidden), nn.Linear(hidden, embedding, bias=False))

    def loss(self, first, second):
        rows = F.normalize(torch.cat([self.projector(self.encoder(first)), self.projector(self.encoder(second))]))
        similarity = rows @ rows.t() / TEMPERATURE
        similarity.fill_diagonal_(-1e9)
        count = len(first)
        return F.cross_entropy(similarity, torch.arange(2 * count).roll(count))


def serve(options):
    """PyTorch's side: for each line of standard input some steps, with the seconds that each took."""
    import time
    torch.set_num_threads(options.threads)
    memory_format = torch.channels_last if options.layout == "channels_last" else torch.contiguous_format
    model = SimClr(256, 128).to(memory_format=memory_format)
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-4, fused=True)
    loader = torch.utils.data.DataLoader(
        Pairs(), options.batch, shuffle=True, drop_last=True, num_workers=options.workers,
        persistent_workers=options.workers > 0)
    batches = iter(loader)
    for _ in sys.stdin:
        seconds = []
        for _ in range(options.steps):
            start = time.perf_counter()
            first, second = next(batches)
            optimiser.zero_grad(set_to_none=True)
            first, second = (view.contiguous(memory_format=memory_format) for view in (first, second))
            model.loss(first, second).backward()
            optimiser.step()
            seconds.append(time.perf_counter() - start)
        print(json.dumps({"seconds": seconds, "peak_memory_bytes": None}), flush=True)


def our_images_per_s(options, folder):
    """One run of `trainer fit`; the first logged window is warm-up."""
    sets = {
        "model.encoder": NET, "method.name": "simclr", "method.temperature": TEMPERATURE, "data.augmentation": "simclr",
        "fit.batch_size": options.batch, "fit.steps": options.steps + options.warmup, "fit.log_every": 1,
        "fit.probe_every": 0, "fit.threads": options.threads, "schedule.warmup_steps": 1, "evaluation.pairs": 2,
        "evaluation.train_pairs": 2, "evaluation.probe_epochs": 1, "evaluation.information": "false",
        "data.limit": 20_000, "data.transformations": "[]",
    }
    arguments = [item for key, value in sets.items() for item in ("--set", f"{key}={value}")]
    run = pathlib.Path(folder) / "run"
    command = [str(TRAINER), "fit", "--preset", "essl-small", *arguments, "--out", str(run), "--overwrite"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    records = [json.loads(line) for line in open(run / "metrics.jsonl")]
    steps = [record for record in records if "images_per_s" in record][options.warmup:]
    # Time, not speed, is what steps add up.
    images_per_s = 1 / statistics.median(1 / record["images_per_s"] for record in steps)
    return images_per_s, statistics.mean(record["data_wait_share"] for record in steps)


def compare_augmentations(folder):
    """Means and spreads of every pixel over many draws, ours against torchvision's; in standard errors."""
    torch.manual_seed(0)
    picture = numpy.zeros((SIZE, SIZE, 3), numpy.uint8)
    x, y = numpy.meshgrid(numpy.arange(SIZE), numpy.arange(SIZE))
    picture[..., 0], picture[..., 1], picture[..., 2] = 40 + 5 * x, 220 - 4 * y, 60 + 3 * ((x + y) % 16)
    file, drawn = pathlib.Path(folder) / "picture.png", pathlib.Path(folder) / "draws.safetensors"
    Image.fromarray(picture).save(file)
    subprocess.run([str(TRAINER), "transformations", "--image", str(file), "--draws", str(DRAWS), "--exchange", str(drawn)],
                   check=True, stdout=subprocess.DEVNULL)
    ours = load_file(drawn)["simclr"].double()
    draw, image = augmentation(), Image.fromarray(picture)
    theirs = torch.from_numpy(numpy.stack([numpy.asarray(draw(image)) for _ in range(DRAWS)])).double()
    figures = {}
    for name, of in (("mean", lambda x: x), ("spread", lambda x: (x - x.mean(0)) ** 2)):
        a, b = of(ours), of(theirs)
        error = torch.sqrt((a.var(0) + b.var(0)) / DRAWS)
        # Our changes of colours round to the nearest, torchvision's cut off: up to half a grey level a change.
        allowed = 2.0 if name == "mean" else 0.05 * b.mean(0)
        excess = ((a.mean(0) - b.mean(0)).abs() - allowed).clamp(min=0) / error
        figures[name] = {"largest_z": excess.max().item(), "mean_difference": (a.mean(0) - b.mean(0)).mean().item()}
    figures["agrees"] = all(figures[name]["largest_z"] <= LARGEST_Z for name in ("mean", "spread"))
    return figures


def peer_command(options, workers, layout):
    return [sys.executable, __file__, "--serve", "--workers", str(workers), "--layout", layout,
            "--batch", str(options.batch), "--steps", str(options.steps), "--threads", str(options.threads)]


def fastest_peer(options):
    """The kind of loading and the layout that are fastest here; the others end."""
    speeds = {}
    for workers in (0, 1, 2):
        for layout in ("contiguous", "channels_last"):
            side = Side(peer_command(options, workers, layout))
            side.round(2 * options.batch)
            speeds[workers, layout] = side.round(2 * options.batch)
            side.close()
            say(f"PyTorch with {workers} workers, {layout}: {speeds[workers, layout]:.1f} images/s")
    return max(speeds, key=speeds.get)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="16 pictures in a step, two rounds")
    parser.add_argument("--rounds", type=int, default=5, help="rounds in turn (5)")
    parser.add_argument("--threads", type=int, default=2, help="threads of each side (2)")
    parser.add_argument("--batch", type=int, default=64, help="pictures in a step, each in two views (64)")
    parser.add_argument("--steps", type=int, default=6, help="steps of a round (6)")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--workers", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--layout", default="contiguous", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.warmup, options.size = 2, SIZE
    if options.serve:
        return serve(options)
    if options.quick:
        options.batch, options.steps, options.rounds = 16, 2, 2
    with tempfile.TemporaryDirectory() as folder:
        step_options = argparse.Namespace(threads=options.threads, batch=16, size=SIZE)
        agreement = check_agreement(step_options, NET, str(pathlib.Path(folder) / "step.safetensors"))
        drawn = compare_augmentations(folder)
        say(f"augmentation: {drawn}")
        workers, layout = fastest_peer(options)
        peer = Side(peer_command(options, workers, layout))
        peer.round(2 * options.batch)
        ours, theirs, waiting = [], [], []
        for _ in range(options.rounds):
            speed, wait = our_images_per_s(options, folder)
            ours.append(speed)
            waiting.append(wait)
            theirs.append(peer.round(2 * options.batch))
            say(f"ours {ours[-1]:.1f} images/s, PyTorch {theirs[-1]:.1f}")
        peer.close()
    ratios = [a / b for a, b in zip(ours, theirs)]
    agreed = agreement["agrees"] and drawn["agrees"]
    print(json.dumps({
        "ratio": statistics.median(ratios), "ratios": ratios,
        "ours_images_per_s": ours, "peer_images_per_s": theirs, "our_data_wait_share": waiting,
        "peer": {"workers": workers, "layout": layout, "torchvision": torchvision.__version__},
        "agrees": agreed, "agreement": {"step": agreement, "augmentation": drawn},
        "batch_pictures": options.batch, "image_size": SIZE, "threads": options.threads, "versions": versions(),
    }))
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
