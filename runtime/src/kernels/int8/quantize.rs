use crate::graph::{Quantization, round_half_up, saturate};

/// Fractional bits of an image's step.
pub(crate) const FRACTION: u32 = 16;

/// `((x / 255 - mean[c]) / std[c]) / scale + zero_point` of bytes, in integers:
/// `((x * step[c] + offset[c] + 2^15) >> 16) + zero_point` with `step = 2^16 / (255 std scale)` and
/// `offset = -mean / std / scale * 2^16`, both rounded to 32 bits.
///
/// # Shapes
/// `image u8 [h, w, 3]`, `output [h, w, 3]`.
pub(crate) fn quantize_image(mean: &[f32; 3], std: &[f32; 3], to: Quantization, image: &[u8], output: &mut [i8]) {
    let (steps, offsets) = image_steps(mean, std, to);
    let fits = |(step, offset): (&i64, &i64)| i32::try_from(255 * step.abs() + offset.abs()).is_ok();
    if steps.iter().zip(&offsets).all(fits) {
        // The same numbers in half the bits.
        let (steps, offsets) = (steps.map(|step| step as i32), offsets.map(|offset| offset as i32));
        quantize_pixels(
            image,
            output,
            |byte, channel: (i32, i32)| (i32::from(byte) * channel.0 + channel.1) >> FRACTION,
            to,
            steps,
            offsets,
        );
    } else {
        quantize_pixels(
            image,
            output,
            |byte, channel: (i64, i64)| {
                ((i64::from(byte) * channel.0 + channel.1) >> FRACTION).clamp(-1024, 1024) as i32
            },
            to,
            steps,
            offsets,
        );
    }
}

/// Step, and offset with what rounds, of each channel.
#[inline(always)]
pub(crate) fn image_steps(mean: &[f32; 3], std: &[f32; 3], to: Quantization) -> ([i64; 3], [i64; 3]) {
    let one = (1u32 << FRACTION) as f32;
    let steps = std.map(|std| i64::from(round_half_up(one / (255.0 * std * to.scale))));
    let mut offsets = [0i64; 3];
    for ((offset, mean), std) in offsets.iter_mut().zip(mean).zip(std) {
        *offset = i64::from(round_half_up(-mean / std / to.scale * one)) + (1 << (FRACTION - 1));
    }
    (steps, offsets)
}

/// `steps_of` a byte with its channel's step and offset, plus the zero point.
#[inline(always)]
fn quantize_pixels<T: Copy>(
    image: &[u8],
    output: &mut [i8],
    steps_of: impl Fn(u8, (T, T)) -> i32,
    to: Quantization,
    steps: [T; 3],
    offsets: [T; 3],
) {
    let zero_point = i32::from(to.zero_point);
    let (pixels, _) = image.as_chunks::<3>();
    let (quantized, _) = output.as_chunks_mut::<3>();
    for (to_pixel, from) in quantized.iter_mut().zip(pixels) {
        for (((number, byte), step), offset) in to_pixel.iter_mut().zip(from).zip(steps).zip(offsets) {
            *number = saturate(steps_of(*byte, (step, offset)) + zero_point);
        }
    }
}

/// The product of two numbers, not yet limited by an activation.
#[inline(always)]
pub(crate) fn multiply(a: i8, b: i8, zero_points: [i32; 3], ratio: crate::graph::Ratio) -> i32 {
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
}
