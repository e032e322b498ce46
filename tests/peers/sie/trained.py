"""Encoder, equivariant embedding and predictor of a finished run, ours or the SIE authors', for one evaluation."""

import importlib
import sys
import tomllib

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from scipy.spatial.transform import Rotation

from images import normalised

RESNET18_BLOCKS = [(64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)]


class Theirs:
    """A run of `launch.py`: their own network classes, with the weights of its `model.pth`."""

    def __init__(self, sie, folder):
        sys.path.insert(0, str(sie))
        resnet = importlib.import_module("src.resnet")
        state = torch.load(folder / "model.pth", map_location="cpu", weights_only=False)["model"]
        part = lambda prefix: {
            name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)
        }
        self.backbone, _ = resnet.resnet18()
        self.backbone.load_state_dict(part("module.backbone."))
        self.backbone.eval()
        self.projector = part("module.projector_equi.")
        self.weight = part("module.predictor.hypernet.net.0.")["weight"]

    def features(self, images):
        return self.backbone(images)

    def embed(self, features):
        width = self.projector["0.weight"].shape[1]
        x = features[:, -width:]
        for linear, norm in (("0", "1"), ("3", "4")):
            x = F.linear(x, self.projector[f"{linear}.weight"], self.projector[f"{linear}.bias"])
            read = lambda name: self.projector[f"{norm}.{name}"]
            x = F.relu(F.batch_norm(x, read("running_mean"), read("running_var"), read("weight"), read("bias")))
        return F.linear(x, self.projector["6.weight"])

    def predict(self, z, rotations):
        """`W(q) z`, with their quaternion: x, y, z, w, of either sign."""
        matrices = torch.tensor(rotations.as_quat(), dtype=torch.float32) @ self.weight.t()
        return torch.bmm(matrices.view(len(z), z.shape[1], z.shape[1]), z.unsqueeze(2)).squeeze(2)


class Ours:
    """A run of `trainer fit` with `model.encoder = "resnet18"`."""

    def __init__(self, folder):
        self.weights = load_file(folder / "checkpoints/last/model.safetensors")
        self.method = tomllib.loads((folder / "config.toml").read_text())["method"]
        self.check(load_file(folder / "golden.safetensors"))

    def check(self, golden):
        """That these are the features which the trainer itself has for its golden images."""
        features = torch.cat([golden["invariant"], golden["equivariant"]], 1)
        found = self.features(normalised(golden["images"]))
        error = ((found - features).norm() / features.norm()).item()
        if not error < 1e-3:
            raise SystemExit(f"features differ from the trainer's by {error:.1e}")

    def norm(self, x, name):
        read = lambda part: self.weights[f"{name}.{part}"]
        return F.batch_norm(x, read("running_mean"), read("running_variance"), read("scale"), read("shift"))

    def conv_norm(self, x, name, stride):
        weight = self.weights[f"{name}.weight"].permute(0, 3, 1, 2)
        return self.norm(F.conv2d(x, weight, stride=stride, padding=weight.shape[2] // 2), name)

    def features(self, images):
        x = F.max_pool2d(F.relu(self.conv_norm(images, "encoder.stem", 2)), 3, 2, 1)
        for index, (_, stride) in enumerate(RESNET18_BLOCKS):
            name = f"encoder.block{index}"
            has_shortcut = f"{name}.shortcut.weight" in self.weights
            identity = self.conv_norm(x, f"{name}.shortcut", stride) if has_shortcut else x
            x = F.relu(self.conv_norm(x, f"{name}.first", stride))
            x = F.relu(self.conv_norm(x, f"{name}.second", 1) + identity)
        return x.mean((2, 3))

    def linear(self, x, name):
        return F.linear(x, self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias"))

    def embed(self, features):
        """`None` for a method without an equivariant embedding."""
        name = "method.equivariant_projector"
        if f"{name}.first.weight" not in self.weights:
            return None
        x = features[:, -self.weights[f"{name}.first.weight"].shape[1]:]
        for layer in (f"{name}.first", f"{name}.second"):
            x = F.relu(self.norm(self.linear(x, layer), layer))
        return self.linear(x, f"{name}.last")

    def condition(self, rotations):
        if self.method["transformation"] != "rotation":
            raise SystemExit("only methods that are told the rotation, and nothing else, can be compared")
        xyzw = torch.tensor(rotations.as_quat(), dtype=torch.float32)
        wxyz = torch.cat([xyzw[:, 3:], xyzw[:, :3]], 1)
        codes = {
            "quaternion": lambda: wxyz,
            "canonical-quaternion": lambda: wxyz * torch.where(wxyz[:, :1] < 0, -1.0, 1.0),
            "matrix": lambda: torch.tensor(rotations.as_matrix(), dtype=torch.float32).flatten(1),
        }
        return codes[self.method["condition"]]()

    def mlp(self, x, name):
        layers = sum(f"{name}.layer{index}.weight" in self.weights for index in range(8))
        for index in range(layers):
            x = self.linear(F.relu(x) if index else x, f"{name}.layer{index}")
        return x

    def predict(self, z, rotations):
        """By the parts that the run has: a hypernetwork, an MLP, or the rotation itself on vectors and matrices."""
        has = lambda name: f"method.{name}.weight" in self.weights
        if not has("predictor") and not has("predictor.layer0"):
            return self.turn(z, rotations)
        condition = self.condition(rotations)
        if has("action_embedding"):
            condition = self.linear(condition, "method.action_embedding")
        if has("predictor.layer0"):
            return self.mlp(torch.cat([z, condition], 1), "method.predictor")
        if has("predictor.code.layer0"):
            condition = F.relu(self.mlp(condition, "method.predictor.code"))
        if self.method.get("predictor_bias"):
            condition = torch.cat([condition, torch.ones(len(z), 1)], 1)
        return torch.einsum("nk,kod,nd->no", condition, self.weights["method.predictor.weight"], z)

    def turn(self, z, rotations):
        """`v -> v R` on all rows of 3 numbers, or on `vectors` of them, then `M -> R^T M R` on `tensors` of 3x3."""
        matrices = torch.tensor(rotations.as_matrix(), dtype=torch.float32)
        if self.method.get("predictor") == "rotation":
            return (z.view(len(z), -1, 3) @ matrices).flatten(1)
        if "vectors" not in self.method:
            return None
        width = 3 * self.method["vectors"]
        vectors = z[:, :width].view(len(z), -1, 3) @ matrices
        tensors = z[:, width:].reshape(len(z), -1, 3, 3)
        turned = matrices.transpose(1, 2).unsqueeze(1) @ tensors @ matrices.unsqueeze(1)
        return torch.cat([vectors.flatten(1), turned.flatten(1)], 1)


def relative(first, second):
    """`R1^-1 R2`."""
    return first.inv() * second


def poses(latents):
    """World-from-object rotations of rows of seven latents."""
    return Rotation.from_euler("xyz", latents[:, :3])
