use candle_core::{Result, Tensor};
use sextant_runtime::graph::{Activation, GraphBuilder, ValueId};

use super::{Linear, Scope};
use crate::ops;

/// Linear layers with a ReLU between each two.
pub struct Mlp {
    layers: Vec<Linear>,
    width_out: usize,
}

impl Mlp {
    /// A layer from each width to the next.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(widths: &[usize], scope: &mut Scope) -> Result<Self> {
        let names: Vec<String> = (1..widths.len()).map(|index| format!("layer{}", index - 1)).collect();
        Self::named(&names, widths, scope)
    }

    /// As [`Self::new`], with a name for each layer.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn named(names: &[impl AsRef<str>], widths: &[usize], scope: &mut Scope) -> Result<Self> {
        let sizes = widths.windows(2).zip(names);
        let layers = sizes.map(|(pair, name)| Linear::new(pair[0], pair[1], &mut scope.child(name.as_ref())));
        let width_out = widths.last().copied().unwrap_or(0);
        Ok(Self { layers: layers.collect::<Result<_>>()?, width_out })
    }

    /// Numbers that come out.
    pub fn width_out(&self) -> usize {
        self.width_out
    }

    /// # Shapes
    /// `[n, first width]` to `[n, last width]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut x = x.clone();
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(&if index > 0 { ops::relu(&x)? } else { x })?;
        }
        Ok(x)
    }

    /// Appends the layers.
    ///
    /// # Errors
    /// When the value does not fit, or a weight is not finite.
    pub fn lower(&self, graph: &mut GraphBuilder, x: ValueId) -> anyhow::Result<ValueId> {
        let last = self.layers.len().saturating_sub(1);
        self.layers.iter().enumerate().try_fold(x, |x, (index, layer)| {
            layer.lower(graph, x, if index < last { Activation::Relu } else { Activation::Identity })
        })
    }
}
