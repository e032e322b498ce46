use candle_core::{Result, Tensor, bail};
use sextant_runtime::graph::{GraphBuilder, Op, ValueId};

use super::turned::{lower_turned, turned};
use super::{Hypernetwork, Mlp, Scope};
use crate::ops;

/// How an embedding and the numbers of a transformation become the transformed embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PredictorKind {
    /// `W(c) z` with `W` linear in the condition `c` (SIE).
    Linear,
    /// `W(h(c)) z` with a network `h` of two hidden ReLU layers.
    Deep,
    /// A network on `[z, c]`.
    Mlp,
    /// `z` as vectors of three numbers, each times the 3x3 matrix that the condition is: nothing is learned.
    Rotation,
}

/// Sizes of a [`Predictor`].
#[derive(Clone, Copy, Debug)]
pub struct PredictorConfig {
    /// Which form.
    pub kind: PredictorKind,
    /// Numbers in an embedding.
    pub width: usize,
    /// Numbers in a condition.
    pub condition_width: usize,
    /// Width of the hidden layers: of `h` in the deep form, of the whole network in the MLP.
    pub hidden: usize,
    /// Whether a hypernetwork has a bias: a part of `W` that does not depend on the condition.
    pub bias: bool,
}

/// Predicts the embedding of a transformed view.
pub struct Predictor {
    name: String,
    condition_width: usize,
    bias: bool,
    network: Network,
}

enum Network {
    Linear(Hypernetwork),
    Deep { code: Mlp, hypernetwork: Hypernetwork },
    Mlp(Mlp),
    Rotation,
}

impl PredictorConfig {
    /// Makes the predictor.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn init(self, scope: &mut Scope) -> Result<Predictor> {
        let Self { kind, width, condition_width, hidden, bias } = self;
        let constant = usize::from(bias);
        let network = match kind {
            PredictorKind::Linear => Network::Linear(Hypernetwork::new(width, condition_width + constant, scope)?),
            PredictorKind::Deep => Network::Deep {
                code: Mlp::new(&[condition_width, hidden, hidden], &mut scope.child("code"))?,
                hypernetwork: Hypernetwork::new(width, hidden + constant, scope)?,
            },
            PredictorKind::Mlp => Network::Mlp(Mlp::new(&[width + condition_width, hidden, hidden, width], scope)?),
            PredictorKind::Rotation if width % 3 != 0 || width == 0 || condition_width != 9 => {
                bail!("a rotation turns vectors of three numbers by nine, not {width} by {condition_width}")
            }
            PredictorKind::Rotation => Network::Rotation,
        };
        Ok(Predictor { name: scope.name().into(), condition_width, bias, network })
    }
}

impl Predictor {
    /// # Shapes
    /// `z` is `[n, width]`, `condition` is `[n, condition_width]`, the prediction is `[n, width]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, z: &Tensor, condition: &Tensor) -> Result<Tensor> {
        match &self.network {
            Network::Linear(hypernetwork) => hypernetwork.forward(z, &self.with_constant(condition)?),
            Network::Deep { code, hypernetwork } => {
                hypernetwork.forward(z, &self.with_constant(&ops::relu(&code.forward(condition)?)?)?)
            }
            Network::Mlp(mlp) => mlp.forward(&Tensor::cat(&[z, condition], 1)?),
            Network::Rotation => turned(z, condition),
        }
    }

    /// Appends the operators.
    ///
    /// # Errors
    /// When a value does not fit, or a weight is not finite.
    pub fn lower(&self, graph: &mut GraphBuilder, z: ValueId, condition: ValueId) -> anyhow::Result<ValueId> {
        match &self.network {
            Network::Linear(hypernetwork) => {
                let condition = self.lower_constant(graph, condition, self.condition_width)?;
                hypernetwork.lower(graph, z, condition)
            }
            Network::Deep { code, hypernetwork } => {
                let code_value = code.lower(graph, condition)?;
                let code_value = graph.node(&format!("{}.relu", self.name), Op::Relu, &[code_value])?;
                let code_value = self.lower_constant(graph, code_value, code.width_out())?;
                hypernetwork.lower(graph, z, code_value)
            }
            Network::Mlp(mlp) => {
                let joined = graph.node(&format!("{}.joined", self.name), Op::Concat, &[z, condition])?;
                mlp.lower(graph, joined)
            }
            Network::Rotation => lower_turned(graph, &self.name, z, condition),
        }
    }

    /// With a last column of ones, whose weights are the bias.
    fn with_constant(&self, condition: &Tensor) -> Result<Tensor> {
        if !self.bias {
            return Ok(condition.clone());
        }
        let ones = Tensor::ones((condition.dim(0)?, 1), condition.dtype(), condition.device())?;
        Tensor::cat(&[condition, &ones], 1)
    }

    /// The same in a graph: a linear layer that copies `width` numbers and adds a one.
    fn lower_constant(&self, graph: &mut GraphBuilder, condition: ValueId, width: usize) -> anyhow::Result<ValueId> {
        if !self.bias {
            return Ok(condition);
        }
        let copy = (0..(width + 1) * width).map(|i| if i / width == i % width { 1.0 } else { 0.0 }).collect();
        let one = (0..=width).map(|i| if i == width { 1.0 } else { 0.0 }).collect();
        let name = format!("{}.constant", self.name);
        let weight = graph.weight(&format!("{name}.weight"), &[width + 1, width], copy)?;
        let bias = graph.weight(&format!("{name}.bias"), &[width + 1], one)?;
        let activation = sextant_runtime::graph::Activation::Identity;
        Ok(graph.node(&name, Op::Linear { weight, bias, activation }, &[condition])?)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::super::ParameterStore;
    use super::*;

    #[test]
    fn with_a_bias_a_zero_condition_still_predicts_something() {
        let mut store = ParameterStore::new(1, &Device::Cpu);
        let config =
            |bias| PredictorConfig { kind: PredictorKind::Linear, width: 3, condition_width: 2, hidden: 4, bias };
        let plain = config(false).init(&mut store.root().child("plain")).unwrap();
        let biased = config(true).init(&mut store.root().child("biased")).unwrap();
        let z = Tensor::new(&[[1f32, 2.0, 3.0]], &Device::Cpu).unwrap();
        let nothing = Tensor::zeros((1, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
        assert_eq!(plain.forward(&z, &nothing).unwrap().to_vec2::<f32>().unwrap(), [[0.0; 3]]);
        assert_ne!(biased.forward(&z, &nothing).unwrap().to_vec2::<f32>().unwrap(), [[0.0; 3]]);
    }
}
