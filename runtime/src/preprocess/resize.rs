//! From an RGB picture of any size to the size that a model takes: the one rule of training, calibration and prediction.
//!
//! The largest centred part with the model's aspect ratio is taken, and each pixel of the result is the mean of the area
//! that it covers. A picture twice as large gives means of 2x2 pixels; enlarging repeats pixels, and blends two where an
//! edge falls between them. A picture of the model's own size is left as it is. All sums are integers, so that every
//! machine gives the same bytes.

use std::vec;
use std::vec::Vec;

/// The name of this module's rule, which a model carries in its metadata under
/// [`RESIZE`](crate::contract::metadata::RESIZE).
pub const RESIZE_RULE: &str = "centre-crop, area";

/// An RGB picture, three bytes a pixel, as it is to be looked at.
#[derive(Clone, Copy, Debug)]
pub struct RgbView<'p> {
    pixels: &'p [u8],
    width: usize,
    height: usize,
    /// Byte of the top left pixel, and steps in bytes to the next pixel and the next row.
    first: usize,
    across: isize,
    down: isize,
}

impl<'p> RgbView<'p> {
    /// The picture of those pixels, rows first; `None` when it is empty or `pixels` has not `3 * width * height` bytes.
    pub fn new(pixels: &'p [u8], width: usize, height: usize) -> Option<Self> {
        let expected = width.checked_mul(height)?.checked_mul(3)?;
        (expected > 0 && pixels.len() == expected).then_some(Self {
            pixels,
            width,
            height,
            first: 0,
            across: 3,
            down: 3 * width as isize,
        })
    }

    /// The picture turned and mirrored as EXIF's orientation 1 to 8 asks for; other numbers leave it as it is.
    pub fn upright(self, exif_orientation: u8) -> Self {
        let right = (self.width as isize - 1) * self.across;
        let bottom = (self.height as isize - 1) * self.down;
        let turned = matches!(exif_orientation, 5..=8);
        let (first, across, down) = match exif_orientation {
            2 => (right, -self.across, self.down),
            3 => (right + bottom, -self.across, -self.down),
            4 => (bottom, self.across, -self.down),
            5 => (0, self.down, self.across),
            6 => (bottom, -self.down, self.across),
            7 => (right + bottom, -self.down, -self.across),
            8 => (right, self.down, -self.across),
            _ => (0, self.across, self.down),
        };
        let (width, height) = if turned { (self.height, self.width) } else { (self.width, self.height) };
        Self { width, height, first: self.first.wrapping_add_signed(first), across, down, ..self }
    }

    /// Width and height as it is to be looked at.
    pub fn size(&self) -> [usize; 2] {
        [self.width, self.height]
    }

    /// The largest centred part with the target's aspect ratio, resized to `width` x `height` by [`RESIZE_RULE`], as RGB
    /// bytes.
    ///
    /// # Panics
    /// When `width` or `height` is zero.
    pub fn crop_and_resize(&self, width: usize, height: usize) -> Vec<u8> {
        assert!(width > 0 && height > 0, "an image of {width}x{height} pixels");
        let crop = centred_crop([self.width, self.height], [width, height]);
        let mut row = vec![0; 3 * crop.width];
        if [crop.width, crop.height] == [width, height] {
            let mut pixels = Vec::with_capacity(3 * width * height);
            for line in 0..height {
                self.copy_row(&crop, line, &mut row);
                pixels.extend_from_slice(&row);
            }
            return pixels;
        }
        let (columns, lines) = (covered_cells(crop.width, width), covered_cells(crop.height, height));
        let mut pixels = Vec::with_capacity(3 * width * height);
        let mut narrow = NarrowRow { line: usize::MAX, sums: vec![0; 3 * width] };
        let mut sums = vec![0u64; 3 * width];
        let area = crop.width as u64 * crop.height as u64;
        for covered in &lines {
            sums.fill(0);
            for (line, part) in covered.cells() {
                // Neighbouring results share a row where an edge falls into it.
                if narrow.line != line {
                    self.copy_row(&crop, line, &mut row);
                    narrow.fill(line, &row, &columns);
                }
                sums.iter_mut().zip(&narrow.sums).for_each(|(sum, value)| *sum += part * value);
            }
            pixels.extend(sums.iter().map(|sum| ((2 * sum + area) / (2 * area)) as u8));
        }
        pixels
    }

    fn copy_row(&self, crop: &Crop, line: usize, row: &mut [u8]) {
        let step = |count: usize, bytes: isize| count as isize * bytes;
        let start = step(crop.top + line, self.down) + step(crop.left, self.across);
        let start = self.first.wrapping_add_signed(start);
        if self.across == 3 {
            row.copy_from_slice(&self.pixels[start..start + row.len()]);
            return;
        }
        for (x, pixel) in row.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let at = start.wrapping_add_signed(step(x, self.across));
            pixel.copy_from_slice(&self.pixels[at..at + 3]);
        }
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

/// What one of `to` equal intervals covers of `from` cells, in units of `1 / to` of a cell: an interval is `from` long.
struct Covered {
    first: usize,
    /// Of the first cell, of each cell between, and of the last.
    parts: [u64; 3],
    cells: usize,
}

fn covered_cells(from: usize, to: usize) -> Vec<Covered> {
    let covered = |index: usize| {
        let (start, end) = (index * from, (index + 1) * from);
        let (first, last) = (start / to, (end - 1) / to);
        let of_first = end.min((first + 1) * to) - start;
        let of_last = end - last * to;
        Covered { first, parts: [of_first as u64, to as u64, of_last as u64], cells: last + 1 - first }
    };
    (0..to).map(covered).collect()
}

impl Covered {
    /// Each cell, and how much of it is covered.
    fn cells(&self) -> impl Iterator<Item = (usize, u64)> {
        let part = |index: usize| match index {
            0 => self.parts[0],
            _ if index + 1 == self.cells => self.parts[2],
            _ => self.parts[1],
        };
        (0..self.cells).map(move |index| (self.first + index, part(index)))
    }
}

/// One row of the picture, already as narrow as the result: `3 * width` sums.
struct NarrowRow {
    line: usize,
    sums: Vec<u64>,
}

impl NarrowRow {
    fn fill(&mut self, line: usize, row: &[u8], columns: &[Covered]) {
        self.line = line;
        let pixels = row.as_chunks::<3>().0;
        for (sums, covered) in self.sums.as_chunks_mut::<3>().0.iter_mut().zip(columns) {
            *sums = [0; 3];
            for (column, part) in covered.cells() {
                sums.iter_mut().zip(pixels[column]).for_each(|(sum, value)| *sum += part * u64::from(value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(pixels: &[u8]) -> Vec<u8> {
        pixels.iter().flat_map(|&value| [value; 3]).collect()
    }

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
    fn resizing_takes_means_over_areas() {
        struct Case {
            name: &'static str,
            from: &'static [u8],
            size: [usize; 2],
            to: [usize; 2],
            want: &'static [u8],
        }
        let cases = [
            Case { name: "same size", from: &[1, 2, 3, 4], size: [2, 2], to: [2, 2], want: &[1, 2, 3, 4] },
            Case { name: "halved", from: &[0, 4, 8, 12], size: [2, 2], to: [1, 1], want: &[6] },
            Case {
                name: "each of four halved",
                from: &[0, 10, 100, 200, 20, 30, 0, 1, 255, 255, 7, 7, 255, 254, 7, 8],
                size: [4, 4],
                to: [2, 2],
                // 60 / 4, 301 / 4, 1019 / 4, 29 / 4, rounded.
                want: &[15, 75, 255, 7],
            },
            Case { name: "a half is rounded up", from: &[1, 2], size: [2, 1], to: [2, 1], want: &[1, 2] },
            Case { name: "2.5 becomes 3", from: &[2, 3, 2, 3], size: [2, 2], to: [1, 1], want: &[3] },
            Case {
                name: "3 to 2",
                from: &[0, 30, 60, 0, 30, 60, 0, 30, 60],
                size: [3, 3],
                to: [2, 2],
                want: &[10, 50, 10, 50],
            },
            Case { name: "enlarged", from: &[7], size: [1, 1], to: [2, 2], want: &[7, 7, 7, 7] },
            Case {
                name: "2 to 3",
                from: &[0, 90, 0, 90],
                size: [2, 2],
                to: [3, 3],
                want: &[0, 45, 90, 0, 45, 90, 0, 45, 90],
            },
            Case { name: "wide", from: &[9, 10, 20, 30, 99], size: [5, 1], to: [1, 1], want: &[20] },
            Case { name: "for a wide model", from: &[1, 3, 5, 7, 9, 11], size: [2, 3], to: [2, 1], want: &[5, 7] },
        ];
        for case in cases {
            let pixels = grey(case.from);
            let got =
                RgbView::new(&pixels, case.size[0], case.size[1]).unwrap().crop_and_resize(case.to[0], case.to[1]);
            assert_eq!(got, grey(case.want), "{}", case.name);
        }
    }

    #[test]
    fn orientations_show_the_picture_as_exif_says() {
        // A picture of three columns and two rows:  1 2 3
        //                                           4 5 6
        let cases: [(u8, [usize; 2], [u8; 6]); 10] = [
            (0, [3, 2], [1, 2, 3, 4, 5, 6]),
            (1, [3, 2], [1, 2, 3, 4, 5, 6]),
            (2, [3, 2], [3, 2, 1, 6, 5, 4]),
            (3, [3, 2], [6, 5, 4, 3, 2, 1]),
            (4, [3, 2], [4, 5, 6, 1, 2, 3]),
            (5, [2, 3], [1, 4, 2, 5, 3, 6]),
            (6, [2, 3], [4, 1, 5, 2, 6, 3]),
            (7, [2, 3], [6, 3, 5, 2, 4, 1]),
            (8, [2, 3], [3, 6, 2, 5, 1, 4]),
            (9, [3, 2], [1, 2, 3, 4, 5, 6]),
        ];
        let pixels = grey(&[1, 2, 3, 4, 5, 6]);
        for (orientation, [width, height], want) in cases {
            let view = RgbView::new(&pixels, 3, 2).unwrap().upright(orientation);
            assert_eq!(view.size(), [width, height], "orientation {orientation}");
            assert_eq!(view.crop_and_resize(width, height), grey(&want), "orientation {orientation}");
        }
    }

    #[test]
    fn a_turned_picture_is_resized_as_the_upright_one() {
        // 7 x 4, turned clockwise by hand to 4 x 7.
        let upright: Vec<u8> = (0..28).map(|i| (i * 37 % 251) as u8).collect();
        let stored: Vec<u8> =
            (0..7).rev().flat_map(|x| (0..4).map(move |y| (x, y))).map(|(x, y)| upright[y * 7 + x]).collect();
        let (upright, stored) = (grey(&upright), grey(&stored));
        let expected = RgbView::new(&upright, 7, 4).unwrap().crop_and_resize(3, 3);
        assert_eq!(RgbView::new(&stored, 4, 7).unwrap().upright(6).crop_and_resize(3, 3), expected);
    }

    #[test]
    fn one_colour_stays_that_colour_at_any_size() {
        for (width, height, to) in [(1, 1, 32), (100, 37, 16), (5, 64, 64), (31, 31, 32), (3000, 1, 7)] {
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
        assert!(resized.iter().all(|value| *value == 128), "{resized:?}");
    }

    #[test]
    fn wrong_lengths_are_refused() {
        assert!(RgbView::new(&[], 0, 0).is_none());
        assert!(RgbView::new(&[0; 11], 2, 2).is_none());
        assert!(RgbView::new(&[0; 12], usize::MAX, 2).is_none());
    }
}
