//! Batch norm with fixed moments as a part of the convolution before it.

use candle_core::{Result, Tensor};

use super::tape;

/// Moments that do not move.
#[derive(Clone, Debug)]
pub struct FixedMoments {
    /// `[cout]`.
    pub mean: Tensor,
    /// Root of the variance and what is added to it, `[cout]`.
    pub deviation: Tensor,
}

/// Filters and bias of `gamma (conv(x) - mean) / deviation + beta`, with gradients by weight, gamma and beta.
///
/// # Shapes
/// `weight [cout, ..]`, all others `[cout]`; results like `weight` and `[cout]`.
///
/// # Errors
/// When shapes do not fit each other.
pub fn fold_norm(weight: &Tensor, gamma: &Tensor, beta: &Tensor, moments: FixedMoments) -> Result<(Tensor, Tensor)> {
    let FixedMoments { mean, deviation } = moments;
    let divisor = deviation.clone();
    let by_gamma = move |_: &[Tensor], gradient: &Tensor| Ok(vec![Some((gradient / &divisor)?)]);
    let scale = tape::composed(&[gamma], |x| &x[0] / &deviation, by_gamma)?;
    let filters = tape::composed(&[weight, &scale], |x| x[0].broadcast_mul(&along_filters(&x[1], &x[0])?), by_factors)?;
    let factor = mean.clone();
    let by_terms =
        move |_: &[Tensor], gradient: &Tensor| Ok(vec![Some(gradient.clone()), Some((gradient * &factor)?.neg()?)]);
    let bias = tape::composed(&[beta, &scale], |x| &x[0] - (&mean * &x[1])?, by_terms)?;
    Ok((filters, bias))
}

/// Gradients of `weight * scale`, a scale for each filter.
fn by_factors(inputs: &[Tensor], gradient: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (weight, scale) = (inputs[0].detach(), inputs[1].detach());
    let by_weight = gradient.broadcast_mul(&along_filters(&scale, &weight)?)?;
    let by_scale = (gradient * weight)?.flatten_from(1)?.sum(1)?;
    Ok(vec![Some(by_weight), Some(by_scale)])
}

/// `[cout]` as `[cout, 1, ..]`.
fn along_filters(scale: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let mut shape = vec![1; weight.rank()];
    shape[0] = scale.elem_count();
    scale.reshape(shape)
}
