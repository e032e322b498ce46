//! The pose of objects that were never trained on, from a few views of each whose poses are known.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sextant_runtime::rotation::UnitQuaternion;

use super::EvaluationError;
use super::gallery::{gallery_objects, views_of_object};
use super::pose::quantile;
use crate::config::EvaluationConfig;
use crate::data::ViewSource;
use crate::method::unit_rows;
use crate::model::Model;
use crate::nn::split_halves;
use crate::transformation::Parameters;

/// How well the nearest of a held-out object's reference views, by the cosine of equivariant halves, tells the pose of its other
/// views.
///
/// Angles are symmetry-aware medians in degrees over all other views of all objects. Nothing is trained for the object, and the
/// pose is one of the references': `nearest_deg` is the least that any choice among them reaches, and `random_deg` what a choice
/// at random does.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct References {
    /// Held-out objects.
    pub objects: usize,
    /// Reference views of each.
    pub views: usize,
    /// Between the pose of a view and that of its nearest reference in the equivariant half.
    pub median_deg: f64,
    /// Between its pose and the nearest of the references' poses.
    pub nearest_deg: f64,
    /// Between its pose and that of any reference, the mean over references.
    pub random_deg: f64,
}

impl References {
    /// The first views of each object of the gallery are its references, the others are asked for. `None` where the configuration
    /// asks for none, an object has no two views, or no rotation is known.
    ///
    /// # Errors
    /// When data or network fail.
    pub(super) fn of(
        model: &Model,
        source: &Arc<dyn ViewSource>,
        config: &EvaluationConfig,
    ) -> Result<Option<Self>, EvaluationError> {
        let objects = gallery_objects(source.as_ref(), config);
        let views_of = |object: &usize| source.view_count(*object).unwrap_or(usize::MAX).min(config.gallery_views);
        let least = objects.iter().map(views_of).min().unwrap_or(0);
        let references = config.reference_views.min(least / 2);
        if references == 0 {
            return Ok(None);
        }
        let (mut said, mut nearest, mut random) = (Vec::new(), Vec::new(), Vec::new());
        for object in &objects {
            let views = views_of_object(source.as_ref(), *object, config.gallery_views, config.seed)?;
            let rotations: Option<Vec<UnitQuaternion>> =
                views.transformations.iter().map(Parameters::rotation).collect();
            let Some(rotations) = rotations else { return Ok(None) };
            let encoded = model.encode(&model.normalise(&views.images)?)?;
            let (_, halves) = split_halves(&encoded.features.detach())?;
            let halves = unit_rows(&halves)?.contiguous()?;
            let candidates = halves.narrow(0, 0, references)?.t()?.contiguous()?;
            let similarity = halves.matmul(&candidates)?.to_vec2::<f32>()?;
            let symmetry = source.symmetry(*object);
            for view in references..rotations.len() {
                let angle =
                    |reference: usize| symmetry.distance_rad(rotations[view], rotations[reference]).to_degrees();
                let best = (0..references).max_by(|a, b| similarity[view][*a].total_cmp(&similarity[view][*b]));
                let angles: Vec<f32> = (0..references).map(angle).collect();
                said.push(angles[best.unwrap_or(0)]);
                nearest.push(angles.iter().copied().fold(f32::INFINITY, f32::min));
                random.push(angles.iter().sum::<f32>() / references as f32);
            }
        }
        let median = |mut angles: Vec<f32>| {
            angles.sort_by(f32::total_cmp);
            quantile(&angles, 0.5)
        };
        Ok(Some(Self {
            objects: objects.len(),
            views: references,
            median_deg: median(said),
            nearest_deg: median(nearest),
            random_deg: median(random),
        }))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::config::Config;
    use crate::data::GroundTruth;
    use crate::registry::Registry;

    fn measured(more: &[&str]) -> Option<References> {
        let sets = [
            "data.image_size=16",
            "data.supersampling=1",
            "data.families=[\"mug\", \"cone\"]",
            "data.objects_per_family=1",
            "data.held_out_per_family=2",
            "evaluation.gallery_views=12",
            "evaluation.reference_views=4",
        ];
        let sets: Vec<String> = sets.iter().chain(more).map(ToString::to_string).collect();
        let config = Config::resolve(&Registry::default(), None, None, &sets).unwrap();
        let source = config.open_data().unwrap();
        let model = Model::new(&config, GroundTruth::of(source.as_ref()), &Device::Cpu).unwrap();
        References::of(&model, &source, &config.evaluation).unwrap()
    }

    #[test]
    fn a_choice_lies_between_the_best_and_any() {
        let found = measured(&[]).unwrap();
        assert_eq!((found.objects, found.views), (4, 4));
        assert!(found.nearest_deg < found.median_deg && found.nearest_deg < found.random_deg, "{found:?}");
        // As little as one reference leaves no choice.
        let one = measured(&["evaluation.reference_views=1"]).unwrap();
        assert!(one.median_deg == one.nearest_deg && (one.median_deg - one.random_deg).abs() < 1e-9, "{one:?}");
        // At most half of the views are references.
        assert_eq!(measured(&["evaluation.reference_views=50"]).unwrap().views, 6);
        assert_eq!(measured(&["evaluation.reference_views=0"]), None);
        assert_eq!(measured(&["evaluation.gallery_objects=0"]), None);
    }
}
