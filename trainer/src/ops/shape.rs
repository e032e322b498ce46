//! The same numbers in another shape, and vectors one after the other.

use candle_core::{Result, Shape, Tensor};

use super::tape;

/// The same numbers, row-major, in another shape.
///
/// # Errors
/// When the shape is of more or fewer numbers.
pub fn reshape(x: &Tensor, shape: impl Into<Shape>) -> Result<Tensor> {
    let (from, to) = (x.shape().clone(), shape.into());
    if from == to {
        return Ok(x.clone());
    }
    tape::composed(&[x], |x| x[0].reshape(&to), move |_, gradient| Ok(vec![Some(gradient.reshape(&from)?)]))
}

/// Two matrices side by side: `[n, a]` and `[n, b]` to `[n, a + b]`.
///
/// # Errors
/// When they have no rows, or not as many.
pub fn join_columns(left: &Tensor, right: &Tensor) -> Result<Tensor> {
    let widths = [left.dims2()?.1, right.dims2()?.1];
    let backward = move |_: &[Tensor], gradient: &Tensor| {
        let [left, right] = widths;
        let part = |start, width| gradient.narrow(1, start, width)?.contiguous();
        Ok(vec![Some(part(0, left)?), Some(part(left, right)?)])
    };
    tape::composed(&[left, right], |x| Tensor::cat(x, 1), backward)
}
