//! Rectifier and bias.

#![allow(unsafe_code)]

use rayon::prelude::*;

use super::channel_sums::{CHUNK_LEN, chunk_len, widen};
use super::unwritten::Unwritten;
use super::vectorised::vectorised;

/// `output = max(0, x)`; not a number stays so.
///
/// # Panics
/// When the slices differ in length.
pub fn relu<'o>(x: &[f32], output: &'o mut Unwritten) -> &'o mut [f32] {
    assert_eq!(x.len(), output.len());
    output.par_chunks_mut(CHUNK_LEN).zip(x.par_chunks(CHUNK_LEN)).for_each(|(output, x)| relu_chunk(x, output));
    // SAFETY: chunks cover the slice, have as many inputs as outputs, and all of each is written.
    unsafe { output.assume_init_mut() }
}

/// `target = gradient` where the rectifier's output is positive, else 0.
///
/// # Panics
/// When the slices differ in length.
pub fn relu_gradient<'o>(rectified: &[f32], gradient: &[f32], target: &'o mut Unwritten) -> &'o mut [f32] {
    assert!(rectified.len() == target.len() && gradient.len() == target.len());
    let inputs = rectified.par_chunks(CHUNK_LEN).zip(gradient.par_chunks(CHUNK_LEN));
    target.par_chunks_mut(CHUNK_LEN).zip(inputs).for_each(|(target, (y, gradient))| mask_chunk(y, gradient, target));
    // SAFETY: as in `relu`.
    unsafe { target.assume_init_mut() }
}

/// `output = x + bias`, `bias` along the last axis.
///
/// # Panics
/// When `x` and `output` differ in length, or there is no bias.
pub fn add_bias<'o>(x: &[f32], bias: &[f32], output: &'o mut Unwritten) -> &'o mut [f32] {
    assert_eq!(x.len(), output.len());
    let (len, bias) = (chunk_len(bias.len()), widen(bias));
    output.par_chunks_mut(len).zip(x.par_chunks(len)).for_each(|(output, x)| add_bias_chunk(x, &bias, output));
    // SAFETY: as in `relu`.
    unsafe { output.assume_init_mut() }
}

vectorised! {
    /// Writes as many numbers as the shorter of the two has, and so do those below with theirs.
    fn relu_chunk(x: &[f32], output: &mut Unwritten) {
        for (y, x) in output.iter_mut().zip(x) {
            y.write(if *x < 0.0 { 0.0 } else { *x });
        }
    }

    pub(super) fn mask_chunk(y: &[f32], gradient: &[f32], target: &mut Unwritten) {
        for ((target, y), gradient) in target.iter_mut().zip(y).zip(gradient) {
            target.write(if *y > 0.0 { *gradient } else { 0.0 });
        }
    }

    fn add_bias_chunk(x: &[f32], bias: &[f32], output: &mut Unwritten) {
        for (output, x) in output.chunks_mut(bias.len()).zip(x.chunks(bias.len())) {
            for ((y, x), bias) in output.iter_mut().zip(x).zip(bias) {
                y.write(x + bias);
            }
        }
    }
}
