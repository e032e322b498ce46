//! Mixed precision on GPUs: convolutions follow the type of their input; sums over many numbers are single precision.

use candle_core::{DType, Result, Tensor};

/// What `operator` makes of `x` and `residual` in single precision, in the type of `x` again.
pub(super) fn in_single_precision<T>(
    x: &Tensor,
    residual: Option<&Tensor>,
    operator: impl FnOnce(&Tensor, Option<&Tensor>) -> Result<(Tensor, T)>,
) -> Result<(Tensor, T)> {
    let residual = residual.map(single_precision).transpose()?;
    let (y, rest) = operator(&single_precision(x)?, residual.as_ref())?;
    Ok((y.to_dtype(x.dtype())?, rest))
}

/// `x` in single precision.
pub(super) fn single_precision(x: &Tensor) -> Result<Tensor> {
    x.to_dtype(DType::F32)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;
    use crate::ops::{Activation, BatchNormOptions, composed};

    #[test]
    fn norm_of_half_precision_has_single_precision_moments_and_gradients() {
        // 512 rows around 100: in bf16, whose steps are 0.5 there, sums of them would be far off.
        let values: Vec<f32> = (0..1024).map(|i| 100.0 + (i as f32 * 0.7).sin() * 8.0).collect();
        let x = Var::from_vec(values, (512, 2), &Device::Cpu).unwrap();
        let half = x.to_dtype(DType::BF16).unwrap();
        let ones = Tensor::ones(2, DType::F32, &Device::Cpu).unwrap();
        let zeros = ones.zeros_like().unwrap();
        let options = BatchNormOptions { eps: 1e-5, activation: Activation::Identity };
        let norm = |x: &Tensor, residual: Option<&Tensor>| composed::batch_norm(x, &ones, &zeros, residual, options);
        let (y, statistics) = in_single_precision(&half, None, norm).unwrap();
        let (_, expected) = norm(&half.to_dtype(DType::F32).unwrap(), None).unwrap();
        assert_eq!((y.dtype(), &statistics), (DType::BF16, &expected));
        let gradients = single_precision(&y).unwrap().sqr().unwrap().sum_all().unwrap().backward().unwrap();
        assert_eq!(gradients.get(&x).unwrap().dtype(), DType::F32);
    }
}
