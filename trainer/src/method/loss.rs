use candle_core::{Result, Tensor};

/// Mean of `(a - b)^2` over batch and dimensions.
///
/// # Errors
/// When shapes differ.
pub fn mean_squared_error(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    (a - b)?.sqr()?.mean_all()
}

/// `mean_d max(0, 1 - sqrt(Var_d + 1e-4))` with the unbiased variance over the batch (VICReg, equation 1).
///
/// # Shapes
/// `z` is `[n, d]`.
///
/// # Errors
/// When `z` is not a matrix.
pub fn variance_hinge(z: &Tensor) -> Result<Tensor> {
    let count = z.dim(0)?;
    let centred = z.broadcast_sub(&z.mean_keepdim(0)?)?;
    let variance = (centred.sqr()?.sum(0)? / (count - 1).max(1) as f64)?;
    (1.0 - (variance + 1e-4)?.sqrt()?)?.relu()?.mean_all()
}

/// `sum_{i != j} Cov_ij^2 / d` with the unbiased covariance over the batch (VICReg, equation 4).
///
/// # Shapes
/// `z` is `[n, d]`.
///
/// # Errors
/// When `z` is not a matrix.
pub fn covariance(z: &Tensor) -> Result<Tensor> {
    let (count, width) = z.dims2()?;
    let centred = z.broadcast_sub(&z.mean_keepdim(0)?)?;
    let scale = 1.0 / (count - 1).max(1) as f64;
    let covariance = (centred.t()?.matmul(&centred)? * scale)?;
    let diagonal = (centred.sqr()?.sum(0)? * scale)?;
    (covariance.sqr()?.sum_all()? - diagonal.sqr()?.sum_all()?)? / width as f64
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    fn scalar(t: Result<Tensor>) -> f32 {
        t.unwrap().to_scalar().unwrap()
    }

    #[test]
    fn terms_have_their_values_by_hand() {
        let z = Tensor::new(&[[1f32, 2.0], [3.0, 2.0], [5.0, -1.0]], &Device::Cpu).unwrap();
        // Columns have variances 4 and 3; their covariance is -3.
        assert!((scalar(covariance(&z)) - 9.0).abs() < 1e-5);
        assert_eq!(scalar(variance_hinge(&z)), 0.0);
        assert!((scalar(variance_hinge(&(&z * 0.1).unwrap())) - (1.0 - (0.2001 + 0.17349) / 2.0)).abs() < 1e-3);
        assert_eq!(scalar(mean_squared_error(&z, &(&z + 2.0).unwrap())), 4.0);
    }

    #[test]
    fn a_batch_of_one_has_no_variance_and_stays_finite() {
        let z = Tensor::new(&[[1f32, 2.0]], &Device::Cpu).unwrap();
        assert!((scalar(variance_hinge(&z)) - 0.99).abs() < 1e-5);
        assert_eq!(scalar(covariance(&z)), 0.0);
    }
}
