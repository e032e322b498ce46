//! From what decoders give to 8-bit RGB.

use std::vec::Vec;

use image::ColorType;

use crate::preprocess::over_mid_grey;

/// Bytes that [`rgb_over_grey`] takes on top of its input.
pub(super) fn extra_bytes(color: ColorType, [width, height]: [usize; 2]) -> u64 {
    if color.bytes_per_pixel() >= 3 { 0 } else { 3 * width as u64 * height as u64 }
}

/// Three bytes for each pixel, in the same memory where there is room for them; 16 bits are native-endian.
pub(super) fn rgb_over_grey(mut pixels: Vec<u8>, color: ColorType) -> Vec<u8> {
    let step = usize::from(color.bytes_per_pixel());
    if color == ColorType::Rgb8 {
        return pixels;
    }
    let count = pixels.len() / step;
    if step < 3 {
        return pixels.chunks_exact(step).flat_map(|pixel| rgb(pixel, color)).collect();
    }
    for index in 0..count {
        let rgb = rgb(&pixels[index * step..][..step], color);
        pixels[3 * index..3 * index + 3].copy_from_slice(&rgb);
    }
    pixels.truncate(3 * count);
    pixels
}

fn rgb(pixel: &[u8], color: ColorType) -> [u8; 3] {
    let deep = |index: usize| eight_bits(u16::from_ne_bytes([pixel[2 * index], pixel[2 * index + 1]]));
    match color {
        ColorType::L8 => [pixel[0]; 3],
        ColorType::La8 => [over_mid_grey(pixel[0], pixel[1]); 3],
        ColorType::Rgba8 => [0, 1, 2].map(|channel| over_mid_grey(pixel[channel], pixel[3])),
        ColorType::L16 => [deep(0); 3],
        ColorType::La16 => [over_mid_grey(deep(0), deep(1)); 3],
        ColorType::Rgb16 => [0, 1, 2].map(deep),
        ColorType::Rgba16 => [0, 1, 2].map(|channel| over_mid_grey(deep(channel), deep(3))),
        // Neither decoder gives another.
        _ => [pixel[0], pixel[1], pixel[2]],
    }
}

fn eight_bits(value: u16) -> u8 {
    ((u32::from(value) + 128) / 257) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_pixel_becomes_rgb() {
        let deep = |values: &[u16]| values.iter().flat_map(|value| value.to_ne_bytes()).collect::<Vec<u8>>();
        let cases = [
            (ColorType::L8, vec![7, 9], vec![7, 7, 7, 9, 9, 9]),
            (ColorType::La8, vec![0, 128, 200, 0], vec![64, 64, 64, 128, 128, 128]),
            (ColorType::Rgb8, vec![1, 2, 3], vec![1, 2, 3]),
            (ColorType::Rgba8, vec![200, 0, 9, 255, 200, 200, 200, 0], vec![200, 0, 9, 128, 128, 128]),
            (ColorType::L16, deep(&[0, 65535, 128, 129]), vec![0, 0, 0, 255, 255, 255, 0, 0, 0, 1, 1, 1]),
            (ColorType::La16, deep(&[65535, 65535, 65535, 0]), vec![255, 255, 255, 128, 128, 128]),
            (ColorType::Rgb16, deep(&[13107, 65535, 0]), vec![51, 255, 0]),
            (ColorType::Rgba16, deep(&[13107, 65535, 0, 65535]), vec![51, 255, 0]),
        ];
        for (color, pixels, want) in cases {
            assert_eq!(rgb_over_grey(pixels, color), want, "{color:?}");
        }
    }
}
