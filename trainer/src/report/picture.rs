//! Photographs as PNG data URIs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

/// `[size, size, 3]` sRGB bytes as a `data:` URI.
///
/// # Errors
/// When the bytes are no square picture of that size.
pub fn data_uri(rgb: &[u8], size: usize) -> anyhow::Result<String> {
    let side = u32::try_from(size)?;
    let mut png = Vec::new();
    anyhow::ensure!(rgb.len() == size * size * 3, "{} bytes are no picture of {size}x{size} pixels", rgb.len());
    PngEncoder::new(&mut png).write_image(rgb, side, side, ExtendedColorType::Rgb8)?;
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(&png)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_the_wrong_size_is_refused() {
        assert!(data_uri(&[0; 12], 2).unwrap().starts_with("data:image/png;base64,iVBOR"));
        assert!(data_uri(&[0; 11], 2).is_err());
    }
}
