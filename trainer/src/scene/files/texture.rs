use std::io::Cursor;

use image::{DynamicImage, ImageFormat, ImageReader, Limits};

use crate::scene::Texture;

/// Longest side of a texture in a file.
const LONGEST_SIDE: u32 = 16_384;
/// Memory that decoding one picture may take.
const DECODER_BYTES: u64 = 1 << 30;
/// Longest side that is kept: images of objects are much smaller.
const KEPT_SIDE: usize = 512;
/// Texels of less opacity hide little of what is behind them.
const LEAST_ALPHA: u8 = 128;

/// A picture for a surface.
pub(super) struct Picture {
    /// Its colours, halved until its sides are at most 512.
    pub texture: Texture,
    /// Whether some of it hides little of what is behind it. The renderer draws it opaque.
    pub is_see_through: bool,
}

/// The picture in PNG or JPEG bytes, halved until its sides are at most 512; transparency is ignored.
///
/// # Errors
/// When the bytes are no such picture, in words.
pub fn decode_texture(bytes: &[u8]) -> Result<Texture, String> {
    decode_picture(bytes).map(|picture| picture.texture)
}

/// The picture in PNG or JPEG bytes, which are told by themselves and not by a file's name.
///
/// # Errors
/// When the bytes are no such picture, in words.
pub(super) fn decode_picture(bytes: &[u8]) -> Result<Picture, String> {
    let format = image::guess_format(bytes).map_err(|_| "it is neither a PNG nor a JPEG picture")?;
    if !matches!(format, ImageFormat::Png | ImageFormat::Jpeg) {
        return Err(format!("it is a picture in {format:?} format; convert it to PNG or JPEG"));
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(DECODER_BYTES);
    reader.limits(limits);
    let decoded = reader.decode().map_err(|error| error.to_string())?;
    let is_see_through = decoded.color().has_alpha() && alphas(&decoded).any(|alpha| alpha < LEAST_ALPHA);
    let picture = decoded.into_rgb8();
    Ok(Picture { texture: shrunk_from_rgb(picture.width(), picture.height(), picture.into_raw())?, is_see_through })
}

fn alphas(picture: &DynamicImage) -> Box<dyn Iterator<Item = u8> + '_> {
    match picture {
        DynamicImage::ImageRgba8(rgba) => Box::new(rgba.pixels().map(|pixel| pixel.0[3])),
        DynamicImage::ImageLumaA8(gray) => Box::new(gray.pixels().map(|pixel| pixel.0[1])),
        DynamicImage::ImageRgba16(rgba) => Box::new(rgba.pixels().map(|pixel| (pixel.0[3] >> 8) as u8)),
        DynamicImage::ImageLumaA16(gray) => Box::new(gray.pixels().map(|pixel| (pixel.0[1] >> 8) as u8)),
        _ => Box::new(std::iter::empty()),
    }
}

/// The texture of red, green and blue bytes, halved until its sides are at most 512.
pub(super) fn shrunk_from_rgb(width: u32, height: u32, rgb: Vec<u8>) -> Result<Texture, String> {
    let (width, height) = (width as usize, height as usize);
    if width == 0 || height == 0 || rgb.len() != width * height * 3 {
        return Err(format!("not a picture of {width} x {height} pixels in red, green and blue"));
    }
    Ok(Texture { width, height, rgb }.shrunk_to(KEPT_SIDE))
}
