//! An int8 graph as its definition in real numbers: an oracle for the integer kernels.

use std::collections::HashMap;

use sextant_runtime::graph::{Graph, GraphBuilder, Node, Op, ValueId, WeightData, WeightId};

use crate::onnx::ChannelScales;

/// The graph in which every int8 operator is its float32 form between `Dequantize` and `Quantize`, as in QDQ.
///
/// # Errors
/// When a node has no such form; the reason, for people.
pub(super) fn float_form(graph: &Graph) -> Result<Graph, String> {
    let graph = &graph.with_expanded_filters();
    let mut form = FloatForm { graph, builder: GraphBuilder::new(&graph.name), real: HashMap::new() };
    for id in &graph.inputs {
        let value = graph.value(*id);
        form.real.insert(*id, form.builder.input(&value.name, &value.shape, value.data_type));
    }
    for node in &graph.nodes {
        let made = form.node(node)?;
        form.real.insert(node.output, made);
    }
    for (name, id) in &graph.outputs {
        let value = form.real_of(*id)?;
        form.builder.output(name, value);
    }
    Ok(form.builder.finish())
}

struct FloatForm<'g> {
    graph: &'g Graph,
    builder: GraphBuilder,
    /// What stands for each value of the graph, as real numbers.
    real: HashMap<ValueId, ValueId>,
}

impl FloatForm<'_> {
    fn real_of(&self, id: ValueId) -> Result<ValueId, String> {
        self.real.get(&id).copied().ok_or_else(|| format!("no node makes value {}", id.0))
    }

    fn node(&mut self, node: &Node) -> Result<ValueId, String> {
        let inputs: Vec<ValueId> = node.inputs.iter().map(|id| self.real_of(*id)).collect::<Result<_, _>>()?;
        let real = match node.op {
            Op::Quantize => inputs[0],
            Op::Dequantize => return Ok(inputs[0]),
            Op::QuantizeImage { mean, std, rows } => self.image(node, mean, std, rows, inputs[0])?,
            op => {
                let op = self.with_real_constants(node, op)?;
                self.push(&format!("{}/real", node.name), op, &inputs)?
            }
        };
        let Some(to) = self.graph.value(node.output).quantization else { return Ok(real) };
        let rounded = self.builder.quantized_node(&node.name, Op::Quantize, &[real], to);
        let rounded = rounded.map_err(|error| error.to_string())?;
        self.push(&format!("{}/dequantized", node.name), Op::Dequantize, &[rounded])
    }

    fn push(&mut self, name: &str, op: Op, inputs: &[ValueId]) -> Result<ValueId, String> {
        self.builder.node(name, op, inputs).map_err(|error| error.to_string())
    }

    fn image(
        &mut self,
        node: &Node,
        mean: [f32; 3],
        std: [f32; 3],
        rows: Option<[u16; 2]>,
        image: ValueId,
    ) -> Result<ValueId, String> {
        let normalized = self.push(&format!("{}/normalized", node.name), Op::Normalize { mean, std }, &[image])?;
        match rows.map(|rows| rows.map(u32::from)) {
            Some([start, end]) => {
                self.push(&format!("{}/rows", node.name), Op::SliceRows { start, end }, &[normalized])
            }
            None => Ok(normalized),
        }
    }

    /// The operator with what its constants stand for.
    fn with_real_constants(&mut self, node: &Node, op: Op) -> Result<Op, String> {
        let weights = op.weights();
        let &[(_, weight), (_, bias)] = weights.as_slice() else {
            let mut copied = HashMap::new();
            for (_, id) in weights {
                copied.insert(id, self.copied(id)?);
            }
            return Ok(op.with_weights(|id| copied[&id]));
        };
        let [real_weight, real_bias] = match &self.graph.weight(weight).data {
            WeightData::I8 { values, .. } => self.dequantized(node, [weight, bias], values)?,
            _ => [self.copied(weight)?, self.copied(bias)?],
        };
        Ok(op.with_weights(|id| if id == weight { real_weight } else { real_bias }))
    }

    fn copied(&mut self, id: WeightId) -> Result<WeightId, String> {
        let weight = self.graph.weight(id);
        let copied = self.builder.constant(&weight.name, &weight.shape, weight.data.clone());
        copied.map_err(|error| error.to_string())
    }

    /// Weight and bias times their scales; filters of one per channel become filters of one input each.
    fn dequantized(
        &mut self,
        node: &Node,
        [weight, bias]: [WeightId; 2],
        values: &[i8],
    ) -> Result<[WeightId; 2], String> {
        let (stored, biases) = (self.graph.weight(weight), self.graph.weight(bias));
        let channels = biases.shape.iter().product::<usize>();
        let (shape, numbers) = match *stored.shape.as_slice() {
            [1, height, width, depth] if depth == channels && channels > 1 => {
                let taps = height * width;
                let numbers = (0..channels * taps).map(|i| values[i % taps * channels + i / taps]).collect();
                (vec![channels, height, width, 1], numbers)
            }
            _ => (stored.shape.clone(), values.to_vec()),
        };
        let scales = ChannelScales::of(self.graph, node, [weight, bias], &numbers)?;
        let taps = numbers.len() / channels;
        let filters = numbers.iter().enumerate().map(|(i, number)| scales.weight[i / taps] * f32::from(*number));
        let filters = self.builder.weight(&stored.name, &shape, filters.collect());
        let sums = scales.bias.iter().zip(&scales.sums).map(|(bias, scale)| *bias as f32 * scale).collect();
        let sums = self.builder.weight(&biases.name, &[channels], sums);
        Ok([filters.map_err(|error| error.to_string())?, sums.map_err(|error| error.to_string())?])
    }
}
