//! Layers: each file holds one layer with `forward` (candle tensors) and, where it is deployed, `lower`.
//!
//! Activations are channels-last, `[n, h, w, c]` or `[n, c]`; weights have the layouts of `runtime::graph::Op`.

mod attention;
mod basic_block;
mod capsules;
mod config;
mod conv_norm;
mod cost;
mod cross_entropy;
mod eight_bits;
mod encoder;
mod eqresnet18;
mod eqtiny;
mod equivariant;
#[cfg(test)]
mod equivariant_tests;
mod halving;
mod heads;
mod hypernetwork;
mod invariant_head;
mod layer_norm;
mod linear;
mod linear_norm;
mod matched;
mod mlp;
mod moving_target;
mod norm;
mod orientations;
mod parameters;
mod predictor;
mod projector;
mod reduction;
mod resnet18;
mod split;
mod tiny;
mod transformer;
mod trunk;
mod turned;

pub use attention::SelfAttention;
pub use basic_block::{BasicBlock, BasicBlockConfig};
pub use capsules::{CapsuleConfig, CapsuleHead, Capsules};
pub use config::{HeadGradient, HeadsConfig, ModelConfig};
pub use conv_norm::{ConvNorm, ConvNormConfig};
pub use cost::Cost;
pub use cross_entropy::{cross_entropies, cross_entropy};
pub use eight_bits::{EightBits, calibrate};
pub use encoder::{BuildEncoder, ENCODERS, Encoded, Encoder, EncoderEntry, EncoderSetting, split_halves};
pub use equivariant::Equivariant;
pub use halving::{Downsampling, Halving};
pub use heads::{ClassHead, RotationHead};
pub use hypernetwork::Hypernetwork;
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use linear_norm::LinearNorm;
pub use mlp::Mlp;
pub use moving_target::MovingTarget;
pub use norm::BatchNorm;
pub use parameters::{EightBitValue, ParameterStore, Scope};
pub use predictor::{Predictor, PredictorConfig, PredictorKind};
pub use projector::Projector;
pub use reduction::{Reduction, ReductionConfig};
pub use resnet18::{ResNet18, Stem};
pub use tiny::{Tiny, TinyPooled};
pub use transformer::{Transformer, TransformerConfig};
pub use turned::turned;

/// How a network is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Batch statistics, which also move the running ones; a network that is trained for eight bits keeps to the running
    /// ones, and rounds.
    Train,
    /// Running statistics, nothing changes.
    Evaluate,
}
