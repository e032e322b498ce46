//! The pose of objects that were never trained on, from a few views of each whose poses are known.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};

use super::pose::quantile;
use crate::config::EvaluationConfig;
use crate::data::ViewSource;
use crate::method::unit_rows;
use crate::nn::split_halves;

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

/// How many of an object's views are its references: as many as the configuration asks for, and at most half of those that every
/// object has.
pub(super) fn references_of_each(source: &dyn ViewSource, config: &EvaluationConfig, objects: &[usize]) -> usize {
    let views_of = |object: &usize| source.view_count(*object).unwrap_or(usize::MAX).min(config.gallery_views);
    config.reference_views.min(objects.iter().map(views_of).min().unwrap_or(0) / 2)
}

/// The angles that [`References`] are the medians of, in degrees.
pub(super) struct ReferenceAngles {
    references: usize,
    objects: usize,
    of_nearest_half: Vec<f32>,
    of_nearest_pose: Vec<f32>,
    of_any: Vec<f32>,
}

impl ReferenceAngles {
    /// Of no object yet.
    pub(super) fn new(references: usize) -> Self {
        Self { references, objects: 0, of_nearest_half: Vec::new(), of_nearest_pose: Vec::new(), of_any: Vec::new() }
    }

    /// The first views of an object are its references, the others are asked for.
    ///
    /// # Shapes
    /// `features` `[views, d]`.
    ///
    /// # Errors
    /// When a device fails.
    pub(super) fn ask(
        &mut self,
        features: &Tensor,
        rotations: &[UnitQuaternion],
        symmetry: SymmetryGroup,
    ) -> candle_core::Result<()> {
        if self.references == 0 {
            return Ok(());
        }
        let (_, halves) = split_halves(&features.detach())?;
        let halves = unit_rows(&halves)?.contiguous()?;
        let candidates = halves.narrow(0, 0, self.references)?.t()?.contiguous()?;
        let similarity = halves.matmul(&candidates)?.to_vec2::<f32>()?;
        for view in self.references..rotations.len() {
            let angle = |reference: usize| symmetry.distance_rad(rotations[view], rotations[reference]).to_degrees();
            let best = (0..self.references).max_by(|a, b| similarity[view][*a].total_cmp(&similarity[view][*b]));
            let angles: Vec<f32> = (0..self.references).map(angle).collect();
            self.of_nearest_half.push(angles[best.unwrap_or(0)]);
            self.of_nearest_pose.push(angles.iter().copied().fold(f32::INFINITY, f32::min));
            self.of_any.push(angles.iter().sum::<f32>() / self.references as f32);
        }
        self.objects += 1;
        Ok(())
    }

    /// Their medians; `None` where nothing was asked for.
    pub(super) fn figures(self) -> Option<References> {
        let median = |mut angles: Vec<f32>| {
            angles.sort_by(f32::total_cmp);
            quantile(&angles, 0.5)
        };
        (self.objects > 0).then(|| References {
            objects: self.objects,
            views: self.references,
            median_deg: median(self.of_nearest_half),
            nearest_deg: median(self.of_nearest_pose),
            random_deg: median(self.of_any),
        })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::config::Config;
    use crate::data::GroundTruth;
    use crate::evaluate::Gallery;
    use crate::model::Model;
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
        Gallery::of(&model, source.as_ref(), &config.evaluation).unwrap().references
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
