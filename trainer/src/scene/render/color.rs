use crate::scene::vector::Vector3;

/// Entries of the table from linear light to sRGB bytes: fine enough that no byte value is skipped.
const ENCODE_STEPS: usize = 8192;

/// Red, green and blue of a hue, saturation and value, each in [0, 1]; the hue repeats.
pub fn rgb_from_hsv(hue: f32, saturation: f32, value: f32) -> Vector3 {
    let sector = (hue - hue.floor()) * 6.0;
    [5.0, 3.0, 1.0].map(|offset| {
        let position = (offset + sector) % 6.0;
        value * (1.0 - saturation * position.min(4.0 - position).clamp(0.0, 1.0))
    })
}

/// Linear light of an sRGB value in [0, 1] (IEC 61966-2-1).
pub fn linear_from_srgb(value: f32) -> f32 {
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// The sRGB value of linear light in [0, 1] (IEC 61966-2-1).
pub fn srgb_from_linear(value: f32) -> f32 {
    if value <= 0.0031308 { value * 12.92 } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 }
}

/// Linear light of each sRGB byte.
pub fn linear_of_bytes() -> [f32; 256] {
    std::array::from_fn(|byte| linear_from_srgb(byte as f32 / 255.0))
}

/// Table from linear light to sRGB bytes.
pub struct SrgbEncoder {
    bytes: Vec<u8>,
}

impl SrgbEncoder {
    pub fn new() -> Self {
        let encode = |step| (srgb_from_linear(step as f32 / (ENCODE_STEPS - 1) as f32) * 255.0).round() as u8;
        Self { bytes: (0..ENCODE_STEPS).map(encode).collect() }
    }

    /// The byte of linear light; what is brighter than 1 is clipped.
    #[inline]
    pub fn encode(&self, linear: f32) -> u8 {
        let last = (ENCODE_STEPS - 1) as f32;
        // Through i32, which floats become in one instruction.
        let step = (linear * last + 0.5).max(0.0).min(last) as i32;
        self.bytes[(step as usize).min(ENCODE_STEPS - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hues_are_the_primary_colours() {
        let cases = [
            (0.0, [1.0, 0.0, 0.0]),
            (1.0 / 6.0, [1.0, 1.0, 0.0]),
            (1.0 / 3.0, [0.0, 1.0, 0.0]),
            (0.5, [0.0, 1.0, 1.0]),
            (2.0 / 3.0, [0.0, 0.0, 1.0]),
            (5.0 / 6.0, [1.0, 0.0, 1.0]),
            (1.0, [1.0, 0.0, 0.0]),
        ];
        for (hue, expected) in cases {
            let got = rgb_from_hsv(hue, 1.0, 1.0);
            assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "hue {hue}: {got:?}");
        }
        let pastel = rgb_from_hsv(0.0, 0.6, 0.6);
        assert!(pastel.iter().zip([0.6, 0.24, 0.24]).all(|(a, b)| (a - b).abs() < 1e-6), "{pastel:?}");
    }

    #[test]
    fn every_srgb_byte_survives_the_way_through_linear_light() {
        let encoder = SrgbEncoder::new();
        for (byte, linear) in linear_of_bytes().into_iter().enumerate() {
            assert_eq!(usize::from(encoder.encode(linear)), byte);
        }
    }

    #[test]
    fn light_outside_the_range_is_clipped() {
        let encoder = SrgbEncoder::new();
        assert_eq!([-1.0, 7.0, f32::INFINITY].map(|light| encoder.encode(light)), [0, 255, 255]);
    }
}
