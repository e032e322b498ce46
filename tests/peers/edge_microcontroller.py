"""Counts the instructions of ours and of MicroFlow for one network in QEMU and prints one JSON object; started by
`edge_microcontroller`."""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import tomllib

import numpy
import onnx

import edge_models
import edge_tflite
from edge import LARGEST_STEPS, say
from edge_tflite import OPERATORS, SAME, VALID

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
FIRMWARE = ROOT / "firmware-example/run-in-qemu"
PEER = HERE / "edge_microflow"
BOARD, TARGET = "mps2-an386", "thumbv7em-none-eabihf"
# QEMU as `run-in-qemu` starts it.
QEMU = ["qemu-system-arm", "-machine", BOARD, "-icount", "shift=6", "-display", "none", "-serial", "none",
        "-monitor", "none", "-chardev", "stdio,id=console",
        "-semihosting-config", "enable=on,target=native,chardev=console", "-kernel"]
NETWORK = "vww-even"
# All that its macro takes.
KNOWN_TO_MICROFLOW = {"FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "SOFTMAX", "RESHAPE"}


class MicroFlowConversion(edge_tflite.Conversion):
    """The .tflite of MicroFlow's dialect.

    Its "same" padding is half a window before a map whatever the stride, where TensorFlow's depends on it: a network
    padded so is the one that it computes. The mean of a map is an average pool; results stay int8.
    """

    def padded(self, x, name, kernel, strides, pads):
        extents = self.tensors[x].shape[1:3]
        half = [k // 2 for k in kernel]
        if pads != [*half, *half]:
            raise ValueError(f"{name}: MicroFlow pads half a window")
        return x, SAME if any(pads) else VALID, *(-(-extent // stride) for extent, stride in zip(extents, strides))

    def reducemean(self, node, attributes):
        name, activation, quantization = self.result(node)
        x = self.value(node.input[0], True)
        _, height, width, channels = self.tensors[x].shape
        output = self.make(name, [1, channels], quantization)
        mean = self.like(output, [1, 1, 1, channels], f"{node.name}/map")
        self.operator(OPERATORS.AVERAGE_POOL_2D, [x], mean, "Pool2DOptions", padding=VALID, strideH=1, strideW=1,
                      filterHeight=height, filterWidth=width, fusedActivationFunction=activation)
        shape = self.constant(f"{node.name}/shape", numpy.array([1, channels], numpy.int32))
        self.operator(OPERATORS.RESHAPE, [mean, shape], output, "ReshapeOptions", newShape=[1, channels])

    def output(self, name):
        return self.value(name, True)


def unknown_operators(network):
    """What MicroFlow lacks for an int8 network."""
    names = {code: name for name, code in vars(OPERATORS).items() if not name.startswith("_")}
    return sorted({names[code] for code in edge_tflite.Conversion(network.graph).codes} - KNOWN_TO_MICROFLOW)


def golden(folder, pixels):
    """The images of a firmware's folder, and the host engine's answers, which the firmware repeats bit for bit."""
    frames = numpy.frombuffer((folder / "golden.bin").read_bytes(), numpy.uint8)
    description = (folder / "description.rs").read_text()
    [values] = [line for line in description.splitlines() if line.startswith("pub const OUTPUT_VALUES: usize = ")]
    answers = int(values.removesuffix(";").split(" = ")[1])
    frames = frames.reshape(-1, pixels + 4 * answers)
    return frames[:, :pixels], numpy.ascontiguousarray(frames[:, pixels:]).view(numpy.float32)


def microflow(folder, network, normalize, images, size):
    """What MicroFlow makes of each image, and the instructions and the stack of a run."""
    numbers = normalize(images.reshape(-1, *size, 3).transpose(0, 3, 1, 2).astype(numpy.float32))
    numbers = edge_models.quantized_input(network.graph, numbers).transpose(0, 2, 3, 1)
    folder.mkdir(exist_ok=True)
    (folder / "images.bin").write_bytes(numpy.ascontiguousarray(numbers).tobytes())
    (folder / "model.tflite").write_bytes(MicroFlowConversion(network.graph).file())
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).absolute()
    subprocess.run(["cargo", "build", "--quiet", "--release", "--locked", "--target", TARGET, "--target-dir", target,
                    "--manifest-path", PEER / "Cargo.toml"], check=True, stdout=sys.stderr,
                   env={**os.environ, "EDGE_MICROFLOW_MODEL": str(folder.absolute())})
    ran = subprocess.run([*QEMU, target / TARGET / "release/edge-microflow"], check=True, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, text=True, timeout=600)
    lines = [line.split() for line in ran.stdout.splitlines()]
    values = {name: [int(value) for key, value in lines if key == name] for name, _ in lines}
    outputs = numpy.array(values["output"], numpy.uint32).view(numpy.float32).reshape(len(images), -1)
    return outputs, {"instructions": values["instructions"][0], "stack_bytes": values["stack_bytes"][0]}


def ours(folder):
    """Fails unless the firmware's answers are those of `golden`."""
    command = [FIRMWARE, "--json", "--board", BOARD, "--model", folder.absolute()]
    [report] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return report


def versions():
    lock = tomllib.loads((PEER / "Cargo.lock").read_text())
    crates = {package["name"]: package["version"] for package in lock["package"]}
    qemu = subprocess.run([QEMU[0], "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
    rustc = subprocess.run(["rustc", "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {"microflow": crates["microflow"], "qemu": qemu.split()[3], "rustc": rustc.split()[1]}


def measure(folder):
    macs = edge_models.write(folder)[NETWORK]["macs"]
    unknown = {}
    for model in edge_models.MODELS:
        network, _ = edge_models.without_preprocessing(onnx.load(folder / f"{model}-int8.onnx"))
        unknown[model] = unknown_operators(network)
    network, normalize = edge_models.without_preprocessing(onnx.load(folder / f"{NETWORK}-int8.onnx"))
    size = [dim.dim_value for dim in network.graph.input[0].type.tensor_type.shape.dim][2:]
    images, expected = golden(folder / NETWORK, 3 * size[0] * size[1])
    # First: it installs the target and QEMU where they are missing.
    report = ours(folder / NETWORK)
    outputs, peer = microflow(folder / f"{NETWORK}-microflow", network, normalize, images, size)
    steps = (outputs - expected) / edge_models.step_of("features", network.graph)
    wanted = ("instructions", "arena_bytes", "frame_bytes", "arena_and_frame_bytes", "stack_bytes")
    of_ours = {name: report[name] for name in wanted}
    root_mean_square = float(numpy.sqrt(numpy.mean(steps**2)))
    return {
        "microflow_over_ours": peer["instructions"] / of_ours["instructions"],
        "agrees": root_mean_square <= LARGEST_STEPS,
        "network": NETWORK,
        "board": BOARD,
        "macs": macs,
        "ours": {**of_ours, "instructions_per_mac": of_ours["instructions"] / macs},
        "microflow": {**peer, "instructions_per_mac": peer["instructions"] / macs},
        "images": len(images),
        "difference": {
            "largest_steps": float(numpy.abs(steps).max()),
            "root_mean_square_steps": root_mean_square,
            "differing_percent": float(100 * numpy.mean(steps.round() != 0)),
            "largest_root_mean_square_steps": LARGEST_STEPS,
        },
        "unknown_to_microflow": unknown,
        "versions": versions(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", metavar="DIR", help="keep the networks there, and use those that are there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        found = measure(pathlib.Path(options.models or temporary))
    say(f"{NETWORK}: ours {found['ours']['instructions']} instructions, MicroFlow {found['microflow']['instructions']}")
    print(json.dumps(found))
    return 0 if found["agrees"] else 1


if __name__ == "__main__":
    sys.exit(main())
