use sextant_runtime::graph::{Activation, Graph, Node, Op, Weight, WeightData, WeightId};
use sextant_runtime::plane_group::{Fibre, FilterExpansion};

/// How far a channel is scaled at most, either way.
const LARGEST_FACTOR: f32 = 16.0;

/// The same function with channels balanced between each layer and the only one that reads it: channel `c` of the first
/// layer is divided by `sqrt(r1 / r2)`, and the second layer's weights for it are multiplied, where `r1` and `r2` are the
/// largest weights of both. ReLU lets a positive factor pass.
pub(super) fn equalize(graph: &Graph) -> Graph {
    let mut balanced = graph.clone();
    for first in 0..graph.nodes.len() {
        if let Some(second) = only_reader(graph, first) {
            balance(&mut balanced, first, second);
        }
    }
    balanced
}

/// The layer that alone reads a layer's result, if both can be balanced.
fn only_reader(graph: &Graph, first: usize) -> Option<usize> {
    let node = &graph.nodes[first];
    let (weight, bias, activation) = constants(node)?;
    let passes = matches!(activation, Activation::Identity | Activation::Relu);
    let is_output = graph.outputs.iter().any(|(_, id)| *id == node.output);
    let readers: Vec<usize> =
        (0..graph.nodes.len()).filter(|other| graph.nodes[*other].inputs.contains(&node.output)).collect();
    let &[second] = readers.as_slice() else { return None };
    let (next_weight, next_bias, _) = constants(&graph.nodes[second])?;
    // A constant that two nodes share cannot be changed for one of them.
    let all: Vec<WeightId> =
        graph.nodes.iter().filter_map(constants).flat_map(|(weight, bias, _)| [weight, bias]).collect();
    let unshared = |id: WeightId| all.iter().filter(|other| **other == id).count() == 1;
    let own = [weight, bias, next_weight, next_bias].into_iter().all(unshared);
    let scales_fields = scales_fields(graph.weight(weight), graph.weight(next_weight));
    (passes && !is_output && own && scales_fields).then_some(second)
}

/// Whether factors of the first layer's stored filters are factors of whole fields for the second, so that its filters stay
/// copies of each other.
fn scales_fields(first: &Weight, second: &Weight) -> bool {
    match second.expansion {
        Some(FilterExpansion { group, reads: Fibre::Regular }) => first.expansion.is_some_and(|by| by.group == group),
        _ => true,
    }
}

fn constants(node: &Node) -> Option<(WeightId, WeightId, Activation)> {
    match node.op {
        Op::Conv2d { weight, bias, activation, .. } | Op::Linear { weight, bias, activation } => {
            Some((weight, bias, activation))
        }
        _ => None,
    }
}

fn balance(graph: &mut Graph, first: usize, second: usize) {
    let (Some((weight, bias, _)), Some((next, _, _))) =
        (constants(&graph.nodes[first]), constants(&graph.nodes[second]))
    else {
        return;
    };
    let channels = graph.weight(weight).shape[0];
    let groups = if let Op::Conv2d { groups, .. } = graph.nodes[second].op { groups as usize } else { 1 };
    let reader = Reader::of(&graph.weight(next).shape, groups);
    let mut written = vec![0.0f32; channels];
    let taps = graph.weight(weight).floats().len() / channels;
    for (most, filter) in written.iter_mut().zip(graph.weight(weight).floats().chunks_exact(taps)) {
        *most = filter.iter().fold(0.0, |most, value| most.max(value.abs()));
    }
    let mut read = vec![0.0f32; channels];
    // Of filters that are copies, all orientations of a field are one channel.
    let channel = |index: usize| reader.channel(index) % channels;
    for (index, value) in graph.weight(next).floats().iter().enumerate() {
        let most = &mut read[channel(index)];
        *most = most.max(value.abs());
    }
    let factor = |(written, read): (&f32, &f32)| match (written / read).sqrt() {
        factor if factor.is_finite() && factor > 0.0 => factor.clamp(1.0 / LARGEST_FACTOR, LARGEST_FACTOR),
        _ => 1.0,
    };
    let factors: Vec<f32> = written.iter().zip(&read).map(factor).collect();
    scale(graph, weight, |index| 1.0 / factors[index / taps]);
    scale(graph, bias, |index| 1.0 / factors[index]);
    scale(graph, next, |index| factors[channel(index)]);
}

fn scale(graph: &mut Graph, id: WeightId, factor: impl Fn(usize) -> f32) {
    if let WeightData::F32(values) = &mut graph.weights[id.0 as usize].data {
        values.iter_mut().enumerate().for_each(|(index, value)| *value *= factor(index));
    }
}

/// Which input channel a weight `[cout, .., cin / groups]` is for.
struct Reader {
    filter: usize,
    group_cin: usize,
    group_cout: usize,
}

impl Reader {
    fn of(shape: &[usize], groups: usize) -> Self {
        let group_cin = *shape.last().unwrap_or(&1);
        Self { filter: shape[1..].iter().product(), group_cin, group_cout: (shape[0] / groups).max(1) }
    }

    fn channel(&self, index: usize) -> usize {
        index / self.filter / self.group_cout * self.group_cin + index % self.group_cin
    }
}
