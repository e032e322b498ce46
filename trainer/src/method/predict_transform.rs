//! Prediction of what was done to a picture, such as by how much it was turned (Gidaris et al., ICLR 2018).

use candle_core::{Result, Tensor};
use sextant_runtime::graph::{GraphBuilder, ValueId};

use super::{
    Embeddings, LoweredFeatures, Method, MethodEntry, MethodOutput, ModelKey, Needs, Setting, TransformationHeads,
    TransformationLogits, Views,
};
use crate::nn::{Encoded, Encoder, Mode, Scope};
use crate::options::ConfigOption;
use crate::transformation::Transformation;

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "predict-transform",
    paper: "Gidaris et al., ICLR 2018, arXiv 1803.07728",
    loss: "cross-entropy of each view's transformations, which data.transformations has to list",
    reads_map_alone: false,
    labels: &[],
    needs: |config, known| Ok(Needs::of(config.count(VIEWS.key)?, TransformationHeads::predicted(config, known)?)),
    options: &[TransformationHeads::TRANSFORMS, TransformationHeads::LAYERS, VIEWS],
    model_keys: &[ModelKey::PROJECTOR_HIDDEN.unless("head_layers", "1")],
    build: |setting, scope| Ok(Box::new(PredictTransform::new(setting, scope)?)),
};

pub(super) const VIEWS: ConfigOption =
    ConfigOption::count("views", 2, 1, 8, "views of each subject in a step, each with transformations of its own");

/// Classifiers on the whole features.
pub struct PredictTransform {
    heads: TransformationHeads,
    views: usize,
}

impl PredictTransform {
    /// Classifiers of the transformations and of as many layers as the options say.
    ///
    /// # Errors
    /// When a transformation has no finite classes, or the device has no memory for it.
    pub fn new(setting: Setting, scope: &mut Scope) -> Result<Self> {
        let heads = TransformationHeads::new(setting.feature_width, setting, scope)?;
        Ok(Self { heads, views: setting.method.count(VIEWS.key)? })
    }

    /// What the classifiers say of features.
    pub(super) fn heads(&self) -> &TransformationHeads {
        &self.heads
    }

    /// The encoder's features of each view, `[n, feature_width]`, in training mode.
    ///
    /// # Errors
    /// When shapes differ.
    pub(super) fn features(&self, encoder: &dyn Encoder, views: &Views) -> Result<Vec<Tensor>> {
        let views = &views.views[..self.views];
        views.iter().map(|view| encoder.forward(&view.images, Mode::Train)).collect()
    }
}

impl Method for PredictTransform {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let features = self.features(encoder, views)?;
        MethodOutput::of(self.heads.terms(&features, views, 0, 1.0)?, features, Vec::new())
    }

    fn embed(&self, _encoded: &Encoded) -> Result<Embeddings> {
        Ok(Embeddings::default())
    }

    fn told_transformations(&self) -> Vec<&'static dyn Transformation> {
        self.heads.transformations()
    }

    fn transformation_logits(&self, features: &Tensor) -> Result<Vec<TransformationLogits>> {
        self.heads.logits(features)
    }

    fn lower_transformation_logits(
        &self,
        graph: &mut GraphBuilder,
        features: LoweredFeatures,
    ) -> anyhow::Result<Vec<(&'static dyn Transformation, ValueId)>> {
        self.heads.lower(graph, features.whole)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::method::reference::{self, Case, check, matrix};
    use crate::method::transformation_heads::{judged, terms};
    use crate::method::weighted_sum;

    #[test]
    fn the_loss_agrees_with_loops() {
        let (turns, flips) = ([3u32, 0, 1, 2, 2], [0u32, 1, 1, 0, 1]);
        let tensors = |x: &[Tensor]| {
            let of = |name, logits: &Tensor, classes| judged(name, logits, &Tensor::new(classes, &Device::Cpu)?);
            weighted_sum(&terms(vec![of("turns", &x[0], &turns)?, of("flips", &x[1], &flips)?], 1.0)?)
        };
        let loops =
            |x: &[Vec<f64>]| reference::cross_entropy(&x[0], &turns, 4) + reference::cross_entropy(&x[1], &flips, 2);
        check(&Case { tensors: &tensors, loops: &loops, inputs: &[matrix(5, 4, 1), matrix(5, 2, 2)] });
    }
}
