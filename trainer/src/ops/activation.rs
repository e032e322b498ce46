//! Activations.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::accounting::{self, Kind};
use super::contiguous::{Numbers, numbers, stored, tensor};
use super::kernels::elementwise;
use super::kernels::fresh::fresh;
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
        let mut output = fresh(x.len());
        elementwise::relu(x, &mut output);
        Ok(stored(output, layout.shape()))
    }

    fn bwd(&self, _x: &Tensor, res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let _scope = accounting::enter(Kind::Elementwise, 0);
        let grad = grad.contiguous()?;
        let mut target = fresh(grad.elem_count());
        elementwise::relu_gradient(&Numbers::of(res)?, &Numbers::of(&grad)?, &mut target);
        tensor(target, res.shape()).map(Some)
    }
}
