#!/usr/bin/env python3
"""Checks an eight-bit network (QDQ) with the ONNX project's own tools.

    check_int8.py MODEL_ONNX GOLDEN

onnx.checker examines the file (full check), every convolution and hidden layer must have the form that integer engines
look for, and onnxruntime must compute all of them with integers; its outputs on all golden images must be within what
eight bits cost. Prints one JSON object; exit status 1 when a check fails.
Needs: pip install numpy onnx onnxruntime safetensors
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from exported_model import finish, load_checked, open_session, run, with_sign_of
from onnx import TensorProto, numpy_helper
from safetensors.numpy import load_file

LEAST_SIGNAL_TO_NOISE_DB = 15
# At 0, products are added in 16 bits on x86 without VNNI, and saturate.
EXACT_SUMS = "session.x64quantprecision"


def main(arguments):
    if len(arguments) != 2:
        sys.exit(__doc__)
    path, golden = arguments[0], load_file(arguments[1])
    failures = []
    model = load_checked(path, failures)
    layers = check_form(model.graph, failures)
    ratios, integer_layers = check_outputs(path, golden, failures)
    if integer_layers != layers:
        failures.append(f"onnxruntime computes {integer_layers} of {layers} layers with integers")
    report = {
        "model": path,
        "images": len(golden["images"]),
        "signal_to_noise_db": ratios,
        "rotation_deg": {"exact": angles_deg(path, golden, True), "saturating": angles_deg(path, golden, False)},
        "int8_layers": layers,
    }
    return finish(report, failures)


def check_form(graph, failures):
    """How many layers have int8 weights; each must be scaled for each output channel, and its bias as its sums are."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    layers = 0
    for node in graph.node:
        sources = [makers.get(name) for name in node.input]
        if node.op_type not in ("Conv", "Gemm") or not all(s and s.op_type == "DequantizeLinear" for s in sources):
            continue
        layers += 1
        activation, weight, bias = sources
        scales = [numpy_helper.to_array(constants[source.input[1]]) for source in sources]
        types = [constants[source.input[0]].data_type for source in (weight, bias)]
        axes = [attribute.i for source in (weight, bias) for attribute in source.attribute if attribute.name == "axis"]
        channels = constants[weight.input[0]].dims[0]
        expectations = {
            "weight int8 and bias int32": types == [TensorProto.INT8, TensorProto.INT32],
            "a scale for each output channel": scales[1].shape == scales[2].shape == (channels,) and axes == [0, 0],
            "weights symmetric": not numpy_helper.to_array(constants[weight.input[2]]).any(),
            "one scale for all activations": scales[0].shape == (),
            "bias in units of its sums": np.allclose(scales[2], scales[0] * scales[1], rtol=1e-6, atol=0),
        }
        failures.extend(f"{node.name}: not {what}" for what, holds in expectations.items() if not holds)
    if not layers:
        failures.append("no layer has eight bits")
    return layers


def check_outputs(path, golden, failures):
    """Signal-to-noise ratio of every output in decibels, and how many layers onnxruntime computes with integers."""
    with tempfile.TemporaryDirectory() as folder:
        optimized_path = str(Path(folder) / "optimized.onnx")
        session = open_int8_session(path, True, optimized_path)
        optimized = onnx.load(optimized_path)
    ratios = {}
    for name, computed in run(session, golden["images"]).items():
        expected = golden[name].astype(np.float64)
        noise = np.square(with_sign_of(expected, name, computed) - expected).sum()
        ratios[name] = round(float(10 * np.log10(np.square(expected).sum() / max(noise, 1e-30))), 1)
        if not ratios[name] >= LEAST_SIGNAL_TO_NOISE_DB:
            failures.append(f"{name} is {ratios[name]} dB above its difference to float32")
    return ratios, sum(node.op_type in ("QLinearConv", "QGemm") for node in optimized.graph.node)


def open_int8_session(path, exact, optimized_path=""):
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry(EXACT_SUMS, "1" if exact else "0")
    options.optimized_model_filepath = optimized_path
    options.log_severity_level = 3
    return open_session(path, options)


def angles_deg(path, golden, exact):
    """Median and largest angle between the rotations and the float32 network's."""
    rotations = run(open_int8_session(path, exact), golden["images"])["rotation_wxyz"]
    cosines = np.abs((rotations.astype(np.float64) * golden["rotation_wxyz"]).sum(axis=1))
    angles = np.degrees(2 * np.arccos(np.minimum(cosines, 1)))
    return {"median": round(float(np.median(angles)), 2), "largest": round(float(angles.max()), 2)}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
