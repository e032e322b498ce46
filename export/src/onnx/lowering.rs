//! One ONNX expression for each operator of the graph.

use sextant_runtime::graph::{Activation, DataType, Node, Op, Padding, WeightId};

use super::graph_writer::{GraphWriter, int, ints};
use super::nearest_rotation::nearest_rotation;
use super::proto::{AttributeProto, TENSOR_FLOAT};
use super::quantized_weights::{convolution_layout, dequantized};
use super::weight_layout::WeightLayout;

/// Appends the ONNX nodes of `node`; the reason when there are none that compute it.
///
/// An int8 node is its float32 form between `DequantizeLinear` and `QuantizeLinear` (QDQ): engines that know eight bits
/// compute it in integers.
pub(super) fn lower(writer: &mut GraphWriter<'_>, node: &Node) -> Result<(), String> {
    refuse_bytes_outside_normalize(writer, node)?;
    if node.op == Op::Dequantize {
        return dequantize(writer, node);
    }
    let inputs: Vec<String> = node.inputs.iter().map(|id| writer.read(*id)).collect();
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    match (&node.op, inputs.as_slice()) {
        (Op::Normalize { mean, std }, &[image]) => normalize(writer, node, image, mean, std),
        (Op::QuantizeImage { mean, std, rows }, &[image]) => {
            let some = rows.map(|rows| {
                let bounds = slice_bounds(writer, node, rows.map(i64::from), ROW_AXIS);
                let [starts, ends, axes] = bounds.each_ref().map(String::as_str);
                writer.step(&node.name, "rows", "Slice", &[image, starts, ends, axes], vec![])
            });
            normalize(writer, node, some.as_deref().unwrap_or(image), mean, std);
        }
        (Op::Conv2d { weight, bias, stride, padding, groups, activation }, &[map]) => {
            let attributes = conv_attributes(writer, *weight, *stride, *padding, *groups);
            let layout = convolution_layout(&node.op, &writer.graph.weight(*weight).shape);
            let [weight, bias] = constants(writer, node, *weight, *bias, layout)?;
            activated(writer, node, "Conv", &[map, &weight, &bias], attributes, *activation);
        }
        (Op::Linear { weight, bias, activation }, &[vector]) => {
            let [weight, bias] = constants(writer, node, *weight, *bias, WeightLayout::Plain)?;
            activated(writer, node, "Gemm", &[vector, &weight, &bias], vec![int("transB", 1)], *activation);
        }
        (Op::Add { activation }, &[a, b]) => activated(writer, node, "Add", &[a, b], vec![], *activation),
        (Op::Mul { activation }, &[a, b]) => activated(writer, node, "Mul", &[a, b], vec![], *activation),
        (Op::Relu, &[x]) => writer.finish(node, "Relu", &[x], vec![]),
        (Op::Clamp { low, high }, &[x]) => {
            let [low, high] = bounds(writer, &node.name, [*low, *high]);
            writer.finish(node, "Clip", &[x, &low, &high], vec![]);
        }
        (Op::Sigmoid, &[x]) => writer.finish(node, "Sigmoid", &[x], vec![]),
        (Op::Softmax, &[x]) => {
            let axis = channel_axis(writer, node);
            writer.finish(node, "Softmax", &[x], vec![int("axis", axis)]);
        }
        (Op::MaxPool2d { kernel, stride, padding }, &[map]) => {
            let attributes = pool_attributes(*kernel, *stride, *padding);
            writer.finish(node, "MaxPool", &[map], attributes);
        }
        (Op::AveragePool2d { kernel, stride, padding }, &[map]) => {
            let mut attributes = pool_attributes(*kernel, *stride, *padding);
            attributes.push(int("count_include_pad", 0));
            writer.finish(node, "AveragePool", &[map], attributes);
        }
        (Op::GlobalAveragePool, &[map]) => {
            writer.finish(node, "ReduceMean", &[map], vec![ints("axes", &[2, 3]), int("keepdims", 0)]);
        }
        (Op::Slice { start, end }, &[x]) => {
            let axis = channel_axis(writer, node);
            let [starts, ends, axes] = slice_bounds(writer, node, [*start, *end].map(i64::from), axis);
            writer.finish(node, "Slice", &[x, &starts, &ends, &axes], vec![]);
        }
        (Op::SliceRows { start, end }, &[x]) => {
            let [starts, ends, axes] = slice_bounds(writer, node, [*start, *end].map(i64::from), ROW_AXIS);
            writer.finish(node, "Slice", &[x, &starts, &ends, &axes], vec![]);
        }
        (Op::ConcatRows, parts) => writer.finish(node, "Concat", parts, vec![int("axis", ROW_AXIS)]),
        (Op::Concat, parts) => {
            let axis = channel_axis(writer, node);
            writer.finish(node, "Concat", parts, vec![int("axis", axis)]);
        }
        (Op::Reshape { shape }, &[x]) => {
            let extents = shape.iter().take_while(|extent| **extent > 0).map(|extent| i64::from(*extent));
            let extents: Vec<i64> = std::iter::once(0).chain(extents).collect();
            let shape = writer.int_constant(&format!("{}/shape", node.name), &extents);
            let x = channels_last(writer, node, x);
            finish_channels_last(writer, node, "Reshape", &[&x, &shape], vec![]);
        }
        (Op::Transpose { axes }, &[x]) => {
            let rank = writer.graph.value(node.output).shape.len();
            let permutation: Vec<i64> =
                [0].into_iter().chain(axes[..rank].iter().map(|axis| 1 + i64::from(*axis))).collect();
            let x = channels_last(writer, node, x);
            finish_channels_last(writer, node, "Transpose", &[&x], vec![ints("perm", &permutation)]);
        }
        (Op::ReduceMean { axis }, &[x]) => reduce(writer, node, "ReduceMean", x, *axis),
        (Op::ReduceMax { axis }, &[x]) => reduce(writer, node, "ReduceMax", x, *axis),
        (Op::ApplyPredictor { weight }, &[z, condition]) => apply_predictor(writer, node, z, condition, *weight)?,
        (Op::NearestRotation, &[matrix]) => nearest_rotation(writer, node, matrix),
        (Op::Quantize, &[x]) => writer.round(node.output, x),
        (op, inputs) => return Err(format!("{} with {} inputs has no ONNX form", op.name(), inputs.len())),
    }
    Ok(())
}

/// The constants of a `Slice` along one axis: starts, ends and axes.
fn slice_bounds(writer: &mut GraphWriter<'_>, node: &Node, [start, end]: [i64; 2], axis: i64) -> [String; 3] {
    [("starts", start), ("ends", end), ("axes", axis)]
        .map(|(part, value)| writer.int_constant(&format!("{}/{part}", node.name), &[value]))
}

fn refuse_bytes_outside_normalize(writer: &GraphWriter<'_>, node: &Node) -> Result<(), String> {
    let normalizes = matches!(node.op, Op::Normalize { .. } | Op::QuantizeImage { .. });
    let reads_bytes = node.inputs.iter().any(|id| writer.graph.value(*id).data_type == DataType::U8);
    if reads_bytes && !normalizes {
        return Err(format!("{} reads bytes; they must pass Normalize first", node.op.name()));
    }
    Ok(())
}

/// The tensors of weight and bias, float32 whatever they are stored as.
fn constants(
    writer: &mut GraphWriter<'_>,
    node: &Node,
    weight: WeightId,
    bias: WeightId,
    layout: WeightLayout,
) -> Result<[String; 2], String> {
    match writer.graph.value(node.output).data_type {
        DataType::I8 => dequantized(writer, node, weight, bias, layout),
        _ => Ok([writer.weight(weight, layout), writer.weight(bias, WeightLayout::Plain)]),
    }
}

/// From numbers to what they stand for, under the node's own name.
fn dequantize(writer: &mut GraphWriter<'_>, node: &Node) -> Result<(), String> {
    let Some([numbers, scale, zero_point]) = writer.numbers(node.inputs[0]) else {
        return Err("Dequantize reads what no int8 operator makes".to_string());
    };
    writer.finish(node, "DequantizeLinear", &[&numbers, &scale, &zero_point], vec![]);
    Ok(())
}

/// `(x / 255 - mean) / std` as `(x - 255 mean) * (1 / (255 std))`, the constants rounded once from f64.
fn normalize(writer: &mut GraphWriter<'_>, node: &Node, image: &str, mean: &[f32; 3], std: &[f32; 3]) {
    let shift = mean.map(|m| (255.0 * f64::from(m)) as f32);
    let scale = std.map(|s| (1.0 / (255.0 * f64::from(s))) as f32);
    let shift = writer.float_constant(&format!("{}/mean", node.name), &[1, 3, 1, 1], &shift);
    let scale = writer.float_constant(&format!("{}/scale", node.name), &[1, 3, 1, 1], &scale);
    let float = writer.step(&node.name, "cast", "Cast", &[image], vec![int("to", i64::from(TENSOR_FLOAT))]);
    let centred = writer.step(&node.name, "centre", "Sub", &[&float, &shift], vec![]);
    writer.finish(node, "Mul", &[&centred, &scale], vec![]);
}

/// `sum_i condition[i] * weight[i] z`: all products `weight[i] z` at once, then their weighted sum.
fn apply_predictor(
    writer: &mut GraphWriter<'_>,
    node: &Node,
    z: &str,
    condition: &str,
    weight: WeightId,
) -> Result<(), String> {
    let &[k, d, _] = writer.graph.weight(weight).shape.as_slice() else {
        return Err("the predictor's weight is not [k, d, d]".to_string());
    };
    let name = &node.name;
    let matrices = writer.weight(weight, WeightLayout::StackedColumns);
    let shape = writer.int_constant(&format!("{name}/shape"), &[0, k as i64, d as i64]);
    let axis = writer.int_constant(&format!("{name}/axis"), &[2]);
    let reduced = writer.int_constant(&format!("{name}/summed"), &[1]);
    let flat = writer.step(name, "products", "MatMul", &[z, &matrices], vec![]);
    let products = writer.step(name, "by_condition", "Reshape", &[&flat, &shape], vec![]);
    let factors = writer.step(name, "factors", "Unsqueeze", &[condition, &axis], vec![]);
    let weighted = writer.step(name, "weighted", "Mul", &[&products, &factors], vec![]);
    writer.finish(node, "ReduceSum", &[&weighted, &reduced], vec![int("keepdims", 0)]);
    Ok(())
}

/// The operator under the node's own name, and its activation after it.
fn activated(
    writer: &mut GraphWriter<'_>,
    node: &Node,
    op_type: &str,
    inputs: &[&str],
    attributes: Vec<AttributeProto>,
    activation: Activation,
) {
    let Some((limit, [low, high])) = limits(writer, node, activation) else {
        return writer.finish(node, op_type, inputs, attributes);
    };
    let linear = writer.inner_tensor(&format!("{}/linear", node.name));
    writer.push(&node.name, op_type, inputs, attributes, &linear);
    let part = Node { name: format!("{}/{}", node.name, limit.to_lowercase()), ..node.clone() };
    match limit {
        "Relu" => writer.finish(&part, limit, &[&linear], vec![]),
        _ => {
            let [low, high] = bounds(writer, &part.name, [low, high]);
            writer.finish(&part, limit, &[&linear, &low, &high], vec![]);
        }
    }
}

/// The operator that an activation is, with its bounds; `None` where rounding to int8 has the same bounds already.
fn limits(writer: &GraphWriter<'_>, node: &Node, activation: Activation) -> Option<(&'static str, [f32; 2])> {
    let (limit, [low, high]) = match activation {
        Activation::Relu => ("Relu", [0.0, f32::INFINITY]),
        Activation::Relu6 => ("Clip", [0.0, 6.0]),
        Activation::Clamp { low, high } => ("Clip", [low, high]),
        _ => return None,
    };
    let saturates = writer
        .graph
        .value(node.output)
        .quantization
        .is_some_and(|to| to.quantize(low) == i8::MIN && to.quantize(high) == i8::MAX);
    (!saturates).then_some((limit, [low, high]))
}

fn bounds(writer: &mut GraphWriter<'_>, name: &str, [low, high]: [f32; 2]) -> [String; 2] {
    [("low", low), ("high", high)].map(|(part, bound)| writer.float_constant(&format!("{name}/{part}"), &[], &[bound]))
}

/// The input with its channels last, as the graph has it.
fn channels_last(writer: &mut GraphWriter<'_>, node: &Node, input: &str) -> String {
    match writer.graph.value(node.inputs[0]).shape.len() {
        3 => writer.step(&node.name, "nhwc", "Transpose", &[input], vec![ints("perm", &[0, 2, 3, 1])]),
        _ => input.to_string(),
    }
}

/// As [`GraphWriter::finish`] for an operator whose result has its channels last.
fn finish_channels_last(
    writer: &mut GraphWriter<'_>,
    node: &Node,
    op_type: &str,
    inputs: &[&str],
    attributes: Vec<AttributeProto>,
) {
    if writer.graph.value(node.output).shape.len() != 3 {
        return writer.finish(node, op_type, inputs, attributes);
    }
    let result = writer.inner_tensor(&format!("{}/channels_last", node.name));
    writer.push(&node.name, op_type, inputs, attributes, &result);
    let part = Node { name: format!("{}/nchw", node.name), ..node.clone() };
    writer.finish(&part, "Transpose", &[&result], vec![ints("perm", &[0, 3, 1, 2])]);
}

/// The axis goes away, but that of a vector becomes 1.
fn reduce(writer: &mut GraphWriter<'_>, node: &Node, op_type: &str, input: &str, axis: u8) {
    let keeps = writer.graph.value(node.inputs[0]).shape.len() == 1;
    let attributes = vec![ints("axes", &[1 + i64::from(axis)]), int("keepdims", i64::from(keeps))];
    let input = channels_last(writer, node, input);
    finish_channels_last(writer, node, op_type, &[&input], attributes);
}

fn conv_attributes(
    writer: &GraphWriter<'_>,
    weight: WeightId,
    stride: [u16; 2],
    padding: Padding,
    groups: u32,
) -> Vec<AttributeProto> {
    let window = &writer.graph.weight(weight).shape;
    vec![
        ints("dilations", &[1, 1]),
        int("group", i64::from(groups)),
        ints("kernel_shape", &[window[1] as i64, window[2] as i64]),
        ints("pads", &onnx_pads(padding)),
        ints("strides", &stride.map(i64::from)),
    ]
}

fn pool_attributes(kernel: [u16; 2], stride: [u16; 2], padding: Padding) -> Vec<AttributeProto> {
    let mut attributes = vec![ints("kernel_shape", &kernel.map(i64::from)), ints("strides", &stride.map(i64::from))];
    if padding != Padding::default() {
        attributes.push(ints("pads", &onnx_pads(padding)));
    }
    attributes
}

/// ONNX lists the pads before all axes, then those after.
fn onnx_pads(padding: Padding) -> [i64; 4] {
    [padding.top, padding.left, padding.bottom, padding.right].map(i64::from)
}

/// Where the rows of a map are in ONNX, which has batch and channels before them.
const ROW_AXIS: i64 = 2;

/// Where the channels of the node's output are in ONNX: after the batch, also for maps, which are NCHW there.
fn channel_axis(writer: &GraphWriter<'_>, node: &Node) -> i64 {
    match writer.graph.value(node.output).shape.len() {
        3 => 1,
        rank => rank as i64,
    }
}
