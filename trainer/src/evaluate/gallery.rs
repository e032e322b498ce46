use candle_core::Tensor;
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};

use super::references::{ReferenceAngles, References, references_of_each};
use super::{EvaluationError, Retrieval, fixed_objects, retrieval};
use crate::config::EvaluationConfig;
use crate::data::{Place, ViewBatch, ViewSource, stream_seed};
use crate::model::Model;
use crate::nn::Encoded;
use crate::transformation::{Action, Parameters};

/// What the views of some held-out objects tell of each other: each view is rendered and encoded once for all of it.
pub struct Gallery {
    /// How well the predictions of views find them; `None` where an object has no two different views, or the method predicts
    /// nothing.
    pub retrieval: Option<Retrieval>,
    /// The pose by the nearest of reference views; `None` where the configuration asks for none, or an object has no two views.
    pub references: Option<References>,
}

impl Gallery {
    /// As the configuration asks, with as many views as every object has; without figures when it asks for no object, or no
    /// rotation is known.
    ///
    /// # Errors
    /// When data or network fail.
    pub fn of(model: &Model, source: &dyn ViewSource, config: &EvaluationConfig) -> Result<Self, EvaluationError> {
        let objects = gallery_objects(source, config);
        let of_each = references_of_each(source, config, &objects);
        let mut references = ReferenceAngles::new(of_each);
        let is_symmetric: Vec<bool> =
            objects.iter().map(|object| source.symmetry(*object) != SymmetryGroup::None).collect();
        let mut predictions = Some(Vec::new());
        for object in objects {
            let views = views_of_object(source, object, config.gallery_views, config.seed)?;
            let rotations: Option<Vec<UnitQuaternion>> =
                views.transformations.iter().map(Parameters::rotation).collect();
            let Some(rotations) = rotations else { return Ok(Self { retrieval: None, references: None }) };
            let encoded = model.encode(&model.normalise(&views.images)?)?;
            references.ask(&encoded.features, &rotations, source.symmetry(object))?;
            if let Some(gathered) = &mut predictions {
                match PredictedViews::of(model, &encoded, &views.transformations, rotations)? {
                    Some(predicted) => gathered.push(predicted),
                    None => predictions = None,
                }
            }
            if predictions.is_none() && of_each == 0 {
                break;
            }
        }
        Ok(Self {
            retrieval: of_predicted(&predictions.unwrap_or_default(), &is_symmetric)?,
            references: references.figures(),
        })
    }
}

/// The views of one object with the predictions of each from the first.
struct PredictedViews {
    embeddings: Tensor,
    predicted: Tensor,
    rotations: Vec<UnitQuaternion>,
}

impl PredictedViews {
    /// `None` when the method predicts nothing.
    fn of(
        model: &Model,
        encoded: &Encoded,
        views: &[Parameters],
        rotations: Vec<UnitQuaternion>,
    ) -> Result<Option<Self>, EvaluationError> {
        let Some(equivariant) = model.method.embed(encoded)?.equivariant else { return Ok(None) };
        let first = equivariant.narrow(0, 0, 1)?.repeat((views.len(), 1))?;
        let actions: Vec<Action> = views.iter().map(|view| Action::between(&views[0], view)).collect();
        let Some(predicted) = model.method.predict(&first, &actions)? else { return Ok(None) };
        Ok(Some(Self { embeddings: equivariant.detach(), predicted: predicted.detach(), rotations }))
    }
}

/// How well the predictions of all objects find their views.
fn of_predicted(gathered: &[PredictedViews], is_symmetric: &[bool]) -> Result<Option<Retrieval>, EvaluationError> {
    let views = gathered.iter().map(|object| object.rotations.len()).min().unwrap_or(0);
    if views < 2 {
        return Ok(None);
    }
    let joined = |of: fn(&PredictedViews) -> &Tensor| -> candle_core::Result<Tensor> {
        let parts: Vec<Tensor> =
            gathered.iter().map(|object| of(object).narrow(0, 0, views)).collect::<candle_core::Result<_>>()?;
        Tensor::cat(&parts, 0)
    };
    let rotations: Vec<UnitQuaternion> =
        gathered.iter().flat_map(|object| object.rotations[..views].to_vec()).collect();
    let (embeddings, predicted) = (joined(|object| &object.embeddings)?, joined(|object| &object.predicted)?);
    Ok(Some(retrieval(&embeddings, &predicted, &rotations, views, is_symmetric)?))
}

fn gallery_objects(source: &dyn ViewSource, config: &EvaluationConfig) -> Vec<usize> {
    let held_out = source.held_out_subjects();
    fixed_objects(&held_out, config.gallery_objects.min(held_out.len()), config.seed)
}

/// What a gallery will leave out of what is asked for, known before its first view.
pub fn gallery_warning(source: &dyn ViewSource, config: &EvaluationConfig) -> Option<String> {
    let objects = gallery_objects(source, config);
    let views = objects.iter().filter_map(|object| source.view_count(*object)).min()?;
    let asked = config.gallery_views;
    let references = references_of_each(source, config, &objects);
    let fewer = match references < config.reference_views {
        true => format!(
            ", and {references} of them are references, not {} (evaluation.reference_views)",
            config.reference_views
        ),
        false => String::new(),
    };
    (views < asked).then(|| match views {
        0 | 1 => "no prediction of views is measured, which needs two views of each held-out object".into(),
        views => format!(
            "predictions are looked for among {views} views, not {asked} (evaluation.gallery_views){fewer}: there are no more"
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
