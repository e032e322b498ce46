//! Depthwise convolution: every channel has a window of its own, so channels are the vector.

#![allow(unsafe_code)]

use std::ops::Range;

use rayon::prelude::*;

use super::conv2d::Conv2dShape;
use super::unwritten::{Unwritten, cleared};
use super::vectorised::vectorised;

/// Channels that one pixel's sums keep in registers.
const LANES: usize = 32;
/// Parts of the batch that have weight sums of their own: fixed, so that results do not depend on threads.
const WEIGHT_CHUNKS: usize = 16;

/// A product to sum: offset of the pixel and offset of the tap's weights.
type Term = (usize, usize);

/// `output = depthwise convolution of input`; sizes are checked by the caller.
pub(super) fn forward<'o>(
    shape: &Conv2dShape,
    input: &[f32],
    weight: &[f32],
    output: &'o mut Unwritten,
) -> &'o mut [f32] {
    let [rows, columns] = shape.output_size().expect("checked by the caller");
    let taps = tap_major(shape, weight);
    let gather = Gather {
        columns,
        channels: shape.input_channels,
        source: input,
        source_image_len: shape.height * shape.width * shape.input_channels,
        taps: &taps,
        repeats: whole_windows(shape, columns),
        repeat_shift: shape.stride[1] * shape.input_channels,
        list_terms: |y, x, terms: &mut Vec<Term>| output_terms(shape, y, x, terms),
    };
    gather.run(rows, output)
}

/// Gradient by the input; sizes are checked by the caller.
pub(super) fn input_gradient<'o>(
    shape: &Conv2dShape,
    weight: &[f32],
    output_gradient: &[f32],
    target: &'o mut Unwritten,
) -> &'o mut [f32] {
    let [rows, columns] = shape.output_size().expect("checked by the caller");
    let taps = tap_major(shape, weight);
    // With step 1, input pixels under whole windows are reached by every tap, one output pixel on from the last.
    let first = shape.kernel[1].saturating_sub(shape.padding[1]).max(1);
    let reached = first..columns.saturating_sub(shape.padding[1]);
    let repeats = if shape.stride[1] == 1 { reached } else { 0..0 };
    let gather = Gather {
        columns: shape.width,
        channels: shape.input_channels,
        source: output_gradient,
        source_image_len: rows * columns * shape.input_channels,
        taps: &taps,
        repeats,
        repeat_shift: shape.input_channels,
        list_terms: |y, x, terms: &mut Vec<Term>| input_terms(shape, [rows, columns], y, x, terms),
    };
    gather.run(shape.height, target)
}

/// Gradient by the weights; sizes are checked by the caller.
pub(super) fn weight_gradient<'o>(
    shape: &Conv2dShape,
    input: &[f32],
    output_gradient: &[f32],
    target: &'o mut Unwritten,
) -> &'o mut [f32] {
    let [rows, columns] = shape.output_size().expect("checked by the caller");
    let (channels, taps) = (shape.input_channels, shape.kernel[0] * shape.kernel[1]);
    let (image_len, gradient_len) = (shape.height * shape.width * channels, rows * columns * channels);
    let images_per_chunk = shape.images.div_ceil(WEIGHT_CHUNKS).max(1);
    let sums: Vec<Vec<f32>> = input
        .par_chunks(images_per_chunk * image_len)
        .zip(output_gradient.par_chunks(images_per_chunk * gradient_len))
        .map(|(input, gradient)| {
            let (mut sums, mut terms) = (vec![0.0; taps * channels], Vec::new());
            for (input, gradient) in input.chunks_exact(image_len).zip(gradient.chunks_exact(gradient_len)) {
                for (y, gradient) in gradient.chunks_exact(columns * channels).enumerate() {
                    scatter_row(shape, y, input, gradient, &mut terms, &mut sums);
                }
            }
            sums
        })
        .collect();
    for (i, weight) in target.iter_mut().enumerate() {
        weight.write(sums.iter().map(|sums| sums[i % taps * channels + i / taps]).sum());
    }
    // SAFETY: the loop wrote every weight.
    unsafe { target.assume_init_mut() }
}

/// `[channels, taps]` as `[taps, channels]`.
fn tap_major(shape: &Conv2dShape, weight: &[f32]) -> Vec<f32> {
    let (channels, taps) = (shape.input_channels, shape.kernel[0] * shape.kernel[1]);
    (0..taps * channels).map(|i| weight[i % channels * taps + i / channels]).collect()
}

/// Adds one row of output pixels to the weight sums.
fn scatter_row(
    shape: &Conv2dShape,
    y: usize,
    input: &[f32],
    gradient: &[f32],
    terms: &mut Vec<Term>,
    sums: &mut [f32],
) {
    let channels = shape.input_channels;
    let columns = gradient.len() / channels;
    let repeats = whole_windows(shape, columns);
    let mut x = 0;
    while x < columns {
        output_terms(shape, y, x, terms);
        let run = if repeats.start == x + 1 { repeats.len() + 1 } else { 1 };
        let gradient = &gradient[x * channels..(x + run) * channels];
        scatter_run(terms, input, shape.stride[1] * channels, channels, gradient, sums);
        x += run;
    }
}

/// How to list the terms of a pixel.
struct Gather<'a, F> {
    columns: usize,
    channels: usize,
    source: &'a [f32],
    source_image_len: usize,
    taps: &'a [f32],
    /// Columns whose terms are those of the column before, this much further.
    repeats: Range<usize>,
    repeat_shift: usize,
    list_terms: F,
}

impl<F: Fn(usize, usize, &mut Vec<Term>) + Sync> Gather<'_, F> {
    /// Fills every pixel with the sum of its terms.
    fn run<'o>(&self, rows: usize, target: &'o mut Unwritten) -> &'o mut [f32] {
        assert!(target.len().is_multiple_of(self.columns * self.channels));
        let target_rows = target.par_chunks_mut(self.columns * self.channels).with_min_len(4).enumerate();
        target_rows.for_each_init(Vec::new, |terms, (row, target)| {
            let image = &self.source[row / rows * self.source_image_len..][..self.source_image_len];
            let mut shift = 0;
            for (x, pixel) in target.chunks_exact_mut(self.channels).enumerate() {
                if self.repeats.contains(&x) {
                    shift += self.repeat_shift;
                } else {
                    (self.list_terms)(row % rows, x, terms);
                    shift = 0;
                }
                gather_pixel(terms, image, shift, self.taps, pixel);
            }
        });
        // SAFETY: the rows are whole ones, so that every number is a pixel's, and `gather_pixel` writes whole pixels.
        unsafe { target.assume_init_mut() }
    }
}

/// Terms of output pixel `(y, x)`: input pixels under its window.
fn output_terms(shape: &Conv2dShape, y: usize, x: usize, terms: &mut Vec<Term>) {
    terms.clear();
    let channels = shape.input_channels;
    for row in 0..shape.kernel[0] {
        let Some(from_y) = inside(y * shape.stride[0] + row, shape.padding[0], shape.height) else { continue };
        for column in 0..shape.kernel[1] {
            let Some(from_x) = inside(x * shape.stride[1] + column, shape.padding[1], shape.width) else { continue };
            let tap = row * shape.kernel[1] + column;
            terms.push(((from_y * shape.width + from_x) * channels, tap * channels));
        }
    }
}

/// Output columns, but the first, whose window lies inside the input from left to right.
fn whole_windows(shape: &Conv2dShape, columns: usize) -> Range<usize> {
    let first = shape.padding[1].div_ceil(shape.stride[1]);
    let room = (shape.width + shape.padding[1]).checked_sub(shape.kernel[1]);
    let last = room.map_or(0, |room| room / shape.stride[1] + 1);
    first + 1..last.min(columns)
}

fn inside(padded: usize, padding: usize, size: usize) -> Option<usize> {
    padded.checked_sub(padding).filter(|&position| position < size)
}

/// Terms of input pixel `(y, x)`: output pixels whose window covers it.
fn input_terms(shape: &Conv2dShape, [rows, columns]: [usize; 2], y: usize, x: usize, terms: &mut Vec<Term>) {
    terms.clear();
    let channels = shape.input_channels;
    for row in 0..shape.kernel[0] {
        let Some(to_y) = reached(y + shape.padding[0], row, shape.stride[0], rows) else { continue };
        for column in 0..shape.kernel[1] {
            let Some(to_x) = reached(x + shape.padding[1], column, shape.stride[1], columns) else { continue };
            let tap = row * shape.kernel[1] + column;
            terms.push(((to_y * columns + to_x) * channels, tap * channels));
        }
    }
}

fn reached(padded: usize, tap: usize, stride: usize, size: usize) -> Option<usize> {
    let steps = padded.checked_sub(tap)?;
    (steps % stride == 0 && steps / stride < size).then_some(steps / stride)
}

vectorised! {
    /// `pixel[c] = sum over terms of source[c] * taps[c]`.
    fn gather_pixel(terms: &[Term], source: &[f32], shift: usize, taps: &[f32], pixel: &mut Unwritten) {
        let channels = pixel.len();
        let whole = channels / LANES * LANES;
        for first in (0..whole).step_by(LANES) {
            let mut sums = [0.0f32; LANES];
            for &(from, tap) in terms {
                let source = &source[from + shift + first..][..LANES];
                let weights = &taps[tap + first..][..LANES];
                for lane in 0..LANES {
                    sums[lane] += source[lane] * weights[lane];
                }
            }
            pixel[first..first + LANES].write_copy_of_slice(&sums);
        }
        let rest = cleared(&mut pixel[whole..], 0.0);
        for &(from, tap) in terms {
            let source = &source[from + shift + whole..];
            let weights = &taps[tap + whole..];
            for ((sum, x), weight) in rest.iter_mut().zip(source).zip(weights) {
                *sum += x * weight;
            }
        }
    }

    /// `sums[tap][c] += sum over pixels of source[pixel][c] * gradient[pixel][c]`, pixels `step` apart in the source.
    fn scatter_run(terms: &[Term], source: &[f32], step: usize, channels: usize, gradient: &[f32], sums: &mut [f32]) {
        for &(from, tap) in terms {
            for first in (0..channels).step_by(LANES) {
                let lanes = LANES.min(channels - first);
                let sums = &mut sums[tap + first..][..lanes];
                let mut totals = [0.0f32; LANES];
                totals[..lanes].copy_from_slice(sums);
                for (pixel, gradient) in gradient.chunks_exact(channels).enumerate() {
                    let source = &source[from + first + pixel * step..][..lanes];
                    let gradient = &gradient[first..][..lanes];
                    if lanes == LANES {
                        for lane in 0..LANES {
                            totals[lane] += source[lane] * gradient[lane];
                        }
                    } else {
                        for ((total, x), gradient) in totals.iter_mut().zip(source).zip(gradient) {
                            *total += x * gradient;
                        }
                    }
                }
                sums.copy_from_slice(&totals[..lanes]);
            }
        }
    }
}
