//! Batch normalisation, fused with a residual sum and a rectifier.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor, bail};

use super::accounting::{self, Kind};
use super::activation::Activation;
use super::composed;
use super::contiguous::{Numbers, numbers, stored, tensor};
use super::cuda_precision::in_single_precision;
use super::kernels::batch_norm::{self, BatchNormBackward, ChannelMoments};
use super::kernels::unwritten::{all_filled, filled};
use super::norm_over_ranks::{centring_sums_over_ranks, composed_over_ranks, moments_over_ranks};
use super::tape::{self, wants_gradient};
use crate::collective::Collective;

/// What batch norm adds to the variance, and what follows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNormOptions {
    /// Added to the variance.
    pub eps: f64,
    /// Applied to the sum of the normalised input and the residual.
    pub activation: Activation,
}

/// Moments of a batch, for the running averages.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchStatistics {
    /// Mean of each channel.
    pub mean: Vec<f32>,
    /// Mean squared deviation (biased) of each channel.
    pub variance: Vec<f32>,
    /// Numbers averaged per channel.
    pub count: usize,
}

impl From<ChannelMoments> for BatchStatistics {
    fn from(ChannelMoments { mean, variance, count }: ChannelMoments) -> Self {
        BatchStatistics { mean, variance, count }
    }
}

/// `activation(gamma (x - mean) / sqrt(variance + eps) + beta + residual)` with the batch's own moments over all
/// axes but the last.
///
/// # Shapes
/// `x [n, h, w, c]` or `[n, c]`, `gamma` and `beta` `[c]`, `residual` and the result like `x`.
///
/// # Errors
/// When shapes do not fit each other or are empty.
pub fn batch_norm(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    residual: Option<&Tensor>,
    options: BatchNormOptions,
) -> Result<(Tensor, BatchStatistics)> {
    normalised(x, [gamma, beta], residual, options, None)
}

/// As [`batch_norm()`], with the moments of the whole batch, of which every rank holds as many rows.
///
/// Scale and shift get this rank's part of their gradient; the input's takes in what all ranks ask for.
///
/// # Shapes
/// As [`batch_norm()`], the same on every rank.
///
/// # Errors
/// As [`batch_norm()`], and when another rank has ended.
pub fn batch_norm_over_ranks(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    residual: Option<&Tensor>,
    options: BatchNormOptions,
    ranks: &Arc<dyn Collective>,
) -> Result<(Tensor, BatchStatistics)> {
    normalised(x, [gamma, beta], residual, options, (ranks.size() > 1).then_some(ranks))
}

fn normalised(
    x: &Tensor,
    [gamma, beta]: [&Tensor; 2],
    residual: Option<&Tensor>,
    options: BatchNormOptions,
    ranks: Option<&Arc<dyn Collective>>,
) -> Result<(Tensor, BatchStatistics)> {
    let channels = check(x, gamma, beta, residual)?;
    if !x.device().is_cpu() {
        return in_single_precision(x, residual, |x, residual| match ranks {
            None => composed::batch_norm(x, gamma, beta, residual, options),
            Some(ranks) => composed_over_ranks(x, [gamma, beta], residual, options, ranks),
        });
    }
    let _scope = accounting::enter(Kind::BatchNormForward, 0);
    let x = x.contiguous()?;
    let mut moments = batch_norm::channel_moments(&Numbers::of(&x)?, channels);
    if let Some(ranks) = ranks {
        moments = moments_over_ranks(&moments, ranks.as_ref())?;
    }
    let deviation = |&variance: &f32| (1.0 / (f64::from(variance) + options.eps).sqrt()) as f32;
    let op = BatchNorm {
        mean: moments.mean.clone(),
        inverse_deviation: moments.variance.iter().map(deviation).collect(),
        activation: options.activation,
        ranks: ranks.cloned(),
    };
    let gamma_beta = tape::stack(gamma, beta)?;
    let y = match residual {
        None => tape::apply2(&x, &gamma_beta, op)?,
        Some(residual) => tape::apply3(&x, &gamma_beta, &residual.contiguous()?, op)?,
    };
    Ok((y, moments.into()))
}

/// `activation(x scale + shift + residual)`, per channel: batch norm in evaluation.
///
/// # Shapes
/// `x [.., c]`, `scale` and `shift` `[c]`, `residual` and the result like `x`.
///
/// # Errors
/// When shapes do not fit each other or are empty.
pub fn channel_affine(
    x: &Tensor,
    scale: &Tensor,
    shift: &Tensor,
    residual: Option<&Tensor>,
    activation: Activation,
) -> Result<Tensor> {
    check(x, scale, shift, residual)?;
    let tracked = [x, scale, shift].into_iter().chain(residual).any(Tensor::track_op);
    if tracked || !x.device().is_cpu() {
        return composed::channel_affine(x, scale, shift, residual, activation);
    }
    let (x, scale, shift) = (x.contiguous()?, scale.contiguous()?, shift.contiguous()?);
    let residual = residual.map(Tensor::contiguous).transpose()?;
    let residual = residual.as_ref().map(Numbers::of).transpose()?;
    let (numbers, scale, shift) = (Numbers::of(&x)?, Numbers::of(&scale)?, Numbers::of(&shift)?);
    let rectify = activation == Activation::Relu;
    let output = filled(numbers.len(), |y| {
        batch_norm::channel_affine(&numbers, &scale, &shift, residual.as_deref(), rectify, y)
    });
    tensor(output, x.shape())
}

/// Number of channels.
fn check(x: &Tensor, gamma: &Tensor, beta: &Tensor, residual: Option<&Tensor>) -> Result<usize> {
    let channels = gamma.dims1()?;
    if x.dims().last() != Some(&channels) || beta.dims1()? != channels || x.elem_count() == 0 {
        bail!("{:?} does not fit {channels} scales and {:?} shifts, or is empty", x.shape(), beta.shape());
    }
    if let Some(residual) = residual
        && residual.shape() != x.shape()
    {
        bail!("residual {:?} differs in shape from {:?}", residual.shape(), x.shape());
    }
    Ok(channels)
}

struct BatchNorm {
    mean: Vec<f32>,
    inverse_deviation: Vec<f32>,
    activation: Activation,
    /// Where the moments are those of several ranks.
    ranks: Option<Arc<dyn Collective>>,
}

impl BatchNorm {
    fn forward(&self, x: &[f32], gamma_beta: &[f32], residual: Option<&[f32]>) -> Vec<f32> {
        let (gamma, beta) = gamma_beta.split_at(self.mean.len());
        let scale: Vec<f32> =
            gamma.iter().zip(&self.inverse_deviation).map(|(gamma, inverse)| gamma * inverse).collect();
        let terms = beta.iter().zip(&self.mean).zip(&scale);
        let shift: Vec<f32> = terms.map(|((beta, mean), scale)| beta - mean * scale).collect();
        let rectify = self.activation == Activation::Relu;
        filled(x.len(), |y| batch_norm::channel_affine(x, &scale, &shift, residual, rectify, y))
    }

    fn backward(
        &self,
        x: &Tensor,
        gamma_beta: &Tensor,
        residual: Option<&Tensor>,
        res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let _scope = accounting::enter(Kind::BatchNormBackward, 0);
        let grad = grad.contiguous()?;
        let (numbers, res, grad_numbers) = (Numbers::of(x)?, Numbers::of(res)?, Numbers::of(&grad)?);
        let gamma_beta_numbers = Numbers::of(gamma_beta)?;
        let backward = BatchNormBackward {
            x: &numbers,
            rectified: (self.activation == Activation::Relu).then_some(&*res),
            output_gradient: &grad_numbers,
            mean: &self.mean,
            inverse_deviation: &self.inverse_deviation,
            gamma: &gamma_beta_numbers[..self.mean.len()],
        };
        let (by_gamma, by_beta) = backward.parameter_gradients();
        let means =
            self.ranks.as_deref().map(|ranks| centring_sums_over_ranks([&by_gamma, &by_beta], ranks)).transpose()?;
        let [of_gamma, of_beta] = means.as_ref().map_or([&by_gamma, &by_beta], |[gamma, beta]| [gamma, beta]);
        let sums = [&of_gamma[..], &of_beta[..]];
        let (by_input, by_residual) = if residual.is_some_and(wants_gradient) {
            let both = all_filled(numbers.len(), |targets| backward.input_and_residual_gradients(sums, targets));
            let [by_input, by_residual] = both;
            (by_input, Some(by_residual))
        } else {
            (filled(numbers.len(), |target| backward.input_gradient(sums, target)), None)
        };
        let by_residual = by_residual.map(|data| tensor(data, x.shape())).transpose()?;
        let by_parameters = tensor([by_gamma, by_beta].concat(), gamma_beta.shape())?;
        Ok((Some(tensor(by_input, x.shape())?), Some(by_parameters), by_residual))
    }
}

impl CustomOp2 for BatchNorm {
    fn name(&self) -> &'static str {
        "batch-norm"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok(stored(self.forward(numbers(s1, l1)?, numbers(s2, l2)?, None), l1.shape()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma_beta: &Tensor,
        res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (by_input, by_parameters, _) = self.backward(x, gamma_beta, None, res, grad)?;
        Ok((by_input.filter(|_| wants_gradient(x)), by_parameters.filter(|_| wants_gradient(gamma_beta))))
    }
}

impl CustomOp3 for BatchNorm {
    fn name(&self) -> &'static str {
        "batch-norm-residual"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let output = self.forward(numbers(s1, l1)?, numbers(s2, l2)?, Some(numbers(s3, l3)?));
        Ok(stored(output, l1.shape()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma_beta: &Tensor,
        residual: &Tensor,
        res: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (by_input, by_parameters, by_residual) = self.backward(x, gamma_beta, Some(residual), res, grad)?;
        Ok((by_input.filter(|_| wants_gradient(x)), by_parameters.filter(|_| wants_gradient(gamma_beta)), by_residual))
    }
}
