//! Methods without a loss of their own: an encoder whose weights stay as they were drawn, and one that learns from the heads alone.

use candle_core::{Result, Tensor};

use super::{Embeddings, Method, MethodEntry, MethodOutput, Needs, Views};
use crate::nn::{Encoded, Encoder, Mode};

/// What a method has to be better than.
pub(super) const RANDOM_ENCODER: MethodEntry = MethodEntry {
    name: "random-encoder",
    paper: "the baseline of Wang et al., NeurIPS 2024",
    loss: "none: weights stay as they were drawn, batch norm takes the statistics of the data",
    reads_map_alone: false,
    labels: &[],
    needs: |_, _| Ok(Needs::of(1, Vec::new())),
    options: &[],
    model_keys: &[],
    build: |_, _| Ok(Box::new(NoLoss { is_kept: true })),
};

/// What labels teach without a method.
pub const HEADS_ONLY: MethodEntry = MethodEntry {
    name: "heads-only",
    paper: "no self-supervision",
    loss: "none of its own: the encoder learns what the labels of the heads teach it (heads.gradient)",
    build: |_, _| Ok(Box::new(NoLoss { is_kept: false })),
    ..RANDOM_ENCODER
};

/// Nothing is learned without labels.
pub struct NoLoss {
    /// Whether no gradient of the heads reaches the encoder either.
    is_kept: bool,
}

impl Method for NoLoss {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let features = encoder.forward(&views.views[0].images, Mode::Train)?;
        let features = if self.is_kept { features.detach() } else { features };
        let nothing = Tensor::zeros((), features.dtype(), features.device())?;
        MethodOutput::of(vec![("nothing", 1.0, nothing)], [features], Vec::new())
    }

    fn embed(&self, _encoded: &Encoded) -> Result<Embeddings> {
        Ok(Embeddings::default())
    }
}
