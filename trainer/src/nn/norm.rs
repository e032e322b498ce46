use std::sync::Arc;

use candle_core::{Result, Tensor, Var};

use super::{Mode, Scope};
use crate::collective::Collective;
use crate::ops::{self, Activation, BatchNormOptions, FixedMoments};

/// Batch normalisation over all axes but the last (Ioffe & Szegedy 2015), with the moments of all ranks together.
pub struct BatchNorm {
    scale: Var,
    shift: Var,
    running_mean: Var,
    running_variance: Var,
    collective: Arc<dyn Collective>,
}

/// Added to the variance, as PyTorch's default.
const EPS: f64 = 1e-5;
/// Weight of the newest batch in the running statistics.
const MOMENTUM: f64 = 0.1;

impl BatchNorm {
    /// Scale starts at `initial_scale` (zero for the last norm of a residual branch), shift at zero.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(channels: usize, initial_scale: f32, scope: &mut Scope) -> Result<Self> {
        Ok(Self {
            scale: scope.constant("scale", channels, initial_scale)?,
            shift: scope.constant("shift", channels, 0.0)?,
            running_mean: scope.buffer("running_mean", channels, 0.0)?,
            running_variance: scope.buffer("running_variance", channels, 1.0)?,
            collective: scope.collective().clone(),
        })
    }

    /// `activation(norm(x) + residual)`.
    ///
    /// # Shapes
    /// `x` and `residual` are `[.., channels]`, and so is the result.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, x: &Tensor, residual: Option<&Tensor>, activation: Activation, mode: Mode) -> Result<Tensor> {
        match mode {
            Mode::Train => {
                let options = BatchNormOptions { eps: EPS, activation };
                let (scale, shift, ranks) = (&self.scale, &self.shift, &self.collective);
                let (y, statistics) = ops::batch_norm_over_ranks(x, scale, shift, residual, options, ranks)?;
                self.follow(&statistics)?;
                Ok(y)
            }
            Mode::Evaluate => {
                let (scale, shift) = self.folded()?;
                ops::channel_affine(x, &scale, &shift, residual, activation)
            }
        }
    }

    /// Scale and shift that the running statistics come to: `norm(x) = scale x + shift`, each `[channels]`.
    ///
    /// # Errors
    /// When a device fails.
    pub fn folded(&self) -> Result<(Tensor, Tensor)> {
        let std = self.running_deviation()?;
        let scale = (self.scale.as_detached_tensor() / std)?;
        let shift = (self.shift.as_detached_tensor() - (&self.running_mean.as_detached_tensor() * &scale)?)?;
        Ok((scale, shift))
    }

    /// Filters and bias of a convolution with filters `weight [channels, ..]` and this norm after it, under the running
    /// statistics, with gradients by weight, scale and shift.
    ///
    /// # Errors
    /// When shapes do not fit each other.
    pub fn fold(&self, weight: &Tensor) -> Result<(Tensor, Tensor)> {
        let moments =
            FixedMoments { mean: self.running_mean.as_detached_tensor(), deviation: self.running_deviation()? };
        ops::fold_norm(weight, &self.scale, &self.shift, moments)
    }

    fn running_deviation(&self) -> Result<Tensor> {
        (self.running_variance.as_detached_tensor() + EPS)?.sqrt()
    }

    fn follow(&self, statistics: &ops::BatchStatistics) -> Result<()> {
        let count = statistics.count as f64;
        let unbiased = count / (count - 1.0).max(1.0);
        let device = self.running_mean.device();
        let mean = Tensor::new(statistics.mean.as_slice(), device)?;
        let variance = (Tensor::new(statistics.variance.as_slice(), device)? * unbiased)?;
        mix(&self.running_mean, &mean)?;
        mix(&self.running_variance, &variance)
    }
}

fn mix(running: &Var, newest: &Tensor) -> Result<()> {
    running.set(&((running.as_detached_tensor() * (1.0 - MOMENTUM))? + (newest * MOMENTUM)?)?)
}
