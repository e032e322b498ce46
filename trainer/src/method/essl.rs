//! E-SSL: one half of the features is invariant to what is done to a picture, the other half tells it (Dangovski et al.,
//! ICLR 2022).

use candle_core::{Result, Tensor};
use sextant_runtime::graph::{GraphBuilder, ValueId};

use super::simclr::TEMPERATURE;
use super::{
    Embeddings, InvariantBranch, LoweredFeatures, Method, MethodEntry, MethodOutput, ModelKey, Needs, Sees, Setting,
    TransformationHeads, TransformationLogits, Views, nt_xent,
};
use crate::nn::{Encoded, Encoder, Mode, Scope, split_halves};
use crate::options::ConfigOption;
use crate::transformation::Transformation;

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "essl",
    paper: "Dangovski et al., ICLR 2022, arXiv 2111.00899 (with the halves of this project)",
    loss: "NT-Xent of the invariant half, and cross-entropy of each view's transformations from the equivariant half",
    reads_map_alone: false,
    labels: &[],
    needs: |config, known| Ok(Needs::of(2, TransformationHeads::predicted(config, known)?)),
    options: &[
        TEMPERATURE,
        TransformationHeads::TRANSFORMS,
        TransformationHeads::LAYERS,
        ConfigOption::weight("prediction_weight", 0.4, "cross-entropy of the transformations"),
    ],
    model_keys: &ModelKey::OF_PROJECTOR,
    build: |setting, scope| Ok(Box::new(Essl::new(setting, scope)?)),
};

/// A projector on the invariant half, classifiers on the equivariant half.
pub struct Essl {
    temperature: f64,
    prediction_weight: f64,
    invariant: InvariantBranch,
    heads: TransformationHeads,
}

impl Essl {
    /// With the config's projector sizes.
    ///
    /// # Errors
    /// When a transformation has no finite classes, or the device has no memory for it.
    pub fn new(setting: Setting, scope: &mut Scope) -> Result<Self> {
        Ok(Self {
            temperature: setting.method.number(TEMPERATURE.key)?,
            prediction_weight: setting.method.number("prediction_weight")?,
            invariant: InvariantBranch::new(Sees::OwnHalf, setting, &mut scope.child("projector"))?,
            heads: TransformationHeads::new(setting.feature_width / 2, setting, scope)?,
        })
    }
}

impl Method for Essl {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let [first, second] = views.pair();
        let features = [encoder.forward(first, Mode::Train)?, encoder.forward(second, Mode::Train)?];
        let a = self.invariant.embed(&features[0], Mode::Train)?;
        let b = self.invariant.embed(&features[1], Mode::Train)?;
        let [all_a, all_b] = views.of_whole_batch([&a, &b])?;
        let mut terms = vec![("contrast", 1.0, nt_xent(&[all_a, all_b], self.temperature)?)];
        let equivariant = [split_halves(&features[0])?.1, split_halves(&features[1])?.1];
        terms.extend(self.heads.terms(&equivariant, views, 0, self.prediction_weight)?);
        MethodOutput::of(terms, features, vec![("embedding", a)])
    }

    fn embed(&self, encoded: &Encoded) -> Result<Embeddings> {
        let invariant = self.invariant.embed(&encoded.features, Mode::Evaluate)?;
        Ok(Embeddings { invariant: Some(invariant), equivariant: None })
    }

    fn told_transformations(&self) -> Vec<&'static dyn Transformation> {
        self.heads.transformations()
    }

    fn transformation_logits(&self, features: &Tensor) -> Result<Vec<TransformationLogits>> {
        self.heads.logits(&split_halves(features)?.1)
    }

    fn lower_transformation_logits(
        &self,
        graph: &mut GraphBuilder,
        features: LoweredFeatures,
    ) -> anyhow::Result<Vec<(&'static dyn Transformation, ValueId)>> {
        self.heads.lower(graph, features.equivariant)
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
        let turns = [3u32, 0, 1, 2, 2];
        let tensors = |x: &[Tensor]| {
            let mut all = vec![("contrast", 1.0, nt_xent(&x[..2], 0.2)?)];
            all.extend(terms(vec![judged("turns", &x[2], &Tensor::new(&turns, &Device::Cpu)?)?], 0.4)?);
            weighted_sum(&all)
        };
        let loops =
            |x: &[Vec<f64>]| reference::nt_xent(&x[..2], 3, 0.2) + 0.4 * reference::cross_entropy(&x[2], &turns, 4);
        check(&Case { tensors: &tensors, loops: &loops, inputs: &[matrix(5, 3, 1), matrix(5, 3, 2), matrix(5, 4, 3)] });
    }
}
