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
    /// As the configuration asks, with as many views as every object has; `None` when it asks for no object, an object
    /// has no two different views, or the method predicts nothing.
    ///
    /// # Errors
    /// When data or network fail.
    pub fn of(
        model: &Model,
        source: &Arc<dyn PairSource>,
        config: &EvaluationConfig,
    ) -> Result<Option<Self>, EvaluationError> {
        let mut gathered = Vec::new();
        for object in gallery_objects(source.as_ref(), config) {
            let views = distinct_views(source.as_ref(), object, config.gallery_views, config.seed)?;
            let Some(of_object) = ObjectGallery::of(model, &views)? else { return Ok(None) };
            gathered.push(of_object);
        }
        let views = gathered.iter().map(|object| object.rotations.len()).min().unwrap_or(0);
        if views < 2 {
            return Ok(None);
        }
        let joined = |of: fn(&ObjectGallery) -> &Tensor| -> Result<Tensor, EvaluationError> {
            let parts: Vec<Tensor> =
                gathered.iter().map(|object| of(object).narrow(0, 0, views)).collect::<candle_core::Result<_>>()?;
            Ok(Tensor::cat(&parts, 0)?)
        };
        let rotations = gathered.iter().flat_map(|object| object.rotations[..views].to_vec()).collect();
        let (embeddings, predicted) = (joined(|object| &object.embeddings)?, joined(|object| &object.predicted)?);
        Ok(Some(Self { views, embeddings, predicted, rotations }))
    }

    /// How well the predictions find their views.
    ///
    /// # Errors
    /// When a device fails.
    pub fn retrieval(&self) -> Result<Retrieval, EvaluationError> {
        Ok(retrieval(&self.embeddings, &self.predicted, &self.rotations, self.views)?)
    }
}

/// The views of one object in a gallery.
struct ObjectGallery {
    embeddings: Tensor,
    /// From the first view.
    predicted: Tensor,
    rotations: Vec<UnitQuaternion>,
}

impl ObjectGallery {
    /// `None` when the method predicts nothing.
    fn of(model: &Model, views: &ObjectViews) -> Result<Option<Self>, EvaluationError> {
        let encoded = model.encode(&model.normalise(&views.images)?)?;
        let Some(equivariant) = model.method.embed(&encoded)?.equivariant else { return Ok(None) };
        let first = equivariant.narrow(0, 0, 1)?.repeat((views.latents.len(), 1))?;
        let poses: Vec<Pose> = views.latents.iter().map(|latents| Pose::from_latents(*latents)).collect();
        let actions: Vec<Action> = poses.iter().map(|pose| Action::between(poses[0], *pose)).collect();
        let Some(predicted) = model.method.predict(&first, &actions)? else { return Ok(None) };
        let rotations = poses.iter().map(|pose| pose.rotation).collect();
        Ok(Some(Self { embeddings: equivariant.detach(), predicted: predicted.detach(), rotations }))
    }
}

fn gallery_objects(source: &dyn PairSource, config: &EvaluationConfig) -> Vec<usize> {
    let held_out = source.held_out_objects();
    fixed_objects(&held_out, config.gallery_objects.min(held_out.len()), config.seed)
}

/// What a gallery will leave out of what is asked for, known before its first view.
pub fn gallery_warning(source: &dyn PairSource, config: &EvaluationConfig) -> Option<String> {
    let objects = gallery_objects(source, config);
    let views = objects.into_iter().filter_map(|object| source.view_count(object)).min()?;
    let asked = config.gallery_views;
    (views < asked).then(|| match views {
        0 | 1 => "no prediction of views is measured, which needs two views of each held-out object".into(),
        views => format!(
            "predictions are looked for among {views} views, not {asked} (evaluation.gallery_views): there are no more"
        ),
    })
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
/// Rounds without a new view after which no more are expected: by then one of 50 is missing once in 30,000 objects.
const ROUNDS_IN_VAIN: u64 = 16;
/// Streams of an object.
const MOST_ROUNDS: u64 = 64;

/// The first `count` different views of an object in the order of a seeded stream, or as many as it has.
///
/// # Errors
/// When the source fails.
pub fn distinct_views(
    source: &dyn PairSource,
    object: usize,
    count: usize,
    seed: u64,
) -> Result<ObjectViews, EvaluationError> {
    let image_bytes = source.image_size().pow(2) * 3;
    let count = source.view_count(object).map_or(count, |views| views.min(count));
    let mut views = ObjectViews { images: Vec::new(), latents: Vec::new() };
    let mut in_vain = 0;
    for round in 0..MOST_ROUNDS {
        let before = views.latents.len();
        let stream = stream_seed(seed, "gallery", object as u64 * MOST_ROUNDS + round);
        let pairs = source.pairs(&[object; DRAWN_PAIRS], stream)?;
        for (images, latents) in pairs.images.iter().zip(&pairs.latents) {
            for (image, latents) in images.chunks_exact(image_bytes).zip(latents) {
                if views.latents.len() < count && !views.latents.contains(latents) {
                    views.images.extend_from_slice(image);
                    views.latents.push(*latents);
                }
            }
        }
        in_vain = if views.latents.len() > before { 0 } else { in_vain + 1 };
        if views.latents.len() == count || in_vain == ROUNDS_IN_VAIN {
            break;
        }
    }
    Ok(views)
}
