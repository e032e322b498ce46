use candle_core::{Result, Tensor, Var};
use sextant_runtime::graph::{self, GraphBuilder, Op, ValueId};

use super::Scope;
use crate::ops;

/// `weight x + bias`.
pub struct Linear {
    name: String,
    weight: Var,
    bias: Option<Var>,
    /// Whether the weights are deployed as eight bits hold them.
    has_eight_bit_weight: bool,
}

impl Linear {
    /// Weight and bias uniform in ±`1 / sqrt(width_in)`.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(width_in: usize, width_out: usize, scope: &mut Scope) -> Result<Self> {
        let bias = scope.uniform_fan_in("bias", width_out, width_in)?;
        Ok(Self { bias: Some(bias), ..Self::without_bias(width_in, width_out, scope)? })
    }

    /// No bias term.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn without_bias(width_in: usize, width_out: usize, scope: &mut Scope) -> Result<Self> {
        let weight = scope.uniform_fan_in("weight", (width_out, width_in), width_in)?;
        Ok(Self { name: scope.name().to_string(), weight, bias: None, has_eight_bit_weight: false })
    }

    /// With weights that eight bits hold, or not.
    pub fn with_eight_bit_weight(self, has_eight_bit_weight: bool) -> Self {
        Self { has_eight_bit_weight, ..self }
    }

    /// # Shapes
    /// `[n, width_in]` to `[n, width_out]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        ops::linear(x, &self.deployed_weight()?, self.bias.as_ref().map(Var::as_tensor))
    }

    fn deployed_weight(&self) -> Result<Tensor> {
        match self.has_eight_bit_weight {
            true => ops::fake_quantize_filters(&self.weight),
            false => Ok(self.weight.as_tensor().clone()),
        }
    }

    /// `[width_out, width_in]`, as it is trained.
    pub(super) fn weight(&self) -> &Var {
        &self.weight
    }

    /// `[width_out]`, where it has one.
    pub(super) fn bias(&self) -> Option<&Var> {
        self.bias.as_ref()
    }

    /// Numbers that come out.
    ///
    /// # Errors
    /// Never: the weight is a matrix.
    pub fn width_out(&self) -> Result<usize> {
        self.weight.dim(0)
    }

    /// Weight `[width_out, width_in]` and bias `[width_out]` as they are deployed, detached.
    ///
    /// # Errors
    /// When a device fails.
    pub fn detached(&self) -> Result<(Tensor, Tensor)> {
        let weight = self.deployed_weight()?.detach();
        let bias = match &self.bias {
            Some(bias) => bias.as_detached_tensor(),
            None => Tensor::zeros(weight.dim(0)?, weight.dtype(), weight.device())?,
        };
        Ok((weight, bias))
    }

    /// Appends the operator.
    ///
    /// # Errors
    /// When the value does not fit, or a weight is not finite.
    pub fn lower(
        &self,
        graph: &mut GraphBuilder,
        x: ValueId,
        activation: graph::Activation,
    ) -> anyhow::Result<ValueId> {
        let (weight, bias) = self.detached()?;
        lower_affine(&self.name, &weight, &bias, graph, x, activation)
    }
}

/// Appends `activation(weight x + bias)` under a layer's name.
pub(super) fn lower_affine(
    name: &str,
    weight: &Tensor,
    bias: &Tensor,
    graph: &mut GraphBuilder,
    x: ValueId,
    activation: graph::Activation,
) -> anyhow::Result<ValueId> {
    let weight = graph.weight(&format!("{name}.weight"), weight.dims(), weight.flatten_all()?.to_vec1()?)?;
    let bias = graph.weight(&format!("{name}.bias"), bias.dims(), bias.to_vec1()?)?;
    Ok(graph.node(name, Op::Linear { weight, bias, activation }, &[x])?)
}
