//! SER: equivariance on the last spatial map, invariance on the pooled features.
//!
//! A quarter turn of the image must turn the last map likewise. Rotations of the object out of the image plane cannot
//! be applied to a map in closed form; they are only what the pooled features become invariant to.

use candle_core::{Result, Tensor};

use super::vicreg::{COVARIANCE, INVARIANCE, VARIANCE, VicRegWeights};
use super::{
    Embeddings, Method, MethodEntry, MethodOutput, ModelKey, Needs, Setting, Views, WeightedTerm, mean_cosine_distance,
};
use crate::nn::{Encoded, Encoder, Mode, Projector, Scope};
use crate::options::ConfigOption;

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "ser",
    paper: "Lee et al., ICLR 2026, arXiv 2603.06693",
    loss: "VICReg of the pooled features + cosine distance between the turned map and the turned image's map",
    reads_map_alone: false,
    needs: |_, _| Ok(Needs::TWO_VIEWS),
    labels: &[],
    options: &[
        INVARIANCE,
        VARIANCE,
        COVARIANCE,
        ConfigOption::weight("equivariance_weight", 1.0, "distance between turned map and map of the turned image"),
    ],
    model_keys: &ModelKey::OF_PROJECTOR,
    build: |setting, scope| Ok(Box::new(Ser::new(setting, scope)?)),
};

/// One projector on the pooled features.
pub struct Ser {
    weights: VicRegWeights,
    equivariance_weight: f64,
    projector: Projector,
}

impl Ser {
    /// With the config's projector sizes and loss weights.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(setting: Setting, scope: &mut Scope) -> Result<Self> {
        let Setting { method, model, feature_width, .. } = setting;
        let place = &mut scope.child("projector");
        Ok(Self {
            weights: VicRegWeights::of(method)?,
            equivariance_weight: method.number("equivariance_weight")?,
            projector: Projector::new(feature_width, model.projector_hidden, model.embedding, place)?,
        })
    }
}

/// Square maps `[n, size, size, c]` turned counter-clockwise by quarter turns.
fn quarter_turned(maps: &Tensor, turns: u64) -> Result<Tensor> {
    (0..turns % 4).try_fold(maps.clone(), |maps, _| maps.transpose(1, 2)?.contiguous()?.flip(&[1]))
}

/// `VICReg(a, b) + w [1 - cos(turned map, map of turned image)]`, the cosine at each position.
fn terms(
    [a, b]: [&Tensor; 2],
    turned_map: &Tensor,
    map_of_turned: &Tensor,
    weights: VicRegWeights,
    equivariance_weight: f64,
) -> Result<Vec<WeightedTerm>> {
    let mut terms = weights.terms(a, b)?;
    terms.push(("equivariance", equivariance_weight, mean_cosine_distance(turned_map, map_of_turned)?));
    Ok(terms)
}

impl Method for Ser {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let [first, second] = views.pair();
        let encoded = [encoder.encode(first, Mode::Train)?, encoder.encode(second, Mode::Train)?];
        // One, two and three quarter turns take turns.
        let turns = 1 + views.moment.step % 3;
        let map_of_turned = encoder.encode(&quarter_turned(first, turns)?, Mode::Train)?.map;
        let turned_map = quarter_turned(&encoded[0].map, turns)?;
        let a = self.projector.forward(&encoded[0].features, Mode::Train)?;
        let b = self.projector.forward(&encoded[1].features, Mode::Train)?;
        let [all_a, all_b] = &views.of_whole_batch([&a, &b])?;
        let terms = terms([all_a, all_b], &turned_map, &map_of_turned, self.weights, self.equivariance_weight)?;
        MethodOutput::of(terms, encoded.map(|encoded| encoded.features), vec![("embedding", a)])
    }

    fn embed(&self, encoded: &Encoded) -> Result<Embeddings> {
        let embedding = self.projector.forward(&encoded.features, Mode::Evaluate)?;
        Ok(Embeddings { invariant: Some(embedding), equivariant: None })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::method::reference::{self, Case, check, matrix};
    use crate::method::weighted_sum;

    #[test]
    fn the_loss_agrees_with_loops() {
        let weights = VicRegWeights { invariance: 9.0, variance: 8.0, covariance: 0.5 };
        // The maps are one sample of 2 x 2 positions with 3 channels, turned by a quarter.
        let tensors = |x: &[Tensor]| {
            let turned = quarter_turned(&x[2].reshape((1, 2, 2, 3))?, 1)?;
            weighted_sum(&terms([&x[0], &x[1]], &turned, &x[3].reshape((1, 2, 2, 3))?, weights, 2.0)?)
        };
        let loops = |x: &[Vec<f64>]| {
            let mut distance = 0.0;
            for row in 0..2 {
                for column in 0..2 {
                    let (from, at) = (column * 2 + 1 - row, row * 2 + column);
                    distance += 1.0 - reference::cosine(&x[2][from * 3..][..3], &x[3][at * 3..][..3]);
                }
            }
            9.0 * reference::mean_squared_error(&x[0], &x[1])
                + 4.0 * (reference::variance_hinge(&x[0], 3) + reference::variance_hinge(&x[1], 3))
                + 0.5 * (reference::covariance(&x[0], 3) + reference::covariance(&x[1], 3))
                + 2.0 * distance / 4.0
        };
        let inputs: Vec<_> = (0..4).map(|number| matrix(4, 3, number)).collect();
        check(&Case { tensors: &tensors, loops: &loops, inputs: &inputs });
    }

    #[test]
    fn a_quarter_turn_is_counter_clockwise_and_four_are_none() {
        let map = Tensor::new(&[[[[1f32], [2.0]], [[3.0], [4.0]]]], &Device::Cpu).unwrap();
        let numbers = |turns| quarter_turned(&map, turns).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(numbers(1), [2.0, 4.0, 1.0, 3.0]);
        assert_eq!(numbers(2), [4.0, 3.0, 2.0, 1.0]);
        assert_eq!(numbers(4), numbers(0));
    }
}
