//! Operators over slices, channels last, one sample: float32 here, int8 in [`int8`].
//!
//! Shapes have been checked when the model was parsed: a kernel given slices of other lengths leaves what it cannot
//! compute untouched, and never panics.

pub(crate) mod axes;
pub(crate) mod channels;
#[cfg(feature = "std")]
pub(crate) mod chosen;
pub(crate) mod convolution;
pub(crate) mod dot;
#[cfg(target_arch = "aarch64")]
mod dot_neon;
pub(crate) mod elementwise;
pub(crate) mod int8;
pub(crate) mod linear;
pub(crate) mod pooling;
pub(crate) mod predictor;
pub(crate) mod processors;
pub(crate) mod window;
#[cfg(all(target_arch = "x86_64", feature = "std"))]
pub(crate) mod x86;
