use candle_core::{Result, Tensor, Var};
use sextant_runtime::graph::{GraphBuilder, Op, ValueId};

use super::Scope;
use crate::ops;

/// SIE's linear predictor (Garrido et al. 2023, section 4): `W(q) z` with `W(q) = sum_i q_i W_i`.
///
/// Without a bias the prediction is linear in the condition and cannot collapse to the identity.
pub struct Hypernetwork {
    name: String,
    weight: Var,
}

impl Hypernetwork {
    /// For embeddings of `width` and conditions of `condition_width` numbers.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(width: usize, condition_width: usize, scope: &mut Scope) -> Result<Self> {
        let weight = scope.uniform_fan_in("weight", (condition_width, width, width), condition_width)?;
        Ok(Self { name: scope.name().to_string(), weight })
    }

    /// # Shapes
    /// `z` is `[n, width]`, `condition` is `[n, condition_width]`, the prediction is `[n, width]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, z: &Tensor, condition: &Tensor) -> Result<Tensor> {
        ops::apply_hypernetwork(z, condition, &self.weight)
    }

    /// Appends the operator.
    ///
    /// # Errors
    /// When a value does not fit, or a weight is not finite.
    pub fn lower(&self, graph: &mut GraphBuilder, z: ValueId, condition: ValueId) -> anyhow::Result<ValueId> {
        let weight = self.weight.as_detached_tensor();
        let data = weight.flatten_all()?.to_vec1()?;
        let weight = graph.weight(&format!("{}.weight", self.name), weight.dims(), data)?;
        Ok(graph.node(&self.name, Op::ApplyPredictor { weight }, &[z, condition])?)
    }
}
