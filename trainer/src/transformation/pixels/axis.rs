use super::spline::b_spline;

/// Of which pixels along an axis each pixel of the result is made: the same for all rows, or all columns.
pub struct AxisTaps {
    /// Pixels that each one is made of.
    count: usize,
    /// `[size, count]`.
    taps: Vec<Tap>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tap {
    pixel: usize,
    /// In 65,536ths.
    weight: i32,
}

const ONE: i32 = 1 << 16;

impl AxisTaps {
    /// Enlarges the `length` pixels from `start` to `size` pixels by bilinear interpolation, where the centres of pixels
    /// are half a pixel from the edges. Beyond an edge of the window its last pixel goes on.
    pub fn bilinear(start: usize, length: usize, size: usize) -> Self {
        let taps = (0..size).flat_map(|at| {
            // The place in the window, in parts of 2 size.
            let place = ((2 * at + 1) * length).saturating_sub(size).min((length - 1) * 2 * size);
            let (pixel, rest) = (place / (2 * size), place % (2 * size));
            let weight = ((rest * ONE as usize + size) / (2 * size)) as i32;
            let next = (pixel + 1).min(length - 1);
            [Tap { pixel: start + pixel, weight: ONE - weight }, Tap { pixel: start + next, weight }]
        });
        Self { count: 2, taps: taps.collect() }
    }

    /// Enlarges the middle, a share `shown` of the side up to 1, by bilinear interpolation.
    pub fn enlarged_middle(shown: f64, size: usize) -> Self {
        let middle = size as f64 / 2.0;
        let taps = (0..size).flat_map(|at| {
            let place = ((at as f64 + 0.5 - middle) * shown + middle - 0.5).clamp(0.0, (size - 1) as f64);
            let (pixel, weight) = (place as usize, (place.fract() * f64::from(ONE)).round() as i32);
            let next = (pixel + 1).min(size - 1);
            [Tap { pixel, weight: ONE - weight }, Tap { pixel: next, weight }]
        });
        Self { count: 2, taps: taps.collect() }
    }

    /// Blurs with a Gaussian kernel of an odd number of pixels. The picture is reflected at its edges, whose pixels are not
    /// repeated.
    pub fn gaussian(kernel: usize, sigma: f64, size: usize) -> Self {
        let reach = (kernel / 2) as isize;
        let density = |at: isize| (-0.5 * (at as f64 / sigma).powi(2)).exp();
        let weights = of_sum_one(&(-reach..=reach).map(density).collect::<Vec<_>>());
        let taps = (0..size).flat_map(|at| {
            (-reach..)
                .zip(&weights)
                .map(move |(offset, weight)| Tap { pixel: reflected(at as isize + offset, size), weight: *weight })
        });
        Self { count: kernel, taps: taps.collect() }
    }

    /// Enlarges the middle, a share `shown` of the side, with B-splines that are `width` times as wide as in
    /// [`super::spline`]. Beyond an edge of the picture its last pixel goes on.
    pub fn spline(shown: f64, width: f64, size: usize) -> Self {
        let reach = (2.0 * width).ceil() as isize;
        let taps = (0..size).flat_map(|at| {
            let middle = size as f64 / 2.0;
            let place = (at as f64 + 0.5 - middle) * shown + middle - 0.5;
            let first = place.floor() as isize - reach + 1;
            let pixels = first..first + 2 * reach;
            let weight = |pixel: isize| b_spline((pixel as f64 - place).abs() / width);
            let weights = of_sum_one(&pixels.clone().map(weight).collect::<Vec<_>>());
            pixels
                .zip(weights)
                .map(move |(pixel, weight)| Tap { pixel: pixel.clamp(0, size as isize - 1) as usize, weight })
        });
        Self { count: 2 * reach as usize, taps: taps.collect() }
    }

    fn taps_of(&self, at: usize) -> &[Tap] {
        &self.taps[at * self.count..][..self.count]
    }
}

/// Weights in 65,536ths that are as these to each other; the largest takes what rounding leaves.
fn of_sum_one(weights: &[f64]) -> Vec<i32> {
    let sum: f64 = weights.iter().sum();
    let mut whole: Vec<i32> = weights.iter().map(|weight| (weight / sum * f64::from(ONE)).round() as i32).collect();
    let left = ONE - whole.iter().sum::<i32>();
    *whole.iter_mut().max().expect("a kernel has weights") += left;
    whole
}

/// The pixel that is seen at a place on an axis between two mirrors, which stand on the first and the last pixel.
fn reflected(place: isize, size: usize) -> usize {
    let last = size as isize - 1;
    if last == 0 {
        return 0;
    }
    let place = place.rem_euclid(2 * last);
    place.min(2 * last - place) as usize
}

/// Makes every pixel anew of others, first along the rows and then along the columns; bytes stand between the two.
pub fn resample(picture: &mut [u8], size: usize, [across, down]: [&AxisTaps; 2], scratch: &mut Vec<u8>) {
    scratch.resize(size * size * 3, 0);
    for (row, result) in picture.chunks_exact(size * 3).zip(scratch.chunks_exact_mut(size * 3)) {
        let pixels = row.as_chunks::<3>().0;
        for (result, taps) in result.as_chunks_mut::<3>().0.iter_mut().zip(across.taps.chunks_exact(across.count)) {
            let mut sums = [ONE / 2; 3];
            for tap in taps {
                let pixel = pixels[tap.pixel];
                sums = [0, 1, 2].map(|channel| sums[channel] + i32::from(pixel[channel]) * tap.weight);
            }
            *result = sums.map(rounded);
        }
    }
    let mut sums = vec![0; size * 3];
    for (at, result) in picture.chunks_exact_mut(size * 3).enumerate() {
        sums.fill(ONE / 2);
        for tap in down.taps_of(at) {
            let row = &scratch[tap.pixel * size * 3..][..size * 3];
            sums.iter_mut().zip(row).for_each(|(sum, byte)| *sum += i32::from(*byte) * tap.weight);
        }
        result.iter_mut().zip(&sums).for_each(|(byte, sum)| *byte = rounded(*sum));
    }
}

/// Weights are none below zero and sum up to one, so that the sum is a byte.
fn rounded(sum: i32) -> u8 {
    (sum >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(taps: &AxisTaps, at: usize) -> Vec<(usize, i32)> {
        taps.taps_of(at).iter().map(|tap| (tap.pixel, tap.weight)).collect()
    }

    #[test]
    fn bilinear_weights_are_distances() {
        // Two pixels on four: places -0.25, 0.25, 0.75 and 1.25 of the window, which begins at 5.
        let taps = AxisTaps::bilinear(5, 2, 4);
        assert_eq!(weights(&taps, 0), [(5, ONE), (6, 0)]);
        assert_eq!(weights(&taps, 1), [(5, ONE / 4 * 3), (6, ONE / 4)]);
        assert_eq!(weights(&taps, 2), [(5, ONE / 4), (6, ONE / 4 * 3)]);
        assert_eq!(weights(&taps, 3), [(6, ONE), (6, 0)]);
        for at in 0..7 {
            assert_eq!(weights(&AxisTaps::bilinear(0, 7, 7), at)[0], (at, ONE), "as large: as it was");
            assert_eq!(weights(&AxisTaps::bilinear(3, 1, 7), at)[0], (3, ONE), "one pixel everywhere");
        }
    }

    #[test]
    fn places_are_reflected_at_the_outer_pixels() {
        let found: Vec<usize> = (-7..8).map(|place| reflected(place, 4)).collect();
        assert_eq!(found, [1, 0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]);
        assert!((-9..9).all(|place| reflected(place, 1) == 0));
    }

    #[test]
    fn kernels_are_these_integers() {
        let taps = AxisTaps::gaussian(5, 1.1, 32);
        let kernel: Vec<i32> = weights(&taps, 9).iter().map(|(_, weight)| *weight).collect();
        assert_eq!(kernel, [4638, 16021, 24218, 16021, 4638]);
        let taps = AxisTaps::spline(1.0, 1.0, 32);
        assert_eq!(weights(&taps, 9), [(8, 10923), (9, 43690), (10, 10923), (11, 0)]);
    }

    #[test]
    fn flat_pictures_stay_flat() {
        for taps in [AxisTaps::bilinear(1, 3, 9), AxisTaps::gaussian(15, 2.6, 9), AxisTaps::spline(0.7, 1.4, 9)] {
            for value in [0, 1, 128, 255] {
                let mut picture = vec![value; 9 * 9 * 3];
                resample(&mut picture, 9, [&taps, &taps], &mut vec![3]);
                assert_eq!(picture, [value; 9 * 9 * 3]);
            }
        }
    }

    #[test]
    fn rows_and_columns_have_their_own_weights() {
        let picture: Vec<u8> = (0..16).flat_map(|at| [(at % 4 * 60) as u8, (at / 4 * 60) as u8, at as u8]).collect();
        let mut found = picture;
        resample(&mut found, 4, [&AxisTaps::bilinear(0, 4, 4), &AxisTaps::bilinear(2, 1, 4)], &mut Vec::new());
        let expected: Vec<u8> = (0..16).flat_map(|at| [(at % 4 * 60) as u8, 120, (8 + at % 4) as u8]).collect();
        assert_eq!(found, expected);
    }
}
