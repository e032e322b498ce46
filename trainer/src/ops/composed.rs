//! Every operator built from candle's own: the path for devices without kernels of ours, and the tests' oracle.
//!
//! Arguments are checked by the operators of the same names in [`super`].

use candle_core::{D, DType, Result, Tensor};
use sextant_runtime::plane_group::FilterExpansion;

use super::activation::Activation;
use super::batch_norm::{BatchNormOptions, BatchStatistics};
use super::conv2d::Conv2dOptions;

/// See [`super::conv2d`].
pub fn conv2d(x: &Tensor, weight: &Tensor, options: Conv2dOptions) -> Result<Tensor> {
    let Conv2dOptions { stride: [down, right], padding, groups } = options;
    let nchw = x.permute((0, 3, 1, 2))?.contiguous()?;
    let padded = nchw.pad_with_zeros(2, padding[0], padding[0])?.pad_with_zeros(3, padding[1], padding[1])?;
    let weight = weight.permute((0, 3, 1, 2))?.contiguous()?;
    let padded = used_part(&used_part(&padded, 2, weight.dim(2)?, down)?, 3, weight.dim(3)?, right)?;
    let y = if down == right {
        padded.conv2d(&weight, 0, down, 1, groups)?
    } else {
        let y = padded.conv2d(&weight, 0, 1, 1, groups)?;
        every(&every(&y, 2, down)?, 3, right)?
    };
    y.permute((0, 2, 3, 1))?.contiguous()
}

/// The part of an axis that windows reach: candle's backward pass assumes that both axes have the same rest.
fn used_part(x: &Tensor, axis: usize, window: usize, step: usize) -> Result<Tensor> {
    let size = x.dim(axis)?;
    x.narrow(axis, 0, size - (size - window) % step)?.contiguous()
}

/// Every `step`-th slice along an axis.
fn every(x: &Tensor, axis: usize, step: usize) -> Result<Tensor> {
    let picked: Vec<u32> = (0..x.dim(axis)?).step_by(step).map(|i| i as u32).collect();
    let len = picked.len();
    x.contiguous()?.index_select(&Tensor::from_vec(picked, len, x.device())?, axis)
}

/// See [`super::expand_filters`].
pub fn expand_filters(base: &Tensor, expansion: FilterExpansion) -> Result<Tensor> {
    let (fields, rows, columns, channels) = base.dims4()?;
    let shape = [fields * expansion.group.order(), rows, columns, channels];
    let row_len = columns * channels;
    let place = |at: usize| [at / (rows * row_len), at / row_len % rows, at / channels % columns, at % channels];
    let len: usize = shape.iter().product();
    let sources: Vec<u32> = (0..len).map(|at| expansion.base_index(shape, place(at)) as u32).collect();
    let sources = Tensor::from_vec(sources, len, base.device())?;
    base.flatten_all()?.index_select(&sources, 0)?.reshape(&shape[..])
}

/// See [`super::batch_norm`].
pub fn batch_norm(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    residual: Option<&Tensor>,
    options: BatchNormOptions,
) -> Result<(Tensor, BatchStatistics)> {
    batch_norm_by(|x| x.mean_keepdim(0), x, [gamma, beta], residual, options)
}

/// [`batch_norm`], where `mean` makes `[1, c]` of `[m, c]`.
pub(super) fn batch_norm_by(
    mean: impl Fn(&Tensor) -> Result<Tensor>,
    x: &Tensor,
    [gamma, beta]: [&Tensor; 2],
    residual: Option<&Tensor>,
    options: BatchNormOptions,
) -> Result<(Tensor, BatchStatistics)> {
    let pixels = x.reshape(((), gamma.dims1()?))?;
    let centre = mean(&pixels)?;
    let centred = pixels.broadcast_sub(&centre)?;
    let variance = mean(&centred.sqr()?)?;
    let normalised = centred.broadcast_div(&(&variance + options.eps)?.sqrt()?)?;
    let y = normalised.broadcast_mul(gamma)?.broadcast_add(beta)?.reshape(x.shape())?;
    let statistics =
        BatchStatistics { mean: numbers_of(&centre)?, variance: numbers_of(&variance)?, count: pixels.dim(0)? };
    Ok((finish(y, residual, options.activation)?, statistics))
}

fn numbers_of(x: &Tensor) -> Result<Vec<f32>> {
    x.detach().flatten_all()?.to_dtype(DType::F32)?.to_vec1()
}

fn finish(y: Tensor, residual: Option<&Tensor>, activation: Activation) -> Result<Tensor> {
    let y = match residual {
        Some(residual) => (y + residual)?,
        None => y,
    };
    match activation {
        Activation::Identity => Ok(y),
        Activation::Relu => y.relu(),
    }
}

/// See [`super::channel_affine`].
pub fn channel_affine(
    x: &Tensor,
    scale: &Tensor,
    shift: &Tensor,
    residual: Option<&Tensor>,
    activation: Activation,
) -> Result<Tensor> {
    finish(x.broadcast_mul(scale)?.broadcast_add(shift)?, residual, activation)
}

/// See [`super::max_pool2d`]. Equal values share the gradient.
pub fn max_pool2d(x: &Tensor, kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2]) -> Result<Tensor> {
    let padded = pad_with_lowest(&pad_with_lowest(x, 1, padding[0])?, 2, padding[1])?;
    let outputs = |axis: usize| -> Result<usize> { Ok((padded.dim(axis + 1)? - kernel[axis]) / stride[axis] + 1) };
    let span = [(outputs(0)? - 1) * stride[0] + 1, (outputs(1)? - 1) * stride[1] + 1];
    let mut largest: Option<Tensor> = None;
    for tap in 0..kernel[0] * kernel[1] {
        let shifted = padded.narrow(1, tap / kernel[1], span[0])?.narrow(2, tap % kernel[1], span[1])?;
        let values = every(&every(&shifted, 1, stride[0])?, 2, stride[1])?;
        largest = Some(match largest {
            Some(largest) => largest.maximum(&values)?,
            None => values,
        });
    }
    Ok(largest.expect("a window has at least one position"))
}

fn pad_with_lowest(x: &Tensor, axis: usize, size: usize) -> Result<Tensor> {
    if size == 0 {
        return Ok(x.clone());
    }
    let mut dims = x.dims().to_vec();
    dims[axis] = size;
    let edge = Tensor::full(f32::NEG_INFINITY, dims, x.device())?.to_dtype(x.dtype())?;
    Tensor::cat(&[&edge, x, &edge], axis)
}

/// See [`super::global_average_pool`].
pub fn global_average_pool(x: &Tensor) -> Result<Tensor> {
    x.flatten(1, 2)?.mean(1)
}

/// See [`super::linear`].
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let y = x.matmul(&weight.t()?)?;
    match bias {
        Some(bias) => y.broadcast_add(bias),
        None => Ok(y),
    }
}

/// See [`super::apply_hypernetwork`].
pub fn apply_hypernetwork(z: &Tensor, condition: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let terms: Vec<Tensor> = (0..weight.dim(0)?)
        .map(|i| linear(z, &weight.get(i)?, None)?.broadcast_mul(&condition.narrow(D::Minus1, i, 1)?))
        .collect::<Result<_>>()?;
    Tensor::stack(&terms, 0)?.sum(0)
}

/// See [`super::variance_hinge`].
pub fn variance_hinge(z: &Tensor) -> Result<Tensor> {
    let count = z.dim(0)?;
    let centred = z.broadcast_sub(&z.mean_keepdim(0)?)?;
    let variance = (centred.sqr()?.sum(0)? / (count - 1).max(1) as f64)?;
    (1.0 - (variance + 1e-4)?.sqrt()?)?.relu()?.mean_all()
}

/// See [`super::covariance_penalty`].
pub fn covariance_penalty(z: &Tensor) -> Result<Tensor> {
    let (count, width) = z.dims2()?;
    let centred = z.broadcast_sub(&z.mean_keepdim(0)?)?;
    let scale = 1.0 / (count - 1).max(1) as f64;
    let covariance = (centred.t()?.matmul(&centred)? * scale)?;
    let diagonal = (centred.sqr()?.sum(0)? * scale)?;
    (covariance.sqr()?.sum_all()? - diagonal.sqr()?.sum_all()?)? / width as f64
}
