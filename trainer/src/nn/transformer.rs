use candle_core::{Result, Tensor};

use super::{LayerNorm, Mlp, Scope, SelfAttention};

/// Sizes of a [`Transformer`].
#[derive(Clone, Copy, Debug)]
pub struct TransformerConfig {
    /// Numbers in a token.
    pub width: usize,
    /// Blocks of attention and network.
    pub layers: usize,
    /// Attention heads, a divisor of `width`.
    pub heads: usize,
    /// Width of the hidden layer between two attentions.
    pub hidden: usize,
}

/// A transformer encoder with normalisation before each part (Xiong et al. 2020, figure 1b).
pub struct Transformer {
    blocks: Vec<Block>,
    norm: LayerNorm,
}

struct Block {
    attention_norm: LayerNorm,
    attention: SelfAttention,
    network_norm: LayerNorm,
    network: Mlp,
}

impl TransformerConfig {
    /// Makes the network.
    ///
    /// # Errors
    /// When `heads` does not divide `width`, or the device has no memory for it.
    pub fn init(self, scope: &mut Scope) -> Result<Transformer> {
        let block = |index: usize| Block::new(self, &mut scope.child(&format!("block{index}")));
        let blocks = (0..self.layers).map(block).collect::<Result<_>>()?;
        Ok(Transformer { blocks, norm: LayerNorm::new(self.width, &mut scope.child("norm"))? })
    }
}

impl Transformer {
    /// # Shapes
    /// `[n, sequence, width]` to the same.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, tokens: &Tensor) -> Result<Tensor> {
        let tokens = self.blocks.iter().try_fold(tokens.clone(), |tokens, block| block.forward(&tokens))?;
        self.norm.forward(&tokens)
    }
}

impl Block {
    fn new(config: TransformerConfig, scope: &mut Scope) -> Result<Self> {
        let TransformerConfig { width, heads, hidden, .. } = config;
        Ok(Self {
            attention_norm: LayerNorm::new(width, &mut scope.child("attention_norm"))?,
            attention: SelfAttention::new(width, heads, &mut scope.child("attention"))?,
            network_norm: LayerNorm::new(width, &mut scope.child("network_norm"))?,
            network: Mlp::new(&[width, hidden, width], &mut scope.child("network"))?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (n, sequence, width) = x.dims3()?;
        let x = (x + self.attention.forward(&self.attention_norm.forward(x)?)?)?;
        let rows = self.network_norm.forward(&x)?.reshape((n * sequence, width))?;
        &x + self.network.forward(&rows)?.reshape((n, sequence, width))?
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::super::ParameterStore;
    use super::*;
    use crate::method::reference::{Case, check, matrix};

    #[test]
    fn a_norm_agrees_with_loops() {
        let mut store = ParameterStore::new(2, &Device::Cpu);
        let norm = LayerNorm::new(5, &mut store.root()).unwrap();
        let loops = |x: &[Vec<f64>]| {
            let mut total = 0.0;
            for row in x[0].chunks(5) {
                let mean = row.iter().sum::<f64>() / 5.0;
                let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 5.0;
                for (i, x) in row.iter().enumerate() {
                    total += (i + 1) as f64 * (x - mean) / (variance + 1e-5).sqrt();
                }
            }
            total
        };
        let weights = Tensor::new(&[1f32, 2.0, 3.0, 4.0, 5.0], &Device::Cpu).unwrap();
        let tensors = |x: &[Tensor]| norm.forward(&x[0])?.broadcast_mul(&weights)?.sum_all();
        check(&Case { tensors: &tensors, loops: &loops, inputs: &[matrix(3, 5, 4)] });
    }

    #[test]
    fn tokens_without_an_order_are_treated_alike() {
        let mut store = ParameterStore::new(2, &Device::Cpu);
        let config = TransformerConfig { width: 8, layers: 2, heads: 2, hidden: 16 };
        let network = config.init(&mut store.root()).unwrap();
        let values: Vec<f32> = (0..24).map(|i| (i as f32 * 0.7).sin()).collect();
        let tokens = Tensor::from_vec(values, (1, 3, 8), &Device::Cpu).unwrap();
        let swapped = tokens.index_select(&Tensor::new(&[2u32, 1, 0], &Device::Cpu).unwrap(), 1).unwrap();
        let rows = |x: &Tensor| network.forward(x).unwrap().get(0).unwrap().to_vec2::<f32>().unwrap();
        let (a, b) = (rows(&tokens), rows(&swapped));
        for (a, b) in a.iter().zip(b.iter().rev()) {
            assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5));
        }
    }
}
