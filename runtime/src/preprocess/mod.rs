//! From a picture of any size to the size that a model takes: the one rule of training, calibration and prediction.
//!
//! The largest centred part with the model's aspect ratio is taken, and each pixel of the result is the mean of the area
//! that it covers. A picture twice as large gives means of 2x2 pixels; enlarging repeats pixels, and blends two where an
//! edge falls between them. A picture of the model's own size is left as it is. All sums are integers, so that every
//! machine gives the same bytes.
//!
//! ```
//! use sextant_runtime::preprocess::{CropBox, PictureView, PixelFormat};
//! let frame = [10, 20, 30].repeat(8 * 6); // a camera's buffer
//! let view = PictureView::new(&frame, PixelFormat::Bgr8, 8, 6)?;
//! let part = view.cropped(CropBox { left: 2, top: 1, width: 4, height: 4 })?;
//! let mut image = [0; 2 * 2 * 3];
//! part.resize_into(2, 2, &mut image);
//! assert_eq!(image[..3], [30, 20, 10]);
//! # Ok::<(), sextant_runtime::preprocess::ViewError>(())
//! ```

mod picture_view;
mod pixel_format;
mod resize;
mod visible;

pub use picture_view::{CropBox, PictureView, ViewError};
pub use pixel_format::PixelFormat;
#[cfg(feature = "images")]
pub(crate) use pixel_format::over_mid_grey;
pub use visible::Visible;

/// The name of this module's rule, which a model carries in its metadata under
/// [`RESIZE`](crate::contract::metadata::RESIZE).
pub const RESIZE_RULE: &str = "centre-crop, area";
