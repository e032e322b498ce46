//! VICReg: variance-invariance-covariance regularisation (Bardes et al., ICLR 2022).

use candle_core::{Result, Tensor};

use super::MethodConfig;
use super::{
    Embeddings, Method, MethodEntry, MethodOutput, ModelKey, Needs, Setting, Views, WeightedTerm, mean_squared_error,
    vicreg_terms,
};
use crate::nn::{Encoded, Encoder, Mode, Projector, Scope};
use crate::options::ConfigOption;

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "vicreg",
    paper: "Bardes et al., ICLR 2022, arXiv 2105.04906",
    loss: "invariance + variance + covariance of the whole embedding",
    reads_map_alone: false,
    needs: |_, _| Ok(Needs::TWO_VIEWS),
    labels: &[],
    options: &[INVARIANCE, VARIANCE, COVARIANCE],
    model_keys: &ModelKey::OF_PROJECTOR,
    build: |setting, scope| Ok(Box::new(VicReg::new(setting, scope)?)),
};

pub(super) const INVARIANCE: ConfigOption =
    ConfigOption::weight("invariance_weight", 10.0, "distance between the two views' embeddings");
pub(super) const VARIANCE: ConfigOption =
    ConfigOption::weight("variance_weight", 10.0, "hinge on each dimension's standard deviation");
pub(super) const COVARIANCE: ConfigOption =
    ConfigOption::weight("covariance_weight", 1.0, "squared covariance between dimensions");

/// One projector on the whole features.
pub struct VicReg {
    weights: VicRegWeights,
    projector: Projector,
}

/// Weights of the three terms.
#[derive(Clone, Copy, Debug)]
pub(super) struct VicRegWeights {
    pub invariance: f64,
    pub variance: f64,
    pub covariance: f64,
}

impl VicRegWeights {
    /// What [`INVARIANCE`], [`VARIANCE`] and [`COVARIANCE`] are set to.
    pub fn of(config: &MethodConfig) -> Result<Self> {
        Ok(Self {
            invariance: config.number(INVARIANCE.key)?,
            variance: config.number(VARIANCE.key)?,
            covariance: config.number(COVARIANCE.key)?,
        })
    }

    /// `w_inv MSE(a, b) + w_var [V(a) + V(b)] / 2 + w_cov [C(a) + C(b)]` (equation 6, in SIE's scaling).
    pub fn terms(self, a: &Tensor, b: &Tensor) -> Result<Vec<WeightedTerm>> {
        let [variance, covariance] = vicreg_terms(a, b)?;
        Ok(vec![
            ("invariance", self.invariance, mean_squared_error(a, b)?),
            ("variance", self.variance, variance),
            ("covariance", self.covariance, covariance),
        ])
    }
}

impl VicReg {
    /// With the config's projector sizes and loss weights.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(setting: Setting, scope: &mut Scope) -> Result<Self> {
        let (width, model) = (setting.feature_width, setting.model);
        let place = &mut scope.child("projector");
        let projector = Projector::new(width, model.projector_hidden, model.embedding, place)?;
        Ok(Self { weights: VicRegWeights::of(setting.method)?, projector })
    }
}

impl Method for VicReg {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let [first, second] = views.pair();
        let features = [encoder.forward(first, Mode::Train)?, encoder.forward(second, Mode::Train)?];
        let a = self.projector.forward(&features[0], Mode::Train)?;
        let b = self.projector.forward(&features[1], Mode::Train)?;
        let [all_a, all_b] = views.of_whole_batch([&a, &b])?;
        MethodOutput::of(self.weights.terms(&all_a, &all_b)?, features, vec![("embedding", a)])
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
        let weights = VicRegWeights { invariance: 25.0, variance: 24.0, covariance: 1.5 };
        let tensors = |x: &[Tensor]| weighted_sum(&weights.terms(&x[0], &x[1])?);
        let loops = |x: &[Vec<f64>]| {
            25.0 * reference::mean_squared_error(&x[0], &x[1])
                + 12.0 * (reference::variance_hinge(&x[0], 3) + reference::variance_hinge(&x[1], 3))
                + 1.5 * (reference::covariance(&x[0], 3) + reference::covariance(&x[1], 3))
        };
        check(&Case { tensors: &tensors, loops: &loops, inputs: &[matrix(5, 3, 1), matrix(5, 3, 2)] });
    }
}
