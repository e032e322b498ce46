//! Differentiable operators with hand-written kernels, on channels-last tensors.
//!
//! Maps are `[n, h, w, c]`, vectors `[n, c]`, single precision. In main memory every operator runs its kernel, forward
//! and backward; on other devices it is [`composed`] from candle's own operators. Results do not depend on the number
//! of threads.

pub mod accounting;
mod activation;
mod batch_norm;
mod bias;
pub mod composed;
mod contiguous;
mod conv2d;
mod cuda_conv2d;
mod cuda_precision;
mod decorrelation;
mod expand_filters;
mod fake_quantize;
mod folding;
mod hypernetwork;
pub mod kernels;
mod linear;
mod norm_over_ranks;
mod pooling;
mod shape;
pub mod tape;
#[cfg(test)]
mod tests;

pub use activation::{Activation, relu};
pub use batch_norm::{BatchNormOptions, BatchStatistics, batch_norm, batch_norm_over_ranks, channel_affine};
pub use bias::add_bias;
pub use conv2d::{Conv2dOptions, conv2d};
pub use decorrelation::{covariance_penalty, variance_hinge};
pub use expand_filters::expand_filters;
pub use fake_quantize::{fake_quantize, fake_quantize_filters, fake_quantize_sum};
pub use folding::{FixedMoments, fold_norm};
pub use hypernetwork::apply_hypernetwork;
pub use kernels::optimizer::{AdamWStep, SgdStep, adamw_step, l2_norm, lars_trust_ratio, sgd_step};
pub use linear::linear;
pub use pooling::{global_average_pool, max_pool2d};
pub use shape::{join_columns, reshape};
