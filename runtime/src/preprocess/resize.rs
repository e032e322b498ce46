use super::{PictureView, PixelFormat, pixel_format::over_mid_grey};

impl PictureView<'_> {
    /// The largest centred part with the target's aspect ratio, resized by [`RESIZE_RULE`](super::RESIZE_RULE) to
    /// `width` x `height` RGB bytes.
    ///
    /// # Panics
    /// When `width` or `height` is zero, or `image` has not `3 * width * height` bytes.
    pub fn resize_into(&self, width: usize, height: usize, image: &mut [u8]) {
        assert!(width > 0 && height > 0, "an image of {width}x{height} pixels");
        assert_eq!(image.len(), 3 * width * height, "bytes of an image of {width}x{height} pixels");
        // One loop for each format: the choice is made once, and not for each pixel.
        let to = [width, height];
        let through = |value: u8, alpha: u8| over_mid_grey(value, alpha);
        match self.format {
            PixelFormat::Rgb8 | PixelFormat::Rgbx8 => self.resize_pixels(to, image, |p| [p[0], p[1], p[2]]),
            PixelFormat::Bgr8 | PixelFormat::Bgrx8 => self.resize_pixels(to, image, |p| [p[2], p[1], p[0]]),
            PixelFormat::Rgba8 => self.resize_pixels(to, image, |p| [0, 1, 2].map(|c| through(p[c], p[3]))),
            PixelFormat::Bgra8 => self.resize_pixels(to, image, |p| [2, 1, 0].map(|c| through(p[c], p[3]))),
            PixelFormat::Grey8 => self.resize_pixels(to, image, |p| [p[0]; 3]),
        }
    }

    /// The same as [`Self::resize_into`], in memory of its own.
    ///
    /// # Panics
    /// When `width` or `height` is zero.
    #[cfg(feature = "alloc")]
    pub fn resized(&self, width: usize, height: usize) -> alloc::vec::Vec<u8> {
        let mut image = alloc::vec![0; 3 * width * height];
        self.resize_into(width, height, &mut image);
        image
    }

    /// The bytes themselves, where they are already the image that [`Self::resize_into`] would write.
    pub fn as_image(&self, width: usize, height: usize) -> Option<&[u8]> {
        let is_plain = self.format == PixelFormat::Rgb8 && self.across == 3 && self.down == 3 * width as isize;
        if !is_plain || self.size() != [width, height] {
            return None;
        }
        self.pixels.get(self.first..self.first + 3 * width * height)
    }

    fn resize_pixels(&self, [width, height]: [usize; 2], image: &mut [u8], rgb: impl Fn(&[u8]) -> [u8; 3]) {
        let crop = centred_crop(self.size(), [width, height]);
        let rows = image.as_chunks_mut::<3>().0.chunks_exact_mut(width).enumerate();
        if [crop.width, crop.height] == [width, height] {
            return rows.for_each(|(line, row)| {
                row.iter_mut().enumerate().for_each(|(x, pixel)| *pixel = rgb(self.pixel(&crop, x, line)));
            });
        }
        let area = crop.width as u64 * crop.height as u64;
        for (line, row) in rows {
            let lines = Covered::of(line, crop.height, height);
            for (column, pixel) in row.iter_mut().enumerate() {
                let columns = Covered::of(column, crop.width, width);
                let mut sums = [0u64; 3];
                for (y, part_of_line) in lines.cells() {
                    let mut line_sums = [0u64; 3];
                    for (x, part) in columns.cells() {
                        let values = rgb(self.pixel(&crop, x, y));
                        line_sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += part * u64::from(value));
                    }
                    sums.iter_mut().zip(line_sums).for_each(|(sum, line_sum)| *sum += part_of_line * line_sum);
                }
                *pixel = sums.map(|sum| ((2 * sum + area) / (2 * area)) as u8);
            }
        }
    }

    /// The bytes of a pixel of the crop.
    #[inline(always)]
    fn pixel(&self, crop: &Crop, x: usize, y: usize) -> &[u8] {
        let step = (crop.left + x) as isize * self.across + (crop.top + y) as isize * self.down;
        let start = self.first.wrapping_add_signed(step);
        &self.pixels[start..start + self.format.bytes_per_pixel()]
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

impl Covered {
    fn of(index: usize, from: usize, to: usize) -> Self {
        let (start, end) = (index * from, (index + 1) * from);
        let (first, last) = (start / to, (end - 1) / to);
        let of_first = end.min((first + 1) * to) - start;
        let of_last = end - last * to;
        Self { first, parts: [of_first as u64, to as u64, of_last as u64], cells: last + 1 - first }
    }

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

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn rgb(pixels: &[u8], width: usize, height: usize) -> PictureView<'_> {
        PictureView::new(pixels, PixelFormat::Rgb8, width, height).unwrap()
    }

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
            let got = rgb(&pixels, case.size[0], case.size[1]).resized(case.to[0], case.to[1]);
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
            let view = rgb(&pixels, 3, 2).upright(orientation);
            assert_eq!(view.size(), [width, height], "orientation {orientation}");
            assert_eq!(view.resized(width, height), grey(&want), "orientation {orientation}");
        }
    }

    #[test]
    fn a_turned_picture_is_resized_as_the_upright_one() {
        // 7 x 4, turned clockwise by hand to 4 x 7.
        let upright: Vec<u8> = (0..28).map(|i| (i * 37 % 251) as u8).collect();
        let stored: Vec<u8> =
            (0..7).rev().flat_map(|x| (0..4).map(move |y| (x, y))).map(|(x, y)| upright[y * 7 + x]).collect();
        let (upright, stored) = (grey(&upright), grey(&stored));
        let expected = rgb(&upright, 7, 4).resized(3, 3);
        assert_eq!(rgb(&stored, 4, 7).upright(6).resized(3, 3), expected);
    }

    #[test]
    fn one_colour_stays_that_colour_at_any_size() {
        for (width, height, to) in [(1, 1, 32), (100, 37, 16), (5, 64, 64), (31, 31, 32), (3000, 1, 7)] {
            let pixels = [7, 130, 255].repeat(width * height);
            let resized = rgb(&pixels, width, height).resized(to, to);
            assert_eq!(resized, [7, 130, 255].repeat(to * to), "{width}x{height} to {to}");
        }
    }

    #[test]
    fn a_fine_chequerboard_shrinks_to_grey() {
        let pixels: Vec<u8> =
            (0..64 * 64).flat_map(|i| [if (i / 64 + i % 64) % 2 == 0 { 0 } else { 255 }; 3]).collect();
        let resized = rgb(&pixels, 64, 64).resized(8, 8);
        assert!(resized.iter().all(|value| *value == 128), "{resized:?}");
    }

    #[test]
    fn the_same_picture_in_every_format_gives_the_same_image() {
        let colours: Vec<[u8; 3]> = (0..7 * 5).map(|i| [i * 7, i * 5 + 3, 255 - i * 6].map(|v| v as u8)).collect();
        let of = |pixel: fn([u8; 3]) -> Vec<u8>| colours.iter().flat_map(|rgb| pixel(*rgb)).collect::<Vec<u8>>();
        let plain = of(|rgb| rgb.to_vec());
        let cases = [
            (PixelFormat::Bgr8, of(|[r, g, b]| [b, g, r].to_vec())),
            (PixelFormat::Rgba8, of(|[r, g, b]| [r, g, b, 255].to_vec())),
            (PixelFormat::Bgra8, of(|[r, g, b]| [b, g, r, 255].to_vec())),
            (PixelFormat::Rgbx8, of(|[r, g, b]| [r, g, b, r].to_vec())),
            (PixelFormat::Bgrx8, of(|[r, g, b]| [b, g, r, 0].to_vec())),
        ];
        for (width, height) in [(7, 5), (3, 3), (4, 2), (9, 11)] {
            let want = rgb(&plain, 7, 5).resized(width, height);
            for (format, pixels) in &cases {
                let view = PictureView::new(pixels, *format, 7, 5).unwrap();
                assert_eq!(view.resized(width, height), want, "{format:?} to {width}x{height}");
            }
            let lines: Vec<u8> = plain.chunks(21).flat_map(|row| [row, &[9; 4][..]].concat()).collect();
            let strided = PictureView::with_row_stride(&lines, PixelFormat::Rgb8, 7, 5, 25).unwrap();
            assert_eq!(strided.resized(width, height), want, "with a stride, to {width}x{height}");
        }
        let levels: Vec<u8> = colours.iter().map(|[red, ..]| *red).collect();
        let view = PictureView::new(&levels, PixelFormat::Grey8, 7, 5).unwrap();
        assert_eq!(view.resized(4, 4), rgb(&grey(&levels), 7, 5).resized(4, 4));
    }

    #[test]
    fn transparent_pixels_show_mid_grey() {
        let pixels = [200, 0, 9, 255, 200, 200, 200, 0];
        let view = PictureView::new(&pixels, PixelFormat::Rgba8, 2, 1).unwrap();
        assert_eq!(view.resized(2, 1), [200, 0, 9, 128, 128, 128]);
        let view = PictureView::new(&pixels, PixelFormat::Bgra8, 2, 1).unwrap();
        assert_eq!(view.resized(2, 1), [9, 0, 200, 128, 128, 128]);
    }

    #[test]
    fn a_box_is_the_picture_cut_by_hand() {
        use crate::preprocess::CropBox;
        let pixels: Vec<u8> = (0..9 * 8 * 3).map(|i| (i * 37 % 251) as u8).collect();
        let by_hand: Vec<u8> = (2..7).flat_map(|y| pixels[(y * 9 + 3) * 3..(y * 9 + 8) * 3].to_vec()).collect();
        let crop = CropBox { left: 3, top: 2, width: 5, height: 5 };
        let view = rgb(&pixels, 9, 8).cropped(crop).unwrap();
        for side in [1, 3, 5, 8] {
            assert_eq!(view.resized(side, side), rgb(&by_hand, 5, 5).resized(side, side), "to {side}");
        }
        // In a picture that is turned, the box is where people see it.
        let crop = CropBox { left: 1, top: 3, width: 5, height: 5 };
        let turned = rgb(&pixels, 9, 8).upright(6);
        let upright = turned.resized(8, 9);
        let by_hand: Vec<u8> = (3..8).flat_map(|y| upright[(y * 8 + 1) * 3..(y * 8 + 6) * 3].to_vec()).collect();
        assert_eq!(turned.cropped(crop).unwrap().resized(3, 3), rgb(&by_hand, 5, 5).resized(3, 3));
    }

    #[test]
    fn an_image_as_the_model_wants_it_is_not_copied() {
        let pixels: Vec<u8> = (0..4 * 4 * 3).map(|i| i as u8).collect();
        let view = rgb(&pixels, 4, 4);
        assert_eq!(view.as_image(4, 4), Some(&pixels[..]));
        assert_eq!(view.as_image(2, 2), None);
        assert_eq!(view.upright(3).as_image(4, 4), None);
        let rows = view.cropped(crate::preprocess::CropBox { left: 0, top: 1, width: 4, height: 2 }).unwrap();
        assert_eq!(rows.as_image(4, 2), Some(&pixels[12..36]));
    }
}
