//! Slice-level kernels behind the operators: channels-last, single precision, all cores.

mod aligned;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub mod batch_norm;
pub mod channel_sums;
mod compiled_tiles;
pub mod conv2d;
mod correlation;
pub(crate) mod covariance;
mod depthwise;
pub mod elementwise;
pub mod fake_quantize;
pub(crate) mod filter_copies;
mod instruction_set;
mod lanes;
#[cfg(target_arch = "aarch64")]
mod neon;
pub mod optimizer;
mod panels;
pub mod pooling;
pub mod predictor;
#[cfg(test)]
mod small_tests;
mod source_block;
pub(crate) mod tile;
pub mod unwritten;
mod vectorised;
mod weight_gradient;
mod winograd;
mod winograd_filters;
mod winograd_transforms;
