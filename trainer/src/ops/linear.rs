//! Linear layers on vectors.

use candle_core::{Result, Tensor};

use super::bias::add_bias;
use super::composed;
use super::conv2d::{Conv2dOptions, conv2d};

/// `x weight^T + bias`.
///
/// # Shapes
/// `x [n, cin]`, `weight [cout, cin]`, `bias [cout]`, result `[n, cout]`.
///
/// # Errors
/// When shapes do not fit each other.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    if !x.device().is_cpu() {
        return composed::linear(x, weight, bias);
    }
    let ((rows, inputs), (outputs, depth)) = (x.dims2()?, weight.dims2()?);
    let maps = x.reshape((rows, 1, 1, inputs))?;
    let y = conv2d(&maps, &weight.reshape((outputs, 1, 1, depth))?, Conv2dOptions::default())?;
    let y = y.reshape((rows, outputs))?;
    match bias {
        Some(bias) => add_bias(&y, bias),
        None => Ok(y),
    }
}
