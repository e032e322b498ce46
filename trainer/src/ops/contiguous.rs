//! Access to the numbers of tensors in main memory.

use std::ops::{Deref, Range};

use candle_core::{CpuStorage, Device, Layout, Result, Shape, Storage, StorageRef, Tensor, bail};

/// The numbers of a contiguous single-precision tensor in main memory.
pub(super) struct Numbers<'a> {
    storage: StorageRef<'a>,
    range: Range<usize>,
}

impl<'a> Numbers<'a> {
    /// # Errors
    /// When the tensor is not contiguous, of another type or on another device.
    pub(super) fn of(tensor: &'a Tensor) -> Result<Self> {
        let (storage, layout) = tensor.storage_and_layout();
        let Storage::Cpu(cpu) = &*storage else { bail!("expected a tensor in main memory") };
        let all = cpu.as_slice::<f32>()?;
        let range = contiguous_range(layout)?;
        if range.end > all.len() {
            bail!("tensor of shape {:?} reaches past its storage", layout.shape());
        }
        Ok(Numbers { storage, range })
    }
}

impl Deref for Numbers<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        let Storage::Cpu(CpuStorage::F32(all)) = &*self.storage else { unreachable!("checked when it was made") };
        &all[self.range.clone()]
    }
}

/// The numbers of a custom operator's argument.
pub(super) fn numbers<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    Ok(&storage.as_slice::<f32>()?[contiguous_range(layout)?])
}

fn contiguous_range(layout: &Layout) -> Result<Range<usize>> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(start..end),
        None => {
            bail!("expected a contiguous tensor, got shape {:?} with strides {:?}", layout.shape(), layout.stride())
        }
    }
}

/// A custom operator's result.
pub(super) fn stored(data: Vec<f32>, shape: impl Into<Shape>) -> (CpuStorage, Shape) {
    (CpuStorage::F32(data), shape.into())
}

/// A tensor of `shape` in main memory.
pub(super) fn tensor(data: Vec<f32>, shape: &Shape) -> Result<Tensor> {
    Tensor::from_vec(data, shape, &Device::Cpu)
}
