use candle_core::{Result, Tensor};
use sextant_runtime::graph::{self, GraphBuilder, ValueId};

use super::{ConvNorm, ConvNormConfig, Mode, Scope};
use crate::ops::Activation;

/// Two 3x3 convolutions around a shortcut (He et al. 2016, figure 2).
pub struct BasicBlock {
    first: ConvNorm,
    second: ConvNorm,
    shortcut: Option<ConvNorm>,
}

impl BasicBlock {
    /// The second norm starts at zero, so that the block starts as its shortcut.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(channels_in: usize, channels_out: usize, stride: usize, scope: &mut Scope) -> Result<Self> {
        let changes_shape = stride != 1 || channels_in != channels_out;
        let shortcut = ConvNormConfig::new(channels_in, channels_out, 1).stride(stride);
        Ok(Self {
            first: ConvNormConfig::new(channels_in, channels_out, 3).stride(stride).init(&mut scope.child("first"))?,
            second: ConvNormConfig::new(channels_out, channels_out, 3)
                .ending_branch()
                .init(&mut scope.child("second"))?,
            shortcut: changes_shape.then(|| shortcut.init(&mut scope.child("shortcut"))).transpose()?,
        })
    }

    /// # Shapes
    /// `[n, h, w, channels_in]` to `[n, ceil(h / stride), ceil(w / stride), channels_out]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let shortcut = match &self.shortcut {
            None => x.clone(),
            Some(conv) => conv.forward(x, None, Activation::Identity, mode)?,
        };
        let hidden = self.first.forward(x, None, Activation::Relu, mode)?;
        self.second.forward(&hidden, Some(&shortcut), Activation::Relu, mode)
    }

    /// Appends the block's operators.
    ///
    /// # Errors
    /// When the value does not fit, or a folded weight is not finite.
    pub fn lower(&self, graph: &mut GraphBuilder, x: ValueId) -> anyhow::Result<ValueId> {
        let shortcut = match &self.shortcut {
            None => x,
            Some(conv) => conv.lower(graph, x, None, graph::Activation::Identity)?,
        };
        let hidden = self.first.lower(graph, x, None, graph::Activation::Relu)?;
        self.second.lower(graph, hidden, Some(shortcut), graph::Activation::Relu)
    }
}
