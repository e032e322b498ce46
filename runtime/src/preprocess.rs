//! From an RGB image of any size to the size that a model takes: centre crop, then resize.

use std::vec;
use std::vec::Vec;

/// An RGB image, rows first, three bytes a pixel.
#[derive(Clone, Copy, Debug)]
pub struct RgbView<'p> {
    pixels: &'p [u8],
    width: usize,
    height: usize,
}

impl<'p> RgbView<'p> {
    /// The image of those pixels; `None` when it is empty or `pixels` has not `3 * width * height` bytes.
    pub fn new(pixels: &'p [u8], width: usize, height: usize) -> Option<Self> {
        let expected = width.checked_mul(height)?.checked_mul(3)?;
        (expected > 0 && pixels.len() == expected).then_some(Self { pixels, width, height })
    }

    /// The largest centred part with the target's aspect ratio, resized to `width` x `height`, as RGB bytes.
    ///
    /// Resizing is separable with a triangle filter; shrinking widens the filter by the factor, so that fine
    /// texture is averaged, not sampled. Each pixel is rounded once.
    ///
    /// # Panics
    /// When `width` or `height` is zero.
    pub fn crop_and_resize(&self, width: usize, height: usize) -> Vec<u8> {
        assert!(width > 0 && height > 0, "an image of {width}x{height} pixels");
        let crop = centred_crop([self.width, self.height], [width, height]);
        if [crop.width, crop.height] == [width, height] {
            return self.rows(&crop).flatten().copied().collect();
        }
        let columns = triangle_filter(crop.width, width);
        let narrowed: Vec<f32> = self.rows(&crop).flat_map(|row| resize_row(row, &columns)).collect();
        let lines = triangle_filter(crop.height, height);
        lines.iter().flat_map(|taps| mix_rows(&narrowed, 3 * width, taps)).collect()
    }

    /// The crop's rows, each `3 * crop.width` bytes.
    fn rows(&self, crop: &Crop) -> impl Iterator<Item = &'p [u8]> {
        let (left, width) = (3 * crop.left, 3 * crop.width);
        self.pixels
            .chunks_exact(3 * self.width)
            .skip(crop.top)
            .take(crop.height)
            .map(move |row| &row[left..left + width])
    }
}

#[derive(Debug, PartialEq)]
struct Crop {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

/// The largest centred part of `size` with the aspect ratio of `target` (both width, height).
fn centred_crop(size: [usize; 2], target: [usize; 2]) -> Crop {
    let [width, height] = size.map(|extent| extent as u128);
    let [target_width, target_height] = target.map(|extent| extent as u128);
    let (crop_width, crop_height) = if width * target_height > height * target_width {
        ((height * target_width / target_height).max(1), height)
    } else {
        (width, (width * target_height / target_width).max(1))
    };
    let (crop_width, crop_height) = (crop_width as usize, crop_height as usize);
    Crop { left: (size[0] - crop_width) / 2, top: (size[1] - crop_height) / 2, width: crop_width, height: crop_height }
}

/// What one output position takes from the input: weights that sum to one, from `first` on.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

fn triangle_filter(from: usize, to: usize) -> Vec<Taps> {
    let scale = from as f64 / to as f64;
    let support = scale.max(1.0);
    (0..to)
        .map(|position| {
            let centre = (position as f64 + 0.5) * scale;
            let first = (centre - support).floor().max(0.0) as usize;
            let end = ((centre + support).ceil() as usize).clamp(first + 1, from);
            let weight = |tap: usize| (1.0 - ((tap as f64 + 0.5 - centre) / support).abs()).max(0.0);
            let sum: f64 = (first..end).map(weight).sum();
            Taps { first, weights: (first..end).map(|tap| (weight(tap) / sum) as f32).collect() }
        })
        .collect()
}

fn resize_row(row: &[u8], columns: &[Taps]) -> Vec<f32> {
    let mut resized = Vec::with_capacity(3 * columns.len());
    for taps in columns {
        let mut sum = [0.0; 3];
        for (pixel, weight) in row[3 * taps.first..].chunks_exact(3).zip(&taps.weights) {
            for (sum, value) in sum.iter_mut().zip(pixel) {
                *sum += weight * f32::from(*value);
            }
        }
        resized.extend_from_slice(&sum);
    }
    resized
}

fn mix_rows(rows: &[f32], row_length: usize, taps: &Taps) -> Vec<u8> {
    let mut mixed = vec![0.0f32; row_length];
    for (row, weight) in rows.chunks_exact(row_length).skip(taps.first).zip(&taps.weights) {
        for (sum, value) in mixed.iter_mut().zip(row) {
            *sum += weight * value;
        }
    }
    mixed.iter().map(|value| value.round().clamp(0.0, 255.0) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_are_centred_and_as_large_as_fits() {
        let cases = [
            ([10, 6], [64, 64], [2, 0, 6, 6]),
            ([6, 11], [64, 64], [0, 2, 6, 6]),
            ([8, 8], [64, 32], [0, 2, 8, 4]),
            ([1, 100_000], [32, 32], [0, 49_999, 1, 1]),
            ([3, 1], [1, 100], [1, 0, 1, 1]),
        ];
        for (size, target, [left, top, width, height]) in cases {
            assert_eq!(centred_crop(size, target), Crop { left, top, width, height }, "{size:?} to {target:?}");
        }
    }

    #[test]
    fn the_right_size_is_left_alone() {
        let pixels: Vec<u8> = (0..4 * 4 * 3).collect();
        assert_eq!(RgbView::new(&pixels, 4, 4).unwrap().crop_and_resize(4, 4), pixels);
    }

    #[test]
    fn one_colour_stays_that_colour_at_any_size() {
        for (width, height, to) in [(1, 1, 32), (100, 37, 16), (5, 64, 64), (31, 31, 32)] {
            let pixels = [7, 130, 255].repeat(width * height);
            let resized = RgbView::new(&pixels, width, height).unwrap().crop_and_resize(to, to);
            assert_eq!(resized, [7, 130, 255].repeat(to * to), "{width}x{height} to {to}");
        }
    }

    #[test]
    fn a_fine_chequerboard_shrinks_to_grey() {
        let pixels: Vec<u8> =
            (0..64 * 64).flat_map(|i| [if (i / 64 + i % 64) % 2 == 0 { 0 } else { 255 }; 3]).collect();
        let resized = RgbView::new(&pixels, 64, 64).unwrap().crop_and_resize(8, 8);
        assert!(resized.iter().all(|value| (126..=129).contains(value)), "{resized:?}");
    }

    #[test]
    fn wrong_lengths_are_refused() {
        assert!(RgbView::new(&[], 0, 0).is_none());
        assert!(RgbView::new(&[0; 11], 2, 2).is_none());
        assert!(RgbView::new(&[0; 12], usize::MAX, 2).is_none());
    }
}
