use candle_core::{Result, Tensor};
use sextant_runtime::graph::{Activation, GraphBuilder, ValueId};

use super::{EightBits, Linear, LinearNorm, Mode, Scope};
use crate::ops;

/// Linear + norm + ReLU twice, then a linear layer without bias (VICReg, Bardes et al. 2022, section 4.1).
pub struct Projector {
    first: LinearNorm,
    second: LinearNorm,
    last: Linear,
    /// What follows the last layer.
    result: EightBits,
}

impl Projector {
    /// `width_in -> hidden -> hidden -> width_out`.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(width_in: usize, hidden: usize, width_out: usize, scope: &mut Scope) -> Result<Self> {
        let for_eight_bits = scope.is_for_eight_bits();
        Ok(Self {
            first: LinearNorm::new(width_in, hidden, &mut scope.child("first"))?,
            second: LinearNorm::new(hidden, hidden, &mut scope.child("second"))?,
            last: Linear::without_bias(hidden, width_out, &mut scope.child("last"))?
                .with_eight_bit_weight(for_eight_bits),
            result: {
                let mut last = scope.child("last");
                let name = last.name().to_string();
                EightBits::of(&name, &mut last)?
            },
        })
    }

    /// # Shapes
    /// `[n, width_in]` to `[n, width_out]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let y = self.last.forward(&self.second.forward(&self.first.forward(x, mode)?, mode)?)?;
        self.result.follow(&y, ops::Activation::Identity, mode)
    }

    /// Appends three linear operators.
    ///
    /// # Errors
    /// When the value does not fit, or a folded weight is not finite.
    pub fn lower(&self, graph: &mut GraphBuilder, x: ValueId) -> anyhow::Result<ValueId> {
        let hidden = self.first.lower(graph, x)?;
        let hidden = self.second.lower(graph, hidden)?;
        self.last.lower(graph, hidden, Activation::Identity)
    }
}
