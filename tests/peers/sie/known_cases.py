"""The evaluation on cases whose figures are known; an error when one of them comes out otherwise."""

import types

import numpy
import torch

from evaluate import rank_figures, retrieval, rotation
from trained import poses

OBJECTS, VIEWS = 100, 50


def split():
    """Euler angles within 90 degrees, as 3DIEBench has them."""
    angles = numpy.random.default_rng(0).uniform(-numpy.pi / 2, numpy.pi / 2, (OBJECTS * VIEWS, 7))

    class Poses:
        latents, views = angles, VIEWS

        def __len__(self):
            return OBJECTS

    return Poses()


def expect(name, value, wanted, tolerance):
    if not abs(value - wanted) <= tolerance:
        raise SystemExit(f"{name} is {value}, not {wanted}")


def run(embed, predict):
    return types.SimpleNamespace(embed=embed, predict=predict)


def turn(z, rotations):
    matrices = torch.tensor(rotations.as_matrix(), dtype=torch.float32)
    return (z.view(-1, 3, 3) @ matrices).flatten(1)


def main():
    views = split()
    matrices = torch.tensor(poses(views.latents).as_matrix(), dtype=torch.float32).flatten(1)
    noise = torch.randn(OBJECTS * VIEWS, 32, generator=torch.Generator().manual_seed(0))
    same = lambda features: features
    expect("MRR of the rotation itself", retrieval(run(same, turn), matrices, views)["mrr"], 1.0, 1e-6)
    # 1 of 50 is view 0, which predicts itself.
    stays = retrieval(run(same, lambda z, _: z), noise, views)
    expect("H@1 of no prediction", stays["h1"], 1 / VIEWS, 1e-6)
    chance = sum(1 / rank for rank in range(1, VIEWS + 1)) / VIEWS
    strangers = retrieval(run(same, lambda z, _: torch.randn(z.shape)), noise, views)
    expect("MRR of chance", strangers["mrr"], chance, 0.01)
    collapsed = retrieval(run(torch.ones_like, lambda z, _: z), noise, views)
    expect("MRR of a collapse", collapsed["mrr"], 2 / (VIEWS + 1), 1e-6)
    expect("H@5 of ranks 1 to 10", rank_figures(torch.arange(1.0, 11.0))["h5"], 0.5, 1e-6)
    figures = rotation({"train": noise, "val": noise}, {"train": views, "val": views}, 0, torch.Generator())
    expect("R2 of the mean quaternion", figures["rotation_r2_floor"], 0.229, 0.02)


if __name__ == "__main__":
    torch.manual_seed(1)
    torch.set_num_threads(1)
    main()
