use std::cell::RefCell;

use candle_core::{CpuStorage, InplaceOp1, InplaceOp2, Layout, Result, Tensor, Var, bail};
use rayon::prelude::*;

/// Numbers that one thread takes at a time; sums are taken per chunk, so they do not depend on the number of threads.
pub(super) const CHUNK: usize = 16 * 1024;

/// Calls `update` once with the weights, to be changed where they lie, and their gradient.
///
/// Weights on a GPU are fetched, changed in main memory and put back, so that one rule serves all devices.
pub(super) fn update_in_place(
    weights: &Var,
    gradient: &Tensor,
    mut update: impl FnMut(&mut [f32], &[f32]),
) -> Result<()> {
    if weights.shape() != gradient.shape() {
        bail!("gradient of shape {:?} for a parameter of shape {:?}", gradient.shape(), weights.shape());
    }
    if !weights.device().is_cpu() {
        return change_copy(weights, |weights| {
            update(weights, &fetched(gradient)?);
            Ok(())
        });
    }
    weights.inplace_op2(gradient, &InPlace(RefCell::new(update)))
}

/// Calls `change` once with the weights, to be changed where they lie; on a GPU as [`update_in_place`].
pub(super) fn change_in_place(weights: &Var, mut change: impl FnMut(&mut [f32])) -> Result<()> {
    if !weights.device().is_cpu() {
        return change_copy(weights, |weights| {
            change(weights);
            Ok(())
        });
    }
    weights.inplace_op1(&InPlace(RefCell::new(change)))
}

/// Calls `change` with a copy of the weights in main memory, and stores what it left.
fn change_copy(weights: &Var, change: impl FnOnce(&mut [f32]) -> Result<()>) -> Result<()> {
    let mut copy = fetched(weights)?;
    change(&mut copy)?;
    weights.set(&Tensor::from_vec(copy, weights.shape(), weights.device())?)
}

/// A copy of float32 values in main memory.
fn fetched(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}

/// What `read` makes of the values of a contiguous float32 tensor.
pub(super) fn with_values<R>(tensor: &Tensor, read: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        candle_core::Storage::Cpu(storage) => Ok(read(contiguous(storage, layout)?)),
        _ => fetched(tensor).map(|values| read(&values)),
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

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn a_changed_copy_is_stored_as_a_change_in_place() {
        let there = Var::new(&[[1f32, 2.0], [3.0, 4.0]], &Device::Cpu).unwrap();
        let copied = Var::from_tensor(&there.copy().unwrap()).unwrap();
        let double = |weights: &mut [f32]| weights.iter_mut().for_each(|weight| *weight *= 2.0);
        change_in_place(&there, double).unwrap();
        change_copy(&copied, |weights| {
            double(weights);
            Ok(())
        })
        .unwrap();
        assert_eq!(copied.to_vec2::<f32>().unwrap(), [[2.0, 4.0], [6.0, 8.0]]);
        assert_eq!(copied.to_vec2::<f32>().unwrap(), there.to_vec2::<f32>().unwrap());
        assert!(change_copy(&copied, |_| bail!("no")).is_err());
        assert_eq!(copied.to_vec2::<f32>().unwrap(), [[2.0, 4.0], [6.0, 8.0]]);
    }
}
