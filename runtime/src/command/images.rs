use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageDecoder, ImageError as DecodeError, ImageFormat, ImageReader, Limits};
use sextant_runtime::preprocess::RgbView;

const MAX_SIDE_PX: u32 = 100_000;
const MAX_DECODED_BYTES: u64 = 1 << 30;
/// What shows through transparent pixels.
const BACKGROUND: u32 = 128;

/// Why an image cannot be used.
#[derive(Debug)]
pub struct ImageError {
    path: PathBuf,
    fault: Fault,
}

#[derive(Debug)]
enum Fault {
    Read(io::Error),
    Decode(DecodeError),
    Empty,
    CutOff,
    TooLarge { width: u32, height: u32 },
}

impl ImageError {
    /// What to try, for people.
    pub fn hint(&self) -> Option<&'static str> {
        match self.fault {
            Fault::Read(_) => Some("give the path of a PNG or JPEG file that you may read"),
            Fault::Decode(_) | Fault::Empty | Fault::CutOff => {
                Some("give a PNG or JPEG file that other programs can open")
            }
            Fault::TooLarge { .. } => Some("shrink the image: at most 100000 px a side and 1 GiB when decoded"),
        }
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path.display())?;
        match &self.fault {
            Fault::Read(error) => error.fmt(f),
            // Some decoders end their messages with a line break.
            Fault::Decode(error) => f.write_str(error.to_string().trim_end()),
            Fault::Empty => f.write_str("an image without pixels"),
            Fault::CutOff => f.write_str("the JPEG file ends early"),
            Fault::TooLarge { width, height } => write!(f, "an image of {width}x{height} px is too large"),
        }
    }
}

impl std::error::Error for ImageError {}

/// The image of that PNG or JPEG file as the model wants it: upright (EXIF), 8-bit RGB, transparency over mid grey,
/// centre-cropped and resized to `[height, width]`.
pub fn load(path: &Path, [height, width]: [usize; 2]) -> Result<Vec<u8>, ImageError> {
    let at_path = |fault| ImageError { path: path.to_path_buf(), fault };
    let decoded = decode(path).map_err(at_path)?;
    let (decoded_width, decoded_height) = (decoded.width() as usize, decoded.height() as usize);
    let pixels = rgb_over_grey(decoded);
    let view = RgbView::new(&pixels, decoded_width, decoded_height).ok_or(at_path(Fault::Empty))?;
    Ok(view.crop_and_resize(width, height))
}

fn decode(path: &Path) -> Result<DynamicImage, Fault> {
    let file = BufReader::new(File::open(path).map_err(Fault::Read)?);
    let mut reader = ImageReader::new(file).with_guessed_format().map_err(Fault::Read)?;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    // The decoder paints what is missing grey.
    if reader.format() == Some(ImageFormat::Jpeg) && !ends_whole(&fs::read(path).map_err(Fault::Read)?) {
        return Err(Fault::CutOff);
    }
    let mut decoder = reader.into_decoder().map_err(fault)?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(Fault::Empty);
    }
    if width > MAX_SIDE_PX || height > MAX_SIDE_PX || decoder.total_bytes() > MAX_DECODED_BYTES {
        return Err(Fault::TooLarge { width, height });
    }
    let orientation = decoder.orientation().map_err(fault)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(fault)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// Whether the end of the image comes after the last start of a scan; a file without one has other faults.
fn ends_whole(jpeg: &[u8]) -> bool {
    let last = |marker: [u8; 2]| jpeg.windows(2).rposition(|bytes| bytes == marker);
    last([0xff, 0xd9]) >= last([0xff, 0xda])
}

fn fault(error: DecodeError) -> Fault {
    match error {
        DecodeError::IoError(error) if error.kind() != io::ErrorKind::UnexpectedEof => Fault::Read(error),
        error => Fault::Decode(error),
    }
}

fn rgb_over_grey(image: DynamicImage) -> Vec<u8> {
    if !image.color().has_alpha() {
        return image.into_rgb8().into_raw();
    }
    let rgba = image.into_rgba8().into_raw();
    rgba.chunks_exact(4).flat_map(|pixel| [0, 1, 2].map(|channel| blend(pixel[channel], pixel[3]))).collect()
}

fn blend(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + BACKGROUND * (255 - alpha) + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparency_shows_mid_grey() {
        assert_eq!(blend(200, 255), 200);
        assert_eq!(blend(200, 0), 128);
        assert_eq!(blend(0, 128), 64);
    }
}
