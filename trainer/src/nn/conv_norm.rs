use candle_core::{Result, Tensor, Var};
use sextant_runtime::graph::{self, GraphBuilder, Op, Padding, ValueId};

use super::{BatchNorm, EightBits, Mode, Scope};
use crate::ops::{self, Activation, Conv2dOptions};

/// Shape of a convolution with batch norm.
#[derive(Clone, Copy, Debug)]
pub struct ConvNormConfig {
    /// Channels in.
    pub channels_in: usize,
    /// Channels out.
    pub channels_out: usize,
    /// Side of the square window.
    pub kernel: usize,
    /// Zeros on each side of the map: `kernel / 2`, which keeps the map's size under an odd window of stride 1.
    pub padding: usize,
    /// Step in both directions.
    pub stride: usize,
    /// Whether it ends a residual branch: a residual is added, and the norm's scale starts at 0 instead of 1.
    pub ends_branch: bool,
}

impl ConvNormConfig {
    /// Stride 1, without a residual.
    pub fn new(channels_in: usize, channels_out: usize, kernel: usize) -> Self {
        Self { channels_in, channels_out, kernel, padding: kernel / 2, stride: 1, ends_branch: false }
    }

    /// Without padding: the window stays inside the map.
    pub fn unpadded(self) -> Self {
        Self { padding: 0, ..self }
    }

    /// With that step.
    pub fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// At the end of a residual branch.
    pub fn ending_branch(self) -> Self {
        Self { ends_branch: true, ..self }
    }

    /// Makes the layer.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn init(self, scope: &mut Scope) -> Result<ConvNorm> {
        let shape = (self.channels_out, self.kernel, self.kernel, self.channels_in);
        let fan_out = self.channels_out * self.kernel * self.kernel;
        let name = scope.name().to_string();
        let sum = match self.ends_branch {
            true => EightBits::of(&sum_name(&name), &mut scope.child("add"))?,
            false => EightBits::off(),
        };
        Ok(ConvNorm {
            config: self,
            weight: scope.he_normal("weight", shape, fan_out)?,
            norm: BatchNorm::new(self.channels_out, if self.ends_branch { 0.0 } else { 1.0 }, scope)?,
            result: EightBits::of(&name, scope)?,
            sum,
            name,
        })
    }
}

/// Convolution without bias, batch norm, then optionally a residual sum and an activation.
pub struct ConvNorm {
    config: ConvNormConfig,
    name: String,
    weight: Var,
    norm: BatchNorm,
    /// What follows the norm.
    result: EightBits,
    /// What follows the sum with a residual.
    sum: EightBits,
}

/// Name of the node that adds the residual.
fn sum_name(name: &str) -> String {
    format!("{name}.add")
}

impl ConvNorm {
    /// `activation(norm(conv(x)) + residual)`.
    ///
    /// # Shapes
    /// `[n, h, w, channels_in]` to `[n, oh, ow, channels_out]` with `oh = (h + 2 padding - kernel) / stride + 1`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, x: &Tensor, residual: Option<&Tensor>, activation: Activation, mode: Mode) -> Result<Tensor> {
        let ConvNormConfig { padding, stride, .. } = self.config;
        let options = Conv2dOptions { stride: [stride; 2], padding: [padding; 2], groups: 1 };
        if !self.result.is_on() {
            return self.norm.forward(&ops::conv2d(x, &self.weight, options)?, residual, activation, mode);
        }
        let (weight, bias) = self.folded()?;
        let y = ops::add_bias(&ops::conv2d(x, &weight, options)?, &bias)?;
        match residual {
            None => self.result.follow(&y, activation, mode),
            Some(residual) => {
                let y = self.result.follow(&y, Activation::Identity, mode)?;
                self.sum.follow_sum(&y, residual, activation, mode)
            }
        }
    }

    /// Filters and bias with the norm folded in, as they are deployed: with weights that eight bits hold where the network
    /// is trained for them.
    fn folded(&self) -> Result<(Tensor, Tensor)> {
        let (weight, bias) = self.norm.fold(&self.weight)?;
        Ok((if self.result.is_on() { ops::fake_quantize_filters(&weight)? } else { weight }, bias))
    }

    /// Appends one convolution with the norm folded in, and an addition where there is a residual.
    ///
    /// # Errors
    /// When the value does not fit, or a folded weight is not finite.
    pub fn lower(
        &self,
        graph: &mut GraphBuilder,
        x: ValueId,
        residual: Option<ValueId>,
        activation: graph::Activation,
    ) -> anyhow::Result<ValueId> {
        let (folded, shift) = self.folded()?;
        let weight = graph.weight(&format!("{}.weight", self.name), folded.dims(), folded.flatten_all()?.to_vec1()?)?;
        let bias = graph.weight(&format!("{}.bias", self.name), shift.dims(), shift.to_vec1()?)?;
        let pad = self.config.padding as u16;
        let op = Op::Conv2d {
            weight,
            bias,
            stride: [self.config.stride as u16; 2],
            padding: Padding { top: pad, left: pad, bottom: pad, right: pad },
            groups: 1,
            activation: if residual.is_some() { graph::Activation::Identity } else { activation },
        };
        let y = graph.node(&self.name, op, &[x])?;
        match residual {
            None => Ok(y),
            Some(residual) => Ok(graph.node(&sum_name(&self.name), Op::Add { activation }, &[y, residual])?),
        }
    }
}
