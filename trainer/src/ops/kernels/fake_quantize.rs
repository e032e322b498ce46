//! Rounding to eight bits and back.

use rayon::prelude::*;
use sextant_runtime::graph::Quantization;

use super::channel_sums::CHUNK_LEN;
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
pub fn fake_quantize(x: &[f32], range: EightBitRange, output: &mut [f32]) {
    let chunks = output.par_chunks_mut(CHUNK_LEN).zip(x.par_chunks(CHUNK_LEN));
    chunks.for_each(|(output, x)| round_chunk(x, range, output));
}

/// `output = rounded(a + b)`.
pub fn fake_quantize_sum(a: &[f32], b: &[f32], range: EightBitRange, output: &mut [f32]) {
    let inputs = a.par_chunks(CHUNK_LEN).zip(b.par_chunks(CHUNK_LEN));
    output.par_chunks_mut(CHUNK_LEN).zip(inputs).for_each(|(output, (a, b))| round_sum_chunk(a, b, range, output));
}

/// `target = gradient` where `x` is within the range, else 0.
pub fn pass_inside(x: &[f32], gradient: &[f32], range: EightBitRange, target: &mut [f32]) {
    let inputs = x.par_chunks(CHUNK_LEN).zip(gradient.par_chunks(CHUNK_LEN));
    let [low, high] = range.ends();
    target
        .par_chunks_mut(CHUNK_LEN)
        .zip(inputs)
        .for_each(|(target, (x, gradient))| pass_chunk(x, gradient, low, high, target));
}

/// `target = gradient` where `a + b` is within the range, else 0.
pub fn pass_sum_inside(a: &[f32], b: &[f32], gradient: &[f32], range: EightBitRange, target: &mut [f32]) {
    let inputs = a.par_chunks(CHUNK_LEN).zip(b.par_chunks(CHUNK_LEN)).zip(gradient.par_chunks(CHUNK_LEN));
    let [low, high] = range.ends();
    target
        .par_chunks_mut(CHUNK_LEN)
        .zip(inputs)
        .for_each(|(target, ((a, b), gradient))| pass_sum_chunk(a, b, gradient, low, high, target));
}

vectorised! {
    fn round_chunk(x: &[f32], range: EightBitRange, output: &mut [f32]) {
        for (y, x) in output.iter_mut().zip(x) {
            *y = range.rounded(*x);
        }
    }

    fn round_sum_chunk(a: &[f32], b: &[f32], range: EightBitRange, output: &mut [f32]) {
        for ((y, a), b) in output.iter_mut().zip(a).zip(b) {
            *y = range.rounded(a + b);
        }
    }

    fn pass_chunk(x: &[f32], gradient: &[f32], low: f32, high: f32, target: &mut [f32]) {
        for ((target, x), gradient) in target.iter_mut().zip(x).zip(gradient) {
            *target = if *x >= low && *x <= high { *gradient } else { 0.0 };
        }
    }

    fn pass_sum_chunk(a: &[f32], b: &[f32], gradient: &[f32], low: f32, high: f32, target: &mut [f32]) {
        for (((target, a), b), gradient) in target.iter_mut().zip(a).zip(b).zip(gradient) {
            let x = a + b;
            *target = if x >= low && x <= high { *gradient } else { 0.0 };
        }
    }
}
