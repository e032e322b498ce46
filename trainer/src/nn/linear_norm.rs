use candle_core::{Result, Tensor};
use sextant_runtime::graph::{self, GraphBuilder, ValueId};

use super::linear::lower_affine;
use super::{BatchNorm, Linear, Mode, Scope};
use crate::ops::Activation;

/// Linear, batch norm, ReLU: the hidden layer of projectors.
pub struct LinearNorm {
    name: String,
    linear: Linear,
    norm: BatchNorm,
}

impl LinearNorm {
    /// The linear part keeps its bias, as in the published projectors.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(width_in: usize, width_out: usize, scope: &mut Scope) -> Result<Self> {
        Ok(Self {
            name: scope.name().to_string(),
            linear: Linear::new(width_in, width_out, scope)?,
            norm: BatchNorm::new(width_out, 1.0, scope)?,
        })
    }

    /// # Shapes
    /// `[n, width_in]` to `[n, width_out]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        self.norm.forward(&self.linear.forward(x)?, None, Activation::Relu, mode)
    }

    /// Appends one linear operator with the norm folded in.
    ///
    /// # Errors
    /// When the value does not fit, or a folded weight is not finite.
    pub fn lower(&self, graph: &mut GraphBuilder, x: ValueId) -> anyhow::Result<ValueId> {
        let (weight, bias) = self.linear.detached()?;
        let (scale, shift) = self.norm.folded()?;
        let weight = weight.broadcast_mul(&scale.reshape(((), 1))?)?;
        let bias = ((bias * scale)? + shift)?;
        lower_affine(&self.name, &weight, &bias, graph, x, graph::Activation::Relu)
    }
}
