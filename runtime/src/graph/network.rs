use alloc::string::String;
use alloc::vec::Vec;

use super::{DataType, Op, ValueId, WeightId};

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
}

/// A constant of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// Unique in its graph.
    pub name: String,
    /// Layout as the operator says.
    pub shape: Vec<usize>,
    /// Row-major values.
    pub data: Vec<f32>,
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
}
