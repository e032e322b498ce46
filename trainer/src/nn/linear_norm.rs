use candle_core::{Result, Tensor};
use sextant_runtime::graph::{self, GraphBuilder, ValueId};

use super::linear::lower_affine;
use super::{BatchNorm, EightBits, Linear, Mode, Scope};
use crate::ops::{self, Activation};

/// Linear, batch norm, ReLU: the hidden layer of projectors.
pub struct LinearNorm {
    name: String,
    linear: Linear,
    norm: BatchNorm,
    /// What follows the norm.
    result: EightBits,
}

impl LinearNorm {
    /// The linear part keeps its bias, as in the published projectors.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(width_in: usize, width_out: usize, scope: &mut Scope) -> Result<Self> {
        let name = scope.name().to_string();
        Ok(Self {
            linear: Linear::new(width_in, width_out, scope)?,
            norm: BatchNorm::new(width_out, 1.0, scope)?,
            result: EightBits::of(&name, scope)?,
            name,
        })
    }

    /// # Shapes
    /// `[n, width_in]` to `[n, width_out]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        if !self.result.is_on() {
            return self.norm.forward(&self.linear.forward(x)?, None, Activation::Relu, mode);
        }
        let (weight, bias) = self.folded()?;
        self.result.follow(&ops::linear(x, &weight, Some(&bias))?, Activation::Relu, mode)
    }

    /// Weight and bias with the norm folded in, as they are deployed: with weights that eight bits hold where the network is
    /// trained for them.
    fn folded(&self) -> Result<(Tensor, Tensor)> {
        let (weight, shift) = self.norm.fold(self.linear.weight())?;
        let (scale, _) = self.norm.folded()?;
        let bias = match self.linear.bias() {
            Some(bias) => (bias.as_tensor() * scale)?.add(&shift)?,
            None => shift,
        };
        Ok((if self.result.is_on() { ops::fake_quantize_filters(&weight)? } else { weight }, bias))
    }

    /// Appends one linear operator with the norm folded in.
    ///
    /// # Errors
    /// When the value does not fit, or a folded weight is not finite.
    pub fn lower(&self, graph: &mut GraphBuilder, x: ValueId) -> anyhow::Result<ValueId> {
        let (weight, bias) = self.folded()?;
        lower_affine(&self.name, &weight.detach(), &bias.detach(), graph, x, graph::Activation::Relu)
    }
}
