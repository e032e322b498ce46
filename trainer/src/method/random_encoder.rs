//! An encoder whose weights stay as they were drawn: what a method has to be better than.

use candle_core::{Result, Tensor};

use super::{Embeddings, Method, MethodEntry, MethodOutput, Needs, Views};
use crate::nn::{Encoded, Encoder, Mode};

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "random-encoder",
    paper: "the baseline of Wang et al., NeurIPS 2024",
    loss: "none: weights stay as they were drawn, batch norm takes the statistics of the data",
    reads_map_alone: false,
    labels: &[],
    needs: |_, _| Ok(Needs::of(1, Vec::new())),
    options: &[],
    model_keys: &[],
    build: |_, _| Ok(Box::new(RandomEncoder)),
};

/// Nothing is learned.
pub struct RandomEncoder;

impl Method for RandomEncoder {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let features = encoder.forward(&views.views[0].images, Mode::Train)?.detach();
        let nothing = Tensor::zeros((), features.dtype(), features.device())?;
        MethodOutput::of(vec![("nothing", 1.0, nothing)], [features], Vec::new())
    }

    fn embed(&self, _encoded: &Encoded) -> Result<Embeddings> {
        Ok(Embeddings::default())
    }
}
