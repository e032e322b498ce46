//! SIE: split invariant-equivariant self-supervised learning (Garrido et al., ICML 2023).

use candle_core::{Result, Tensor};
use sextant_runtime::contract::output::{EQUIVARIANT, INVARIANT};

use super::MethodConfig;
use super::{
    EquivariantBranch, EquivariantMethod, InvariantBranch, MethodEntry, MethodOutput, ModelKey, Needs, Sees, Setting,
    Views, WeightedTerm, mean_squared_error,
};
use crate::nn::{Encoder, Mode, Scope};
use crate::ops::{covariance_penalty, variance_hinge};
use crate::options::ConfigOption;
use crate::transformation::Condition;

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "sie",
    paper: "Garrido et al., ICML 2023, arXiv 2302.10283",
    loss: "invariance of one half + prediction of the other half from the rotation + variance and covariance",
    reads_map_alone: false,
    needs: |config, _| Needs::by_options(config),
    labels: &[],
    options: &[
        ConfigOption::weight("invariance_weight", 10.0, "distance between the invariant embeddings"),
        ConfigOption::weight("equivariance_weight", 4.5, "distance between predicted and true equivariant embedding"),
        ConfigOption::weight("variance_weight", 10.0, "hinge on each dimension's standard deviation"),
        ConfigOption::weight("predictor_variance_weight", 10.0, "the same hinge on the prediction; 0: SIE without it"),
        ConfigOption::weight("covariance_weight", 1.0, "squared covariance between dimensions"),
        Condition::CODE,
        Condition::TRANSFORMATION,
        EquivariantBranch::PREDICTOR,
        EquivariantBranch::BIAS,
        EquivariantBranch::HIDDEN,
    ],
    model_keys: &ModelKey::OF_PROJECTOR,
    build: |setting, scope| Ok(Box::new(Sie::new(setting, scope)?)),
};

/// Two projectors, one for each half, and a predictor on the equivariant embedding.
pub struct Sie {
    weights: Weights,
    invariant: InvariantBranch,
    equivariant: EquivariantBranch,
}

#[derive(Clone, Copy, Debug)]
struct Weights {
    invariance: f64,
    equivariance: f64,
    variance: f64,
    predictor_variance: f64,
    covariance: f64,
}

/// What the loss is a function of, each `[n, d]`.
struct Embedded<'a> {
    invariant: [&'a Tensor; 2],
    equivariant: [&'a Tensor; 2],
    predicted: &'a Tensor,
}

impl Sie {
    /// With the config's projector sizes and loss weights.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(setting: Setting, scope: &mut Scope) -> Result<Self> {
        Ok(Self {
            weights: Weights::of(setting.method)?,
            invariant: InvariantBranch::new(Sees::OwnHalf, setting, &mut scope.child("invariant_projector"))?,
            equivariant: EquivariantBranch::new(Sees::OwnHalf, setting, scope)?,
        })
    }
}

impl Weights {
    fn of(config: &MethodConfig) -> Result<Self> {
        Ok(Self {
            invariance: config.number("invariance_weight")?,
            equivariance: config.number("equivariance_weight")?,
            variance: config.number("variance_weight")?,
            predictor_variance: config.number("predictor_variance_weight")?,
            covariance: config.number("covariance_weight")?,
        })
    }
}

/// `w_inv MSE(z_inv, z_inv') + w_equi MSE(p(z_equi), z_equi') + w_var [V(Z) + V(Z')] / 2 + w_pred V(p(z_equi)) / 2 +
/// w_cov [C(Z) + C(Z')]`, over the concatenated embedding `Z` of both halves.
fn terms(embedded: &Embedded, weights: Weights) -> Result<Vec<WeightedTerm>> {
    let Embedded { invariant, equivariant, predicted } = embedded;
    let whole = Tensor::cat(&[invariant[0], equivariant[0]], 1)?;
    let whole_other = Tensor::cat(&[invariant[1], equivariant[1]], 1)?;
    let half_sum = |a: Tensor, b: Tensor| (a + b)? * 0.5;
    Ok(vec![
        ("invariance", weights.invariance, mean_squared_error(invariant[0], invariant[1])?),
        ("equivariance", weights.equivariance, mean_squared_error(predicted, equivariant[1])?),
        ("variance", weights.variance, half_sum(variance_hinge(&whole)?, variance_hinge(&whole_other)?)?),
        ("predictor_variance", weights.predictor_variance, (variance_hinge(predicted)? * 0.5)?),
        ("covariance", weights.covariance, (covariance_penalty(&whole)? + covariance_penalty(&whole_other)?)?),
    ])
}

impl EquivariantMethod for Sie {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let [first, second] = views.pair();
        let features = [encoder.forward(first, Mode::Train)?, encoder.forward(second, Mode::Train)?];
        let invariant = self.invariant.embed(&features[0], Mode::Train)?;
        let equivariant = self.equivariant.embed(&features[0], Mode::Train)?;
        let invariant_other = self.invariant.embed(&features[1], Mode::Train)?;
        let equivariant_other = self.equivariant.embed(&features[1], Mode::Train)?;
        let predicted = self.equivariant.predict(&equivariant, &views.actions(0, 1))?;
        let embedded = [&invariant, &invariant_other, &equivariant, &equivariant_other, &predicted];
        let [a, b, c, d, predicted] = &views.of_whole_batch(embedded)?;
        let terms = terms(&Embedded { invariant: [a, b], equivariant: [c, d], predicted }, self.weights)?;
        MethodOutput::of(terms, features, vec![(INVARIANT, invariant), (EQUIVARIANT, equivariant)])
    }

    fn equivariant(&self) -> &EquivariantBranch {
        &self.equivariant
    }

    fn invariant(&self) -> Option<&InvariantBranch> {
        Some(&self.invariant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::reference::{self, Case, check, matrix, side_by_side};
    use crate::method::weighted_sum;

    #[test]
    fn the_loss_agrees_with_loops() {
        let weights =
            Weights { invariance: 10.0, equivariance: 4.5, variance: 10.0, predictor_variance: 9.0, covariance: 1.0 };
        let tensors = |x: &[Tensor]| {
            let embedded = Embedded { invariant: [&x[0], &x[1]], equivariant: [&x[2], &x[3]], predicted: &x[4] };
            weighted_sum(&terms(&embedded, weights)?)
        };
        let loops = |x: &[Vec<f64>]| {
            let (first, second) = (side_by_side(&x[0], &x[2], 4), side_by_side(&x[1], &x[3], 4));
            10.0 * reference::mean_squared_error(&x[0], &x[1])
                + 4.5 * reference::mean_squared_error(&x[4], &x[3])
                + 10.0 * (reference::variance_hinge(&first, 6) / 2.0 + reference::variance_hinge(&second, 6) / 2.0)
                + 9.0 * reference::variance_hinge(&x[4], 3) / 2.0
                + reference::covariance(&first, 6)
                + reference::covariance(&second, 6)
        };
        let inputs: Vec<_> = (0..5).map(|number| matrix(4, 3, number)).collect();
        check(&Case { tensors: &tensors, loops: &loops, inputs: &inputs });
    }
}
