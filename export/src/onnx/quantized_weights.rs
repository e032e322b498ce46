//! Constants of int8 operators, with the scales that their multipliers stand for.

use sextant_runtime::graph::{Graph, Node, Op, WeightData, WeightId};

use super::graph_writer::{GraphWriter, int};
use super::weight_layout::WeightLayout;

/// What the numbers of an int8 operator's constants stand for, channel by channel.
pub(crate) struct ChannelScales {
    /// Of the weight.
    pub weight: Vec<f32>,
    /// Of the bias: input scale times weight scale.
    pub sums: Vec<f32>,
    /// The bias in these units, without the part that takes out the input's zero point.
    pub bias: Vec<i32>,
}

impl ChannelScales {
    /// Of an operator with that weight and bias; `filters` are the weight's numbers, filter after filter.
    ///
    /// A multiplier stands for `input scale * weight scale / output scale`, so the weight's scale follows from it. The bias
    /// is in units of `input scale * weight scale`.
    ///
    /// # Errors
    /// When operands or constants are not those of an int8 operator.
    pub fn of(graph: &Graph, node: &Node, [weight, bias]: [WeightId; 2], filters: &[i8]) -> Result<Self, &'static str> {
        let scale_of = |id| graph.value(id).quantization;
        let (Some(input), Some(output)) = (scale_of(node.inputs[0]), scale_of(node.output)) else {
            return Err("an int8 operator without scales");
        };
        let (WeightData::I8 { multipliers, shift, .. }, WeightData::I32(biases)) =
            (&graph.weight(weight).data, &graph.weight(bias).data)
        else {
            return Err(NOT_INT8);
        };
        // A multiplier of 0 makes every sum 0, and so does one unit of 2^-32: a scale of 0 would be refused.
        let unit = f64::from(output.scale) / f64::from(input.scale) / 2f64.powi(32 + *shift as i32);
        let weight: Vec<f32> = multipliers.iter().map(|m| (f64::from((*m).max(1)) * unit) as f32).collect();
        let taps = (filters.len() / multipliers.len().max(1)).max(1);
        let plain_bias = |(bias, filter): (&i32, &[i8])| {
            let sum: i64 = filter.iter().map(|number| i64::from(*number)).sum();
            let plain = i64::from(*bias) + i64::from(input.zero_point) * sum;
            plain.clamp(i32::MIN.into(), i32::MAX.into()) as i32
        };
        let bias = biases.iter().zip(filters.chunks_exact(taps)).map(plain_bias).collect();
        let sums = weight.iter().map(|scale| input.scale * scale).collect();
        Ok(Self { weight, sums, bias })
    }
}

const NOT_INT8: &str = "an int8 operator whose constants are not int8 and int32";

/// Tensors of the weight and the bias as float32, behind `DequantizeLinear` for each output channel. The part of the bias that
/// takes out the input's zero point is left to ONNX.
pub(super) fn dequantized(
    writer: &mut GraphWriter<'_>,
    node: &Node,
    weight_id: WeightId,
    bias_id: WeightId,
    layout: WeightLayout,
) -> Result<[String; 2], String> {
    let graph = writer.graph;
    let (weight, bias) = (graph.weight(weight_id), graph.weight(bias_id));
    let WeightData::I8 { values, .. } = &weight.data else { return Err(NOT_INT8.to_string()) };
    let (dims, numbers) = layout.arrange(&weight.shape, values);
    let scales = ChannelScales::of(graph, node, [weight_id, bias_id], &numbers)?;
    let numbers = writer.int8_constant(&weight.name, &dims, &numbers);
    let biases = writer.int32_constant(&bias.name, &scales.bias);
    let zeros = Some(vec![0; scales.weight.len()]);
    Ok([
        per_channel(writer, &weight.name, &numbers, &scales.weight, zeros),
        per_channel(writer, &bias.name, &biases, &scales.sums, None),
    ])
}

fn per_channel(
    writer: &mut GraphWriter<'_>,
    name: &str,
    numbers: &str,
    scales: &[f32],
    zero_points: Option<Vec<i8>>,
) -> String {
    let scale = writer.float_constant(&format!("{name}/scale"), &[scales.len()], scales);
    let zero_points =
        zero_points.map(|zeros| writer.int8_constant(&format!("{name}/zero_point"), &[zeros.len()], &zeros));
    let inputs: Vec<&str> = [numbers, &scale].into_iter().chain(zero_points.as_deref()).collect();
    writer.step(name, "dequantized", "DequantizeLinear", &inputs, vec![int("axis", 0)])
}

/// How the weight of an int8 convolution is stored.
pub(super) fn convolution_layout(op: &Op, shape: &[usize]) -> WeightLayout {
    match (op, shape) {
        (Op::Conv2d { groups, .. }, &[1, _, _, channels]) if *groups > 1 && *groups as usize == channels => {
            WeightLayout::DepthwiseNchw
        }
        _ => WeightLayout::ConvNchw,
    }
}
