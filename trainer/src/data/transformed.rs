use std::sync::Arc;

use rayon::prelude::*;
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};

use super::view_order::{stream_rng, stream_seed};
use super::{DataError, Place, ViewBatch, ViewSource};
use crate::scene::CameraPose;
use crate::transformation::{OnPixels, Transformation, Transformations};

/// Views of another source, each with transformations of its finished picture.
///
/// Each transformation draws from a stream of its own, so that a source shows the same views with it and without.
pub struct TransformedViews {
    inner: Arc<dyn ViewSource>,
    steps: Vec<Step>,
}

/// One transformation of a finished picture.
struct Step {
    transformation: &'static dyn Transformation,
    on_pixels: &'static dyn OnPixels,
}

/// `source` with those of `known` that have these names, one after the other; as it is where there are no names.
///
/// # Errors
/// When there is no such transformation of finished pictures.
pub fn transformed(
    source: Arc<dyn ViewSource>,
    names: &[String],
    known: &Transformations,
) -> Result<Arc<dyn ViewSource>, DataError> {
    if names.is_empty() {
        return Ok(source);
    }
    let named = |name: &String| {
        let on_pixels = || known.names_on_pixels().join(", ");
        let unknown = || DataError::Unusable(format!("there is no transformation `{name}`; known are {}", on_pixels()));
        known.find(name).copied().ok_or_else(unknown)
    };
    let transformations: Vec<_> = names.iter().map(named).collect::<Result<_, _>>()?;
    Ok(Arc::new(TransformedViews::new(source, &transformations)?))
}

impl TransformedViews {
    /// The views of `inner` with these transformations, one after the other.
    ///
    /// # Errors
    /// When one of them cannot be done to a finished picture.
    pub fn new(inner: Arc<dyn ViewSource>, transformations: &[&'static dyn Transformation]) -> Result<Self, DataError> {
        let step = |transformation: &&'static dyn Transformation| match transformation.on_pixels() {
            Some(on_pixels) => Ok(Step { transformation: *transformation, on_pixels }),
            None => {
                let name = transformation.name();
                Err(DataError::Unusable(format!("{name} cannot be done to a finished picture: leave it out")))
            }
        };
        Ok(Self { inner, steps: transformations.iter().map(step).collect::<Result<_, _>>()? })
    }
}

impl ViewSource for TransformedViews {
    fn image_size(&self) -> usize {
        self.inner.image_size()
    }

    fn class_names(&self) -> &[String] {
        self.inner.class_names()
    }

    fn subject_count(&self) -> usize {
        self.inner.subject_count()
    }

    fn subject_id(&self, subject: usize) -> String {
        self.inner.subject_id(subject)
    }

    fn label(&self, subject: usize) -> usize {
        self.inner.label(subject)
    }

    fn symmetry(&self, subject: usize) -> SymmetryGroup {
        self.inner.symmetry(subject)
    }

    fn is_held_out(&self, subject: usize) -> bool {
        self.inner.is_held_out(subject)
    }

    fn camera(&self) -> Option<CameraPose> {
        self.inner.camera()
    }

    fn offers(&self) -> Vec<&'static dyn Transformation> {
        let mut offered = self.inner.offers();
        offered.extend(self.steps.iter().map(|step| step.transformation));
        offered
    }

    fn views(&self, places: &[Place], count: usize, batch_seed: u64) -> Result<ViewBatch, DataError> {
        let mut batch = self.inner.views(places, count, batch_seed)?;
        let (size, camera) = (self.inner.image_size(), batch.camera_from_world);
        let pictures = batch.images.par_chunks_exact_mut(size * size * 3).zip(&mut batch.transformations);
        pictures.enumerate().for_each_init(Vec::new, |scratch, (index, (picture, parameters))| {
            let (view, place) = (index / places.len(), places[index % places.len()]);
            for Step { transformation, on_pixels } in &self.steps {
                let seed = stream_seed(batch_seed, transformation.name(), view as u64);
                let value = on_pixels.draw(&mut stream_rng(seed, place.position as u64));
                on_pixels.apply(&value, picture, size, scratch);
                let turn = on_pixels.camera_turn(&value);
                if turn != UnitQuaternion::IDENTITY {
                    parameters.turn_camera(camera, turn);
                }
                parameters.set(*transformation, value);
            }
        });
        Ok(batch)
    }

    fn view_count(&self, subject: usize) -> Option<usize> {
        self.inner.view_count(subject)
    }

    fn warnings(&self) -> Vec<String> {
        self.inner.warnings()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::data::RenderedViews;
    use crate::scene::{Procedural, ProceduralSettings, Renderer, RotationSampling, SceneSettings};
    use crate::transformation::{Action, QUARTER_TURNS, ROTATION, TRANSFORMATIONS, quarter_turned};

    const SIZE: usize = 16;

    fn upright() -> Arc<dyn ViewSource> {
        let objects =
            ProceduralSettings { objects_per_family: 1, held_out_per_family: 1, ..ProceduralSettings::default() };
        let scene = SceneSettings { image_size: SIZE, supersampling: 1, ..SceneSettings::default() };
        let objects = Arc::new(Procedural::new(objects).unwrap());
        Arc::new(RenderedViews::new(objects, Renderer::new(scene).unwrap(), RotationSampling::default()))
    }

    fn ours() -> Transformations {
        Transformations::new("transformation", TRANSFORMATIONS)
    }

    fn with_turns(source: Arc<dyn ViewSource>) -> Arc<dyn ViewSource> {
        transformed(source, &["quarter-turns".into()], &ours()).unwrap()
    }

    #[test]
    fn pictures_and_poses_turn_and_nothing_else_changes() {
        let upright = upright();
        let turned = with_turns(upright.clone());
        let places = Place::all(&[4, 9, 4, 2]);
        let (before, after) = (upright.views(&places, 3, 11).unwrap(), turned.views(&places, 3, 11).unwrap());
        let mut seen = BTreeSet::new();
        for (view, place) in (0..3).flat_map(|view| (0..4).map(move |place| (view, place))) {
            let at = |batch: &ViewBatch| batch.transformations_at(view, place..place + 1)[0].clone();
            let (before_at, after_at) = (at(&before), at(&after));
            let class = after_at.get(QUARTER_TURNS).unwrap().class();
            seen.insert(class);
            let mut expected = vec![0; SIZE * SIZE * 3];
            quarter_turned(class, before.images_at(view, place..place + 1), &mut expected, SIZE);
            assert_eq!(after.images_at(view, place..place + 1), expected);
            assert_eq!(after_at.hues(), before_at.hues());
            let [was, is] = [&before, &after].map(|batch| batch.camera_from_object(view).nth(place).unwrap());
            let by_deg = was.geodesic_angle_rad(is).to_degrees();
            let about_sight = (is * was.inverse()).rotate([0.0, 0.0, 1.0]);
            assert!((by_deg - [0.0, 90.0, 180.0, 90.0][class as usize]).abs() < 0.1, "{class}: {by_deg}");
            assert!(about_sight[2] > 0.999, "the direction of sight stays: {about_sight:?}");
            let there = Action::between(&before_at, &after_at);
            assert_eq!(there.get(QUARTER_TURNS), None, "not known of both");
            assert!((there.rotation().geodesic_angle_rad(was.relative_rotation(is))) < 1e-3);
        }
        assert_eq!(seen.len(), 4, "all turns come");
        assert_eq!((before.labels, before.subjects), (after.labels, after.subjects));
        let names: Vec<&str> = turned.offers().iter().map(|offered| offered.name()).collect();
        assert_eq!(names, ["rotation", "hues", "quarter-turns"]);
    }

    #[test]
    fn a_turn_depends_on_seed_place_and_view_alone() {
        let turned = with_turns(upright());
        let places = Place::all(&[1, 2, 4, 5]);
        let whole = turned.views(&places, 4, 7).unwrap();
        let part = turned.views(&places[1..3], 2, 7).unwrap();
        for view in 0..2 {
            assert_eq!(part.images_of(view), whole.images_at(view, 1..3));
            assert_eq!(part.transformations_of(view), whole.transformations_at(view, 1..3));
        }
        assert_ne!(turned.views(&places, 4, 8).unwrap().transformations, whole.transformations);
    }

    #[test]
    fn only_pictures_that_are_there_can_be_changed() {
        let error = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            transformed(upright(), &names, &ours()).err().map(|error| error.to_string())
        };
        assert_eq!(error(&[]), None);
        assert_eq!(error(&["half-turns"]).unwrap(), "there is no transformation `half-turns`; known are quarter-turns");
        let found = error(&[ROTATION.name()]).unwrap();
        assert_eq!(found, "rotation cannot be done to a finished picture: leave it out");
    }
}
