use core::fmt;

use super::PixelFormat;

/// A picture where it lies in memory, as it is to be looked at; nothing is copied.
#[derive(Clone, Copy, Debug)]
pub struct PictureView<'p> {
    pub(super) pixels: &'p [u8],
    pub(super) format: PixelFormat,
    pub(super) width: usize,
    pub(super) height: usize,
    /// Byte of the top left pixel, and steps in bytes to the next pixel and the next row.
    pub(super) first: usize,
    pub(super) across: isize,
    pub(super) down: isize,
}

/// A part of a picture, in its pixels, from its top left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CropBox {
    /// Columns left of it.
    pub left: usize,
    /// Rows above it.
    pub top: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// Why bytes are not the picture that they are said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ViewError {
    /// A picture, or a part of one, without pixels.
    Empty,
    /// There are fewer or more bytes than the picture has.
    Bytes {
        /// What it has.
        expected: usize,
        /// What is there.
        found: usize,
    },
    /// A row is longer than the step from row to row.
    RowStride {
        /// Bytes of a row.
        row_bytes: usize,
        /// The step.
        stride_bytes: usize,
    },
    /// The box is not inside the picture.
    Outside {
        /// The box.
        crop: CropBox,
        /// Width and height of the picture.
        size: [usize; 2],
    },
    /// Sizes whose product is no number here.
    TooLarge,
}

impl<'p> PictureView<'p> {
    /// The picture of those bytes, rows first, without gaps.
    ///
    /// # Errors
    /// When it has no pixels, or `pixels` has not `width * height` of them.
    pub fn new(pixels: &'p [u8], format: PixelFormat, width: usize, height: usize) -> Result<Self, ViewError> {
        let row_bytes = width.checked_mul(format.bytes_per_pixel()).ok_or(ViewError::TooLarge)?;
        let expected = row_bytes.checked_mul(height).ok_or(ViewError::TooLarge)?;
        if expected > 0 && pixels.len() != expected {
            return Err(ViewError::Bytes { expected, found: pixels.len() });
        }
        Self::with_row_stride(pixels, format, width, height, row_bytes)
    }

    /// The picture of those bytes where rows begin every `stride_bytes`, as cameras and windows of larger pictures have
    /// them. What stands between rows and behind the last one does not count.
    ///
    /// # Errors
    /// When it has no pixels, a row is longer than the stride, or `pixels` ends before the last row does.
    pub fn with_row_stride(
        pixels: &'p [u8],
        format: PixelFormat,
        width: usize,
        height: usize,
        stride_bytes: usize,
    ) -> Result<Self, ViewError> {
        if width == 0 || height == 0 {
            return Err(ViewError::Empty);
        }
        let row_bytes = width.checked_mul(format.bytes_per_pixel()).ok_or(ViewError::TooLarge)?;
        if row_bytes > stride_bytes {
            return Err(ViewError::RowStride { row_bytes, stride_bytes });
        }
        let before_last = stride_bytes.checked_mul(height - 1).ok_or(ViewError::TooLarge)?;
        let expected = before_last.checked_add(row_bytes).ok_or(ViewError::TooLarge)?;
        if pixels.len() < expected {
            return Err(ViewError::Bytes { expected, found: pixels.len() });
        }
        let across = format.bytes_per_pixel() as isize;
        Ok(Self { pixels, format, width, height, first: 0, across, down: stride_bytes as isize })
    }

    /// The picture turned and mirrored as EXIF's orientation 1 to 8 asks for; other numbers leave it as it is.
    pub fn upright(self, exif_orientation: u8) -> Self {
        let right = (self.width as isize - 1) * self.across;
        let bottom = (self.height as isize - 1) * self.down;
        let turned = matches!(exif_orientation, 5..=8);
        let (first, across, down) = match exif_orientation {
            2 => (right, -self.across, self.down),
            3 => (right + bottom, -self.across, -self.down),
            4 => (bottom, self.across, -self.down),
            5 => (0, self.down, self.across),
            6 => (bottom, -self.down, self.across),
            7 => (right + bottom, -self.down, -self.across),
            8 => (right, self.down, -self.across),
            _ => (0, self.across, self.down),
        };
        let (width, height) = if turned { (self.height, self.width) } else { (self.width, self.height) };
        Self { width, height, first: self.first.wrapping_add_signed(first), across, down, ..self }
    }

    /// Width and height as it is to be looked at.
    pub fn size(&self) -> [usize; 2] {
        [self.width, self.height]
    }

    /// The part of the picture in that box.
    ///
    /// # Errors
    /// When the box has no pixels or leaves the picture.
    pub fn cropped(self, crop: CropBox) -> Result<Self, ViewError> {
        if crop.width == 0 || crop.height == 0 {
            return Err(ViewError::Empty);
        }
        let ends_inside =
            |start: usize, length: usize, end: usize| start.checked_add(length).is_some_and(|last| last <= end);
        if !ends_inside(crop.left, crop.width, self.width) || !ends_inside(crop.top, crop.height, self.height) {
            return Err(ViewError::Outside { crop, size: self.size() });
        }
        let offset = crop.left as isize * self.across + crop.top as isize * self.down;
        Ok(Self { width: crop.width, height: crop.height, first: self.first.wrapping_add_signed(offset), ..self })
    }
}

impl CropBox {
    /// The smallest square part of a picture of `size` (width, height) that holds the box, centred on it as far as the
    /// picture goes. Where the picture is narrower than the square, it is as wide as the picture.
    ///
    /// A model looks at the largest centred part with its own aspect ratio, so of a tall box it would not see the ends.
    ///
    /// ```
    /// # use sextant_runtime::preprocess::CropBox;
    /// let detected = CropBox { left: 90, top: 10, width: 10, height: 40 };
    /// assert_eq!(detected.expanded_to_square([100, 80]), CropBox { left: 60, top: 10, width: 40, height: 40 });
    /// ```
    pub fn expanded_to_square(self, size: [usize; 2]) -> Self {
        let side = self.width.max(self.height);
        let along = |start: usize, length: usize, end: usize| {
            let side = side.min(end);
            (start.saturating_sub((side.saturating_sub(length)) / 2).min(end - side), side)
        };
        let (left, width) = along(self.left, self.width, size[0]);
        let (top, height) = along(self.top, self.height, size[1]);
        Self { left, top, width, height }
    }
}

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a picture without pixels"),
            Self::Bytes { expected, found } => write!(f, "the picture has {expected} bytes, and {found} are given"),
            Self::RowStride { row_bytes, stride_bytes } => {
                write!(f, "a row has {row_bytes} bytes, and the next begins after {stride_bytes}")
            }
            Self::Outside { crop: CropBox { left, top, width, height }, size: [columns, rows] } => {
                write!(f, "the box {width}x{height} at ({left}, {top}) leaves the picture of {columns}x{rows} pixels")
            }
            Self::TooLarge => f.write_str("a picture with more bytes than there can be"),
        }
    }
}

impl core::error::Error for ViewError {}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;
    use PixelFormat::{Bgr8, Grey8, Rgb8, Rgba8};

    #[test]
    fn sizes_that_do_not_fit_the_bytes_are_refused() {
        let bytes = [0; 24];
        let cases = [
            ("no columns", PictureView::new(&[], Rgb8, 0, 2), ViewError::Empty),
            ("no rows", PictureView::new(&[], Grey8, 3, 0), ViewError::Empty),
            ("a byte less", PictureView::new(&bytes[..11], Bgr8, 2, 2), ViewError::Bytes { expected: 12, found: 11 }),
            ("a byte more", PictureView::new(&bytes[..13], Rgb8, 2, 2), ViewError::Bytes { expected: 12, found: 13 }),
            ("overflow", PictureView::new(&bytes, Rgba8, usize::MAX / 2, 2), ViewError::TooLarge),
            (
                "rows that overlap",
                PictureView::with_row_stride(&bytes, Rgb8, 3, 2, 8),
                ViewError::RowStride { row_bytes: 9, stride_bytes: 8 },
            ),
            (
                "cut off in the last row",
                PictureView::with_row_stride(&bytes, Rgb8, 3, 2, 16),
                ViewError::Bytes { expected: 25, found: 24 },
            ),
        ];
        for (name, view, want) in cases {
            assert_eq!(view.err(), Some(want), "{name}");
        }
        // Behind the last row nothing is needed.
        assert!(PictureView::with_row_stride(&bytes, Rgb8, 3, 2, 15).is_ok());
    }

    #[test]
    fn boxes_stay_inside() {
        let bytes = [0; 5 * 4];
        let view = PictureView::new(&bytes, Grey8, 5, 4).unwrap();
        let crop = |left, top, width, height| view.cropped(CropBox { left, top, width, height });
        assert_eq!(crop(2, 1, 3, 3).unwrap().size(), [3, 3]);
        assert_eq!(crop(0, 0, 0, 3).err(), Some(ViewError::Empty));
        for outside in [crop(3, 1, 3, 3), crop(0, 2, 1, 3), crop(usize::MAX, 0, 2, 1)] {
            assert!(matches!(outside, Err(ViewError::Outside { size: [5, 4], .. })), "{outside:?}");
        }
        let text = crop(3, 1, 3, 3).unwrap_err().to_string();
        assert_eq!(text, "the box 3x3 at (3, 1) leaves the picture of 5x4 pixels");
    }

    #[test]
    fn squares_around_boxes() {
        let square = |[left, top, width, height]: [usize; 4], size| {
            let CropBox { left, top, width, height } = CropBox { left, top, width, height }.expanded_to_square(size);
            [left, top, width, height]
        };
        let cases = [
            ("inside", [40, 40, 10, 20], [100, 100], [35, 40, 20, 20]),
            ("wide", [40, 40, 20, 10], [100, 100], [40, 35, 20, 20]),
            ("at the left edge", [0, 40, 10, 20], [100, 100], [0, 40, 20, 20]),
            ("at the bottom", [40, 90, 20, 10], [100, 100], [40, 80, 20, 20]),
            ("higher than the picture is wide", [5, 10, 10, 60], [30, 100], [0, 10, 30, 60]),
        ];
        for (name, given, size, want) in cases {
            assert_eq!(square(given, size), want, "{name}");
        }
    }
}
