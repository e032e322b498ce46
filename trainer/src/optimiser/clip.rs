use candle_core::Var;
use candle_core::backprop::GradStore;

use super::OptimiserError;
use super::slices::{sum_of_squares, with_values};

/// Euclidean norm of all gradients of these parameters together; not finite when one of them is not.
///
/// # Errors
/// When a gradient is not float32.
pub fn global_norm(gradients: &GradStore, parameters: &[(String, Var)]) -> Result<f64, OptimiserError> {
    let mut sum = 0.0;
    for (_, var) in parameters {
        if let Some(gradient) = gradients.get(var) {
            sum += with_values(&gradient.contiguous()?, sum_of_squares)?;
        }
    }
    Ok(sum.sqrt())
}

/// What to multiply gradients of a finite norm with so that it is at most `limit`; 1 for a limit of 0.
pub fn clip_scale(norm: f64, limit: f64) -> f64 {
    if limit == 0.0 || norm <= limit { 1.0 } else { limit / norm }
}
