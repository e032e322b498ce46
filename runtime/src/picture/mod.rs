//! Pictures from PNG and JPEG files, whole or not at all: the one way of training, calibration and prediction.
//!
//! A damaged picture is an error, not a picture with grey parts. What stands behind a picture's end in its file is not the
//! picture's and is left alone. What decoding takes of memory is known, and limited, before anything is decoded.

mod error;
mod jpeg;
mod pixels;
mod png;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::io::Cursor;
use std::path::Path;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use image::codecs::{jpeg::JpegDecoder, png::PngDecoder};
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageFormat, ImageResult};

pub use error::PictureError;

use crate::preprocess::{PictureView, PixelFormat};

/// Whether a file's name ends as those of PNG and JPEG files do.
pub fn is_named_as_picture(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().as_encoded_bytes();
    [&b"png"[..], b"jpg", b"jpeg", b"jpe", b"jfif"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// What a picture may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureLimits {
    /// Pixels of a side.
    pub side_px: usize,
    /// Bytes that decoding may take at its peak, with the file itself and its copies.
    pub memory_bytes: u64,
}

impl Default for PictureLimits {
    /// 100,000 px a side and 256 MiB: a JPEG file of 80 million pixels.
    fn default() -> Self {
        Self { side_px: 100_000, memory_bytes: 256 << 20 }
    }
}

/// A decoded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    rgb: Vec<u8>,
    size: [usize; 2],
    exif_orientation: u8,
    /// What of the file is not in the picture.
    pub remarks: Vec<Remark>,
}

/// What a file holds that the picture does not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remark {
    /// An animation, of which only the picture is taken that programs show that know none.
    Animated,
    /// A progressive JPEG file without its last scans.
    Coarse,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Animated => "an animation: only its first picture is used",
            Self::Coarse => "a progressive JPEG file without its last scans: the picture is coarser than it was",
        })
    }
}

impl Picture {
    /// The picture of a PNG or JPEG file: 8-bit RGB, transparency over mid grey.
    ///
    /// # Errors
    /// When it is no such file, is not whole, or would take more than the limits.
    pub fn decode(file: &[u8], limits: &PictureLimits) -> Result<Self, PictureError> {
        if file.starts_with(png::SIGNATURE) {
            Self::from_png(file, limits)
        } else if file.starts_with(b"\xff\xd8") {
            Self::from_jpeg(file, limits)
        } else {
            Err(PictureError::Format(format_name(file)))
        }
    }

    /// The picture as it is to be looked at, turned as EXIF says.
    pub fn view(&self) -> PictureView<'_> {
        let [width, height] = self.size;
        // A picture has pixels, and three bytes for each.
        let whole = PictureView::new(&self.rgb, PixelFormat::Rgb8, width, height).expect("a whole picture");
        whole.upright(self.exif_orientation)
    }

    fn from_png(file: &[u8], limits: &PictureLimits) -> Result<Self, PictureError> {
        let size = png::size(file).map_err(PictureError::of_png)?;
        check_sides(size, limits)?;
        let png::WholePng { essential, exif, is_animated } = png::check(file).map_err(PictureError::of_png)?;
        let damaged = |error: image::ImageError| PictureError::Damaged("PNG", one_line(&error));
        let decoder = PngDecoder::new(Cursor::new(&essential[..])).map_err(damaged)?;
        let taken = decoder.total_bytes().saturating_add(pixels::extra_bytes(decoder.color_type(), size));
        check_memory(size, 2 * file.len() as u64 + taken, limits)?;
        let rgb = decoded(decoder).map_err(damaged)?;
        let exif_orientation = exif.as_deref().map_or(1, exif_orientation);
        let remarks = if is_animated { vec![Remark::Animated] } else { vec![] };
        Ok(Self { rgb, size, exif_orientation, remarks })
    }

    fn from_jpeg(file: &[u8], limits: &PictureLimits) -> Result<Self, PictureError> {
        let frame = jpeg::frame(file).map_err(PictureError::of_jpeg)?;
        let size = [frame.width, frame.height];
        check_sides(size, limits)?;
        let color = if frame.components.len() == 1 { ColorType::L8 } else { ColorType::Rgb8 };
        let decoded_bytes = (size[0] * size[1]) as u64 * u64::from(color.bytes_per_pixel());
        let taken = decoded_bytes + frame.kept_bytes().max(pixels::extra_bytes(color, size));
        check_memory(size, 2 * file.len() as u64 + taken, limits)?;
        let whole = jpeg::check(file).map_err(PictureError::of_jpeg)?;
        // The file is whole: what the decoder does not take now is a kind that it does not know.
        let unknown = |error: image::ImageError| PictureError::Unsupported("JPEG", one_line(&error));
        let mut decoder = JpegDecoder::new(Cursor::new(completed(file, &whole))).map_err(unknown)?;
        let orientation = decoder.orientation().map_or(1, |orientation| orientation.to_exif());
        let rgb = decoded(decoder).map_err(unknown)?;
        let remarks = if whole.is_coarse { vec![Remark::Coarse] } else { vec![] };
        Ok(Self { rgb, size, exif_orientation: orientation, remarks })
    }
}

/// The file up to the picture's end, with what the decoder cannot do without.
fn completed<'f>(file: &'f [u8], whole: &jpeg::WholeJpeg) -> Cow<'f, [u8]> {
    let picture = &file[..whole.end];
    if !whole.lacks_tables && !whole.lacks_end {
        return Cow::Borrowed(picture);
    }
    let tables: &[u8] = if whole.lacks_tables { &jpeg::STANDARD_TABLES } else { &[] };
    let end: &[u8] = if whole.lacks_end { b"\xff\xd9" } else { &[] };
    Cow::Owned([&picture[..2], tables, &picture[2..], end].concat())
}

fn decoded(decoder: impl ImageDecoder) -> ImageResult<Vec<u8>> {
    let color = decoder.color_type();
    let mut pixels = vec![0; decoder.total_bytes() as usize];
    decoder.read_image(&mut pixels)?;
    Ok(pixels::rgb_over_grey(pixels, color))
}

fn check_sides([width, height]: [usize; 2], limits: &PictureLimits) -> Result<(), PictureError> {
    if width.max(height) <= limits.side_px {
        return Ok(());
    }
    Err(PictureError::TooLarge { width, height, memory_bytes: None, limits: *limits })
}

fn check_memory([width, height]: [usize; 2], needed: u64, limits: &PictureLimits) -> Result<(), PictureError> {
    if needed <= limits.memory_bytes {
        return Ok(());
    }
    Err(PictureError::TooLarge { width, height, memory_bytes: Some(needed), limits: *limits })
}

fn exif_orientation(exif: &[u8]) -> u8 {
    Orientation::from_exif_chunk(exif).map_or(1, |orientation| orientation.to_exif())
}

/// What a decoder says.
fn one_line(error: &image::ImageError) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Common formats that are not read.
fn format_name(file: &[u8]) -> Option<&'static str> {
    if file.get(4..8) == Some(b"ftyp")
        && [&b"heic"[..], b"heix", b"mif1"].contains(&file.get(8..12).unwrap_or_default())
    {
        return Some("HEIC");
    }
    match image::guess_format(file).ok()? {
        ImageFormat::Gif => Some("GIF"),
        ImageFormat::WebP => Some("WebP"),
        ImageFormat::Tiff => Some("TIFF"),
        ImageFormat::Bmp => Some("BMP"),
        ImageFormat::Avif => Some("AVIF"),
        _ => None,
    }
}
