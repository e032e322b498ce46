use candle_core::{D, Result, Tensor, bail};

use super::{Linear, Scope};

/// Self-attention with several heads over a short sequence (Vaswani et al. 2017, section 3.2.2).
pub struct SelfAttention {
    heads: usize,
    queries_keys_values: Linear,
    output: Linear,
}

impl SelfAttention {
    /// For vectors of `width` numbers, split among `heads`.
    ///
    /// # Errors
    /// When `heads` does not divide `width`, or the device has no memory for it.
    pub fn new(width: usize, heads: usize, scope: &mut Scope) -> Result<Self> {
        if heads == 0 || !width.is_multiple_of(heads) {
            bail!("{heads} attention heads do not divide {width} numbers evenly");
        }
        Ok(Self {
            heads,
            queries_keys_values: Linear::new(width, 3 * width, &mut scope.child("queries_keys_values"))?,
            output: Linear::new(width, width, &mut scope.child("output"))?,
        })
    }

    /// Each head's `softmax(Q K^T / sqrt(d)) V`, joined and mixed linearly.
    ///
    /// # Shapes
    /// `[n, sequence, width]` to the same.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (n, sequence, width) = x.dims3()?;
        let head_width = width / self.heads;
        let joined = self.queries_keys_values.forward(&x.reshape((n * sequence, width))?)?;
        let joined = joined.reshape((n, sequence, 3, self.heads, head_width))?.permute((2, 0, 3, 1, 4))?;
        // Each [n, heads, sequence, head width].
        let part = |index: usize| joined.get(index)?.contiguous();
        let [queries, keys, values] = [part(0)?, part(1)?, part(2)?];
        let scores = (queries.matmul(&keys.t()?.contiguous()?)? * (head_width as f64).powf(-0.5))?;
        let mixed = softmax(&scores)?.matmul(&values)?.transpose(1, 2)?.contiguous()?;
        self.output.forward(&mixed.reshape((n * sequence, width))?)?.reshape((n, sequence, width))
    }
}

/// `exp(x_i) / sum_j exp(x_j)` along the last axis.
///
/// # Errors
/// When `x` is a scalar.
pub(super) fn softmax(x: &Tensor) -> Result<Tensor> {
    let exponentials = x.broadcast_sub(&x.max_keepdim(D::Minus1)?.detach())?.exp()?;
    exponentials.broadcast_div(&exponentials.sum_keepdim(D::Minus1)?)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::super::ParameterStore;
    use super::*;
    use crate::method::reference::{Case, check, matrix};

    const SEQUENCE: usize = 3;
    const WIDTH: usize = 4;
    const HEADS: usize = 2;

    fn affine(x: &[f64], linear: &Linear) -> Vec<f64> {
        let (weight, bias) = linear.detached().unwrap();
        let (weight, bias) = (weight.to_vec2::<f32>().unwrap(), bias.to_vec1::<f32>().unwrap());
        let dot = |row: &Vec<f32>| row.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum::<f64>();
        weight.iter().zip(bias).map(|(row, b)| dot(row) + f64::from(b)).collect()
    }

    /// The sum of the squared outputs for one sequence, by loops over heads and positions.
    fn by_loops(x: &[f64], layer: &SelfAttention) -> f64 {
        let tokens: Vec<_> = x.chunks(WIDTH).map(|token| affine(token, &layer.queries_keys_values)).collect();
        let head_width = WIDTH / HEADS;
        let mut total = 0.0;
        for query in &tokens {
            let mut mixed = vec![0.0; WIDTH];
            for head in 0..HEADS {
                let at = |part: usize, i: usize| part * WIDTH + head * head_width + i;
                let score = |key: &Vec<f64>| {
                    (0..head_width).map(|i| query[at(0, i)] * key[at(1, i)]).sum::<f64>() / (head_width as f64).sqrt()
                };
                let weights: Vec<f64> = tokens.iter().map(|key| score(key).exp()).collect();
                let sum: f64 = weights.iter().sum();
                for (weight, value) in weights.iter().zip(&tokens) {
                    for i in 0..head_width {
                        mixed[head * head_width + i] += weight / sum * value[at(2, i)];
                    }
                }
            }
            total += affine(&mixed, &layer.output).iter().map(|y| y * y).sum::<f64>();
        }
        total
    }

    #[test]
    fn values_and_gradients_agree_with_loops() {
        let mut store = ParameterStore::new(2, &Device::Cpu);
        let layer = SelfAttention::new(WIDTH, HEADS, &mut store.root()).unwrap();
        let forward = |x: &[Tensor]| layer.forward(&x[0].reshape((2, SEQUENCE, WIDTH))?)?.sqr()?.sum_all();
        let reference = |x: &[Vec<f64>]| x[0].chunks(SEQUENCE * WIDTH).map(|x| by_loops(x, &layer)).sum::<f64>();
        check(&Case { tensors: &forward, loops: &reference, inputs: &[matrix(2, SEQUENCE * WIDTH, 1)] });
    }

    #[test]
    fn heads_that_do_not_divide_the_width_are_refused() {
        let mut store = ParameterStore::new(2, &Device::Cpu);
        assert!(SelfAttention::new(4, 3, &mut store.root()).is_err());
    }
}
