use std::cell::RefCell;

use candle_core::{CpuStorage, InplaceOp1, InplaceOp2, Layout, Result, Tensor, bail};
use rayon::prelude::*;

/// Numbers that one thread takes at a time; sums are taken per chunk, so they do not depend on the number of threads.
pub(super) const CHUNK: usize = 16 * 1024;

/// Calls `update` once with the weights, to be changed where they lie, and their gradient.
pub(super) fn update_in_place(
    weights: &Tensor,
    gradient: &Tensor,
    update: impl FnMut(&mut [f32], &[f32]),
) -> Result<()> {
    if weights.shape() != gradient.shape() {
        bail!("gradient of shape {:?} for a parameter of shape {:?}", gradient.shape(), weights.shape());
    }
    weights.inplace_op2(gradient, &InPlace(RefCell::new(update)))
}

/// Calls `change` once with the weights, to be changed where they lie.
pub(super) fn change_in_place(weights: &Tensor, change: impl FnMut(&mut [f32])) -> Result<()> {
    weights.inplace_op1(&InPlace(RefCell::new(change)))
}

/// What `read` makes of the values of a contiguous float32 tensor on the CPU.
pub(super) fn with_values<R>(tensor: &Tensor, read: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        candle_core::Storage::Cpu(storage) => Ok(read(contiguous(storage, layout)?)),
        _ => bail!("expected a tensor on the CPU"),
    }
}

/// Sum of squares; the same for any number of threads.
pub(super) fn sum_of_squares(values: &[f32]) -> f64 {
    let of_chunk = |chunk: &[f32]| chunk.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>();
    values.par_chunks(CHUNK).map(of_chunk).collect::<Vec<_>>().iter().sum()
}

struct InPlace<F>(RefCell<F>);

impl<F: FnMut(&mut [f32])> InplaceOp1 for InPlace<F> {
    fn name(&self) -> &'static str {
        "change-in-place"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        self.0.borrow_mut()(contiguous_mut(storage, layout)?);
        Ok(())
    }
}

impl<F: FnMut(&mut [f32], &[f32])> InplaceOp2 for InPlace<F> {
    fn name(&self) -> &'static str {
        "update-in-place"
    }

    fn cpu_fwd(&self, weights: &mut CpuStorage, at: &Layout, gradient: &CpuStorage, from: &Layout) -> Result<()> {
        self.0.borrow_mut()(contiguous_mut(weights, at)?, contiguous(gradient, from)?);
        Ok(())
    }
}

fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("expected a contiguous tensor"),
    }
}

fn contiguous_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((start, end))) => Ok(&mut values[start..end]),
        _ => bail!("expected a contiguous float32 tensor"),
    }
}
