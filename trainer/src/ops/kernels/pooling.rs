//! Max-pooling and global average pooling of channels-last maps.

#![allow(unsafe_code)]

use rayon::prelude::*;

use super::unwritten::{Unwritten, cleared};
use super::vectorised::vectorised;

/// Sizes of a max-pooling of `[images, height, width, channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolShape {
    /// Maps in the batch.
    pub images: usize,
    /// Rows of a map.
    pub height: usize,
    /// Columns of a map.
    pub width: usize,
    /// Channels.
    pub channels: usize,
    /// Height and width of the window: at most 255 positions.
    pub kernel: [usize; 2],
    /// Vertical and horizontal step.
    pub stride: [usize; 2],
    /// Positions outside the map that a window may cover, on each side; smaller than the window.
    pub padding: [usize; 2],
}

impl PoolShape {
    /// Rows and columns of the output; nothing when the window is larger than the padded input.
    pub fn output_size(&self) -> Option<[usize; 2]> {
        let size = |axis: usize, input: usize| {
            let room = (input + 2 * self.padding[axis]).checked_sub(self.kernel[axis])?;
            Some(room / self.stride[axis] + 1)
        };
        Some([size(0, self.height)?, size(1, self.width)?])
    }

    /// Pairs of window position and input pixel of output pixel `(y, x)`.
    fn positions(&self, y: usize, x: usize) -> impl Iterator<Item = (u8, usize)> + '_ {
        let inside = |start: usize, tap: usize, axis: usize, size: usize| {
            (start * self.stride[axis] + tap).checked_sub(self.padding[axis]).filter(|&position| position < size)
        };
        (0..self.kernel[0] * self.kernel[1]).filter_map(move |tap| {
            let row = inside(y, tap / self.kernel[1], 0, self.height)?;
            let column = inside(x, tap % self.kernel[1], 1, self.width)?;
            Some((tap as u8, row * self.width + column))
        })
    }
}

/// Writes the largest value under each window, and which position held it.
///
/// # Panics
/// When a slice does not have the size that `shape` says.
pub fn max_pool2d<'o>(shape: &PoolShape, x: &[f32], output: &'o mut Unwritten, positions: &mut [u8]) -> &'o mut [f32] {
    let [rows, columns] = shape.output_size().expect("checked by the caller");
    let (channels, image_len) = (shape.channels, shape.height * shape.width * shape.channels);
    assert_eq!(x.len(), shape.images * image_len);
    assert_eq!(output.len(), shape.images * rows * columns * channels);
    assert_eq!(positions.len(), output.len());
    let row_len = columns * channels;
    let targets = output.par_chunks_mut(row_len).zip(positions.par_chunks_mut(row_len));
    targets.with_min_len(4).enumerate().for_each(|(row, (output, positions))| {
        let image = &x[row / rows * image_len..][..image_len];
        let pixels = output.chunks_exact_mut(channels).zip(positions.chunks_exact_mut(channels));
        for (column, (best, positions)) in pixels.enumerate() {
            let best = cleared(best, f32::NEG_INFINITY);
            positions.fill(u8::MAX);
            for (tap, pixel) in shape.positions(row % rows, column) {
                keep_larger(&image[pixel * channels..][..channels], tap, best, positions);
            }
        }
    });
    // SAFETY: by its length the slice is whole rows of whole pixels, and each pixel was cleared.
    unsafe { output.assume_init_mut() }
}

/// Sends each gradient to the input pixel that held the largest value.
///
/// # Panics
/// When a slice does not have the size that `shape` says.
pub fn max_pool2d_gradient<'o>(
    shape: &PoolShape,
    positions: &[u8],
    gradient: &[f32],
    target: &'o mut Unwritten,
) -> &'o mut [f32] {
    let [rows, columns] = shape.output_size().expect("checked by the caller");
    let (channels, output_len) = (shape.channels, rows * columns * shape.channels);
    let image_len = shape.height * shape.width * channels;
    assert_eq!(target.len(), shape.images * image_len);
    assert_eq!(positions.len(), shape.images * output_len);
    assert_eq!(gradient.len(), positions.len());
    let images = target.par_chunks_exact_mut(image_len);
    images.zip(gradient.par_chunks_exact(output_len).zip(positions.par_chunks_exact(output_len))).for_each(
        |(image, (gradient, positions))| {
            let image = cleared(image, 0.0);
            for output in 0..rows * columns {
                let range = output * channels..(output + 1) * channels;
                for (tap, pixel) in shape.positions(output / columns, output % columns) {
                    let target = &mut image[pixel * channels..][..channels];
                    add_where(&positions[range.clone()], tap, &gradient[range.clone()], target);
                }
            }
        },
    );
    // SAFETY: by their lengths the slices are as many images, and each image was cleared.
    unsafe { target.assume_init_mut() }
}

/// Writes the mean over the `pixels` of each image.
///
/// # Panics
/// When the slices are not those of as many images.
pub fn global_average_pool<'o>(x: &[f32], pixels: usize, channels: usize, output: &'o mut Unwritten) -> &'o mut [f32] {
    assert!(output.len().is_multiple_of(channels) && x.len() == output.len() * pixels);
    let images = output.par_chunks_exact_mut(channels).zip(x.par_chunks_exact(pixels * channels));
    images.for_each(|(mean, image)| {
        let mean = cleared(mean, 0.0);
        super::channel_sums::add_pixels(image, mean);
        mean.iter_mut().for_each(|mean| *mean /= pixels as f32);
    });
    // SAFETY: by their lengths the slices are as many images, and each image's means were cleared.
    unsafe { output.assume_init_mut() }
}

/// Spreads the gradient of each mean over its `pixels`.
///
/// # Panics
/// When the slices are not those of as many images.
pub fn global_average_pool_gradient<'o>(
    gradient: &[f32],
    pixels: usize,
    channels: usize,
    target: &'o mut Unwritten,
) -> &'o mut [f32] {
    assert!(gradient.len().is_multiple_of(channels) && target.len() == gradient.len() * pixels);
    let images = target.par_chunks_exact_mut(pixels * channels).zip(gradient.par_chunks_exact(channels));
    images.for_each(|(image, gradient)| {
        let share: Vec<f32> = gradient.iter().map(|g| g / pixels as f32).collect();
        for pixel in image.chunks_exact_mut(channels) {
            pixel.write_copy_of_slice(&share);
        }
    });
    // SAFETY: by their lengths the slices are as many images, and each pixel of one was written.
    unsafe { target.assume_init_mut() }
}

vectorised! {
    /// A value that is not a number wins and stays.
    fn keep_larger(x: &[f32], tap: u8, best: &mut [f32], positions: &mut [u8]) {
        for ((x, best), position) in x.iter().zip(best).zip(positions) {
            let larger = *x > *best || x.is_nan() || *position == u8::MAX;
            *best = if larger { *x } else { *best };
            *position = if larger { tap } else { *position };
        }
    }

    fn add_where(positions: &[u8], tap: u8, gradient: &[f32], target: &mut [f32]) {
        for ((target, gradient), position) in target.iter_mut().zip(gradient).zip(positions) {
            *target += if *position == tap { *gradient } else { 0.0 };
        }
    }
}
