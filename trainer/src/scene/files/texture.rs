use std::io::Cursor;

use image::{ImageReader, Limits};

use crate::scene::Texture;

/// Longest side of a texture in a file.
const LONGEST_SIDE: u32 = 16_384;
/// Memory that decoding one picture may take.
const DECODER_BYTES: u64 = 1 << 30;
/// Longest side that is kept: images of objects are much smaller.
const KEPT_SIDE: usize = 512;

/// The picture in PNG or JPEG bytes, halved until its sides are at most 512; transparency is ignored.
///
/// # Errors
/// When the bytes are no such picture, in words.
pub fn decode_texture(bytes: &[u8]) -> Result<Texture, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(DECODER_BYTES);
    reader.limits(limits);
    let picture = reader.decode().map_err(|error| error.to_string())?.into_rgb8();
    shrunk_from_rgb(picture.width(), picture.height(), picture.into_raw())
}

/// The texture of red, green and blue bytes, halved until its sides are at most 512.
pub(super) fn shrunk_from_rgb(width: u32, height: u32, rgb: Vec<u8>) -> Result<Texture, String> {
    let (width, height) = (width as usize, height as usize);
    if width == 0 || height == 0 || rgb.len() != width * height * 3 {
        return Err(format!("not a picture of {width} x {height} pixels in red, green and blue"));
    }
    Ok(Texture { width, height, rgb }.shrunk_to(KEPT_SIDE))
}
