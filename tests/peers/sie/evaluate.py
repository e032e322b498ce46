"""Measures finished runs on one rendered folder with one set of probes; prints a JSON list, theirs first, then ours.

The protocols are those of the SIE paper: frozen encoder in evaluation mode; a linear classifier; an MLP of 1024 and
1024 hidden units that reads the relative quaternion from both views' features, trained on one random pair of views of
each object an epoch; retrieval of a view among all views of its object by the embedding predicted from view 0. All
probes: Adam, 1e-3, batches of 256.
"""

import argparse
import json
import pathlib

import numpy
import torch
import torch.nn.functional as F

from images import Split
from trained import Ours, Theirs, poses, relative

PAIRS_PER_OBJECT = 20


def train(probe, batches, epochs, loss):
    optimiser = torch.optim.Adam(probe.parameters(), lr=1e-3)
    for _ in range(epochs):
        for inputs, targets in batches():
            optimiser.zero_grad()
            loss(probe(inputs), targets).backward()
            optimiser.step()


def shuffled(inputs, targets, generator):
    order = torch.randperm(len(inputs), generator=generator)
    return ((inputs[part], targets[part]) for part in order.split(256))


def top1(features, splits, epochs, generator):
    """Of every view of the held-out objects."""
    labels = {name: split.labels.repeat_interleave(split.views) for name, split in splits.items()}
    classes = max(values.max() for values in labels.values()).item() + 1
    probe = torch.nn.Linear(features["train"].shape[1], classes)
    train(probe, lambda: shuffled(features["train"], labels["train"], generator), epochs, F.cross_entropy)
    with torch.no_grad():
        return (probe(features["val"]).argmax(1) == labels["val"]).float().mean().item()


class Pairs:
    """Rows of two different views of each object, and the relative quaternion of the pair."""

    def __init__(self, split):
        self.views, self.objects = split.views, len(split)
        self.rotations = poses(split.latents)

    def draw(self, generator):
        first = torch.randint(self.views, (self.objects,), generator=generator)
        step = torch.randint(1, self.views, (self.objects,), generator=generator)
        starts = torch.arange(self.objects) * self.views
        rows = starts + first, starts + (first + step) % self.views
        quaternions = relative(*(self.rotations[row.numpy()] for row in rows)).as_quat()
        return rows, torch.tensor(quaternions, dtype=torch.float32)


def joined(features, rows):
    return torch.cat([features[row] for row in rows], 1)


def r2(predicted, target, mean):
    return 1.0 - ((predicted - target) ** 2).sum().item() / ((target - mean) ** 2).sum().item()


def rotation(features, splits, epochs, generator):
    """R2 with one mean of all components (SIE's), the mean over components, and what the component means score."""
    width = 2 * features["train"].shape[1]
    layers = [torch.nn.Linear(width, 1024), torch.nn.ReLU(), torch.nn.Linear(1024, 1024), torch.nn.ReLU()]
    probe = torch.nn.Sequential(*layers, torch.nn.Linear(1024, 4))
    pairs = {name: Pairs(split) for name, split in splits.items()}

    def batches():
        rows, targets = pairs["train"].draw(generator)
        return shuffled(joined(features["train"], rows), targets, generator)

    train(probe, batches, epochs, F.mse_loss)
    fixed = torch.Generator().manual_seed(0)
    drawn = [pairs["val"].draw(fixed) for _ in range(PAIRS_PER_OBJECT)]
    with torch.no_grad():
        predicted = torch.cat([probe(joined(features["val"], rows)) for rows, _ in drawn])
    target = torch.cat([quaternions for _, quaternions in drawn])
    means = target.mean(0, keepdim=True)
    components = [r2(predicted[:, i], target[:, i], means[0, i]) for i in range(4)]
    return {
        "rotation_r2": r2(predicted, target, target.mean()),
        "rotation_r2_per_component": sum(components) / 4,
        "rotation_r2_floor": r2(means.expand_as(target), target, target.mean()),
    }


def retrieval(run, features, split):
    """Ranks of the true view among all views of its object, with and without view 0 itself."""
    embeddings = run.embed(features)
    rotations = poses(split.latents)
    if embeddings is None:
        return None
    ranks, moved = [], []
    for start in range(0, len(embeddings), split.views):
        views = slice(start, start + split.views)
        source = embeddings[start:start + 1].expand(split.views, -1)
        relations = relative(rotations[numpy.full(split.views, start)], rotations[views])
        predicted = run.predict(source, relations)
        if predicted is None:
            return None
        likeness = F.normalize(predicted, dim=1) @ F.normalize(embeddings[views], dim=1).t()
        true = likeness.diagonal().unsqueeze(1)
        # Views that are equally near share their ranks, so that a collapsed embedding finds nothing.
        rank = 1 + (likeness > true).sum(1) + ((likeness == true).sum(1) - 1) / 2
        ranks.append(rank)
        moved.append(rank[1:])
    return {**rank_figures(torch.cat(ranks)), "without_identity": rank_figures(torch.cat(moved))}


def rank_figures(ranks):
    hit = lambda k: (ranks <= k).float().mean().item()
    return {"mrr": (1.0 / ranks).mean().item(), "h1": hit(1), "h5": hit(5), "h10": hit(10)}


def measure(run, splits, epochs, seed):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        features = {name: torch.cat([run.features(x) for x in split.batches()]) for name, split in splits.items()}
        half = features["train"].shape[1] // 2
        found = retrieval(run, features["val"], splits["val"])
    parts = {"whole": slice(None), "first_half": slice(None, half), "second_half": slice(half, None)}
    figures = {"retrieval": found}
    for name, columns in parts.items():
        part = {split: values[:, columns] for split, values in features.items()}
        classes = {"top1": top1(part, splits, epochs, generator)}
        figures[name] = {**classes, **rotation(part, splits, epochs, generator)}
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=pathlib.Path, required=True, help="the rendered folder")
    parser.add_argument("--sie", type=pathlib.Path, required=True, help="the authors' checkout")
    parser.add_argument("--theirs", type=pathlib.Path, nargs="*", default=[], help="folders with their model.pth")
    parser.add_argument("--ours", type=pathlib.Path, nargs="*", default=[], help="folders of `trainer fit`")
    parser.add_argument("--train-views", type=int, default=10, help="views of each training object for the probes")
    parser.add_argument("--probe-epochs", type=int, default=300)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    views = {"train": options.train_views, "val": 50}
    splits = {name: Split(options.folder, name, count) for name, count in views.items()}
    runs = [Theirs(options.sie, folder) for folder in options.theirs] + [Ours(folder) for folder in options.ours]
    print(json.dumps([measure(run, splits, options.probe_epochs, options.seed) for run in runs]))


if __name__ == "__main__":
    main()
