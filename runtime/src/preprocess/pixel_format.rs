/// Which bytes a pixel has, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PixelFormat {
    /// Red, green, blue: what models take.
    Rgb8,
    /// Blue, green, red: OpenCV's order.
    Bgr8,
    /// Red, green, blue, alpha (0 is transparent); what is transparent is shown over mid grey.
    Rgba8,
    /// Blue, green, red, alpha.
    Bgra8,
    /// Red, green, blue, and a byte that means nothing.
    Rgbx8,
    /// Blue, green, red, and a byte that means nothing.
    Bgrx8,
    /// One byte, for all three colours.
    Grey8,
}

impl PixelFormat {
    /// Bytes of a pixel.
    pub const fn bytes_per_pixel(self) -> usize {
        match self {
            Self::Grey8 => 1,
            Self::Rgb8 | Self::Bgr8 => 3,
            Self::Rgba8 | Self::Bgra8 | Self::Rgbx8 | Self::Bgrx8 => 4,
        }
    }
}

/// What shows through transparent pixels.
const BACKGROUND: u32 = 128;

/// A colour seen through `alpha` before mid grey.
pub(crate) fn over_mid_grey(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + BACKGROUND * (255 - alpha) + 127) / 255) as u8
}
