//! Sums per channel over all pixels, in fixed chunks that are combined in order.

use rayon::prelude::*;

use super::vectorised::vectorised;

/// Numbers in a chunk: few enough to stay in the second-level cache between passes.
pub(super) const CHUNK_LEN: usize = 1 << 14;
/// Few channels are handled several pixels at a time, up to about this many numbers.
const WIDE_LEN: usize = 256;

/// Numbers in a chunk of whole pixels.
pub(super) fn chunk_len(channels: usize) -> usize {
    (CHUNK_LEN / channels).max(1) * channels
}

/// Channels times the pixels that are handled together.
pub(super) fn wide_len(channels: usize) -> usize {
    (WIDE_LEN / channels).max(1) * channels
}

/// Per-channel values repeated for the pixels that are handled together.
pub(super) fn widen(values: &[f32]) -> Vec<f32> {
    values.iter().copied().cycle().take(wide_len(values.len())).collect()
}

/// Sums of the pixels that were handled together, per channel.
pub(super) fn fold(wide: &[f32], channels: usize) -> Vec<f32> {
    let mut sums = wide[..channels].to_vec();
    for pixel in wide[channels..].chunks_exact(channels) {
        sums.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += x);
    }
    sums
}

/// Sum of each channel of `[pixels, channels]`.
pub fn channel_sums(x: &[f32], channels: usize) -> Vec<f32> {
    let chunks: Vec<Vec<f32>> = x
        .par_chunks(chunk_len(channels))
        .map(|chunk| {
            let mut wide = vec![0.0; wide_len(channels)];
            add_pixels(chunk, &mut wide);
            fold(&wide, channels)
        })
        .collect();
    sum_in_order(&chunks, channels).into_iter().map(|sum| sum as f32).collect()
}

/// Adds equally long vectors in double precision.
pub(super) fn sum_in_order(chunks: &[Vec<f32>], len: usize) -> Vec<f64> {
    let mut sums = vec![0.0; len];
    for chunk in chunks {
        sums.iter_mut().zip(chunk).for_each(|(sum, &x)| *sum += f64::from(x));
    }
    sums
}

vectorised! {
    /// `wide[i] += x[j wide.len() + i]` for all `j`.
    pub(super) fn add_pixels(x: &[f32], wide: &mut [f32]) {
        for pixels in x.chunks(wide.len()) {
            for (sum, x) in wide.iter_mut().zip(pixels) {
                *sum += x;
            }
        }
    }
}
