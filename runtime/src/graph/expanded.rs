use alloc::string::ToString;
use alloc::vec::Vec;

use super::{FilterExpansion, Graph, Op, Weight, WeightData, WeightId};

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
        let name = stored.name.to_string();
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
