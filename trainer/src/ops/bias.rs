//! Bias along the last axis.

use candle_core::{CpuStorage, CustomOp2, Layout, Result, Shape, Tensor, bail};

use super::accounting::{self, Kind};
use super::contiguous::{Numbers, numbers, stored, tensor};
use super::kernels::{channel_sums::channel_sums, elementwise, unwritten::filled};
use super::tape::{self, wants_gradient};

/// `x + bias`, the bias along the last axis.
///
/// # Shapes
/// `x [.., c]`, `bias [c]`, result like `x`.
///
/// # Errors
/// When the last axis of `x` is empty or not as long as the bias.
pub fn add_bias(x: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let channels = bias.dims1()?;
    if x.dims().last() != Some(&channels) || channels == 0 {
        bail!("add_bias: {:?} does not end in the bias's {channels} channels", x.shape());
    }
    if !x.device().is_cpu() {
        return x.broadcast_add(bias);
    }
    tape::apply2(&x.contiguous()?, &bias.contiguous()?, AddBias)
}

struct AddBias;

impl CustomOp2 for AddBias {
    fn name(&self) -> &'static str {
        "add-bias"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let _scope = accounting::enter(Kind::Elementwise, 0);
        let (x, bias) = (numbers(s1, l1)?, numbers(s2, l2)?);
        Ok(stored(filled(x.len(), |y| elementwise::add_bias(x, bias, y)), l1.shape()))
    }

    fn bwd(&self, x: &Tensor, bias: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let _scope = accounting::enter(Kind::Elementwise, 0);
        let grad = grad.contiguous()?;
        let by_bias = || tensor(channel_sums(&Numbers::of(&grad)?, bias.elem_count()), bias.shape());
        let by_bias = wants_gradient(bias).then(by_bias).transpose()?;
        Ok((wants_gradient(x).then(|| grad.clone()), by_bias))
    }
}
