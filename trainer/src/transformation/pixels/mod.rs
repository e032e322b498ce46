//! What transformations and augmentations do to pixels: pictures are `[size, size, 3]` sRGB bytes.
//!
//! Results are the same bytes on every machine: sums are integers, and what floats there are is added in one order.

pub(super) mod axis;
pub(super) mod colour;
pub(super) mod hue;
pub(super) mod mirror;
mod spline;
pub(super) mod turn;
pub(super) mod window;
