//! Rectifier and bias.

use rayon::prelude::*;

use super::channel_sums::{CHUNK_LEN, chunk_len, widen};
use super::vectorised::vectorised;

/// `output = max(0, x)`; not a number stays so.
pub fn relu(x: &[f32], output: &mut [f32]) {
    output.par_chunks_mut(CHUNK_LEN).zip(x.par_chunks(CHUNK_LEN)).for_each(|(output, x)| relu_chunk(x, output));
}

/// `target = gradient` where the rectifier's output is positive, else 0.
pub fn relu_gradient(rectified: &[f32], gradient: &[f32], target: &mut [f32]) {
    let inputs = rectified.par_chunks(CHUNK_LEN).zip(gradient.par_chunks(CHUNK_LEN));
    target.par_chunks_mut(CHUNK_LEN).zip(inputs).for_each(|(target, (y, gradient))| mask_chunk(y, gradient, target));
}

/// `output = x + bias`, `bias` along the last axis.
pub fn add_bias(x: &[f32], bias: &[f32], output: &mut [f32]) {
    let (len, bias) = (chunk_len(bias.len()), widen(bias));
    output.par_chunks_mut(len).zip(x.par_chunks(len)).for_each(|(output, x)| add_bias_chunk(x, &bias, output));
}

vectorised! {
    fn relu_chunk(x: &[f32], output: &mut [f32]) {
        for (y, x) in output.iter_mut().zip(x) {
            *y = if *x < 0.0 { 0.0 } else { *x };
        }
    }

    pub(super) fn mask_chunk(y: &[f32], gradient: &[f32], target: &mut [f32]) {
        for ((target, y), gradient) in target.iter_mut().zip(y).zip(gradient) {
            *target = if *y > 0.0 { *gradient } else { 0.0 };
        }
    }

    fn add_bias_chunk(x: &[f32], bias: &[f32], output: &mut [f32]) {
        for (output, x) in output.chunks_mut(bias.len()).zip(x.chunks(bias.len())) {
            for ((y, x), bias) in output.iter_mut().zip(x).zip(bias) {
                *y = x + bias;
            }
        }
    }
}
