use alloc::string::String;
use alloc::vec::Vec;

use super::{DataType, GraphOperands, Op, Quantization, Shape, ValueId, WeightId};
use crate::plane_group::FilterExpansion;
use crate::tensor::filter_row_bytes;

/// One operator application.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Unique in its graph, from the layer that lowered to it.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// Values it reads.
    pub inputs: Vec<ValueId>,
    /// The value it makes.
    pub output: ValueId,
}

/// What is known of a value before anything runs.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueInfo {
    /// Unique in its graph.
    pub name: String,
    /// Without the batch axis: `[h, w, c]` or `[c]`.
    pub shape: Vec<usize>,
    /// Element type.
    pub data_type: DataType,
    /// What the numbers stand for; of int8 values only.
    pub quantization: Option<Quantization>,
}

/// A constant of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// Unique in its graph.
    pub name: String,
    /// Layout as the operator says; where there is an expansion, of the base filters.
    pub shape: Vec<usize>,
    /// Row-major values; where there is an expansion, of the base filters.
    pub data: WeightData,
    /// Of filters that are copies of base filters: how an [`Op::Conv2d`] gets all of them. It takes one bias and, of
    /// int8, one multiplier for each base filter.
    pub expansion: Option<FilterExpansion>,
}

impl Weight {
    /// The values of a float32 weight; none of others.
    pub fn floats(&self) -> &[f32] {
        match &self.data {
            WeightData::F32(values) => values,
            _ => &[],
        }
    }

    /// Bytes of its numbers in a model file, with multipliers.
    pub fn stored_bytes(&self) -> u64 {
        let bytes = match &self.data {
            WeightData::F32(values) => size_of_val(values.as_slice()),
            WeightData::I32(values) => size_of_val(values.as_slice()),
            WeightData::I8 { values, multipliers, .. } => {
                let taps = self.shape.iter().skip(1).product::<usize>().max(1);
                values.len() / taps * filter_row_bytes(taps) + size_of_val(multipliers.as_slice())
            }
        };
        bytes as u64
    }
}

/// Values of a constant.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WeightData {
    /// Real numbers.
    F32(Vec<f32>),
    /// Symmetric eight-bit numbers, with what an operator needs to bring its sums to its output's scale.
    I8 {
        /// Row-major, without padding.
        values: Vec<i8>,
        /// One per output channel: the quotient of scales times `2^(32 + shift)`, in `[0, 2^31)`.
        multipliers: Vec<i32>,
        /// Common to all channels, in `[0, 30]`.
        shift: u32,
    },
    /// Biases: in units of input scale times weight scale, less `zero_point * sum of the weights`.
    I32(Vec<i32>),
}

impl WeightData {
    /// Element type.
    pub fn data_type(&self) -> DataType {
        match self {
            Self::F32(_) => DataType::F32,
            Self::I8 { .. } => DataType::I8,
            Self::I32(_) => DataType::I32,
        }
    }

    /// Number of elements.
    pub fn elements(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::I8 { values, .. } => values.len(),
            Self::I32(values) => values.len(),
        }
    }

    /// Output channels that it has multipliers for; 0 when it is not of eight bits.
    pub(crate) fn requantized_channels(&self) -> usize {
        match self {
            Self::I8 { multipliers, .. } => multipliers.len(),
            _ => 0,
        }
    }
}

/// A network: nodes in an order in which they can run.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// `encode` or `predict_latent`.
    pub name: String,
    /// Values that the caller gives.
    pub inputs: Vec<ValueId>,
    /// Named values that the caller gets.
    pub outputs: Vec<(String, ValueId)>,
    /// Indexed by [`ValueId`].
    pub values: Vec<ValueInfo>,
    /// In topological order.
    pub nodes: Vec<Node>,
    /// Indexed by [`WeightId`].
    pub weights: Vec<Weight>,
}

impl Graph {
    /// What is known of a value.
    ///
    /// # Panics
    /// When the value is of another graph.
    pub fn value(&self, id: ValueId) -> &ValueInfo {
        &self.values[id.0 as usize]
    }

    /// A weight's shape and data.
    ///
    /// # Panics
    /// When the weight is of another graph.
    pub fn weight(&self, id: WeightId) -> &Weight {
        &self.weights[id.0 as usize]
    }

    /// Multiplications of weights with inputs that a node does; 0 for operators without weights.
    ///
    /// # Panics
    /// When the node is of another graph.
    pub fn macs(&self, node: &Node) -> u64 {
        let made = Shape::new(&self.value(node.output).shape);
        made.map_or(0, |made| node.op.products(&GraphOperands::of(self, node), made))
    }
}
