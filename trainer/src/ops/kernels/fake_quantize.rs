//! Rounding to eight bits and back.

#![allow(unsafe_code)]

use rayon::prelude::*;
use sextant_runtime::graph::Quantization;

use super::channel_sums::CHUNK_LEN;
use super::unwritten::Unwritten;
use super::vectorised::vectorised;

/// Eight-bit numbers between two bounds, and what they stand for.
#[derive(Clone, Copy, Debug)]
pub struct EightBitRange {
    /// What a number stands for.
    pub quantization: Quantization,
    /// Least and largest number.
    pub bounds: [i32; 2],
}

impl EightBitRange {
    #[inline(always)]
    fn rounded(&self, x: f32) -> f32 {
        let number = i32::from(self.quantization.quantize(x)).max(self.bounds[0]).min(self.bounds[1]);
        self.quantization.dequantize(number as i8)
    }

    /// Least and largest number that there is.
    fn ends(&self) -> [f32; 2] {
        self.bounds.map(|number| self.quantization.dequantize(number as i8))
    }
}

/// `output = rounded(x)`.
///
/// # Panics
/// When the slices differ in length.
pub fn fake_quantize<'o>(x: &[f32], range: EightBitRange, output: &'o mut Unwritten) -> &'o mut [f32] {
    assert_eq!(x.len(), output.len());
    let chunks = output.par_chunks_mut(CHUNK_LEN).zip(x.par_chunks(CHUNK_LEN));
    chunks.for_each(|(output, x)| round_chunk(x, range, output));
    // SAFETY: chunks cover the slice, have as many inputs as outputs, and all of each is written.
    unsafe { output.assume_init_mut() }
}

/// `output = rounded(a + b)`.
///
/// # Panics
/// When the slices differ in length.
pub fn fake_quantize_sum<'o>(a: &[f32], b: &[f32], range: EightBitRange, output: &'o mut Unwritten) -> &'o mut [f32] {
    assert!(a.len() == output.len() && b.len() == output.len());
    let inputs = a.par_chunks(CHUNK_LEN).zip(b.par_chunks(CHUNK_LEN));
    output.par_chunks_mut(CHUNK_LEN).zip(inputs).for_each(|(output, (a, b))| round_sum_chunk(a, b, range, output));
    // SAFETY: as in `fake_quantize`.
    unsafe { output.assume_init_mut() }
}

/// `target = gradient` where `x` is within the range, else 0.
///
/// # Panics
/// When the slices differ in length.
pub fn pass_inside<'o>(x: &[f32], gradient: &[f32], range: EightBitRange, target: &'o mut Unwritten) -> &'o mut [f32] {
    assert!(x.len() == target.len() && gradient.len() == target.len());
    let inputs = x.par_chunks(CHUNK_LEN).zip(gradient.par_chunks(CHUNK_LEN));
    let [low, high] = range.ends();
    target
        .par_chunks_mut(CHUNK_LEN)
        .zip(inputs)
        .for_each(|(target, (x, gradient))| pass_chunk(x, gradient, low, high, target));
    // SAFETY: as in `fake_quantize`.
    unsafe { target.assume_init_mut() }
}

/// `target = gradient` where `a + b` is within the range, else 0.
///
/// # Panics
/// When the slices differ in length.
pub fn pass_sum_inside<'o>(
    [a, b]: [&[f32]; 2],
    gradient: &[f32],
    range: EightBitRange,
    target: &'o mut Unwritten,
) -> &'o mut [f32] {
    assert!([a, b, gradient].iter().all(|input| input.len() == target.len()));
    let inputs = a.par_chunks(CHUNK_LEN).zip(b.par_chunks(CHUNK_LEN)).zip(gradient.par_chunks(CHUNK_LEN));
    let [low, high] = range.ends();
    target
        .par_chunks_mut(CHUNK_LEN)
        .zip(inputs)
        .for_each(|(target, ((a, b), gradient))| pass_sum_chunk(a, b, gradient, low, high, target));
    // SAFETY: as in `fake_quantize`.
    unsafe { target.assume_init_mut() }
}

vectorised! {
    /// Writes as many numbers as the shortest argument has, and so do those below.
    fn round_chunk(x: &[f32], range: EightBitRange, output: &mut Unwritten) {
        for (y, x) in output.iter_mut().zip(x) {
            y.write(range.rounded(*x));
        }
    }

    fn round_sum_chunk(a: &[f32], b: &[f32], range: EightBitRange, output: &mut Unwritten) {
        for ((y, a), b) in output.iter_mut().zip(a).zip(b) {
            y.write(range.rounded(a + b));
        }
    }

    fn pass_chunk(x: &[f32], gradient: &[f32], low: f32, high: f32, target: &mut Unwritten) {
        for ((target, x), gradient) in target.iter_mut().zip(x).zip(gradient) {
            target.write(if *x >= low && *x <= high { *gradient } else { 0.0 });
        }
    }

    fn pass_sum_chunk(a: &[f32], b: &[f32], gradient: &[f32], low: f32, high: f32, target: &mut Unwritten) {
        for (((target, a), b), gradient) in target.iter_mut().zip(a).zip(b).zip(gradient) {
            let x = a + b;
            target.write(if x >= low && x <= high { *gradient } else { 0.0 });
        }
    }
}
