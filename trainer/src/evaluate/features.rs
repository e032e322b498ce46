use std::sync::Arc;

use candle_core::Tensor;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sextant_runtime::rotation::UnitQuaternion;

use super::measure::share_equal;
use crate::data::{DataError, Place, ViewBatch, ViewSource};
use crate::method::{Embeddings, TransformationLogits};
use crate::model::{Model, Outputs};
use crate::optimiser::OptimiserError;
use crate::transformation::{Action, Parameters, Transformation};

/// Features and truth of a fixed set of pairs of views.
pub struct PairFeatures {
    /// Features of each view, `[n, feature_width]`.
    pub features: [Tensor; 2],
    /// Deployed class logits of each view, `[n, classes]`; `None` without a class head.
    pub class_logits: Option<[Tensor; 2]>,
    /// Deployed camera-from-object rotations of each view; none without a rotation head.
    pub predicted: [Vec<UnitQuaternion>; 2],
    /// True camera-from-object rotations of each view; none where they are not known.
    pub rotations: [Vec<UnitQuaternion>; 2],
    /// Class of each pair's object.
    pub labels: Vec<u32>,
    /// Object of each pair.
    pub objects: Vec<usize>,
    /// What was done to each view's images.
    pub transformations: [Vec<Parameters>; 2],
    /// The method's embeddings of each view, where they were asked for.
    pub embeddings: Option<[Embeddings; 2]>,
}

impl PairFeatures {
    /// What leads from the first view of each pair to the second.
    pub fn actions(&self) -> Vec<Action> {
        let [from, to] = &self.transformations;
        from.iter().zip(to).map(|(from, to)| Action::between(from, to)).collect()
    }
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
    source: &Arc<dyn ViewSource>,
    objects: &[usize],
    seed: u64,
) -> Result<PairFeatures, EvaluationError> {
    collect(model, source, objects, seed, false)
}

/// As [`pair_features`], with the method's embeddings.
///
/// # Errors
/// As [`pair_features`].
pub fn pair_features_and_embeddings(
    model: &Model,
    source: &Arc<dyn ViewSource>,
    objects: &[usize],
    seed: u64,
) -> Result<PairFeatures, EvaluationError> {
    collect(model, source, objects, seed, true)
}

fn collect(
    model: &Model,
    source: &Arc<dyn ViewSource>,
    objects: &[usize],
    seed: u64,
    with_embeddings: bool,
) -> Result<PairFeatures, EvaluationError> {
    let mut parts: [ViewParts; 2] = Default::default();
    let mut labels = Vec::with_capacity(objects.len());
    fixed_batches(source, objects, 2, seed, |batch| {
        for (view, part) in parts.iter_mut().enumerate() {
            part.add(model, &batch, view, with_embeddings)?;
        }
        labels.extend(batch.labels);
        Ok::<(), EvaluationError>(())
    })?;
    let [first, second] = parts;
    let ((a, first_embeddings), (b, second_embeddings)) = (first.tensors()?, second.tensors()?);
    Ok(PairFeatures {
        features: [a.features, b.features],
        class_logits: a.class_logits.zip(b.class_logits).map(|(a, b)| [a, b]),
        predicted: [a.rotations, b.rotations].map(Option::unwrap_or_default),
        rotations: [first.rotations, second.rotations],
        labels,
        objects: objects.to_vec(),
        transformations: [first.transformations, second.transformations],
        embeddings: with_embeddings.then_some([first_embeddings, second_embeddings]),
    })
}

/// One image of each of some subjects, and what the deployed network makes of it.
pub struct ImageFeatures {
    /// Features, halves and heads.
    pub outputs: Outputs,
    /// Class of each subject.
    pub labels: Vec<u32>,
    /// True camera-from-object rotation of each image; none where they are not known.
    pub rotations: Vec<UnitQuaternion>,
    /// What was done to each image.
    pub transformations: Vec<Parameters>,
}

impl ImageFeatures {
    /// The class of a transformation in each image, or its quarter of an ordered scale; none where the images do not have it.
    pub fn classes_of(&self, transformation: &dyn Transformation) -> Vec<u32> {
        let done = self.transformations.iter().filter_map(|done| done.get(transformation));
        done.map(|value| transformation.probed_class(value)).collect()
    }

    /// For each transformation that the network predicts the share of images of which it tells the class, in [0, 1].
    ///
    /// # Errors
    /// When a device fails.
    pub fn transformation_shares(&self) -> candle_core::Result<Vec<f64>> {
        let share = |(transformation, logits): &TransformationLogits| {
            let said = logits.argmax(1)?.to_vec1::<u32>()?;
            Ok(share_equal(&said, &self.classes_of(*transformation)))
        };
        self.outputs.transformation_logits.iter().map(share).collect()
    }
}

/// Runs the deployed network over one fixed, seeded view of each of the listed subjects.
///
/// # Errors
/// When there is no subject, or data or network fail.
pub fn image_features(
    model: &Model,
    source: &Arc<dyn ViewSource>,
    subjects: &[usize],
    seed: u64,
) -> Result<ImageFeatures, EvaluationError> {
    let (mut part, mut labels) = (ViewParts::default(), Vec::with_capacity(subjects.len()));
    fixed_batches(source, subjects, 1, seed, |batch| {
        part.add(model, &batch, 0, false)?;
        labels.extend(batch.labels);
        Ok::<(), EvaluationError>(())
    })?;
    let outputs = part.tensors()?.0;
    Ok(ImageFeatures { outputs, labels, rotations: part.rotations, transformations: part.transformations })
}

/// Gives `see` that many fixed, seeded views of the listed objects.
///
/// # Errors
/// When there is no object, the images cannot be had, or `see` fails.
pub(super) fn fixed_batches<E: From<EvaluationError>>(
    source: &Arc<dyn ViewSource>,
    objects: &[usize],
    views: usize,
    seed: u64,
    mut see: impl FnMut(ViewBatch) -> Result<(), E>,
) -> Result<(), E> {
    if objects.is_empty() {
        return Err(EvaluationError::Empty("there is no object to evaluate on: the split is empty".into()).into());
    }
    let mut streams = ChaCha8Rng::seed_from_u64(seed);
    for chunk in objects.chunks(BATCH) {
        see(source.views(&Place::all(chunk), views, streams.random()).map_err(EvaluationError::from)?)?;
    }
    Ok(())
}

/// What has been computed of one view, batch by batch.
#[derive(Default)]
struct ViewParts {
    features: Vec<Tensor>,
    class_logits: Vec<Tensor>,
    transformation_logits: Vec<(&'static dyn Transformation, Vec<Tensor>)>,
    invariant: Vec<Tensor>,
    equivariant: Vec<Tensor>,
    predicted: Vec<UnitQuaternion>,
    rotations: Vec<UnitQuaternion>,
    transformations: Vec<Parameters>,
}

impl ViewParts {
    fn add(
        &mut self,
        model: &Model,
        batch: &ViewBatch,
        view: usize,
        with_embeddings: bool,
    ) -> Result<(), EvaluationError> {
        let encoded = model.encode(&model.normalise(batch.images_of(view))?)?;
        let outputs = model.outputs(&encoded)?;
        if with_embeddings {
            let Embeddings { invariant, equivariant } = model.method.embed(&encoded)?;
            self.invariant.extend(invariant.map(|t| t.detach()));
            self.equivariant.extend(equivariant.map(|t| t.detach()));
        }
        self.features.push(outputs.features);
        self.class_logits.extend(outputs.class_logits);
        self.predicted.extend(outputs.rotations.unwrap_or_default());
        for (index, (transformation, logits)) in outputs.transformation_logits.into_iter().enumerate() {
            if index == self.transformation_logits.len() {
                self.transformation_logits.push((transformation, Vec::new()));
            }
            self.transformation_logits[index].1.push(logits);
        }
        self.rotations.extend(batch.camera_from_object(view));
        self.transformations.extend_from_slice(batch.transformations_of(view));
        Ok(())
    }

    fn tensors(&self) -> candle_core::Result<(Outputs, Embeddings)> {
        let joined = |parts: &[Tensor]| (!parts.is_empty()).then(|| Tensor::cat(parts, 0)).transpose();
        let outputs = Outputs {
            features: Tensor::cat(&self.features, 0)?,
            rotations: Some(self.predicted.clone()),
            class_logits: joined(&self.class_logits)?,
            transformation_logits: self
                .transformation_logits
                .iter()
                .map(|(transformation, parts)| Ok((*transformation, Tensor::cat(parts, 0)?)))
                .collect::<candle_core::Result<_>>()?,
        };
        Ok((outputs, Embeddings { invariant: joined(&self.invariant)?, equivariant: joined(&self.equivariant)? }))
    }
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
