"""The files of the networks that engines are compared on, all from our `.sxt`."""

import dataclasses
import json
import pathlib
import subprocess

import numpy
import onnx
from onnx import helper, numpy_helper

import edge_tflite

ROOT = pathlib.Path(__file__).parents[2]
WRITER = ROOT / "target/release/examples/edge_models"
MODELS = ("tiny", "resnet8", "vww", "resnet18")
PRECISIONS = ("float32", "int8")
# The export's preprocessing: peers start behind it, with numbers in the layout that they like.
PREPROCESSING = ("Transpose", "Cast", "Sub", "Mul")


@dataclasses.dataclass
class Files:
    """One network in one precision: for ours, for engines of ONNX and for engines of .tflite, each with its input."""

    name: str
    model: str
    sxt: pathlib.Path
    image: pathlib.Path
    onnx: pathlib.Path
    nchw: pathlib.Path
    tflite: pathlib.Path
    nhwc: pathlib.Path
    outputs: list
    # Scale of the int8 numbers that the output `features` comes from; None where it is float32.
    features_step: float | None


def write(folder):
    """Writes all networks into `folder` unless they are there; what is known of each."""
    facts = folder / "facts.json"
    if not facts.exists():
        lines = subprocess.run([WRITER, folder], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
        facts.write_text(json.dumps({fact["model"]: fact for fact in map(json.loads, lines)}))
    return json.loads(facts.read_text())


def prepare(folder, model, precision):
    """The files of one network."""
    name = f"{model}-{precision}"
    network, normalize = without_preprocessing(onnx.load(folder / f"{name}.onnx"))
    files = Files(
        name=name, model=model, sxt=folder / f"{name}.sxt", image=folder / f"{model}.image",
        onnx=folder / f"{name}.network.onnx", nchw=folder / f"{name}.nchw", tflite=folder / f"{name}.tflite",
        nhwc=folder / f"{name}.nhwc", outputs=[output.name for output in network.graph.output],
        features_step=step_of("features", network.graph))
    onnx.save(network, files.onnx)
    files.tflite.write_bytes(edge_tflite.from_onnx(network))
    shape = [dim.dim_value for dim in network.graph.input[0].type.tensor_type.shape.dim]
    image = numpy.fromfile(files.image, numpy.uint8).reshape(1, *shape[2:], 3)
    numbers = normalize(image.transpose(0, 3, 1, 2).astype(numpy.float32))
    files.nchw.write_bytes(numpy.ascontiguousarray(numbers).tobytes())
    numbers = quantized_input(network.graph, numbers).transpose(0, 2, 3, 1)
    files.nhwc.write_bytes(numpy.ascontiguousarray(numbers).tobytes())
    return files


def without_preprocessing(model):
    """The network from behind the normalisation, and that normalisation of `[1, 3, h, w]`."""
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    leading = []
    while graph.node[0].op_type in PREPROCESSING:
        leading.append(graph.node[0])
        del graph.node[0]
    shift, scale = (constants[node.input[1]] for node in leading if node.op_type in ("Sub", "Mul"))
    n, h, w, c = (dim.dim_value for dim in graph.input[0].type.tensor_type.shape.dim)
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(leading[-1].output[0], onnx.TensorProto.FLOAT, [n, c, h, w]))
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    onnx.checker.check_model(model, full_check=True)
    return model, lambda image: (image - shift) * scale


def first_quantizer(graph):
    [image] = graph.input
    return next((node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] == image.name), None)


def quantized_input(graph, numbers):
    """The input as the .tflite takes it."""
    node = first_quantizer(graph)
    if node is None:
        return numbers
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    scale, zero_point = constants[node.input[1]], edge_tflite.signed(constants[node.input[2]])
    return numpy.clip(numpy.rint(numbers / scale) + zero_point, -128, 127).astype(numpy.int8)


def step_of(name, graph):
    maker = next((node for node in graph.node if name in node.output), None)
    if maker is None or maker.op_type not in ("DequantizeLinear", "Identity"):
        return None
    if maker.op_type == "Identity":
        return step_of(maker.input[0], graph)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    return float(constants[maker.input[1]])
