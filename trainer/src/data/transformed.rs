use std::sync::Arc;

use rayon::prelude::*;
use sextant_runtime::preprocess::Visible;
use sextant_runtime::rotation::SymmetryGroup;

use super::view_order::{stream_rng, stream_seed};
use super::{DataConfig, DataError, Place, ViewBatch, ViewSource};
use crate::scene::CameraPose;
use crate::transformation::{Augmentation, OnPixels, PoseChange, ROTATION, Transformation, Transformations};

/// Views of another source, each with changes of its finished picture: a base augmentation, then transformations, then the
/// mask of what is not to be seen.
///
/// The augmentation and each transformation draw from streams of their own, so that a source shows the same views with them
/// and without.
pub struct TransformedViews {
    inner: Arc<dyn ViewSource>,
    augmentation: Augmentation,
    steps: Vec<Step>,
    visible: Visible,
}

/// One transformation of a finished picture.
struct Step {
    transformation: &'static dyn Transformation,
    on_pixels: &'static dyn OnPixels,
}

/// `source` with the augmentation and the transformations of a configuration, one after the other; as it is where there are
/// none.
///
/// # Errors
/// When there is no such transformation of finished pictures.
pub fn transformed(
    source: Arc<dyn ViewSource>,
    config: &DataConfig,
    known: &Transformations,
) -> Result<Arc<dyn ViewSource>, DataError> {
    if config.transformations.is_empty() && config.augmentation == Augmentation::None {
        return Ok(source);
    }
    let views = TransformedViews::new(source, &named(&config.transformations, known)?)?;
    Ok(Arc::new(views.with_augmentation(config.augmentation)))
}

/// `source` with its pictures as they are, but with no more of them to be seen than those of `known` that have these names
/// leave: what a network is asked that has learned from pictures transformed so.
///
/// # Errors
/// When there is no such transformation of finished pictures.
pub fn as_seen(
    source: Arc<dyn ViewSource>,
    names: &[String],
    known: &Transformations,
) -> Result<Arc<dyn ViewSource>, DataError> {
    let TransformedViews { inner, visible, .. } = TransformedViews::new(source, &named(names, known)?)?;
    if visible == Visible::Whole {
        return Ok(inner);
    }
    Ok(Arc::new(TransformedViews { inner, augmentation: Augmentation::None, steps: Vec::new(), visible }))
}

fn named(names: &[String], known: &Transformations) -> Result<Vec<&'static dyn Transformation>, DataError> {
    let named = |name: &String| {
        let on_pixels = || known.names_on_pixels().join(", ");
        let unknown = || DataError::Unusable(format!("there is no transformation `{name}`; known are {}", on_pixels()));
        known.find(name).copied().ok_or_else(unknown)
    };
    names.iter().map(named).collect()
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
        let steps: Vec<Step> = transformations.iter().map(step).collect::<Result<_, _>>()?;
        let is_in_circle = steps.iter().any(|step| step.on_pixels.visible() == Visible::Circle);
        let visible = if is_in_circle { Visible::Circle } else { Visible::Whole };
        Ok(Self { inner, augmentation: Augmentation::None, steps, visible })
    }

    /// With a base augmentation before the transformations.
    #[must_use]
    pub fn with_augmentation(self, augmentation: Augmentation) -> Self {
        Self { augmentation, ..self }
    }

    /// Whether some pictures look as no rotation of the subject makes them.
    fn loses_pose(&self) -> bool {
        let of_steps = self.steps.iter().map(|step| step.on_pixels.pose());
        of_steps.chain([self.augmentation.pose()]).any(|pose| matches!(pose, PoseChange::Lost))
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
        if self.loses_pose() {
            offered.retain(|transformation| *transformation != ROTATION);
        }
        offered.extend(self.steps.iter().map(|step| step.transformation));
        offered
    }

    fn views(&self, places: &[Place], count: usize, batch_seed: u64) -> Result<ViewBatch, DataError> {
        let mut batch = self.inner.views(places, count, batch_seed)?;
        let (size, camera) = (self.inner.image_size(), batch.camera_from_world);
        let loses_pose = self.loses_pose();
        let augmentation_stream = format!("augmentation/{}", self.augmentation.name());
        let pictures = batch.images.par_chunks_exact_mut(size * size * 3).zip(&mut batch.transformations);
        pictures.enumerate().for_each_init(Vec::new, |scratch, (index, (picture, parameters))| {
            let (view, place) = (index / places.len(), places[index % places.len()]);
            let rng = |stream: &str| stream_rng(stream_seed(batch_seed, stream, view as u64), place.position as u64);
            if self.augmentation != Augmentation::None {
                self.augmentation.apply(&mut rng(&augmentation_stream), picture, size, scratch);
            }
            if loses_pose {
                parameters.remove(ROTATION);
            }
            for Step { transformation, on_pixels } in &self.steps {
                let value = on_pixels.draw(&mut rng(transformation.name()));
                on_pixels.apply(&value, picture, size, scratch);
                parameters.change_pose(on_pixels.pose(), &value, camera);
                parameters.set(*transformation, value);
            }
            self.visible.apply(picture, size);
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

    fn config(augmentation: Augmentation, names: &[&str]) -> DataConfig {
        let transformations = names.iter().map(ToString::to_string).collect();
        DataConfig { augmentation, transformations, ..DataConfig::default() }
    }

    fn changed(source: &Arc<dyn ViewSource>, augmentation: Augmentation, names: &[&str]) -> Arc<dyn ViewSource> {
        transformed(source.clone(), &config(augmentation, names), &ours()).unwrap()
    }

    fn with_turns(source: Arc<dyn ViewSource>) -> Arc<dyn ViewSource> {
        changed(&source, Augmentation::None, &["quarter-turns"])
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
            let config = config(Augmentation::None, names);
            transformed(upright(), &config, &ours()).err().map(|error| error.to_string())
        };
        assert_eq!(error(&[]), None);
        let found = error(&["half-turns"]).unwrap();
        let expected = "there is no transformation `half-turns`; known are quarter-turns, rotations-4, ";
        assert!(found.starts_with(expected), "{found}");
        let found = error(&[ROTATION.name()]).unwrap();
        assert_eq!(found, "rotation cannot be done to a finished picture: leave it out");
    }

    fn offered(source: &Arc<dyn ViewSource>) -> Vec<&'static str> {
        source.offers().iter().map(|offered| offered.name()).collect()
    }

    #[test]
    fn a_source_without_changes_is_itself() {
        let source = upright();
        assert!(Arc::ptr_eq(&changed(&source, Augmentation::None, &[]), &source));
        assert!(Arc::ptr_eq(&as_seen(source.clone(), &["blur".into(), "jigsaw".into()], &ours()).unwrap(), &source));
    }

    #[test]
    fn poses_are_forgotten_where_a_change_loses_them() {
        let source = upright();
        let places = Place::all(&[3, 1]);
        struct Case {
            augmentation: Augmentation,
            names: &'static [&'static str],
            is_kept: bool,
        }
        let case = |augmentation, names, is_kept| Case { augmentation, names, is_kept };
        let cases = [
            case(Augmentation::None, &["grayscale", "rotations-8"], true),
            case(Augmentation::None, &["horizontal-flip"], false),
            case(Augmentation::None, &["rotations-8", "jigsaw"], false),
            case(Augmentation::None, &["vertical-flip", "quarter-turns"], false),
            case(Augmentation::CropFlip, &[], false),
            case(Augmentation::CropFlipAsPublished, &["hue"], false),
            case(Augmentation::Simclr, &["rotations-8"], false),
        ];
        for Case { augmentation, names, is_kept } in cases {
            let shown = changed(&source, augmentation, names);
            let poses = if is_kept { vec!["rotation", "hues"] } else { vec!["hues"] };
            assert_eq!(offered(&shown), [&poses[..], names].concat(), "{augmentation:?} {names:?}");
            let batch = shown.views(&places, 4, 5).unwrap();
            for parameters in &batch.transformations {
                let known: Vec<&str> = parameters.iter().map(|(transformation, _)| transformation.name()).collect();
                assert_eq!(known, [&poses[..], names].concat(), "{augmentation:?} {names:?}");
            }
        }
    }

    #[test]
    fn an_augmentation_comes_first_and_depends_on_seed_place_and_view_alone() {
        let source = upright();
        let augmented = changed(&source, Augmentation::Simclr, &[]);
        let both = changed(&source, Augmentation::Simclr, &["quarter-turns"]);
        let places = Place::all(&[1, 2, 4, 5]);
        let (whole, turned) = (augmented.views(&places, 3, 7).unwrap(), both.views(&places, 3, 7).unwrap());
        let part = augmented.views(&places[1..3], 2, 7).unwrap();
        for view in 0..2 {
            assert_eq!(part.images_of(view), whole.images_at(view, 1..3));
        }
        assert_ne!(whole.images, source.views(&places, 3, 7).unwrap().images);
        assert_ne!(whole.images, augmented.views(&places, 3, 8).unwrap().images);
        for (view, place) in (0..3).flat_map(|view| (0..4).map(move |place| (view, place))) {
            let class = turned.transformations_at(view, place..place + 1)[0].get(QUARTER_TURNS).unwrap().class();
            let mut expected = vec![0; SIZE * SIZE * 3];
            quarter_turned(class, whole.images_at(view, place..place + 1), &mut expected, SIZE);
            assert_eq!(turned.images_at(view, place..place + 1), expected);
        }
        // The turns are those that come without the augmentation.
        let alone = with_turns(source).views(&places, 3, 7).unwrap();
        let classes = |batch: &ViewBatch| -> Vec<u32> {
            batch.transformations.iter().map(|known| known.get(QUARTER_TURNS).unwrap().class()).collect()
        };
        assert_eq!(classes(&alone), classes(&turned));
    }

    #[test]
    fn what_is_not_seen_in_training_is_not_seen_at_all() {
        let source = upright();
        let places = Place::all(&[2, 0]);
        let names = ["rotations-16", "brightness"];
        let seen = as_seen(source.clone(), &names.map(String::from), &ours()).unwrap();
        let (plain, masked) = (source.views(&places, 2, 3).unwrap(), seen.views(&places, 2, 3).unwrap());
        let trained = changed(&source, Augmentation::None, &names).views(&places, 2, 3).unwrap();
        assert_eq!((offered(&seen), &masked.transformations), (offered(&source), &plain.transformations));
        let mut expected = plain.images.clone();
        expected.chunks_exact_mut(SIZE * SIZE * 3).for_each(|picture| Visible::Circle.apply(picture, SIZE));
        assert_eq!(masked.images, expected);
        assert_ne!(plain.images, expected);
        // A transformation that comes after the turns changes nothing outside of the circle, such as its corners.
        for picture in trained.images.chunks_exact(SIZE * SIZE * 3) {
            assert_eq!(picture[..3], [128; 3]);
        }
    }
}
