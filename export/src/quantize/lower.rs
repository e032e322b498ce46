use std::collections::HashMap;

use sextant_runtime::calibration::Observer;
use sextant_runtime::graph::{
    DataType, Graph, GraphBuilder, GraphError, Node, Op, Quantization, ValueId, Weight, WeightId,
};
use sextant_runtime::plane_group::{Fibre, FilterExpansion};

use super::weights::Filters;

/// A float32 graph, and what is known of its values.
pub(super) struct Lowering<'g> {
    pub float: &'g Graph,
    pub observer: &'g Observer,
    pub bias_correction: bool,
    /// What the largest weight of a channel becomes.
    pub largest_weight: i8,
}

/// Nodes that have an int8 form and cost something in it: all but those that only move numbers.
pub(super) fn layers(graph: &Graph) -> Vec<usize> {
    let costs = |node: &Node| has_int8_form(graph, node) && !node.op.keeps_quantization() && node.op != Op::Concat;
    (0..graph.nodes.len()).filter(|index| costs(&graph.nodes[*index])).collect()
}

fn has_int8_form(graph: &Graph, node: &Node) -> bool {
    match node.op {
        Op::Linear { .. } => !is_head(graph, node),
        // It becomes `QuantizeImage`.
        Op::Normalize { .. } => true,
        op => op.result_type(DataType::I8) == Some(DataType::I8),
    }
}

/// The last linear operator before an output of the graph or before what only float32 can do.
fn is_head(graph: &Graph, node: &Node) -> bool {
    let is_output = graph.outputs.iter().any(|(_, id)| *id == node.output);
    let reads = |other: &&Node| other.inputs.contains(&node.output);
    let wants_floats = |other: &Node| {
        other.op.result_type(DataType::F32) == Some(DataType::F32) && other.op.result_type(DataType::I8).is_none()
    };
    is_output || graph.nodes.iter().filter(reads).any(wants_floats)
}

impl Lowering<'_> {
    /// The graph with those nodes as int8 that have an int8 form and that `chosen` (by index) names.
    pub fn lower(&self, chosen: &dyn Fn(usize) -> bool) -> Result<Graph, GraphError> {
        let mut builder = Lowered {
            graph: self.float,
            builder: GraphBuilder::new(&self.float.name),
            real: HashMap::new(),
            eight_bit: HashMap::new(),
        };
        for id in &self.float.inputs {
            let value = self.float.value(*id);
            let input = builder.builder.input(&value.name, &value.shape, value.data_type);
            builder.real.insert(*id, input);
        }
        for (index, node) in self.float.nodes.iter().enumerate() {
            if has_int8_form(self.float, node) && self.is_wanted(&builder, node, chosen(index)) {
                self.lower_int8(&mut builder, node)?;
            } else {
                lower_float(&mut builder, node)?;
            }
        }
        for (name, id) in &self.float.outputs {
            let value = builder.real(*id)?;
            builder.builder.output(name, value);
        }
        Ok(builder.builder.finish())
    }

    /// What only moves numbers goes with its inputs; rows that are joined have to be of one scale for that.
    fn is_wanted(&self, builder: &Lowered<'_>, node: &Node, chosen: bool) -> bool {
        if node.op == Op::ConcatRows {
            let scale = |id: &ValueId| builder.builder.quantization(*builder.eight_bit.get(id)?);
            let first = node.inputs.first().and_then(scale);
            return first.is_some() && node.inputs.iter().all(|id| scale(id) == first);
        }
        if node.op.keeps_quantization() || node.op == Op::Concat {
            return node.inputs.iter().all(|id| builder.eight_bit.contains_key(id));
        }
        chosen
    }

    fn lower_int8(&self, builder: &mut Lowered<'_>, node: &Node) -> Result<(), GraphError> {
        let to = self.observer.quantization(node.output);
        let made = match &node.op {
            Op::Normalize { mean, std } => {
                let image = builder.real(node.inputs[0])?;
                builder.builder.quantized_node(
                    &node.name,
                    Op::QuantizeImage { mean: *mean, std: *std, rows: None },
                    &[image],
                    to,
                )?
            }
            Op::Conv2d { weight, bias, .. } | Op::Linear { weight, bias, .. } => {
                self.filters(builder, node, [*weight, *bias], to)?
            }
            op => {
                let inputs = self.eight_bit_inputs(builder, node)?;
                let of = |id: &ValueId| builder.builder.quantization(*id);
                let first = of(&inputs[0]).unwrap_or(to);
                let equal = inputs.iter().all(|id| of(id) == Some(first));
                let kept = op.keeps_quantization() || (*op == Op::Concat && equal);
                let to = if kept { first } else { self.representable(builder, op, &inputs, to) };
                builder.builder.quantized_node(&node.name, *op, &inputs, to)?
            }
        };
        builder.eight_bit.insert(node.output, made);
        Ok(())
    }

    /// Sums of numbers of much larger scales need an output scale that is not too far below theirs.
    fn representable(&self, builder: &Lowered<'_>, op: &Op, inputs: &[ValueId], to: Quantization) -> Quantization {
        let scales = inputs.iter().filter_map(|id| builder.builder.quantization(*id)).map(|q| q.scale);
        let least = match op {
            Op::Add { .. } | Op::Concat => scales.fold(0.0f32, f32::max) / 65_536.0,
            _ => 0.0,
        };
        Quantization { scale: to.scale.max(least), ..to }
    }

    fn eight_bit_inputs(&self, builder: &mut Lowered<'_>, node: &Node) -> Result<Vec<ValueId>, GraphError> {
        node.inputs.iter().map(|id| builder.eight_bit(*id, self.observer.quantization(*id))).collect()
    }

    fn filters(
        &self,
        builder: &mut Lowered<'_>,
        node: &Node,
        [weight_id, bias_id]: [WeightId; 2],
        to: Quantization,
    ) -> Result<ValueId, GraphError> {
        let inputs = self.eight_bit_inputs(builder, node)?;
        let input = builder.builder.quantization(inputs[0]).unwrap_or(to);
        let (weight, bias) = (self.float.weight(weight_id), self.float.weight(bias_id));
        let depthwise = is_depthwise(&node.op, weight);
        let input_means = self.bias_correction.then(|| self.input_means(node, weight));
        let filters = Filters {
            values: weight.floats(),
            bias: bias.floats(),
            input,
            largest_number: self.largest_weight,
            input_means,
        }
        .quantize();
        let to = Quantization { scale: to.scale.max(filters.least_output_scale() as f32), ..to };
        let (cout, taps) = (weight.shape[0], weight.shape[1..].iter().product::<usize>());
        let arrange = |values: Vec<i8>| match depthwise {
            true => (0..taps)
                .flat_map(|tap| (0..cout).map(move |c| (tap, c)))
                .map(|(tap, c)| values[c * taps + tap])
                .collect(),
            false => values,
        };
        let (values, biases) = filters.into_data(to, arrange);
        let shape = if depthwise { vec![1, weight.shape[1], weight.shape[2], cout] } else { weight.shape.clone() };
        let weight = match weight.expansion {
            Some(expansion) => builder.builder.expanded_constant(&weight.name, &shape, values, expansion)?,
            None => builder.builder.constant(&weight.name, &shape, values)?,
        };
        let bias = builder.builder.constant(&bias.name, &bias.shape, biases)?;
        let op = node.op.with_weights(|id| if id == weight_id { weight } else { bias });
        builder.builder.quantized_node(&node.name, op, &inputs, to)
    }

    /// Mean of the input under each tap of each filter; of base filters the mean over all their copies, and of a layer that does
    /// the same to each channel, as a blur does, the mean over all channels: their biases have to stay the same, too.
    fn input_means(&self, node: &Node, weight: &Weight) -> Vec<f64> {
        let means = self.observer.channel_means(node.inputs[0]);
        let means = &match weight.expansion {
            Some(FilterExpansion { group, reads: Fibre::Regular }) => over_orientations(means, group.order()),
            None if is_depthwise(&node.op, weight) && has_equal_filters(weight) => {
                over_orientations(means, means.len())
            }
            _ => means.to_vec(),
        };
        let group_cin = *weight.shape.last().unwrap_or(&1);
        let groups = if let Op::Conv2d { groups, .. } = node.op { groups as usize } else { 1 };
        let (cout, taps) = (weight.shape[0], weight.shape[1..].iter().product::<usize>());
        let mean = |(channel, tap): (usize, usize)| {
            let first = channel / (cout / groups).max(1) * group_cin;
            means.get(first + tap % group_cin).copied().unwrap_or(0.0)
        };
        (0..cout).flat_map(|channel| (0..taps).map(move |tap| (channel, tap))).map(mean).collect()
    }
}

/// The mean over the orientations of each field, in the place of every orientation: each copy of a filter reads them in
/// another order.
fn over_orientations(means: &[f64], order: usize) -> Vec<f64> {
    let fields = means.len() / order;
    let field = |channel: usize| means.iter().skip(channel % fields.max(1)).step_by(fields.max(1)).sum::<f64>();
    (0..means.len()).map(|channel| field(channel) / order as f64).collect()
}

/// Whether all filters hold the same numbers.
fn has_equal_filters(weight: &Weight) -> bool {
    let taps = weight.shape[1..].iter().product::<usize>().max(1);
    let mut filters = weight.floats().chunks(taps);
    filters.next().is_some_and(|first| filters.all(|filter| filter == first))
}

fn is_depthwise(op: &Op, weight: &Weight) -> bool {
    match (op, weight.shape.as_slice()) {
        (Op::Conv2d { groups, .. }, &[cout, _, _, 1]) => *groups > 1 && *groups as usize == cout,
        _ => false,
    }
}

/// Copies a node and its constants.
fn lower_float(builder: &mut Lowered<'_>, node: &Node) -> Result<(), GraphError> {
    let inputs = node.inputs.iter().map(|id| builder.real(*id)).collect::<Result<Vec<_>, _>>()?;
    let mut copies = HashMap::new();
    for (_, id) in node.op.weights() {
        copies.insert(id, builder.builder.copied_constant(builder.graph.weight(id))?);
    }
    let made = builder.builder.node(&node.name, node.op.with_weights(|id| copies[&id]), &inputs)?;
    builder.real.insert(node.output, made);
    Ok(())
}

/// The new graph, with the float32 and the int8 form of each value of the old one, as far as they are made.
struct Lowered<'g> {
    graph: &'g Graph,
    builder: GraphBuilder,
    real: HashMap<ValueId, ValueId>,
    eight_bit: HashMap<ValueId, ValueId>,
}

impl Lowered<'_> {
    /// The value as it was: float32, or the image's bytes.
    fn real(&mut self, id: ValueId) -> Result<ValueId, GraphError> {
        if let Some(value) = self.real.get(&id) {
            return Ok(*value);
        }
        let value = self.graph.value(id);
        let Some(numbers) = self.eight_bit.get(&id) else { return Err(unmade(&value.name)) };
        let made = self.builder.node(&format!("{}/real", value.name), Op::Dequantize, &[*numbers])?;
        self.real.insert(id, made);
        Ok(made)
    }

    fn eight_bit(&mut self, id: ValueId, to: Quantization) -> Result<ValueId, GraphError> {
        if let Some(value) = self.eight_bit.get(&id) {
            return Ok(*value);
        }
        let value = self.graph.value(id);
        let Some(real) = self.real.get(&id).filter(|_| value.data_type == DataType::F32) else {
            return Err(unmade(&value.name));
        };
        let made = self.builder.quantized_node(&format!("{}/quantized", value.name), Op::Quantize, &[*real], to)?;
        self.eight_bit.insert(id, made);
        Ok(made)
    }
}

fn unmade(name: &str) -> GraphError {
    GraphError { node: name.to_string(), reason: "is read before a node makes it, or is an image".to_string() }
}
