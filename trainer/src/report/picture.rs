//! Photographs as PNG data URIs.

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
    Ok(format!("data:image/png;base64,{}", base64(&png)))
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let index = (word >> (18 - 6 * position)) as usize & 63;
            text.push(if position <= chunk.len() { char::from(ALPHABET[index]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_the_rfc() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")];
        for (text, expected) in cases {
            assert_eq!(base64(text.as_bytes()), expected);
        }
        assert_eq!(base64(&[0xff, 0xef, 0xbe]), "/+++");
    }

    #[test]
    fn a_picture_of_the_wrong_size_is_refused() {
        assert!(data_uri(&[0; 12], 2).unwrap().starts_with("data:image/png;base64,iVBOR"));
        assert!(data_uri(&[0; 11], 2).is_err());
    }
}
