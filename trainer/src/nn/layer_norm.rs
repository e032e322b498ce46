use candle_core::{D, Result, Tensor, Var};

use super::Scope;

/// Normalisation of each vector to mean 0 and variance 1, then scale and shift (Ba et al. 2016).
pub struct LayerNorm {
    scale: Var,
    shift: Var,
}

/// Added to the variance, as PyTorch's default.
const EPS: f64 = 1e-5;

impl LayerNorm {
    /// Scale starts at 1, shift at 0.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(width: usize, scope: &mut Scope) -> Result<Self> {
        Ok(Self { scale: scope.constant("scale", width, 1.0)?, shift: scope.constant("shift", width, 0.0)? })
    }

    /// # Shapes
    /// `[.., width]` to the same.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let std = (centred.sqr()?.mean_keepdim(D::Minus1)? + EPS)?.sqrt()?;
        centred.broadcast_div(&std)?.broadcast_mul(&self.scale)?.broadcast_add(&self.shift)
    }
}
