//! SimCLR with AugSelf: a network reads from both views' features what changed between them (Lee et al., NeurIPS 2021).

use candle_core::{Result, Tensor};

use super::simclr::TEMPERATURE;
use super::{
    Embeddings, Method, MethodEntry, MethodOutput, ModelKey, Needs, Setting, Views, WeightedTerm, mean_squared_error,
    nt_xent,
};
use crate::nn::{Encoded, Encoder, Mlp, Mode, Projector, Scope};
use crate::options::ConfigOption;
use crate::transformation::Condition;

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "simclr-augself",
    paper: "Lee et al., NeurIPS 2021, arXiv 2111.09613",
    loss: "NT-Xent + squared error of the transformation regressed from both views' features",
    reads_map_alone: false,
    needs: |config, _| Needs::by_options(config),
    labels: &[],
    options: &[
        TEMPERATURE,
        ConfigOption::weight("equivariance_weight", 1.0, "squared error of the regressed transformation"),
        Condition::CODE,
        Condition::TRANSFORMATION,
    ],
    model_keys: &ModelKey::OF_PROJECTOR,
    build: |setting, scope| Ok(Box::new(SimClrAugSelf::new(setting, scope)?)),
};

/// A projector on the whole features, and a regressor on both views' features.
pub struct SimClrAugSelf {
    temperature: f64,
    equivariance_weight: f64,
    condition: Condition,
    projector: Projector,
    regressor: Mlp,
}

impl SimClrAugSelf {
    /// With the config's projector sizes; the regressor's hidden layers are as wide as the projector's.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(setting: Setting, scope: &mut Scope) -> Result<Self> {
        let Setting { method, model, feature_width, .. } = setting;
        let (hidden, embedding) = (model.projector_hidden, model.embedding);
        let condition = Condition::of(method)?;
        let widths = [2 * feature_width, hidden, hidden, hidden, condition.width()];
        Ok(Self {
            temperature: method.number(TEMPERATURE.key)?,
            equivariance_weight: method.number("equivariance_weight")?,
            condition,
            projector: Projector::new(feature_width, hidden, embedding, &mut scope.child("projector"))?,
            regressor: Mlp::new(&widths, &mut scope.child("regressor"))?,
        })
    }
}

/// `NT-Xent(a, b) + w MSE(regressed, transformation)`.
fn terms(
    [a, b]: [&Tensor; 2],
    regressed: &Tensor,
    transformation: &Tensor,
    temperature: f64,
    weight: f64,
) -> Result<Vec<WeightedTerm>> {
    Ok(vec![
        ("contrast", 1.0, nt_xent(&[a, b], temperature)?),
        ("equivariance", weight, mean_squared_error(regressed, transformation)?),
    ])
}

impl Method for SimClrAugSelf {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let [first, second] = views.pair();
        let features = [encoder.forward(first, Mode::Train)?, encoder.forward(second, Mode::Train)?];
        let a = self.projector.forward(&features[0], Mode::Train)?;
        let b = self.projector.forward(&features[1], Mode::Train)?;
        let regressed = self.regressor.forward(&Tensor::cat(&features, 1)?)?;
        let transformation = self.condition.rows(&views.actions(0, 1), views.device())?;
        let [all_a, all_b] = &views.of_whole_batch([&a, &b])?;
        let terms = terms([all_a, all_b], &regressed, &transformation, self.temperature, self.equivariance_weight)?;
        MethodOutput::of(terms, features, vec![("embedding", a)])
    }

    fn embed(&self, encoded: &Encoded) -> Result<Embeddings> {
        let embedding = self.projector.forward(&encoded.features, Mode::Evaluate)?;
        Ok(Embeddings { invariant: Some(embedding), equivariant: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::reference::{self, Case, check, matrix};
    use crate::method::weighted_sum;

    #[test]
    fn the_loss_agrees_with_loops() {
        let tensors = |x: &[Tensor]| weighted_sum(&terms([&x[0], &x[1]], &x[2], &x[3], 0.2, 3.0)?);
        let loops =
            |x: &[Vec<f64>]| reference::nt_xent(&x[..2], 3, 0.2) + 3.0 * reference::mean_squared_error(&x[2], &x[3]);
        let inputs: Vec<_> = (0..4).map(|number| matrix(4, 3, number)).collect();
        check(&Case { tensors: &tensors, loops: &loops, inputs: &inputs });
    }
}
