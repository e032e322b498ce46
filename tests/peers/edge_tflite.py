"""Writes an ONNX file of ours, float32 or QDQ, as .tflite: the same operators, channels last, batch 1.

An operator whose result is quantised becomes an int8 operator, its ReLU part of it; other ones stay float32. A quantised
input is taken as int8.
"""

import flatbuffers
import numpy
from ai_edge_litert import schema_py_generated as schema
from onnx import numpy_helper

NONE, RELU = schema.ActivationFunctionType.NONE, schema.ActivationFunctionType.RELU
SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
OPERATORS = schema.BuiltinOperator
# From which on an operator takes int8, with a scale for each channel; 2 for the others.
VERSIONS = {OPERATORS.RESHAPE: 1, OPERATORS.CONV_2D: 3, OPERATORS.DEPTHWISE_CONV_2D: 3, OPERATORS.FULLY_CONNECTED: 4}
TYPES = {
    numpy.dtype(numpy.float32): schema.TensorType.FLOAT32,
    numpy.dtype(numpy.int8): schema.TensorType.INT8,
    numpy.dtype(numpy.int32): schema.TensorType.INT32,
}


def from_onnx(model):
    """The bytes of the .tflite that computes what `model` does."""
    return Conversion(model.graph).file()


class Quantization:
    """A number `q` stands for `scale * (q - zero_point)`; one scale, or one for each output channel."""

    def __init__(self, scale, zero_point, axis=0):
        self.scale = numpy.atleast_1d(scale).astype(numpy.float32)
        self.zero_point = numpy.atleast_1d(zero_point).astype(numpy.int64)
        self.axis = axis

    def table(self):
        table = schema.QuantizationParametersT()
        table.scale, table.zeroPoint, table.quantizedDimension = self.scale, self.zero_point, self.axis
        return table


def signed(zero_point):
    """Of the int8 numbers that take the place of bytes."""
    return zero_point.astype(numpy.int64) - (128 if zero_point.dtype == numpy.uint8 else 0)


class Conversion:
    def __init__(self, graph):
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self.maker = {name: node for node in graph.node for name in node.output}
        self.readers = {}
        for node in graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
        self.outputs = [output.name for output in graph.output]
        self.tensors, self.buffers, self.operators, self.codes = [], [schema.BufferT()], [], {}
        # By the ONNX tensor that it stands for: numbers, or int8 numbers.
        self.real, self.eight_bit = {}, {}
        self.done = set()
        self.input = self.declare_input(graph)
        for node in graph.node:
            if id(node) not in self.done:
                self.convert(node)
        self.results = [self.output(name) for name in self.outputs]

    # What the file is made of.

    def tensor(self, name, shape, dtype, quantization=None, data=None):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name, list(shape), TYPES[numpy.dtype(dtype)]
        tensor.quantization = quantization.table() if quantization else None
        tensor.buffer = 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = numpy.frombuffer(numpy.ascontiguousarray(data, dtype).tobytes(), numpy.uint8)
            self.buffers.append(buffer)
            tensor.buffer = len(self.buffers) - 1
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def constant(self, name, data, quantization=None):
        return self.tensor(name, data.shape, data.dtype, quantization, data)

    def like(self, index, shape, name):
        """A tensor of another shape, with the numbers of an existing one."""
        made = self.tensor(name, shape, numpy.float32)
        self.tensors[made].type, self.tensors[made].quantization = (
            self.tensors[index].type, self.tensors[index].quantization)
        return made

    def operator(self, kind, inputs, output, options=None, **fields):
        operator = schema.OperatorT()
        operator.opcodeIndex = self.codes.setdefault(kind, len(self.codes))
        operator.inputs, operator.outputs = inputs, [output]
        if options:
            table = getattr(schema, options + "T")()
            for name, value in fields.items():
                setattr(table, name, value)
            operator.builtinOptions, operator.builtinOptionsType = table, getattr(schema.BuiltinOptions, options)
        self.operators.append(operator)

    def file(self):
        graph = schema.SubGraphT()
        graph.name, graph.tensors, graph.operators = "main", self.tensors, self.operators
        graph.inputs, graph.outputs = [self.input], self.results
        model = schema.ModelT()
        model.version, model.subgraphs, model.buffers = 3, [graph], self.buffers
        model.operatorCodes = [self.code(kind) for kind in self.codes]
        builder = flatbuffers.Builder()
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    @staticmethod
    def code(kind):
        code = schema.OperatorCodeT()
        code.builtinCode, code.version = kind, VERSIONS.get(kind, 2)
        code.deprecatedBuiltinCode = min(kind, 127)
        return code

    # What the ONNX file says.

    def declare_input(self, graph):
        [image] = graph.input
        n, c, h, w = (dim.dim_value for dim in image.type.tensor_type.shape.dim)
        shape = (n, h, w, c)
        [reader] = self.readers[image.name]
        if reader.op_type != "QuantizeLinear":
            index = self.tensor(image.name, shape, numpy.float32)
            self.real[image.name] = index
            return index
        index = self.tensor(image.name, shape, numpy.int8, self.quantization(reader))
        self.eight_bit[reader.output[0]] = index
        self.done.add(id(reader))
        return index

    def quantization(self, node):
        axis = {attribute.name: attribute.i for attribute in node.attribute}.get("axis", 0)
        scale = self.constants[node.input[1]]
        zero_point = self.constants[node.input[2]] if len(node.input) > 2 else numpy.zeros(scale.shape, numpy.int8)
        return Quantization(scale, signed(zero_point), axis)

    def following(self, name, *op_types):
        """The only reader of a tensor, if it is one of those and nothing else wants the tensor."""
        readers = self.readers.get(name, [])
        wanted = len(readers) == 1 and readers[0].op_type in op_types and name not in self.outputs
        return readers[0] if wanted else None

    def result(self, node):
        """The ONNX tensor that `node` with its ReLU makes, that ReLU, and its quantisation."""
        name, activation, quantization = node.output[0], NONE, None
        if relu := self.following(name, "Relu"):
            self.done.add(id(relu))
            name, activation = relu.output[0], RELU
        if quantize := self.following(name, "QuantizeLinear"):
            self.done.add(id(quantize))
            name, quantization = quantize.output[0], self.quantization(quantize)
        return name, activation, quantization

    def make(self, name, shape, quantization):
        if quantization:
            index = self.eight_bit[name] = self.tensor(name, shape, numpy.int8, quantization)
        else:
            index = self.real[name] = self.tensor(name, shape, numpy.float32)
        return index

    def value(self, name, quantized):
        """The tensor that stands for an activation, as int8 or as float32."""
        if name in self.real and not quantized:
            return self.real[name]
        dequantize = self.maker[name]
        if dequantize.op_type != "DequantizeLinear":
            raise ValueError(f"{name} of {dequantize.op_type} is not quantised")
        numbers = self.eight_bit[dequantize.input[0]]
        if quantized:
            return numbers
        self.real[name] = self.tensor(name, self.tensors[numbers].shape, numpy.float32)
        self.operator(OPERATORS.DEQUANTIZE, [numbers], self.real[name])
        return self.real[name]

    def output(self, name):
        """The tensor that stands for a result of the network."""
        return self.value(name, False)

    def weight(self, name):
        """A constant's numbers, and what they stand for if they are int8."""
        if name in self.constants:
            return self.constants[name], None
        dequantize = self.maker[name]
        return self.constants[dequantize.input[0]], self.quantization(dequantize)

    def real_weight(self, name):
        numbers, quantization = self.weight(name)
        if quantization is None:
            return numbers
        shape = [-1 if axis == quantization.axis else 1 for axis in range(numbers.ndim)]
        scale = quantization.scale.reshape(shape if quantization.scale.size > 1 else [1] * numbers.ndim)
        return (numbers.astype(numpy.float32) * scale).astype(numpy.float32)

    def filters(self, node, arrange, axis, x):
        """Weight and bias of a convolution or a dense layer, int8 where `x` is."""
        quantized = self.tensors[x].type == schema.TensorType.INT8
        weight_name, bias_name = node.input[1:3]
        if not quantized:
            return [self.constant(weight_name, arrange(self.real_weight(weight_name))),
                    self.constant(bias_name, self.real_weight(bias_name))]
        numbers, scales = self.weight(weight_name)
        scale = scales.scale if scales.scale.size > 1 else numpy.repeat(scales.scale, numbers.shape[0])
        unit = (scale * self.tensors[x].quantization.scale[0]).astype(numpy.float32)
        bias, stored = self.weight(bias_name)
        if stored is None:
            bias = numpy.rint(bias.astype(numpy.float64) / unit).astype(numpy.int32)
        zeros = numpy.zeros(unit.size)
        return [self.constant(weight_name, arrange(numbers), Quantization(scale, zeros, axis)),
                self.constant(bias_name, bias, Quantization(unit, zeros))]

    def convert(self, node):
        convert = getattr(self, node.op_type.lower(), None)
        if convert is None:
            raise ValueError(f"{node.name}: {node.op_type} has no .tflite form here")
        attributes = {attribute.name: attribute.i or list(attribute.ints) for attribute in node.attribute}
        convert(node, attributes)

    # The operators.

    def dequantizelinear(self, node, attributes):
        """Nothing: its readers ask for what they need."""

    def conv(self, node, attributes):
        name, activation, quantization = self.result(node)
        x = self.value(node.input[0], quantization is not None)
        kernel, strides = attributes["kernel_shape"], attributes["strides"]
        depthwise = attributes["group"] > 1
        if depthwise and attributes["group"] != self.tensors[x].shape[3]:
            raise ValueError(f"{node.name}: convolutions in groups have no .tflite form here")
        x, padding, height, width = self.padded(x, node.name, kernel, strides, attributes["pads"])
        # [cout, cin, h, w] to [cout, h, w, cin], or to [1, h, w, cout].
        order, axis = ((1, 2, 3, 0), 3) if depthwise else ((0, 2, 3, 1), 0)
        weight, bias = self.filters(node, lambda numbers: numbers.transpose(order), axis, x)
        shape = [1, height, width, self.tensors[bias].shape[0]]
        fields = dict(padding=padding, strideH=strides[0], strideW=strides[1], fusedActivationFunction=activation)
        output = self.make(name, shape, quantization)
        if depthwise:
            self.operator(OPERATORS.DEPTHWISE_CONV_2D, [x, weight, bias], output, "DepthwiseConv2DOptions",
                          depthMultiplier=1, **fields)
        else:
            self.operator(OPERATORS.CONV_2D, [x, weight, bias], output, "Conv2DOptions", **fields)

    def maxpool(self, node, attributes):
        name, activation, quantization = self.result(node)
        x = self.value(node.input[0], quantization is not None)
        kernel, strides = attributes["kernel_shape"], attributes["strides"]
        # Zeros around the map win over no number of a map that holds none below zero.
        if any(attributes["pads"]) and not self.is_positive(node.input[0], x):
            raise ValueError(f"{node.name}: padding would win over numbers below zero")
        x, padding, height, width = self.padded(x, node.name, kernel, strides, attributes["pads"])
        output = self.make(name, [1, height, width, self.tensors[x].shape[3]], quantization)
        self.operator(OPERATORS.MAX_POOL_2D, [x], output, "Pool2DOptions", padding=padding, strideH=strides[0],
                      strideW=strides[1], filterHeight=kernel[0], filterWidth=kernel[1],
                      fusedActivationFunction=activation)

    def is_positive(self, name, x):
        """Whether no number of a map is below zero."""
        quantization = self.tensors[x].quantization
        return self.maker[name].op_type == "Relu" if quantization is None else quantization.zeroPoint[0] == -128

    def padded(self, x, name, kernel, strides, pads):
        """The map to slide over, TensorFlow's word for its padding, and the result's extents."""
        extents = self.tensors[x].shape[1:3]
        before, after = pads[:2], pads[2:]
        outer = [extent + a + b for extent, a, b in zip(extents, before, after)]
        result = [(extent - k) // s + 1 for extent, k, s in zip(outer, kernel, strides)]
        total = [max((-(-extent // s) - 1) * s + k - extent, 0) for extent, k, s in zip(extents, kernel, strides)]
        if not any(pads):
            return x, VALID, *result
        if before == [t // 2 for t in total] and after == [t - t // 2 for t in total]:
            return x, SAME, *result
        shape = [1, *outer, self.tensors[x].shape[3]]
        made = self.like(x, shape, f"{name}/padded")
        amounts = numpy.array([(0, 0), *zip(before, after), (0, 0)], numpy.int32)
        self.operator(OPERATORS.PAD, [x, self.constant(f"{name}/pads", amounts)], made, "PadOptions")
        return made, VALID, *result

    def gemm(self, node, attributes):
        name, activation, quantization = self.result(node)
        x = self.value(node.input[0], quantization is not None)
        weight, bias = self.filters(node, lambda numbers: numbers, 0, x)
        output = self.make(name, [1, self.tensors[bias].shape[0]], quantization)
        self.operator(OPERATORS.FULLY_CONNECTED, [x, weight, bias], output, "FullyConnectedOptions",
                      fusedActivationFunction=activation)

    def add(self, node, attributes):
        name, activation, quantization = self.result(node)
        inputs = [self.value(name, quantization is not None) for name in node.input]
        output = self.make(name, self.tensors[inputs[0]].shape, quantization)
        self.operator(OPERATORS.ADD, inputs, output, "AddOptions", fusedActivationFunction=activation)

    def reducemean(self, node, attributes):
        """The mean of a map, then without its axes of one position: XNNPACK wants them kept."""
        name, _, quantization = self.result(node)
        x = self.value(node.input[0], quantization is not None)
        channels = self.tensors[x].shape[3]
        output = self.make(name, [1, channels], quantization)
        mean = self.like(output, [1, 1, 1, channels], f"{node.name}/map")
        axes = self.constant(f"{node.name}/axes", numpy.array([1, 2], numpy.int32))
        self.operator(OPERATORS.MEAN, [x, axes], mean, "ReducerOptions", keepDims=True)
        shape = self.constant(f"{node.name}/shape", numpy.array([1, channels], numpy.int32))
        self.operator(OPERATORS.RESHAPE, [mean, shape], output, "ReshapeOptions", newShape=[1, channels])

    def slice(self, node, attributes):
        name, _, quantization = self.result(node)
        x = self.value(node.input[0], quantization is not None)
        [start], [end], [axis] = (self.constants[name] for name in node.input[1:])
        shape = list(self.tensors[x].shape)
        if len(shape) != 2 or axis != 1:
            raise ValueError(f"{node.name}: slices of maps have no .tflite form here")
        shape[1] = int(end - start)
        begin = self.constant(f"{node.name}/begin", numpy.array([0, start], numpy.int32))
        size = self.constant(f"{node.name}/size", numpy.array(shape, numpy.int32))
        self.operator(OPERATORS.SLICE, [x, begin, size], self.make(name, shape, quantization), "SliceOptions")
