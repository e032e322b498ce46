"""Whether our SIE is theirs: their loss and its gradient, with our weights and inputs, against those of our step.

The step comes from `trainer bench --exchange`; everything here is computed in float64. Encoders differ (see
`sie_authors`), so both losses stand on ours: projectors, predictor, loss and the gradient that leaves for the encoder
are compared. Prints one JSON object; exit code 1 when they disagree.
"""

import argparse
import importlib
import json
import pathlib
import sys

import torch
from safetensors.torch import load_file

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from launch import be_the_only_process, leave_out_the_online_evaluator  # noqa: E402
from runs import PUBLISHED  # noqa: E402
from torch_training import Step, Training  # noqa: E402

LARGEST_ERROR = 1e-3
# Their names of the terms, in `stats`, and ours.
TERMS = {"repr_loss_inv": "invariance", "repr_loss_equi": "equivariance", "std_loss": "variance",
         "pred_std_loss": "predictor_variance", "cov_loss": "covariance"}
LAYERS = {"0": ("first", "weight", "bias"), "1": ("first", "scale", "shift"), "3": ("second", "weight", "bias"),
          "4": ("second", "scale", "shift"), "6": ("last", "weight", None)}


class OurEncoder(torch.nn.Module):
    def __init__(self, training):
        super().__init__()
        self.training_step = training

    def forward(self, images):
        return self.training_step.encode(images)


def projector(net, prefix):
    """Their parameters and ours, by our names."""
    for index, (layer, weight, bias) in LAYERS.items():
        yield f"{prefix}.{layer}.{weight}", net[int(index)].weight
        if bias:
            yield f"{prefix}.{layer}.{bias}", net[int(index)].bias


def predictor_layout(ours):
    """`[4, out, in]` in the order w, x, y, z as theirs `[out * in, 4]` in the order x, y, z, w."""
    return ours[[1, 2, 3, 0]].permute(1, 2, 0).reshape(-1, 4)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sie", type=pathlib.Path, required=True)
    parser.add_argument("--exchange", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    sys.path.insert(0, str(options.sie))
    be_the_only_process()
    torch.distributed.init_process_group()
    leave_out_the_online_evaluator()
    tensors = load_file(options.exchange)
    training = Training("resnet18", tensors, "contiguous", torch.float64)
    pairs = len(training.labels)

    arguments = ["--dataset-root", ".", "--images-file", ".", "--labels-file", ".", "--batch-size", str(pairs)]
    theirs = importlib.import_module("main").parser.parse_args([*PUBLISHED, *arguments])
    model = importlib.import_module("src.models").SIE(theirs).double()
    model.backbone = OurEncoder(training)
    named = dict(projector(model.projector_inv, "method.invariant_projector"))
    named |= dict(projector(model.projector_equi, "method.equivariant_projector"))
    hypernetwork = model.predictor.hypernet.net[0].weight
    with torch.no_grad():
        for name, parameter in named.items():
            parameter.copy_(training.weights[name])
        hypernetwork.copy_(predictor_layout(training.weights["method.predictor.weight"]))

    wxyz = training.conditions
    xyzw = torch.cat([wxyz[:, 1:], wxyz[:, :1]], 1)
    loss, _, stats, _ = model(*training.images, xyzw, training.labels)
    loss.backward()

    ours = Step.of_file(tensors)
    method = sum(training.settings[f"{name}_weight"] * ours.losses[name] for name in TERMS.values())
    errors = {name: abs(stats[key].item() - ours.losses[name]) / max(abs(ours.losses[name]), 1e-3)
              for key, name in TERMS.items()}
    errors["loss"] = abs(loss.item() - method) / abs(method)
    gradients = {name: parameter.grad for name, parameter in named.items()}
    gradients |= {name: weight.grad.permute(0, 2, 3, 1) if weight.dim() == 4 else weight.grad
                  for name, weight in training.weights.items() if name.startswith("encoder.")}
    differences = [(gradient - ours.gradients[name]).flatten() for name, gradient in gradients.items()]
    differences.append((hypernetwork.grad - predictor_layout(ours.gradients["method.predictor.weight"])).flatten())
    whole = [*(gradient.flatten() for gradient in gradients.values()), hypernetwork.grad.flatten()]
    errors["gradient"] = (torch.cat(differences).norm() / torch.cat(whole).norm()).item()
    agrees = max(errors.values()) <= LARGEST_ERROR
    print(json.dumps({"relative_errors": errors, "largest_allowed": LARGEST_ERROR, "agrees": agrees}))
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
