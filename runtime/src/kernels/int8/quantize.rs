use crate::tensor::{Quantization, round_half_up, saturate};

/// Fractional bits of an image's step.
pub(crate) const FRACTION: u32 = 16;
/// Up to these, 255 steps and an offset are within 32 bits.
const LARGEST_STEP: u32 = 1 << 22;
const LARGEST_OFFSET: u32 = 1 << 29;

/// `((x / 255 - mean[c]) / std[c]) / scale + zero_point` of bytes, in integers:
/// `((x * step[c] + offset[c] + 2^15) >> 16) + zero_point` with `step = 2^16 / (255 std scale)` and
/// `offset = -mean / std / scale * 2^16`, both rounded to 32 bits.
///
/// # Shapes
/// `image u8 [h, w, 3]`, `output [h, w, 3]`.
pub(crate) fn quantize_image(mean: &[f32; 3], std: &[f32; 3], to: Quantization, image: &[u8], output: &mut [i8]) {
    let ImageSteps { steps, offsets, all_fit } = ImageSteps::of(mean, std, to.scale);
    let zero_point = i32::from(to.zero_point);
    let half = 1 << (FRACTION - 1);
    if !all_fit {
        // Scales far from an image's: what 32 bits do not hold, one number after the other.
        for ((index, to), byte) in output.iter_mut().enumerate().zip(image) {
            let (Some(step), Some(offset)) = (steps.get(index % 3), offsets.get(index % 3)) else { return };
            let number = (i64::from(*byte) * i64::from(*step) + i64::from(*offset) + i64::from(half)) >> FRACTION;
            *to = saturate(number.clamp(-1024, 1024) as i32 + zero_point);
        }
        return;
    }
    let offsets = offsets.map(|offset| offset + half);
    let (pixels, _) = image.as_chunks::<3>();
    let (quantized, _) = output.as_chunks_mut::<3>();
    for (to_pixel, from) in quantized.iter_mut().zip(pixels) {
        for (((to, byte), step), offset) in to_pixel.iter_mut().zip(from).zip(steps).zip(offsets) {
            *to = saturate(((i32::from(*byte) * step + offset) >> FRACTION) + zero_point);
        }
    }
}

/// Step and offset of each channel.
pub(crate) struct ImageSteps {
    pub steps: [i32; 3],
    pub offsets: [i32; 3],
    /// Whether 32 bits hold what is made of them.
    pub all_fit: bool,
}

impl ImageSteps {
    #[inline(always)]
    pub fn of(mean: &[f32; 3], std: &[f32; 3], scale: f32) -> Self {
        let (mut steps, mut offsets) = ([0; 3], [0; 3]);
        let mut all_fit = true;
        for (((step, offset), mean), std) in steps.iter_mut().zip(&mut offsets).zip(mean).zip(std) {
            (*step, *offset) = step_and_offset(*mean, *std, scale);
            all_fit &= step.unsigned_abs() <= LARGEST_STEP && offset.unsigned_abs() <= LARGEST_OFFSET;
        }
        Self { steps, offsets, all_fit }
    }
}

/// `2^16 / (255 std scale)` and `-mean / std / scale * 2^16`.
#[inline(never)]
fn step_and_offset(mean: f32, std: f32, scale: f32) -> (i32, i32) {
    let one = (1u32 << FRACTION) as f32;
    (round_half_up(one / (255.0 * std * scale)), round_half_up(-mean / std / scale * one))
}

/// The product of two numbers, not yet limited by an activation.
#[inline(always)]
pub(crate) fn multiply(a: i8, b: i8, zero_points: [i32; 3], ratio: crate::tensor::Ratio) -> i32 {
    let [za, zb, zo] = zero_points;
    ratio.apply((i32::from(a) - za) * (i32::from(b) - zb)).saturating_add(zo)
}

/// A number within an activation's bounds.
#[inline(always)]
pub(crate) fn limit(number: i32, [low, high]: [i32; 2]) -> i8 {
    saturate(number.max(low).min(high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_normalised_within_half_a_step() {
        let (mean, std) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
        let to = Quantization { scale: 0.019, zero_point: -14 };
        for byte in 0..=255u8 {
            let mut output = [0; 3];
            quantize_image(&mean, &std, to, &[byte; 3], &mut output);
            for ((number, mean), std) in output.iter().zip(mean).zip(std) {
                let real = ((f32::from(byte) / 255.0 - mean) / std).clamp(to.dequantize(-128), to.dequantize(127));
                assert!((to.dequantize(*number) - real).abs() <= 0.505 * to.scale, "{byte}: {number} for {real}");
            }
        }
    }

    /// Steps and offsets within the two limits, beyond the first, and beyond both.
    #[test]
    fn images_of_any_scale_follow_the_formula() {
        for (mean, std, scale) in [(0.5, 0.2, 0.02), (0.1, 1e-4, 1e-2), (0.5, 1e-6, 1e-6), (1e6, 1.0, 1e-9)] {
            let to = Quantization { scale, zero_point: -14 };
            let (step, offset) = step_and_offset(mean, std, scale);
            let image: [u8; 6] = [0, 1, 17, 128, 254, 255];
            let mut output = [0; 6];
            quantize_image(&[mean; 3], &[std; 3], to, &image, &mut output);
            let exact = image.map(|byte| {
                let number = (i128::from(byte) * i128::from(step) + i128::from(offset) + (1 << 15)) >> FRACTION;
                (number - 14).clamp(-128, 127) as i8
            });
            assert_eq!(output, exact, "step {step}, offset {offset}");
        }
        let ordinary = step_and_offset(0.5, 0.2, 0.02);
        assert!(ordinary.0.unsigned_abs() <= LARGEST_STEP && ordinary.1.unsigned_abs() <= LARGEST_OFFSET);
        assert!(step_and_offset(0.5, 1e-6, 1e-6).0.unsigned_abs() > LARGEST_STEP);
    }
}
