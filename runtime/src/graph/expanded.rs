use alloc::vec::Vec;

use super::{Graph, Op, Weight, WeightData, WeightId};
use crate::plane_group::FilterExpansion;

impl Graph {
    /// Whether a weight has only the base filters of a convolution.
    pub fn has_base_filters(&self) -> bool {
        self.weights.iter().any(|weight| weight.expansion.is_some())
    }

    /// The same network with all filters of every convolution, and with all biases: for readers that know no expansion. It
    /// computes the same bits.
    pub fn with_expanded_filters(&self) -> Self {
        let mut graph = self.clone();
        graph.weights.iter_mut().for_each(Weight::expand_filters);
        // How often each constant is repeated, as far as a node has said so.
        let mut times: Vec<Option<usize>> = graph.weights.iter().map(|_| None).collect();
        for index in 0..graph.nodes.len() {
            let order = |id: WeightId| self.weights.get(id.0 as usize)?.expansion.map(|by| by.group.order());
            let Op::Conv2d { weight, bias, .. } = graph.nodes[index].op else { continue };
            let repeated = graph.repeated(bias, order(weight).unwrap_or(1), &mut times, &self.weights);
            graph.nodes[index].op = graph.nodes[index].op.with_weights(|id| if id == bias { repeated } else { id });
        }
        graph
    }

    /// A bias `times` times over: in its place, unless another node has another use for it.
    fn repeated(&mut self, bias: WeightId, times: usize, known: &mut Vec<Option<usize>>, old: &[Weight]) -> WeightId {
        let (Some(stored), Some(before)) = (old.get(bias.0 as usize), known.get_mut(bias.0 as usize)) else {
            return bias;
        };
        let data = match &stored.data {
            WeightData::F32(values) => WeightData::F32(values.repeat(times)),
            WeightData::I32(values) => WeightData::I32(values.repeat(times)),
            WeightData::I8 { .. } => return bias,
        };
        let shape = alloc::vec![data.elements()];
        let name = stored.name.clone();
        let repeated = Weight { name, shape, data, expansion: None };
        match *before {
            Some(before) if before != times => {
                known.push(Some(times));
                self.weights.push(repeated);
                WeightId(self.weights.len() as u32 - 1)
            }
            _ => {
                *before = Some(times);
                if times > 1 {
                    self.weights[bias.0 as usize] = repeated;
                }
                bias
            }
        }
    }
}

impl Weight {
    /// Puts all filters where the base filters are, if they can be expanded.
    fn expand_filters(&mut self) {
        let Some(expansion) = self.expansion else { return };
        let shape = <[usize; 4]>::try_from(self.shape.as_slice()).ok().and_then(|base| expansion.expanded_shape(base));
        if let Some(shape) = shape {
            self.data = self.data.expanded(expansion, shape);
            self.shape = shape.to_vec();
            self.expansion = None;
        }
    }
}

impl WeightData {
    fn expanded(&self, expansion: FilterExpansion, shape: [usize; 4]) -> Self {
        let places = expansion.base_indices(shape);
        match self {
            Self::F32(values) => Self::F32(places.filter_map(|place| values.get(place).copied()).collect()),
            Self::I32(values) => Self::I32(values.clone()),
            Self::I8 { values, multipliers, shift } => Self::I8 {
                values: places.filter_map(|place| values.get(place).copied()).collect(),
                multipliers: multipliers.repeat(expansion.group.order()),
                shift: *shift,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::graph::{Activation, DataType, GraphBuilder, Padding};
    use crate::plane_group::{Fibre, PlaneGroup};

    const LIFTED: FilterExpansion = FilterExpansion { group: PlaneGroup::QuarterTurns, reads: Fibre::Trivial };

    fn convolution(
        builder: &mut GraphBuilder,
        weight: WeightId,
        bias: WeightId,
    ) -> Result<(), crate::graph::GraphError> {
        let x = builder.input("x", &[4, 4, 2], DataType::F32);
        let (stride, padding, activation) = ([1, 1], Padding::default(), Activation::Relu);
        let made = builder.node("conv", Op::Conv2d { weight, bias, stride, padding, groups: 1, activation }, &[x])?;
        builder.output("y", made);
        Ok(())
    }

    #[test]
    fn a_bias_is_repeated_where_each_node_wants_it() {
        let mut builder = GraphBuilder::new("encode");
        let base = builder.expanded_weight("base", &[2, 1, 1, 2], vec![1.0, 2.0, 3.0, 4.0], LIFTED).unwrap();
        let plain = builder.weight("plain", &[2, 1, 1, 2], vec![1.0; 4]).unwrap();
        let bias = builder.weight("bias", &[2], vec![0.5, -0.5]).unwrap();
        convolution(&mut builder, plain, bias).unwrap();
        convolution(&mut builder, base, bias).unwrap();
        let graph = builder.finish().with_expanded_filters();
        let of_node = |node: usize| {
            let Op::Conv2d { weight, bias, .. } = graph.nodes[node].op else { panic!() };
            (graph.weight(weight).shape.clone(), graph.weight(bias).floats().to_vec())
        };
        assert_eq!(of_node(0), (vec![2, 1, 1, 2], vec![0.5, -0.5]));
        assert_eq!(of_node(1), (vec![8, 1, 1, 2], [0.5, -0.5].repeat(4)));
        assert_eq!(graph.weight(base).floats(), [1.0, 2.0, 3.0, 4.0].repeat(4));
        assert_eq!(graph.with_expanded_filters(), graph);
    }

    #[test]
    fn the_group_that_moves_nothing_makes_a_plain_weight() {
        let mut builder = GraphBuilder::new("encode");
        let identity = FilterExpansion { group: PlaneGroup::Identity, reads: Fibre::Regular };
        builder.expanded_weight("w", &[2, 3, 1, 2], vec![0.0; 12], identity).unwrap();
        assert!(!builder.finish().has_base_filters());
    }

    #[test]
    fn filters_that_cannot_be_expanded_are_refused_in_words() {
        let regular = FilterExpansion { reads: Fibre::Regular, ..LIFTED };
        let cases: [(&[usize], WeightData, FilterExpansion, &str); 5] = [
            (&[2, 3, 1, 2], WeightData::F32(vec![0.0; 12]), LIFTED, "cannot be expanded to 4 orientations"),
            (&[2, 1, 1, 2], WeightData::F32(vec![0.0; 4]), regular, "reading Regular"),
            (&[8], WeightData::F32(vec![0.0; 8]), LIFTED, "cannot be expanded"),
            (&[2, 1, 1, 2], WeightData::I32(vec![0; 4]), LIFTED, "of I32 cannot be expanded"),
            (&[2, 1, 1, 2], WeightData::F32(vec![0.0; 5]), LIFTED, "5 values do not fill"),
        ];
        for (shape, data, expansion, expected) in cases {
            let error = GraphBuilder::new("encode").expanded_constant("w", shape, data, expansion).unwrap_err();
            assert!(error.reason.contains(expected), "{error}");
        }
        let mut builder = GraphBuilder::new("encode");
        let weight = builder.expanded_weight("w", &[2, 1, 1, 2], vec![1.0; 4], LIFTED).unwrap();
        let all = builder.weight("b", &[8], vec![0.0; 8]).unwrap();
        let error = convolution(&mut builder, weight, all).unwrap_err();
        assert!(error.reason.contains("bias"), "{error}");
        assert!(builder.expanded_weight("w", &[1, 1, 1, 1], vec![f32::NAN], LIFTED).is_err());
        let graph = builder.finish();
        let mut other = GraphBuilder::new("other");
        let copied = other.copied_constant(graph.weight(weight)).unwrap();
        assert_eq!(other.finish().weight(copied), graph.weight(weight));
    }
}
