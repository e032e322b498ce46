//! Activations.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::accounting::{self, Kind};
use super::contiguous::{Numbers, numbers, stored, tensor};
use super::kernels::elementwise;
use super::kernels::unwritten::filled;
use super::tape;

/// What an operator applies to its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Activation {
    /// Nothing.
    #[default]
    Identity,
    /// `max(0, x)`.
    Relu,
}

/// `max(0, x)`, with gradient 0 at 0.
///
/// # Errors
/// When `x` is not single-precision.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    if !x.device().is_cpu() {
        return x.relu();
    }
    tape::apply1(&x.contiguous()?, Relu)
}

struct Relu;

impl CustomOp1 for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let _scope = accounting::enter(Kind::Elementwise, 0);
        let x = numbers(storage, layout)?;
        Ok(stored(filled(x.len(), |y| elementwise::relu(x, y)), layout.shape()))
    }

    fn bwd(&self, _x: &Tensor, res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let _scope = accounting::enter(Kind::Elementwise, 0);
        let grad = grad.contiguous()?;
        let (res_numbers, grad) = (Numbers::of(res)?, Numbers::of(&grad)?);
        tensor(filled(grad.len(), |target| elementwise::relu_gradient(&res_numbers, &grad, target)), res.shape())
            .map(Some)
    }
}
