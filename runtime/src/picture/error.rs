use std::fmt;
use std::string::{String, ToString};

use super::PictureLimits;
use super::jpeg::JpegFault;
use super::png::PngFault;

/// Why bytes are no picture that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PictureError {
    /// Neither PNG nor JPEG; what it is instead, where that is known.
    Format(Option<&'static str>),
    /// A picture without pixels.
    NoPixels,
    /// The file is not all there.
    CutOff(&'static str),
    /// The file is not what was written.
    Damaged(&'static str, String),
    /// A kind of JPEG or PNG that is not read.
    Unsupported(&'static str, String),
    /// Decoding it would take more than the limits.
    TooLarge {
        /// Pixels across.
        width: usize,
        /// Pixels down.
        height: usize,
        /// Bytes that decoding takes at its peak; `None` when a side is too long.
        memory_bytes: Option<u64>,
        /// What may be taken.
        limits: PictureLimits,
    },
}

impl PictureError {
    /// What to try, for people.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooLarge { memory_bytes: Some(_), .. } => {
                "shrink the picture, or allow more with --max-picture-memory"
            }
            Self::TooLarge { .. } => "shrink the picture",
            Self::Format(_) | Self::Unsupported(..) => {
                "save the picture as PNG, or as JPEG with 8 bits and Huffman coding"
            }
            Self::NoPixels | Self::CutOff(_) | Self::Damaged(..) => "copy the picture again from where it came",
        }
    }

    pub(super) fn of_jpeg(fault: JpegFault) -> Self {
        match fault {
            JpegFault::NoPixels => Self::NoPixels,
            JpegFault::CutOff => Self::CutOff("JPEG"),
            JpegFault::Damaged(what) => Self::Damaged("JPEG", what.to_string()),
            JpegFault::Unsupported(what) => Self::Unsupported("JPEG", what.to_string()),
        }
    }

    pub(super) fn of_png(fault: PngFault) -> Self {
        match fault {
            PngFault::NoPixels => Self::NoPixels,
            PngFault::CutOff => Self::CutOff("PNG"),
            PngFault::Damaged(what) => Self::Damaged("PNG", what.to_string()),
            PngFault::Checksum(kind) => {
                Self::Damaged("PNG", std::format!("the checksum of its chunk {} is wrong", kind.escape_ascii()))
            }
        }
    }
}

impl fmt::Display for PictureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(None) => f.write_str("not a PNG or JPEG file"),
            Self::Format(Some(name)) => write!(f, "a {name} picture; PNG and JPEG are read"),
            Self::NoPixels => f.write_str("an image without pixels"),
            Self::CutOff(format) => write!(f, "the {format} file ends early"),
            Self::Damaged(format, what) => write!(f, "the {format} file is damaged: {what}"),
            Self::Unsupported(format, what) => write!(f, "a {format} file of a kind that is not read: {what}"),
            Self::TooLarge { width, height, memory_bytes: None, limits } => {
                let most = limits.side_px;
                write!(f, "an image of {width}x{height} px is too large: at most {most} px a side")
            }
            Self::TooLarge { width, height, memory_bytes: Some(bytes), limits } => {
                let [needed, allowed] = [*bytes, limits.memory_bytes].map(mebibytes);
                write!(f, "an image of {width}x{height} px takes {needed} of memory to decode, more than {allowed}")
            }
        }
    }
}

fn mebibytes(bytes: u64) -> String {
    std::format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

impl std::error::Error for PictureError {}
