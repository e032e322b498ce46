"""Starts training runs of both sides, and reads how fast they were."""

import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

import numpy

HERE = pathlib.Path(__file__).parent
WARM_STEPS = 3
# Their README's command, whose factor times 10 is the paper's 4.5; the defaults of their `main.py` have ten times that.
PUBLISHED = ("--experience", "SIE", "--arch", "resnet18", "--equi", "256", "--mlp", "2048-2048-2048",
             "--hypernetwork", "linear", "--sim-coeff", "10", "--equi-factor", "0.45", "--std-coeff", "10",
             "--cov-coeff", "1", "--base-lr", "1e-3", "--wd", "1e-6")
# What the trainer measures at the end of a run is not looked at here.
NO_EVALUATION = ("fit.probe_every=0", "evaluation.pairs=16", "evaluation.train_pairs=16", "evaluation.probe_epochs=1",
                 "evaluation.neighbours=1", "evaluation.mlp_probe=false", "evaluation.part_probes=false",
                 "evaluation.colour_probe=false", "evaluation.gallery_objects=0", "evaluation.out_of_range_pairs=0")


class Budget:
    """How much both sides see: `epochs` passes of one pair of views of each training object."""

    def __init__(self, folder, batch, epochs):
        self.folder, self.batch, self.epochs = folder, batch, epochs
        labels = {name: numpy.load(folder / f"{name}_labels.npy") for name in ("train", "val")}
        self.objects = len(labels["train"])
        self.held_out = len(labels["val"])
        self.classes = int(max(values.max() for values in labels.values())) + 1
        self.images = 2 * self.objects * epochs

    def steps_of(self, views):
        """Our steps of full batches: never more images than theirs."""
        return max(1, self.images // (views * self.batch))


class Theirs:
    def __init__(self, options):
        self.options = options

    def train(self, folder, budget, workers, last_step=0, bare=False):
        """Trains to the end, or to a step without a checkpoint; images per second.

        `bare` leaves out their online evaluator, from whose gradient the encoder learns nothing.
        """
        options = self.options
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        times = folder / "times.json"
        launch = ["--sie", options.sie, "--times", times, "--threads", options.threads, "--seed", options.seed,
                  "--classes", budget.classes, "--last-step", last_step,
                  *(["--bare"] if bare else [])]
        data = ["--dataset-root", budget.folder, "--images-file", budget.folder / "train_images.npy",
                "--labels-file", budget.folder / "train_labels.npy", "--resolution", options.image_size]
        theirs = [*PUBLISHED, *data, "--batch-size", budget.batch, "--epochs", budget.epochs, "--num-workers", workers,
                  "--no-amp", "--exp-dir", folder, "--root-log-dir", folder / "logs"]
        start([sys.executable, HERE / "launch.py", *launch, "--", *theirs], folder / "output.txt", options.threads)
        return speed_of(json.loads(times.read_text()), budget)


def speed_of(ends, budget):
    """Images per second without the first steps, and without the first of each epoch, which starts the workers."""
    steps = math.ceil(budget.objects / budget.batch)
    last = budget.objects - (steps - 1) * budget.batch
    images, seconds = 0, 0.0
    for step in range(1, len(ends)):
        place = step % steps
        if step >= WARM_STEPS and (place > 0 or steps == 1):
            images += 2 * (last if place == steps - 1 else budget.batch)
            seconds += ends[step] - ends[step - 1]
    return images / seconds if seconds else None


class Ours:
    def __init__(self, options):
        self.options = options
        listed = subprocess.run([options.trainer, "methods", "--json"], check=True, stdout=subprocess.PIPE)
        self.methods = {method["name"]: method for method in json.loads(listed.stdout)}

    def views(self, spec):
        """Images of each object in a step."""
        name, *sets = spec.split(",")
        if name not in self.methods:
            raise SystemExit(f"there is no method {name}: {', '.join(self.methods)}")
        values = {option["key"]: option["default"] for option in self.methods[name]["options"]}
        values |= dict(part.split("=", 1) for part in sets)
        if "method.context_views" in values:
            return int(values["method.context_views"]) + 1
        return int(values.get("method.views", 2))

    def train(self, folder, spec, budget, steps, log_every):
        """Trains a method, `NAME[,KEY=VALUE...]`, and gives back the images per second, without the first window."""
        options = self.options
        name, *sets = spec.split(",")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        run = folder / "run"
        keys = ["data.source=3diebench", f"data.path={budget.folder}", "data.camera_azimuth_deg=-90",
                f"data.image_size={options.image_size}", "data.validation_share=0",
                "model.encoder=resnet18", "model.invariant_head=0", f"method.name={name}", "heads.gradient=detached", "optimiser.kind=adamw",
                "optimiser.lr=1e-3", "optimiser.weight_decay=1e-6", "schedule.kind=constant", f"fit.steps={steps}",
                f"fit.batch_size={budget.batch}", f"fit.log_every={log_every}", f"fit.checkpoint_every={steps}",
                f"fit.threads={options.threads}", f"fit.seed={options.seed}", *NO_EVALUATION, *sets]
        # A file may have keys that the method does not read, with their defaults.
        widths = folder / "widths.toml"
        widths.write_text("[model]\nprojector_hidden = 1024\nembedding = 1024\n")
        command = [options.trainer, "fit", widths, "--device", "cpu", "--out", run]
        start([*command, *(part for key in keys for part in ("--set", key))], folder / "output.txt", options.threads)
        lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
        speeds = [line["images_per_s"] for line in lines if "images_per_s" in line]
        return statistics.median(speeds[1:] or speeds)


def start(command, output, threads):
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    with output.open("w") as file:
        ended = subprocess.run(list(map(str, command)), stdout=file, stderr=subprocess.STDOUT, env=environment)
    if ended.returncode != 0:
        raise SystemExit(f"{command[0]} ended with {ended.returncode}:\n{output.read_text()[-3000:]}")
