//! EquiMod on SimCLR or VICReg: a second projector predicts the other view's embedding (Devillers & Lefort, ICLR 2023).

use candle_core::{Result, Tensor};
use sextant_runtime::contract::output::{EQUIVARIANT, INVARIANT};

use super::simclr::TEMPERATURE;
use super::vicreg::{COVARIANCE, INVARIANCE, VARIANCE, VicRegWeights};
use super::{
    EquivariantBranch, EquivariantMethod, InvariantBranch, MethodEntry, MethodOutput, ModelKey, Needs, Sees, Setting,
    Views, WeightedTerm, mean_squared_error, nt_xent, weighted_sum,
};
use crate::nn::{Encoder, Mode, Scope};
use crate::options::ConfigOption;
use crate::transformation::Condition;

const PAPER: &str = "Devillers & Lefort, ICLR 2023, arXiv 2211.01244";

pub(super) const SIMCLR_ENTRY: MethodEntry = MethodEntry {
    name: "simclr-equimod",
    paper: PAPER,
    loss: "NT-Xent of one projector + NT-Xent between the other's prediction and the other view",
    reads_map_alone: false,
    needs: |config, _| Needs::by_options(config),
    labels: &[],
    options: &[TEMPERATURE, EQUIVARIANCE, EMBEDDED, Condition::CODE, Condition::TRANSFORMATION],
    model_keys: &ModelKey::OF_PROJECTOR,
    build: |setting, scope| {
        let temperature = setting.method.number(TEMPERATURE.key)?;
        Ok(Box::new(EquiMod::new(Likeness::SimClr { temperature }, setting, scope)?))
    },
};

pub(super) const VICREG_ENTRY: MethodEntry = MethodEntry {
    name: "vicreg-equimod",
    paper: PAPER,
    loss: "VICReg of one projector + VICReg of the other, whose prediction is to be near the other view",
    reads_map_alone: false,
    needs: |config, _| Needs::by_options(config),
    labels: &[],
    options: &[INVARIANCE, VARIANCE, COVARIANCE, EQUIVARIANCE, EMBEDDED, Condition::CODE, Condition::TRANSFORMATION],
    model_keys: &ModelKey::OF_PROJECTOR,
    build: |setting, scope| {
        let likeness = Likeness::VicReg(VicRegWeights::of(setting.method)?);
        Ok(Box::new(EquiMod::new(likeness, setting, scope)?))
    },
};

const EQUIVARIANCE: ConfigOption =
    ConfigOption::weight("equivariance_weight", 1.0, "the same loss between predicted and true embedding");
const EMBEDDED: ConfigOption =
    ConfigOption::count("action_embedding", 16, 1, 1024, "numbers that the transformation is embedded in");

/// Two projectors on the whole features; the second has a predictor.
pub struct EquiMod {
    likeness: Likeness,
    equivariance_weight: f64,
    invariant: InvariantBranch,
    equivariant: EquivariantBranch,
}

/// What makes two embeddings alike: the two views' of the first projector, and the predicted and the true one of the second.
#[derive(Clone, Copy, Debug)]
enum Likeness {
    SimClr { temperature: f64 },
    VicReg(VicRegWeights),
}

impl Likeness {
    fn terms(self, a: &Tensor, b: &Tensor) -> Result<Vec<WeightedTerm>> {
        match self {
            Self::SimClr { temperature } => Ok(vec![("contrast", 1.0, nt_xent(&[a, b], temperature)?)]),
            Self::VicReg(weights) => weights.terms(a, b),
        }
    }

    /// Between the embedding that `first` is predicted to become and the true one. VICReg asks both views' embeddings to spread,
    /// and nothing of the prediction but to be near.
    fn of_prediction(self, predicted: &Tensor, first: &Tensor, target: &Tensor) -> Result<Tensor> {
        match self {
            Self::SimClr { .. } => weighted_sum(&self.terms(predicted, target)?),
            Self::VicReg(weights) => {
                let near = ("invariance", weights.invariance, mean_squared_error(predicted, target)?);
                let mut terms = weights.terms(first, target)?;
                terms.retain(|(name, ..)| *name != near.0);
                weighted_sum(&[&[near], &terms[..]].concat())
            }
        }
    }
}

impl EquiMod {
    fn new(likeness: Likeness, setting: Setting, scope: &mut Scope) -> Result<Self> {
        let method = setting.method;
        let embedded = method.count(EMBEDDED.key)?;
        Ok(Self {
            likeness,
            equivariance_weight: method.number(EQUIVARIANCE.key)?,
            invariant: InvariantBranch::new(Sees::Whole, setting, &mut scope.child("projector"))?,
            equivariant: EquivariantBranch::with_embedded_action(Sees::Whole, embedded, setting, scope)?,
        })
    }
}

/// `L(a, b) + w L(predicted, target)` (equation 4); `predicted` is made of `first`.
fn terms(
    likeness: Likeness,
    [a, b]: [&Tensor; 2],
    [predicted, first, target]: [&Tensor; 3],
    weight: f64,
) -> Result<Vec<WeightedTerm>> {
    let mut terms = likeness.terms(a, b)?;
    terms.push(("equivariance", weight, likeness.of_prediction(predicted, first, target)?));
    Ok(terms)
}

impl EquivariantMethod for EquiMod {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let [first, second] = views.pair();
        let features = [encoder.forward(first, Mode::Train)?, encoder.forward(second, Mode::Train)?];
        let a = self.invariant.embed(&features[0], Mode::Train)?;
        let b = self.invariant.embed(&features[1], Mode::Train)?;
        let equivariant = self.equivariant.embed(&features[0], Mode::Train)?;
        let target = self.equivariant.embed(&features[1], Mode::Train)?;
        let predicted = self.equivariant.predict(&equivariant, &views.actions(0, 1))?;
        let rows = [&a, &b, &predicted, &equivariant, &target];
        let [all_a, all_b, predicted, all_first, target] = &views.of_whole_batch(rows)?;
        let terms = terms(self.likeness, [all_a, all_b], [predicted, all_first, target], self.equivariance_weight)?;
        MethodOutput::of(terms, features, vec![(INVARIANT, a), (EQUIVARIANT, equivariant)])
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
    use crate::method::reference::{self, Case, check, matrix};

    #[test]
    fn both_losses_agree_with_loops() {
        let inputs: Vec<_> = (0..5).map(|number| matrix(4, 3, number)).collect();

        let likeness = Likeness::SimClr { temperature: 0.2 };
        let tensors = |x: &[Tensor]| weighted_sum(&terms(likeness, [&x[0], &x[1]], [&x[2], &x[3], &x[4]], 2.0)?);
        let loops = |x: &[Vec<f64>]| {
            reference::nt_xent(&x[..2], 3, 0.2) + 2.0 * reference::nt_xent(&[x[2].clone(), x[4].clone()], 3, 0.2)
        };
        check(&Case { tensors: &tensors, loops: &loops, inputs: &inputs });

        let likeness = Likeness::VicReg(VicRegWeights { invariance: 9.0, variance: 8.0, covariance: 0.5 });
        let tensors = |x: &[Tensor]| weighted_sum(&terms(likeness, [&x[0], &x[1]], [&x[2], &x[3], &x[4]], 2.0)?);
        let spread = |a: &[f64], b: &[f64]| {
            4.0 * (reference::variance_hinge(a, 3) + reference::variance_hinge(b, 3))
                + 0.5 * (reference::covariance(a, 3) + reference::covariance(b, 3))
        };
        let near = |a: &[f64], b: &[f64]| 9.0 * reference::mean_squared_error(a, b);
        let loops = |x: &[Vec<f64>]| {
            near(&x[0], &x[1]) + spread(&x[0], &x[1]) + 2.0 * (near(&x[2], &x[4]) + spread(&x[3], &x[4]))
        };
        check(&Case { tensors: &tensors, loops: &loops, inputs: &inputs });
    }
}
