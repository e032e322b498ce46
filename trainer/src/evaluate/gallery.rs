use std::sync::Arc;

use candle_core::Tensor;
use sextant_runtime::rotation::UnitQuaternion;

use super::{EvaluationError, Retrieval, fixed_objects, retrieval};
use crate::config::EvaluationConfig;
use crate::data::{PairSource, stream_seed};
use crate::method::{Action, Pose};
use crate::model::Model;

/// Many views of some held-out objects, with their embeddings and the predictions of each from its object's first view.
pub struct Gallery {
    views: usize,
    embeddings: Tensor,
    predicted: Tensor,
    rotations: Vec<UnitQuaternion>,
}

impl Gallery {
    /// As the configuration asks; `None` when it asks for no object, or the method predicts nothing.
    ///
    /// # Errors
    /// When data or network fail, or there are too few different views.
    pub fn of(
        model: &Model,
        source: &Arc<dyn PairSource>,
        config: &EvaluationConfig,
    ) -> Result<Option<Self>, EvaluationError> {
        let held_out = source.held_out_objects();
        let objects = fixed_objects(&held_out, config.gallery_objects.min(held_out.len()), config.seed);
        let (mut embeddings, mut predicted, mut rotations) = (Vec::new(), Vec::new(), Vec::new());
        for object in objects {
            let views = distinct_views(source.as_ref(), object, config.gallery_views, config.seed)?;
            let encoded = model.encode(&model.normalise(&views.images)?)?;
            let Some(equivariant) = model.method.embed(&encoded)?.equivariant else { return Ok(None) };
            let first = equivariant.narrow(0, 0, 1)?.repeat((views.latents.len(), 1))?;
            let poses: Vec<Pose> = views.latents.iter().map(|latents| Pose::from_latents(*latents)).collect();
            let actions: Vec<Action> = poses.iter().map(|pose| Action::between(poses[0], *pose)).collect();
            let Some(of_object) = model.method.predict(&first, &actions)? else { return Ok(None) };
            predicted.push(of_object.detach());
            embeddings.push(equivariant.detach());
            rotations.extend(poses.iter().map(|pose| pose.rotation));
        }
        if embeddings.is_empty() {
            return Ok(None);
        }
        let (embeddings, predicted) = (Tensor::cat(&embeddings, 0)?, Tensor::cat(&predicted, 0)?);
        Ok(Some(Self { views: config.gallery_views, embeddings, predicted, rotations }))
    }

    /// How well the predictions find their views.
    ///
    /// # Errors
    /// When a device fails.
    pub fn retrieval(&self) -> Result<Retrieval, EvaluationError> {
        Ok(retrieval(&self.embeddings, &self.predicted, &self.rotations, self.views)?)
    }
}

/// Different views of one object.
pub struct ObjectViews {
    /// `[views, size, size, 3]` sRGB bytes.
    pub images: Vec<u8>,
    /// Seven latents of each.
    pub latents: Vec<[f32; 7]>,
}

/// Pairs that are drawn at once.
const DRAWN_PAIRS: usize = 16;
/// Rounds after which a folder's views must all have come: by then one of 50 is missing once in 10^13.
const MOST_ROUNDS: u64 = 64;

/// The first `count` different views of an object in the order of a seeded stream.
///
/// # Errors
/// When the source fails, or has fewer views.
pub fn distinct_views(
    source: &dyn PairSource,
    object: usize,
    count: usize,
    seed: u64,
) -> Result<ObjectViews, EvaluationError> {
    let image_bytes = source.image_size().pow(2) * 3;
    let mut views = ObjectViews { images: Vec::new(), latents: Vec::new() };
    for round in 0..MOST_ROUNDS {
        let stream = stream_seed(seed, "gallery", object as u64 * MOST_ROUNDS + round);
        let pairs = source.pairs(&[object; DRAWN_PAIRS], stream)?;
        for (images, latents) in pairs.images.iter().zip(&pairs.latents) {
            for (image, latents) in images.chunks_exact(image_bytes).zip(latents) {
                if views.latents.len() == count {
                    return Ok(views);
                }
                if !views.latents.contains(latents) {
                    views.images.extend_from_slice(image);
                    views.latents.push(*latents);
                }
            }
        }
    }
    let found = views.latents.len();
    Err(EvaluationError::Empty(format!(
        "{} has {found} different views, evaluation.gallery_views asks for {count}: --set evaluation.gallery_views={found}",
        source.object_id(object)
    )))
}
