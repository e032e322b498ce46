"""PyTorch's side of `train_throughput`: SIE training steps and single convolutions on the CPU, eager.

Weights, inputs and expected results come from `trainer bench --exchange`, under the names of the trainer.
"""

import argparse
import json
import pathlib
import sys
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

LAYOUTS = ("contiguous", "channels_last")
IMAGE_MEAN = (0.5016, 0.5037, 0.5060)
IMAGE_STD = (0.1030, 0.0999, 0.0969)
RESNET18_BLOCKS = [(64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)]
TINY_BLOCKS = [(32, 2), (64, 2), (80, 2)]


def peak_memory_bytes():
    path = pathlib.Path("/proc/self/status")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)


class Training:
    """Everything that `Training::train_step` does, but for the norm of the gradients, which nobody asks for here."""

    def __init__(self, net, tensors, layout, dtype=torch.float32):
        self.net = net
        self.dtype = dtype
        tensors = {name: value.to(dtype) for name, value in tensors.items()}
        self.format = torch.channels_last if layout == "channels_last" else torch.contiguous_format
        self.weights = {}
        for name, value in tensors.items():
            if name.startswith("weight/"):
                name = name.removeprefix("weight/")
                is_filter = value.dim() == 4
                value = value.permute(0, 3, 1, 2).contiguous(memory_format=self.format) if is_filter else value.clone()
                self.weights[name] = value.requires_grad_()
        self.running = {
            name.removesuffix(".scale"): (torch.zeros_like(value.detach()), torch.ones_like(value.detach()))
            for name, value in self.weights.items() if name.endswith(".scale")
        }
        read = lambda name: tensors[f"input/{name}"]
        self.images = [
            read(f"images{view}").to(torch.uint8).permute(0, 3, 1, 2).contiguous(memory_format=self.format)
            for view in (0, 1)
        ]
        self.labels = read("labels").long()
        self.conditions = read("conditions")
        self.rotation_targets = read("rotation_targets")
        self.relative_rotations = read("relative_rotations")
        self.settings = {
            name.removeprefix("setting/"): value.item() for name, value in tensors.items() if name.startswith("setting/")
        }
        self.mean = torch.tensor(IMAGE_MEAN, dtype=dtype).view(1, 3, 1, 1)
        self.std = torch.tensor(IMAGE_STD, dtype=dtype).view(1, 3, 1, 1)
        self.optimisers = self.make_optimisers()

    def make_optimisers(self):
        lr, decay = self.settings["lr"], self.settings["weight_decay"]
        probes = [w for name, w in self.weights.items() if name.startswith("probe.")]
        trained = [w for name, w in self.weights.items() if not name.startswith("probe.")]
        groups = [
            {"params": [w for w in trained if w.dim() > 1], "weight_decay": decay},
            {"params": [w for w in trained if w.dim() <= 1], "weight_decay": 0.0},
        ]
        return [
            torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.999), eps=1e-8, fused=True),
            torch.optim.AdamW(probes, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, fused=True),
        ]

    def batch_norm(self, x, name):
        mean, variance = self.running[name]
        scale, shift = self.weights[f"{name}.scale"], self.weights[f"{name}.shift"]
        return F.batch_norm(x, mean, variance, scale, shift, training=True, momentum=0.1, eps=1e-5)

    def conv_norm(self, x, name, kernel, stride, padding=None):
        padding = kernel // 2 if padding is None else padding
        return self.batch_norm(F.conv2d(x, self.weights[f"{name}.weight"], stride=stride, padding=padding), name)

    def block(self, x, name, stride):
        identity = x
        if f"{name}.shortcut.weight" in self.weights:
            identity = self.conv_norm(x, f"{name}.shortcut", 1, stride)
        x = F.relu_(self.conv_norm(x, f"{name}.first", 3, stride))
        x = self.conv_norm(x, f"{name}.second", 3, 1)
        x += identity
        return F.relu_(x)

    def encode(self, images):
        is_resnet = self.net.startswith("resnet18")
        x = images.to(self.dtype).div_(255.0).sub_(self.mean).div_(self.std)
        kernel, stride = {"resnet18": (7, 2), "resnet18-cifar": (3, 1)}.get(self.net, (3, 2))
        x = F.relu_(self.conv_norm(x, "encoder.stem", kernel, stride))
        if self.net == "resnet18":
            x = F.max_pool2d(x, 3, 2, 1)
        for index, (_, stride) in enumerate(RESNET18_BLOCKS if is_resnet else TINY_BLOCKS):
            x = self.block(x, f"encoder.block{index}", stride)
        if not is_resnet:
            x = F.relu_(self.conv_norm(x, "encoder.squeeze", 1, 1))
            x = self.conv_norm(x, "encoder.features", x.shape[2], 1, padding=0)
        return x.mean((2, 3))

    def linear(self, x, name):
        return F.linear(x, self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias"))

    def project(self, x, name):
        for layer in ("first", "second"):
            x = F.relu_(self.batch_norm(self.linear(x, f"{name}.{layer}"), f"{name}.{layer}"))
        return self.linear(x, f"{name}.last")

    def predict(self, z):
        """`sum_i q_i (W_i z)` as one product, without a matrix for each sample."""
        weight = self.weights["method.predictor.weight"]
        conditions, width, _ = weight.shape
        parts = (z @ weight.view(conditions * width, -1).t()).view(-1, conditions, width)
        return (parts * self.conditions.unsqueeze(2)).sum(1)

    def losses(self):
        features = [self.encode(images) for images in self.images]
        half = features[0].shape[1] // 2
        invariant, equivariant = (
            [self.project(f[:, part], f"method.{name}_projector") for f in features]
            for name, part in (("invariant", slice(None, half)), ("equivariant", slice(half, None)))
        )
        predicted = self.predict(equivariant[0])
        whole = [torch.cat(pair, 1) for pair in zip(invariant, equivariant)]
        terms = {
            "invariance": F.mse_loss(invariant[0], invariant[1]),
            "equivariance": F.mse_loss(predicted, equivariant[1]),
            "variance": (variance_hinge(whole[0]) + variance_hinge(whole[1])) * 0.5,
            "predictor_variance": variance_hinge(predicted) * 0.5,
            "covariance": covariance(whole[0]) + covariance(whole[1]),
        }
        weight = lambda name: self.settings[f"{name}_weight"]
        loss = sum(weight(name) * term for name, term in terms.items())

        both = torch.cat(features)
        both = both.detach() if self.settings["heads_are_detached"] else both
        matrices = self.linear(F.relu_(self.linear(both, "rotation_head.hidden")), "rotation_head.last")
        terms["head_rotation"] = F.mse_loss(matrices, self.rotation_targets)
        labels = torch.cat([self.labels, self.labels])
        terms["head_class"] = F.cross_entropy(self.linear(both[:, :half], "class_head"), labels)
        loss = loss + sum(weight(name) * terms[name] for name in ("head_rotation", "head_class"))

        detached = [f.detach() for f in features]
        class_losses = [F.cross_entropy(self.linear(f, "probe.class"), self.labels) for f in detached]
        terms["probe_class"] = (class_losses[0] + class_losses[1]) * 0.5
        hidden = F.relu_(self.linear(torch.cat(detached, 1), "probe.rotation_hidden"))
        terms["probe_rotation"] = F.mse_loss(self.linear(hidden, "probe.rotation_last"), self.relative_rotations)
        return loss, terms

    def backward(self):
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        loss, terms = self.losses()
        (loss + terms["probe_class"] + terms["probe_rotation"]).backward()
        return loss.item(), {name: term.item() for name, term in terms.items()}

    def step(self):
        self.backward()
        for optimiser in self.optimisers:
            optimiser.step()


def variance_hinge(z):
    return F.relu(1.0 - torch.sqrt(z.var(0) + 1e-4)).mean()


def covariance(z):
    centred = z - z.mean(0)
    matrix = centred.t() @ centred / (z.shape[0] - 1)
    return (matrix.square().sum() - matrix.diagonal().square().sum()) / z.shape[1]


class Step:
    """Loss terms and gradients of one step, in the trainer's layout."""

    def __init__(self, losses, gradients):
        self.losses = losses
        self.gradients = gradients

    @classmethod
    def of_file(cls, tensors):
        part = lambda prefix: {
            name.removeprefix(prefix): value.double() for name, value in tensors.items() if name.startswith(prefix)
        }
        return cls({name: value.item() for name, value in part("loss/").items()}, part("gradient/"))

    @classmethod
    def of_training(cls, training):
        total, terms = training.backward()
        layout = lambda gradient: gradient.permute(0, 2, 3, 1) if gradient.dim() == 4 else gradient
        gradients = {name: layout(weight.grad).double() for name, weight in training.weights.items()}
        return cls({"total": total, **terms}, gradients)

    def errors(self, exact):
        """Relative errors: of the loss term that is furthest off, of the whole gradient, of its worst tensor."""
        loss = max(abs(self.losses[name] - term) / max(abs(term), 1e-6) for name, term in exact.losses.items())
        differences = {name: (self.gradients[name] - gradient).norm() for name, gradient in exact.gradients.items()}
        norms = {name: gradient.norm() for name, gradient in exact.gradients.items()}
        length = lambda parts: torch.stack(list(parts.values())).norm().item()
        # A bias before a batch norm has no gradient but rounding: the layer's largest gradient is the measure.
        layers = {}
        for name, norm in norms.items():
            layers.setdefault(name.rsplit(".", 1)[0], []).append(norm)
        tensors = {name: (d / max(layers[name.rsplit(".", 1)[0]])).item() for name, d in differences.items()}
        worst = max(tensors, key=tensors.get)
        return {
            "loss": loss,
            "gradient": length(differences) / length(norms),
            "worst_tensor": worst,
            "worst_tensor_error": tensors[worst],
        }


def check(net, tensors):
    """Both sides' float32 step against the same step in float64."""
    exact = Step.of_training(Training(net, tensors, "contiguous", torch.float64))
    peers = {layout: Step.of_training(Training(net, tensors, layout)).errors(exact) for layout in LAYOUTS}
    return {"ours": Step.of_file(tensors).errors(exact), "peer": peers}


class Layer:
    """One convolution, forward and backward."""

    def __init__(self, spec, batch, layout):
        size, channels_in, channels_out, kernel, self.stride, self.groups = map(int, spec.split(","))
        memory_format = torch.channels_last if layout == "channels_last" else torch.contiguous_format
        self.padding = kernel // 2
        self.x = torch.rand(batch, channels_in, size, size).sub_(0.5).contiguous(memory_format=memory_format)
        self.weight = torch.rand(channels_out, channels_in // self.groups, kernel, kernel).sub_(0.5)
        self.weight = self.weight.contiguous(memory_format=memory_format)
        self.x.requires_grad_()
        self.weight.requires_grad_()
        y = self.forward().detach()
        self.gradient = torch.rand_like(y).sub_(0.5)

    def forward(self):
        return F.conv2d(self.x, self.weight, stride=self.stride, padding=self.padding, groups=self.groups)

    def step(self):
        self.x.grad = self.weight.grad = None
        self.forward().backward(self.gradient)


def answer_rounds(step, steps, before):
    for _ in sys.stdin:
        seconds = []
        for _ in range(steps):
            start = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - start)
        figures = {"seconds": seconds, "peak_memory_bytes": peak_memory_bytes()}
        print(json.dumps({**figures, "memory_before_first_tensor_bytes": before}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--net", choices=("resnet18", "resnet18-cifar", "tiny"))
    parser.add_argument("--exchange", help="file of `trainer bench --exchange`")
    parser.add_argument("--layer", help="SIZE,IN,OUT,KERNEL,STRIDE,GROUPS")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--layout", choices=LAYOUTS, default=LAYOUTS[0])
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--check", action="store_true", help="compare losses and gradients with float64, and end")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    before = peak_memory_bytes()
    if options.layer:
        return answer_rounds(Layer(options.layer, options.batch, options.layout).step, options.steps, before)
    tensors = load_file(options.exchange)
    if options.check:
        print(json.dumps(check(options.net, tensors)))
        return None
    training = Training(options.net, tensors, options.layout)
    del tensors
    return answer_rounds(training.step, options.steps, before)


if __name__ == "__main__":
    main()
