//! The terms of VICReg's loss that look at a whole batch: variance and covariance of its dimensions.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use super::accounting::{self, Kind};
use super::composed;
use super::contiguous::{Numbers, numbers, stored, tensor};
use super::kernels::covariance::Centred;

/// `mean_d max(0, 1 - sqrt(Var_d + 1e-4))` with the unbiased variance over the batch (VICReg, equation 1).
///
/// # Shapes
/// `z` is `[n, d]`, the result a scalar.
///
/// # Errors
/// When `z` is not a matrix, or empty.
pub fn variance_hinge(z: &Tensor) -> Result<Tensor> {
    apply(z, BatchTerm::VarianceHinge, composed::variance_hinge)
}

/// `sum_{i != j} Cov_ij^2 / d` with the unbiased covariance over the batch (VICReg, equation 4).
///
/// `|X^T X| = |X X^T|`, so a batch of fewer vectors than dimensions takes `n^2 d` products rather than `n d^2`.
///
/// # Shapes
/// `z` is `[n, d]`, the result a scalar.
///
/// # Errors
/// When `z` is not a matrix, or empty.
pub fn covariance_penalty(z: &Tensor) -> Result<Tensor> {
    apply(z, BatchTerm::CovariancePenalty, composed::covariance_penalty)
}

fn apply(z: &Tensor, term: BatchTerm, composed: fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    let (rows, columns) = z.dims2()?;
    if rows * columns == 0 {
        bail!("{}: a batch of shape {:?} is empty", term.name(), z.shape());
    }
    if !z.device().is_cpu() {
        return composed(z);
    }
    z.contiguous()?.apply_op1(term)
}

#[derive(Clone, Copy)]
enum BatchTerm {
    VarianceHinge,
    CovariancePenalty,
}

impl CustomOp1 for BatchTerm {
    fn name(&self) -> &'static str {
        match self {
            Self::VarianceHinge => "variance-hinge",
            Self::CovariancePenalty => "covariance-penalty",
        }
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let _scope = accounting::enter(Kind::Loss, 0);
        let centred = Centred::new(numbers(storage, layout)?, layout.dims()[1]);
        let value = match self {
            Self::VarianceHinge => centred.variance_hinge(),
            Self::CovariancePenalty => centred.covariance_penalty(),
        };
        Ok(stored(vec![value], ()))
    }

    fn bwd(&self, z: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let _scope = accounting::enter(Kind::Loss, 0);
        let weight: f32 = grad.to_scalar()?;
        let centred = Centred::new(&Numbers::of(z)?, z.dim(1)?);
        let gradient = match self {
            Self::VarianceHinge => centred.variance_hinge_gradient(weight),
            Self::CovariancePenalty => centred.covariance_penalty_gradient(weight),
        };
        tensor(gradient, z.shape()).map(Some)
    }
}
