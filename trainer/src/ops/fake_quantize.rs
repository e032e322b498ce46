//! Values and filters as eight bits leave them, in single precision, with straight-through gradients.
//!
//! The gradient passes as if nothing had been rounded, and is zero where a value lies outside of its range (Jacob et
//! al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference", CVPR 2018,
//! section 3). In main memory only.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, bail};
use sextant_runtime::calibration::{LARGEST_WEIGHT, SymmetricScale};
use sextant_runtime::graph::{self, Quantization};

use super::accounting::{self, Kind};
use super::activation::Activation;
use super::contiguous::{Numbers, numbers, stored, tensor};
use super::kernels::fake_quantize::{self as kernel, EightBitRange};
use super::kernels::unwritten::filled;
use super::tape;

/// `activation(x)` as the nearest eight-bit number stands for it.
///
/// # Errors
/// When `x` is not single-precision numbers in main memory.
pub fn fake_quantize(x: &Tensor, activation: Activation, quantization: Quantization) -> Result<Tensor> {
    tape::apply1(&x.contiguous()?, FakeQuantize { range: range(activation, quantization) })
}

/// `activation(a + b)` as the nearest eight-bit number stands for it.
///
/// # Errors
/// As [`fake_quantize`], and when shapes differ.
pub fn fake_quantize_sum(a: &Tensor, b: &Tensor, activation: Activation, quantization: Quantization) -> Result<Tensor> {
    if a.shape() != b.shape() {
        bail!("fake_quantize_sum: {:?} differs in shape from {:?}", a.shape(), b.shape());
    }
    tape::apply2(&a.contiguous()?, &b.contiguous()?, FakeQuantize { range: range(activation, quantization) })
}

/// Filters as eight bits leave them: symmetric, with a scale for each filter. The gradient passes.
///
/// # Shapes
/// `weight [cout, ..]`, and so is the result.
///
/// # Errors
/// As [`fake_quantize`].
pub fn fake_quantize_filters(weight: &Tensor) -> Result<Tensor> {
    tape::apply1(&weight.contiguous()?, FakeQuantizeFilters)
}

fn range(activation: Activation, quantization: Quantization) -> EightBitRange {
    let activation = match activation {
        Activation::Identity => graph::Activation::Identity,
        Activation::Relu => graph::Activation::Relu,
    };
    EightBitRange { quantization, bounds: quantization.bounds(activation) }
}

struct FakeQuantize {
    range: EightBitRange,
}

impl CustomOp1 for FakeQuantize {
    fn name(&self) -> &'static str {
        "fake-quantize"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let _scope = accounting::enter(Kind::Elementwise, 0);
        let x = numbers(storage, layout)?;
        Ok(stored(filled(x.len(), |y| kernel::fake_quantize(x, self.range, y)), layout.shape()))
    }

    fn bwd(&self, x: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let _scope = accounting::enter(Kind::Elementwise, 0);
        let grad = grad.contiguous()?;
        let (numbers, grad) = (Numbers::of(x)?, Numbers::of(&grad)?);
        let dx = filled(grad.len(), |dx| kernel::pass_inside(&numbers, &grad, self.range, dx));
        tensor(dx, x.shape()).map(Some)
    }
}

impl CustomOp2 for FakeQuantize {
    fn name(&self) -> &'static str {
        "fake-quantize-sum"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let _scope = accounting::enter(Kind::Elementwise, 0);
        let (a, b) = (numbers(s1, l1)?, numbers(s2, l2)?);
        Ok(stored(filled(a.len(), |y| kernel::fake_quantize_sum(a, b, self.range, y)), l1.shape()))
    }

    fn bwd(&self, a: &Tensor, b: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let _scope = accounting::enter(Kind::Elementwise, 0);
        let grad = grad.contiguous()?;
        let (terms, grad) = ([Numbers::of(a)?, Numbers::of(b)?], Numbers::of(&grad)?);
        let [left, right] = &terms;
        let passed = filled(grad.len(), |dx| kernel::pass_sum_inside([left, right], &grad, self.range, dx));
        let passed = tensor(passed, a.shape())?;
        Ok((Some(passed.clone()), Some(passed)))
    }
}

struct FakeQuantizeFilters;

impl CustomOp1 for FakeQuantizeFilters {
    fn name(&self) -> &'static str {
        "fake-quantize-filters"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let weight = numbers(storage, layout)?;
        let filters = layout.shape().dims().first().copied().unwrap_or(0).max(1);
        let mut output = Vec::with_capacity(weight.len());
        for filter in weight.chunks_exact((weight.len() / filters).max(1)) {
            let scale = SymmetricScale::of(filter, LARGEST_WEIGHT, 0.0);
            output.extend(filter.iter().map(|weight| scale.dequantize(scale.quantize(*weight))));
        }
        Ok(stored(output, layout.shape()))
    }

    fn bwd(&self, _weight: &Tensor, _res: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(grad.clone()))
    }
}
