//! SIE's equivariant loss on the whole vector, with no invariance at all (the control of Garrido et al., ICML 2023).

use candle_core::{Result, Tensor};
use sextant_runtime::contract::output::EQUIVARIANT;

use super::{
    EquivariantBranch, EquivariantMethod, MethodEntry, MethodOutput, ModelKey, Needs, Sees, Setting, Views,
    WeightedTerm, mean_squared_error, vicreg_terms,
};
use crate::nn::{Encoder, Mode, Scope};
use crate::ops::variance_hinge;
use crate::options::ConfigOption;
use crate::transformation::Condition;

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "only-equivariance",
    paper: "Garrido et al., ICML 2023, arXiv 2302.10283 (control)",
    loss: "prediction of the whole embedding from the rotation + variance and covariance",
    reads_map_alone: false,
    needs: |config, _| Needs::by_options(config),
    labels: &[],
    options: &[
        ConfigOption::weight("equivariance_weight", 10.0, "distance between predicted and true embedding"),
        ConfigOption::weight("variance_weight", 10.0, "hinge on each dimension's standard deviation"),
        ConfigOption::weight("predictor_variance_weight", 10.0, "the same hinge on the prediction"),
        ConfigOption::weight("covariance_weight", 1.0, "squared covariance between dimensions"),
        Condition::CODE,
        Condition::TRANSFORMATION,
        EquivariantBranch::PREDICTOR,
        EquivariantBranch::BIAS,
        EquivariantBranch::HIDDEN,
    ],
    model_keys: &ModelKey::OF_PROJECTOR,
    build: |setting, scope| Ok(Box::new(OnlyEquivariance::new(setting, scope)?)),
};

/// A projector on the whole features with a predictor.
pub struct OnlyEquivariance {
    weights: Weights,
    equivariant: EquivariantBranch,
}

#[derive(Clone, Copy, Debug)]
struct Weights {
    equivariance: f64,
    variance: f64,
    predictor_variance: f64,
    covariance: f64,
}

impl OnlyEquivariance {
    /// With the config's projector sizes and loss weights.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(setting: Setting, scope: &mut Scope) -> Result<Self> {
        let method = setting.method;
        let weights = Weights {
            equivariance: method.number("equivariance_weight")?,
            variance: method.number("variance_weight")?,
            predictor_variance: method.number("predictor_variance_weight")?,
            covariance: method.number("covariance_weight")?,
        };
        Ok(Self { weights, equivariant: EquivariantBranch::new(Sees::Whole, setting, scope)? })
    }
}

/// `w_equi MSE(p(z), z') + w_var [V(z) + V(z')] / 2 + w_pred V(p(z)) / 2 + w_cov [C(z) + C(z')]`.
fn terms([z, other]: [&Tensor; 2], predicted: &Tensor, weights: Weights) -> Result<Vec<WeightedTerm>> {
    let [variance, covariance] = vicreg_terms(z, other)?;
    Ok(vec![
        ("equivariance", weights.equivariance, mean_squared_error(predicted, other)?),
        ("variance", weights.variance, variance),
        ("predictor_variance", weights.predictor_variance, (variance_hinge(predicted)? * 0.5)?),
        ("covariance", weights.covariance, covariance),
    ])
}

impl EquivariantMethod for OnlyEquivariance {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let [first, second] = views.pair();
        let features = [encoder.forward(first, Mode::Train)?, encoder.forward(second, Mode::Train)?];
        let equivariant = self.equivariant.embed(&features[0], Mode::Train)?;
        let other = self.equivariant.embed(&features[1], Mode::Train)?;
        let predicted = self.equivariant.predict(&equivariant, &views.actions(0, 1))?;
        let [all, all_other, predicted] = &views.of_whole_batch([&equivariant, &other, &predicted])?;
        let terms = terms([all, all_other], predicted, self.weights)?;
        MethodOutput::of(terms, features, vec![(EQUIVARIANT, equivariant)])
    }

    fn equivariant(&self) -> &EquivariantBranch {
        &self.equivariant
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::reference::{self, Case, check, matrix};
    use crate::method::weighted_sum;

    #[test]
    fn the_loss_agrees_with_loops() {
        let weights = Weights { equivariance: 4.5, variance: 10.0, predictor_variance: 6.0, covariance: 2.0 };
        let tensors = |x: &[Tensor]| weighted_sum(&terms([&x[0], &x[1]], &x[2], weights)?);
        let loops = |x: &[Vec<f64>]| {
            4.5 * reference::mean_squared_error(&x[2], &x[1])
                + 5.0 * (reference::variance_hinge(&x[0], 3) + reference::variance_hinge(&x[1], 3))
                + 3.0 * reference::variance_hinge(&x[2], 3)
                + 2.0 * (reference::covariance(&x[0], 3) + reference::covariance(&x[1], 3))
        };
        let inputs: Vec<_> = (0..3).map(|number| matrix(4, 3, number)).collect();
        check(&Case { tensors: &tensors, loops: &loops, inputs: &inputs });
    }
}
