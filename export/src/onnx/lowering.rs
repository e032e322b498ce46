//! One ONNX expression for each operator of the graph.

use sextant_runtime::graph::{Activation, DataType, Node, Op, Padding, WeightId};

use super::graph_writer::{GraphWriter, int, ints};
use super::nearest_rotation::nearest_rotation;
use super::proto::{AttributeProto, TENSOR_FLOAT};
use super::weight_layout::WeightLayout;

/// Appends the ONNX nodes of `node`; the reason when there are none that compute it.
pub(super) fn lower(writer: &mut GraphWriter<'_>, node: &Node) -> Result<(), String> {
    refuse_bytes_outside_normalize(writer, node)?;
    let inputs: Vec<String> = node.inputs.iter().map(|id| writer.tensor(*id)).collect();
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    match (&node.op, inputs.as_slice()) {
        (Op::Normalize { mean, std }, &[image]) => normalize(writer, node, image, mean, std),
        (Op::Conv2d { weight, bias, stride, padding, groups, activation }, &[map]) => {
            let attributes = conv_attributes(writer, *weight, *stride, *padding, *groups);
            let weight = writer.weight(*weight, WeightLayout::ConvNchw);
            let bias = writer.weight(*bias, WeightLayout::Plain);
            activated(writer, node, "Conv", &[map, &weight, &bias], attributes, *activation)?;
        }
        (Op::Linear { weight, bias, activation }, &[vector]) => {
            let weight = writer.weight(*weight, WeightLayout::Plain);
            let bias = writer.weight(*bias, WeightLayout::Plain);
            activated(writer, node, "Gemm", &[vector, &weight, &bias], vec![int("transB", 1)], *activation)?;
        }
        (Op::Add { activation }, &[a, b]) => activated(writer, node, "Add", &[a, b], vec![], *activation)?,
        (Op::Relu, &[x]) => writer.finish(node, "Relu", &[x], vec![]),
        (Op::MaxPool2d { kernel, stride, padding }, &[map]) => {
            let attributes = pool_attributes(*kernel, *stride, *padding);
            writer.finish(node, "MaxPool", &[map], attributes);
        }
        (Op::GlobalAveragePool, &[map]) => {
            writer.finish(node, "ReduceMean", &[map], vec![ints("axes", &[2, 3]), int("keepdims", 0)]);
        }
        (Op::Slice { start, end }, &[x]) => {
            let bounds =
                [("starts", i64::from(*start)), ("ends", i64::from(*end)), ("axes", channel_axis(writer, node))];
            let [starts, ends, axes] =
                bounds.map(|(part, value)| writer.int_constant(&format!("{}/{part}", node.name), &[value]));
            writer.finish(node, "Slice", &[x, &starts, &ends, &axes], vec![]);
        }
        (Op::Concat, parts) => {
            let axis = channel_axis(writer, node);
            writer.finish(node, "Concat", parts, vec![int("axis", axis)]);
        }
        (Op::ApplyPredictor { weight }, &[z, condition]) => apply_predictor(writer, node, z, condition, *weight)?,
        (Op::NearestRotation, &[matrix]) => nearest_rotation(writer, node, matrix),
        (op, inputs) => return Err(format!("{} with {} inputs has no ONNX form", name_of(op), inputs.len())),
    }
    Ok(())
}

fn refuse_bytes_outside_normalize(writer: &GraphWriter<'_>, node: &Node) -> Result<(), String> {
    let normalizes = matches!(node.op, Op::Normalize { .. });
    let reads_bytes = node.inputs.iter().any(|id| writer.graph.value(*id).data_type != DataType::F32);
    if reads_bytes && !normalizes {
        return Err(format!("{} reads bytes; they must pass Normalize first", name_of(&node.op)));
    }
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
) -> Result<(), String> {
    match activation {
        Activation::Identity => writer.finish(node, op_type, inputs, attributes),
        Activation::Relu => {
            let linear = writer.inner_tensor(&format!("{}/linear", node.name));
            writer.push(&node.name, op_type, inputs, attributes, &linear);
            let output = writer.tensor(node.output);
            writer.push(&format!("{}/relu", node.name), "Relu", &[&linear], vec![], &output);
        }
        other => return Err(format!("the activation {other:?} has no ONNX form")),
    }
    Ok(())
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

/// Where the channels of the node's output are in ONNX: after the batch, also for maps, which are NCHW there.
fn channel_axis(writer: &GraphWriter<'_>, node: &Node) -> i64 {
    match writer.graph.value(node.output).shape.len() {
        3 => 1,
        rank => rank as i64,
    }
}

/// The operator's name without its fields.
fn name_of(op: &Op) -> String {
    let text = format!("{op:?}");
    text.split([' ', '(', '{']).next().unwrap_or_default().to_string()
}
