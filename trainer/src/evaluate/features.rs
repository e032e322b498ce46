use std::sync::Arc;

use candle_core::Tensor;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sextant_runtime::rotation::UnitQuaternion;

use crate::data::{DataError, PairSource};
use crate::model::Model;
use crate::optimiser::OptimiserError;
use crate::scene::{SceneParameters, SceneSettings};

/// Features and truth of a fixed set of pairs of views.
pub struct PairFeatures {
    /// Features of each view, `[n, feature_width]`.
    pub features: [Tensor; 2],
    /// Deployed class logits of each view, `[n, classes]`.
    pub class_logits: [Tensor; 2],
    /// Deployed camera-from-object rotations of each view.
    pub predicted: [Vec<UnitQuaternion>; 2],
    /// True camera-from-object rotations of each view.
    pub rotations: [Vec<UnitQuaternion>; 2],
    /// Class of each pair's object.
    pub labels: Vec<u32>,
    /// Object of each pair.
    pub objects: Vec<usize>,
}

/// Why features could not be computed.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// The images could not be had.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The network refused them.
    #[error(transparent)]
    Network(#[from] candle_core::Error),
    /// A probe could not be trained.
    #[error(transparent)]
    Probe(#[from] OptimiserError),
    /// There is nothing to evaluate on.
    #[error("{0}")]
    Empty(String),
}

/// Images that go through the network at once.
const BATCH: usize = 128;

/// Object of each of `count` pairs: round after round over `objects`, each round in an order of its own.
pub fn fixed_objects(objects: &[usize], count: usize, seed: u64) -> Vec<usize> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut listed = Vec::with_capacity(count + objects.len());
    while listed.len() < count && !objects.is_empty() {
        let mut round = objects.to_vec();
        round.shuffle(&mut rng);
        listed.extend(round);
    }
    listed.truncate(count);
    listed
}

/// Runs the deployed network over fixed, seeded pairs of the listed objects.
///
/// # Errors
/// When there is no object, or data or network fail.
pub fn pair_features(
    model: &Model,
    source: &Arc<dyn PairSource>,
    objects: &[usize],
    seed: u64,
) -> Result<PairFeatures, EvaluationError> {
    let mut streams = ChaCha8Rng::seed_from_u64(seed);
    let mut parts: [Vec<(Tensor, Tensor)>; 2] = Default::default();
    let mut predicted: [Vec<UnitQuaternion>; 2] = Default::default();
    let mut rotations: [Vec<UnitQuaternion>; 2] = Default::default();
    let mut labels = Vec::with_capacity(objects.len());
    for chunk in objects.chunks(BATCH) {
        let batch = source.pairs(chunk, streams.random())?;
        for view in 0..2 {
            let outputs = model.evaluate(&model.normalise(&batch.images[view])?)?;
            parts[view].push((outputs.features, outputs.class_logits));
            predicted[view].extend(outputs.rotations);
            rotations[view].extend(batch.latents[view].iter().map(|l| camera_from_object(*l)));
        }
        labels.extend(batch.labels);
    }
    if objects.is_empty() {
        return Err(EvaluationError::Empty("there is no object to evaluate on: the split is empty".into()));
    }
    let joined = parts.map(|view| -> candle_core::Result<_> {
        let (features, logits): (Vec<_>, Vec<_>) = view.into_iter().unzip();
        Ok((Tensor::cat(&features, 0)?, Tensor::cat(&logits, 0)?))
    });
    let [(first, first_logits), (second, second_logits)] = {
        let [a, b] = joined;
        [a?, b?]
    };
    Ok(PairFeatures {
        features: [first, second],
        class_logits: [first_logits, second_logits],
        predicted,
        rotations,
        labels,
        objects: objects.to_vec(),
    })
}

/// The rotation that the deployed network is asked for, seen from 3DIEBench's camera.
pub fn camera_from_object(latents: [f32; 7]) -> UnitQuaternion {
    SceneSettings::default().camera_from_world() * SceneParameters::from_latents(latents).world_from_object()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_comes_once_before_any_comes_twice() {
        let listed = fixed_objects(&[3, 5, 8], 7, 1);
        let mut first_round = listed[..3].to_vec();
        first_round.sort_unstable();
        assert_eq!(first_round, [3, 5, 8]);
        assert_eq!(listed.len(), 7);
        assert_eq!(listed, fixed_objects(&[3, 5, 8], 7, 1));
        assert!(fixed_objects(&[], 7, 1).is_empty());
    }
}
