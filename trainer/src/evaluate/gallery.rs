use std::sync::Arc;

use candle_core::Tensor;
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};

use super::{EvaluationError, Retrieval, fixed_objects, retrieval};
use crate::config::EvaluationConfig;
use crate::data::{Place, ViewBatch, ViewSource, stream_seed};
use crate::model::Model;
use crate::transformation::{Action, Parameters};

/// Many views of some held-out objects, with their embeddings and the predictions of each from its object's first view.
pub struct Gallery {
    views: usize,
    embeddings: Tensor,
    predicted: Tensor,
    rotations: Vec<UnitQuaternion>,
    /// Of each object.
    is_symmetric: Vec<bool>,
}

impl Gallery {
    /// As the configuration asks, with as many views as every object has; `None` when it asks for no object, an object
    /// has no two different views, or the method predicts nothing.
    ///
    /// # Errors
    /// When data or network fail.
    pub fn of(
        model: &Model,
        source: &Arc<dyn ViewSource>,
        config: &EvaluationConfig,
    ) -> Result<Option<Self>, EvaluationError> {
        let objects = gallery_objects(source.as_ref(), config);
        let is_symmetric = objects.iter().map(|object| source.symmetry(*object) != SymmetryGroup::None).collect();
        let mut gathered = Vec::new();
        for object in objects {
            let views = views_of_object(source.as_ref(), object, config.gallery_views, config.seed)?;
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
        Ok(Some(Self { views, embeddings, predicted, rotations, is_symmetric }))
    }

    /// How well the predictions find their views.
    ///
    /// # Errors
    /// When a device fails.
    pub fn retrieval(&self) -> Result<Retrieval, EvaluationError> {
        Ok(retrieval(&self.embeddings, &self.predicted, &self.rotations, self.views, &self.is_symmetric)?)
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
    /// `None` when the method predicts nothing, or no rotation is known.
    fn of(model: &Model, views: &ViewBatch) -> Result<Option<Self>, EvaluationError> {
        let encoded = model.encode(&model.normalise(&views.images)?)?;
        let Some(equivariant) = model.method.embed(&encoded)?.equivariant else { return Ok(None) };
        let first = equivariant.narrow(0, 0, 1)?.repeat((views.view_count(), 1))?;
        let all = &views.transformations;
        let actions: Vec<Action> = all.iter().map(|view| Action::between(&all[0], view)).collect();
        let Some(predicted) = model.method.predict(&first, &actions)? else { return Ok(None) };
        let Some(rotations) = all.iter().map(Parameters::rotation).collect() else { return Ok(None) };
        Ok(Some(Self { embeddings: equivariant.detach(), predicted: predicted.detach(), rotations }))
    }
}

pub(super) fn gallery_objects(source: &dyn ViewSource, config: &EvaluationConfig) -> Vec<usize> {
    let held_out = source.held_out_subjects();
    fixed_objects(&held_out, config.gallery_objects.min(held_out.len()), config.seed)
}

/// What a gallery will leave out of what is asked for, known before its first view.
pub fn gallery_warning(source: &dyn ViewSource, config: &EvaluationConfig) -> Option<String> {
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

/// The first `count` views of an object in the order of a seeded stream, or as many as it has.
///
/// # Errors
/// When the source fails.
pub fn views_of_object(
    source: &dyn ViewSource,
    object: usize,
    count: usize,
    seed: u64,
) -> Result<ViewBatch, EvaluationError> {
    let count = source.view_count(object).map_or(count, |views| views.min(count));
    let place = Place { position: 0, subject: object };
    Ok(source.views(&[place], count, stream_seed(seed, "gallery", object as u64))?)
}
