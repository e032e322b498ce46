//! Plain loops over slices, which the compiler turns into AVX2 in functions that may use it.

#![allow(unsafe_code)]

use crate::kernels::elementwise::{combine, combine_in_place};
use crate::kernels::int8::quantize::{FRACTION, ImageSteps};
use crate::kernels::pooling::{Pooling, max_pool};
use crate::tensor::{Activation, Blend, Quantization};

/// Eight pixels, whose channels repeat after three registers.
const PERIOD: usize = 24;

/// `(x / 255 - mean) / std` of the channels of an image of bytes, bit for bit as `elementwise::normalize`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Normalization {
    means: [f32; PERIOD],
    stds: [f32; PERIOD],
}

impl Normalization {
    /// `None` for standard deviations whose reciprocals are not far from overflow.
    pub fn new(mean: &[f32; 3], std: &[f32; 3]) -> Option<Self> {
        let repeated = |numbers: &[f32; 3]| core::array::from_fn(|index| numbers[index % 3]);
        let moderate = std.iter().all(|std| (1e-6..1e6).contains(std)) && mean.iter().all(|mean| mean.abs() < 1e6);
        moderate.then(|| Self { means: repeated(mean), stds: repeated(std) })
    }

    /// Only where [`super::is_available`].
    pub fn run(&self, image: &[u8], output: &mut [f32]) {
        #[target_feature(enable = "avx2,fma")]
        fn inner(layer: &Normalization, image: &[u8], output: &mut [f32]) {
            // A product with the rounded reciprocal and one correction is the rounded quotient (Markstein 1990).
            let quotient = |a: f32, b: f32, reciprocal: f32| {
                let first = a * reciprocal;
                (-first).mul_add(b, a).mul_add(reciprocal, first)
            };
            let reciprocals = layer.stds.map(f32::recip);
            for (to, from) in output.chunks_mut(PERIOD).zip(image.chunks(PERIOD)) {
                let channels = layer.means.iter().zip(&layer.stds).zip(&reciprocals);
                for ((to, from), ((mean, std), reciprocal)) in to.iter_mut().zip(from).zip(channels) {
                    let share = quotient(f32::from(*from), 255.0, const { 1.0 / 255.0 });
                    *to = quotient(share - mean, *std, *reciprocal);
                }
            }
        }
        // SAFETY: the caller has made sure of the instructions.
        unsafe { inner(self, image, output) }
    }
}

/// The same in the numbers of an int8 value, bit for bit as `int8::quantize::quantize_image`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImageQuantization {
    steps: [i32; PERIOD],
    offsets: [i32; PERIOD],
    zero_point: i32,
}

impl ImageQuantization {
    /// `None` when 32 bits are not enough.
    pub fn new(mean: &[f32; 3], std: &[f32; 3], to: Quantization) -> Option<Self> {
        let ImageSteps { steps, offsets, all_fit } = ImageSteps::of(mean, std, to.scale);
        let rounding = 1 << (FRACTION - 1);
        let repeated = |numbers: [i32; 3]| core::array::from_fn(|index| numbers[index % 3]);
        all_fit.then(|| Self {
            steps: repeated(steps),
            offsets: repeated(offsets.map(|offset| offset + rounding)),
            zero_point: to.zero_point.into(),
        })
    }

    /// Only where [`super::is_available`].
    pub fn run(&self, image: &[u8], output: &mut [i8]) {
        #[target_feature(enable = "avx2,fma")]
        fn inner(layer: &ImageQuantization, image: &[u8], output: &mut [i8]) {
            for (to, from) in output.chunks_mut(PERIOD).zip(image.chunks(PERIOD)) {
                for (((to, from), step), offset) in to.iter_mut().zip(from).zip(&layer.steps).zip(&layer.offsets) {
                    let steps = (i32::from(*from) * step + offset) >> FRACTION;
                    *to = (steps + layer.zero_point).clamp(-128, 127) as i8;
                }
            }
        }
        // SAFETY: the caller has made sure of the instructions.
        unsafe { inner(self, image, output) }
    }
}

/// `a + b`, or `output + b` where there is no `a`. Only where [`super::is_available`].
pub(crate) fn add_floats(activation: Activation, a: Option<&[f32]>, b: &[f32], output: &mut [f32]) {
    #[target_feature(enable = "avx2,fma")]
    fn inner([low, high]: [f32; 2], a: Option<&[f32]>, b: &[f32], output: &mut [f32]) {
        // What is not a number becomes the lower bound, as in `activate`.
        let limit = |value: f32| {
            let raised = if value > low { value } else { low };
            if raised < high { raised } else { high }
        };
        match a {
            Some(a) => combine(a, b, output, |a, b| limit(a + b)),
            None => combine_in_place(output, b, |a, b| limit(a + b)),
        }
    }
    #[target_feature(enable = "avx2,fma")]
    fn unlimited(a: Option<&[f32]>, b: &[f32], output: &mut [f32]) {
        match a {
            Some(a) => combine(a, b, output, |a, b| a + b),
            None => combine_in_place(output, b, |a, b| a + b),
        }
    }
    // SAFETY: the caller has made sure of the instructions.
    unsafe {
        match super::float::bounds(activation) {
            Some(bounds) => inner(bounds, a, b, output),
            None => unlimited(a, b, output),
        }
    }
}

/// The same for int8 numbers. Only where [`super::is_available`].
pub(crate) fn add_numbers(blend: &Blend, bounds: [i32; 2], a: Option<&[i8]>, b: &[i8], output: &mut [i8]) {
    #[target_feature(enable = "avx2,fma")]
    fn inner(blend: &Blend, [low, high]: [i32; 2], a: Option<&[i8]>, b: &[i8], output: &mut [i8]) {
        let blend = *blend;
        let sum = |a: i8, b: i8| blend.apply(a, b).max(low).min(high) as i8;
        match a {
            Some(a) => combine(a, b, output, sum),
            None => combine_in_place(output, b, sum),
        }
    }
    // SAFETY: the caller has made sure of the instructions.
    unsafe { inner(blend, bounds, a, b, output) }
}

/// As `pooling::max_pool`. Only where [`super::is_available`].
pub(crate) fn max_pool_floats(options: &Pooling, input: &[f32], output: &mut [f32]) {
    #[target_feature(enable = "avx2,fma")]
    fn inner(options: &Pooling, input: &[f32], output: &mut [f32]) {
        max_pool(options, input, output);
    }
    // SAFETY: the caller has made sure of the instructions.
    unsafe { inner(options, input, output) }
}

/// Channels that are pooled at a time.
const BLOCK: usize = 32;

/// As `int8::pooling::max_pool`, and may overlap in the same way. Only where [`super::is_available`].
pub(crate) fn max_pool_numbers(
    options: &Pooling,
    height: usize,
    arena: &mut [i8],
    from: usize,
    to: usize,
) -> Option<()> {
    #[target_feature(enable = "avx2,fma")]
    fn inner(options: &Pooling, height: usize, arena: &mut [i8], from: usize, to: usize) -> Option<()> {
        let channels = options.channels;
        for y in 0..height {
            let (taps_y, input_y) = options.vertical.covered(y);
            for x in 0..options.output_width {
                let (taps_x, input_x) = options.horizontal.covered(x);
                let pixel = to + (y * options.output_width + x) * channels;
                for first in (0..channels).step_by(BLOCK) {
                    let count = BLOCK.min(channels - first);
                    let mut largest = [i8::MIN; BLOCK];
                    for line in 0..taps_y.len() {
                        let start = (input_y + line) * options.horizontal.size + input_x;
                        for step in 0..taps_x.len() {
                            let values = arena.get(from + (start + step) * channels + first..)?;
                            match values.first_chunk::<BLOCK>() {
                                // What lies behind the channels is left out at the end.
                                Some(values) => largest.iter_mut().zip(values).for_each(|(a, b)| *a = (*a).max(*b)),
                                None => largest.iter_mut().zip(values).for_each(|(a, b)| *a = (*a).max(*b)),
                            }
                        }
                    }
                    arena
                        .get_mut(pixel + first..)?
                        .iter_mut()
                        .zip(largest)
                        .take(count)
                        .for_each(|(to, most)| *to = most);
                }
            }
        }
        Some(())
    }
    // SAFETY: the caller has made sure of the instructions.
    unsafe { inner(options, height, arena, from, to) }
}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use super::*;
    use crate::kernels::elementwise::normalize;
    use crate::kernels::int8;

    #[test]
    fn images_become_the_same_bits() {
        if !crate::kernels::x86::is_available() {
            return;
        }
        // All bytes in all channels, and pixels that fill no period.
        let image: Vec<u8> = (0..=255u8).flat_map(|byte| [byte, byte, byte]).chain([7; 6]).collect();
        for step in 0..400 {
            let [mean, std] =
                [0.3f32, 0.21].map(|base| [0, 1, 2].map(|c| base * (1.0 + 0.007 * (step + 31 * c) as f32)));
            let mut expected = vec![f32::NAN; image.len()];
            let mut found = expected.clone();
            normalize(&mean, &std, &image, &mut expected);
            Normalization::new(&mean, &std).unwrap().run(&image, &mut found);
            assert!(found.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits()), "{mean:?} {std:?}");

            let to = Quantization { scale: 0.001 * (step + 1) as f32, zero_point: (step % 256 - 128) as i8 };
            let (mut expected, mut found) = (vec![0; image.len()], vec![0; image.len()]);
            int8::quantize::quantize_image(&mean, &std, to, &image, &mut expected);
            ImageQuantization::new(&mean, &std, to).unwrap().run(&image, &mut found);
            assert_eq!(found, expected, "{to:?}");
        }
        assert!(Normalization::new(&[0.0; 3], &[1e-40; 3]).is_none());
        assert!(ImageQuantization::new(&[0.0; 3], &[1e-9; 3], Quantization { scale: 1e-9, zero_point: 0 }).is_none());
    }
}
