use candle_core::{Result, Tensor};
use sextant_runtime::contract::output::ROTATION_WXYZ;
use sextant_runtime::graph::{self, GraphBuilder, Op, ValueId};

use super::{EightBits, Linear, Mode, Scope};
use crate::ops::Activation;

/// Whole features to nine numbers, whose nearest rotation is the pose (Levinson et al. 2020).
pub struct RotationHead {
    hidden: Linear,
    /// What follows the hidden layer.
    result: EightBits,
    last: Linear,
}

impl RotationHead {
    /// `feature_width -> hidden -> 9` with a ReLU between.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(feature_width: usize, hidden: usize, scope: &mut Scope) -> Result<Self> {
        let mut hidden_scope = scope.child("hidden");
        let name = hidden_scope.name().to_string();
        let for_eight_bits = hidden_scope.is_for_eight_bits();
        Ok(Self {
            hidden: Linear::new(feature_width, hidden, &mut hidden_scope)?.with_eight_bit_weight(for_eight_bits),
            result: EightBits::of(&name, &mut hidden_scope)?,
            last: Linear::new(hidden, 9, &mut scope.child("last"))?,
        })
    }

    /// The matrix before projection onto SO(3), rows first.
    ///
    /// # Shapes
    /// `[n, feature_width]` to `[n, 9]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, features: &Tensor, mode: Mode) -> Result<Tensor> {
        self.last.forward(&self.result.follow(&self.hidden.forward(features)?, Activation::Relu, mode)?)
    }

    /// Appends both layers and the projection: `wxyz`.
    ///
    /// # Errors
    /// When the value does not fit, or a weight is not finite.
    pub fn lower(&self, graph: &mut GraphBuilder, features: ValueId) -> anyhow::Result<ValueId> {
        let hidden = self.hidden.lower(graph, features, graph::Activation::Relu)?;
        let matrix = self.last.lower(graph, hidden, graph::Activation::Identity)?;
        Ok(graph.node(ROTATION_WXYZ, Op::NearestRotation, &[matrix])?)
    }
}

/// The invariant half to one logit a class.
pub struct ClassHead {
    linear: Linear,
}

impl ClassHead {
    /// One linear layer.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(invariant_width: usize, classes: usize, scope: &mut Scope) -> Result<Self> {
        Ok(Self { linear: Linear::new(invariant_width, classes, scope)? })
    }

    /// # Shapes
    /// `[n, invariant_width]` to `[n, classes]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, invariant: &Tensor) -> Result<Tensor> {
        self.linear.forward(invariant)
    }

    /// Appends the layer.
    ///
    /// # Errors
    /// When the value does not fit, or a weight is not finite.
    pub fn lower(&self, graph: &mut GraphBuilder, invariant: ValueId) -> anyhow::Result<ValueId> {
        self.linear.lower(graph, invariant, graph::Activation::Identity)
    }
}
