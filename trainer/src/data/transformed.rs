use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use sextant_runtime::preprocess::Visible;
use sextant_runtime::rotation::SymmetryGroup;

use super::view_order::{stream_rng, stream_seed};
use super::{DataConfig, DataError, Drawing, Place, ViewBatch, ViewSource};
use crate::scene::CameraPose;
use crate::transformation::{Augmentation, OnPixels, PoseChange, ROTATION, Transformation, Transformations, Value};

/// Views of another source, each with changes of its finished picture: a base augmentation, then transformations, then the
/// mask of what is not to be seen.
///
/// The augmentation and each transformation draw from streams of their own, so that a source shows the same views with them
/// and without.
pub struct TransformedViews {
    inner: Arc<dyn ViewSource>,
    augmentation: Augmentation,
    steps: Vec<Step>,
    shown: Shown,
    visible: Visible,
}

/// What decides the parameters of a view's transformations.
enum Shown {
    /// They are drawn.
    Drawn(Drawing),
    /// View `k` is the subject's first one with the `k`th of these values of the only transformation.
    Listed(Vec<Value>),
}

/// One transformation of a finished picture.
struct Step {
    transformation: &'static dyn Transformation,
    on_pixels: &'static dyn OnPixels,
}

/// `source` with the augmentation and the transformations of a configuration, one after the other, drawn as a method asks
/// for; as it is where there are none.
///
/// # Errors
/// When there is no such transformation of finished pictures.
pub fn transformed(
    source: Arc<dyn ViewSource>,
    config: &DataConfig,
    known: &Transformations,
    drawing: &Drawing,
) -> Result<Arc<dyn ViewSource>, DataError> {
    if config.transformations.is_empty() && config.augmentation == Augmentation::None {
        return Ok(source);
    }
    let views = TransformedViews::new(source, &named(&config.transformations, known)?)?;
    Ok(Arc::new(views.with_augmentation(config.augmentation).with_drawing(drawing.clone())))
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
    Ok(Arc::new(TransformedViews { visible, ..TransformedViews::new(inner, &[])? }))
}

/// The first view of each subject of `source` with one transformation after the other: view `k` has the `k`th of `values`.
/// Where there is an augmentation, each view has its own, drawn before. No more is to be seen than those of `known` with
/// the names of `seen` leave, and the transformation itself.
///
/// # Errors
/// When there is no such transformation of finished pictures.
pub fn listed_values(
    source: Arc<dyn ViewSource>,
    transformation: &'static dyn Transformation,
    values: Vec<Value>,
    augmentation: Augmentation,
    (seen, known): (&[String], &Transformations),
) -> Result<Arc<dyn ViewSource>, DataError> {
    let TransformedViews { inner, visible: trained_on, .. } = TransformedViews::new(source, &named(seen, known)?)?;
    let views = TransformedViews::new(inner, &[transformation])?.with_augmentation(augmentation);
    let visible = if trained_on == Visible::Circle { trained_on } else { views.visible };
    Ok(Arc::new(TransformedViews { shown: Shown::Listed(values), visible, ..views }))
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
        Ok(Self { inner, augmentation: Augmentation::None, steps, shown: Shown::Drawn(Drawing::INDEPENDENT), visible })
    }

    /// With a base augmentation before the transformations.
    #[must_use]
    pub fn with_augmentation(self, augmentation: Augmentation) -> Self {
        Self { augmentation, ..self }
    }

    /// With what is drawn hanging together so.
    #[must_use]
    pub fn with_drawing(self, drawing: Drawing) -> Self {
        Self { shown: Shown::Drawn(drawing), ..self }
    }

    /// Whether some pictures look as no rotation of the subject makes them.
    fn loses_pose(&self) -> bool {
        let of_steps = self.steps.iter().map(|step| step.on_pixels.pose());
        of_steps.chain([self.augmentation.pose()]).any(|pose| matches!(pose, PoseChange::Lost))
    }
}

impl Shown {
    /// The view of the inner source that a view shows.
    fn look(&self, view: usize) -> usize {
        match self {
            Self::Drawn(drawing) => drawing.look(view),
            Self::Listed(_) => 0,
        }
    }

    /// The view with which a view shares its augmentation.
    fn augmented_as(&self, view: usize) -> usize {
        match self {
            Self::Drawn(drawing) => drawing.drawn_as(view),
            Self::Listed(_) => view,
        }
    }

    /// Subjects in a row that share what is drawn.
    fn block(&self) -> usize {
        match self {
            Self::Drawn(drawing) => drawing.block.max(1),
            Self::Listed(_) => 1,
        }
    }

    fn value(
        &self,
        transformation: &'static dyn Transformation,
        on_pixels: &dyn OnPixels,
        view: usize,
        rng: &dyn Fn(&str, usize) -> ChaCha8Rng,
    ) -> Value {
        match self {
            Self::Drawn(drawing) => drawing.value(transformation, on_pixels, view, rng),
            Self::Listed(values) => values[view % values.len()].clone(),
        }
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

    fn is_validation(&self, subject: usize) -> bool {
        self.inner.is_validation(subject)
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
        let looks: Vec<usize> = (0..count).map(|view| self.shown.look(view)).collect();
        let inner_count = looks.iter().max().map_or(0, |last| last + 1);
        let mut batch = self.inner.views(places, inner_count, batch_seed)?.with_views(&looks);
        let (size, camera) = (self.inner.image_size(), batch.camera_from_world);
        let loses_pose = self.loses_pose();
        let augmentation_stream = format!("augmentation/{}", self.augmentation.name());
        let pictures = batch.images.par_chunks_exact_mut(size * size * 3).zip(&mut batch.transformations);
        pictures.enumerate().for_each_init(Vec::new, |scratch, (index, (picture, parameters))| {
            let (view, place) = (index / places.len(), places[index % places.len()]);
            let index = (place.position / self.shown.block()) as u64;
            let rng = |stream: &str, view: usize| stream_rng(stream_seed(batch_seed, stream, view as u64), index);
            if self.augmentation != Augmentation::None {
                let view = self.shown.augmented_as(view);
                self.augmentation.apply(&mut rng(&augmentation_stream, view), picture, size, scratch);
            }
            if loses_pose {
                parameters.remove(ROTATION);
            }
            for Step { transformation, on_pixels } in &self.steps {
                let value = self.shown.value(*transformation, *on_pixels, view, &rng);
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
    use crate::config::Config;
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
        transformed(source.clone(), &config(augmentation, names), &ours(), &Drawing::INDEPENDENT).unwrap()
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
    fn looks_at_one_picture_differ_by_what_is_done_to_it_alone() {
        let source = upright();
        for one_picture in [false, true] {
            let mut wanted = Config::default();
            wanted.data = DataConfig { one_picture, ..config(Augmentation::None, &["quarter-turns"]) };
            let shown = wanted.shown(&source).unwrap().views(&Place::all(&[3, 8]), 4, 5).unwrap();
            let mut is_turned = false;
            for (view, place) in (1..4).flat_map(|view| [(view, 0), (view, 1)]) {
                let [first, other] = [0, view].map(|view| shown.transformations_at(view, place..place + 1)[0].clone());
                assert_eq!(first.hues() == other.hues(), one_picture, "{one_picture}");
                is_turned |= first.get(QUARTER_TURNS) != other.get(QUARTER_TURNS);
            }
            assert!(is_turned, "each look draws its own");
        }
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
            transformed(upright(), &config, &ours(), &Drawing::INDEPENDENT).err().map(|error| error.to_string())
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

    fn drawn(source: &Arc<dyn ViewSource>, names: &[&str], drawing: &Drawing) -> Arc<dyn ViewSource> {
        transformed(source.clone(), &config(Augmentation::Simclr, names), &ours(), drawing).unwrap()
    }

    /// Names and values of one view of one subject.
    fn values(batch: &ViewBatch, view: usize, place: usize) -> Vec<Value> {
        let parameters = &batch.transformations_at(view, place..place + 1)[0];
        let on_pixels = parameters.iter().filter(|(transformation, _)| transformation.on_pixels().is_some());
        on_pixels.map(|(_, value)| value.clone()).collect()
    }

    #[test]
    fn subjects_of_a_block_share_what_is_drawn() {
        let names = ["rotations-32", "jigsaw", "blur-scale"];
        // The same subject at every place: what differs was drawn.
        let places: Vec<Place> = (0..9).map(|position| Place { position, subject: 2 }).collect();
        let one_look: Arc<dyn ViewSource> = Arc::new(OneLook(upright()));
        let views = drawn(&one_look, &names, &Drawing::in_blocks(4)).views(&places, 2, 7).unwrap();
        for view in 0..2 {
            for place in 1..9 {
                let is_shared = place / 4 == (place - 1) / 4;
                let [before, here] = [place - 1, place].map(|place| values(&views, view, place));
                assert_eq!(here == before, is_shared, "view {view}, place {place}");
                let [before, here] = [place - 1, place].map(|place| views.images_at(view, place..place + 1));
                assert_eq!(here == before, is_shared, "view {view}, place {place}");
            }
        }
        assert_ne!(views.images_of(0), views.images_of(1), "views draw their own");
        let scenes = drawn(&upright(), &names, &Drawing::in_blocks(4)).views(&places, 2, 7).unwrap();
        let hues = |view: usize, place: usize| scenes.transformations_at(view, place..place + 1)[0].hues();
        assert!((0..9).all(|place| hues(0, place) == hues(1, place)), "both views are of one picture");
        assert_ne!(hues(0, 0), hues(0, 1), "places have pictures of their own");
        // A part of the batch draws as the whole: at the last place its block begins.
        let part = drawn(&one_look, &names, &Drawing::in_blocks(4)).views(&places[3..5], 2, 7).unwrap();
        assert_eq!(part.images_of(1), views.images_at(1, 3..5));
        // Blocks of one are no blocks.
        let [alone, blocks] = [Drawing::INDEPENDENT, Drawing::in_blocks(1)]
            .map(|drawing| drawn(&one_look, &names, &drawing).views(&places, 2, 7).unwrap());
        assert_eq!(alone, blocks);
    }

    #[test]
    fn contrasted_views_are_the_first_one_with_more_and_more_of_one_transformation() {
        use crate::transformation::{BRIGHTNESS, HORIZONTAL_FLIP};

        let names = ["rotation-scale", "blur-scale", "horizontal-flip", "brightness"];
        let contrasted =
            vec![crate::transformation::ROTATION_SCALE, crate::transformation::BLUR_SCALE, HORIZONTAL_FLIP];
        let places: Vec<Place> = (0..40).map(|position| Place { position, subject: position % 5 }).collect();
        let source = drawn(&upright(), &names, &Drawing::contrasting(contrasted.clone()));
        let views = source.views(&places, 5, 3).unwrap();
        let at = |view: usize, place: usize| &views.transformations_at(view, place..place + 1)[0];
        let mut chosen = BTreeSet::new();
        for place in 0..places.len() {
            for transformation in &contrasted {
                let of = |view| at(view, place).get(*transformation).unwrap().clone();
                let neutral = transformation.neutral().unwrap();
                assert_eq!([of(0), of(1)], [neutral.clone(), neutral.clone()], "{transformation:?} at {place}");
                let Some(scale) = transformation.scale() else {
                    if (2..5).any(|view| of(view) != neutral) {
                        chosen.insert((transformation.name(), place));
                    }
                    continue;
                };
                let positions = [of(0), of(2), of(3), of(4)].map(|value| scale.position(&value));
                let is_none = positions == [0.0; 4];
                let is_rising = positions.is_sorted_by(|before, after| before < after);
                assert!(is_none || is_rising, "{transformation:?} at {place}: {positions:?}");
                if is_rising {
                    chosen.insert((transformation.name(), place));
                }
            }
            // What is not contrasted is drawn anew in view 1, and goes with the picture in the others.
            let brightness = [0, 2, 3, 4].map(|view| at(view, place).get(BRIGHTNESS).unwrap().class());
            assert!(brightness.iter().all(|class| *class == brightness[0]));
            assert_eq!(at(2, place).hues(), at(0, place).hues(), "the scene is that of the first view");
            assert_ne!(at(1, place).hues(), at(0, place).hues());
        }
        let of_place: BTreeSet<usize> = chosen.iter().map(|(_, place)| *place).collect();
        assert_eq!(of_place.len(), chosen.len(), "no subject has two of them");
        for transformation in &contrasted {
            let count = chosen.iter().filter(|(name, _)| *name == transformation.name()).count();
            assert!(count > 5, "{transformation:?} is given to {count} of 40");
        }
        let fewer = source.views(&places[4..9], 3, 3).unwrap();
        for view in 0..3 {
            assert_eq!(fewer.images_of(view), views.images_at(view, 4..9), "a part is drawn as the whole");
        }
    }

    #[test]
    fn listed_values_are_shown_of_one_look() {
        let source = upright();
        let places = Place::all(&[3, 1]);
        let scale = crate::transformation::BRIGHTNESS_SCALE.scale().unwrap();
        let list: Vec<Value> = [0, 8, 16].map(|step| scale.at(step)).to_vec();
        let shown = |augmentation, seen: &[&str]| {
            let seen: Vec<String> = seen.iter().map(ToString::to_string).collect();
            let transformation = crate::transformation::BRIGHTNESS_SCALE;
            let views = listed_values(source.clone(), transformation, list.clone(), augmentation, (&seen, &ours()));
            views.unwrap().views(&places, 3, 5).unwrap()
        };
        let (plain, listed) = (source.views(&places, 1, 5).unwrap(), shown(Augmentation::None, &[]));
        assert_eq!(listed.images_of(0), plain.images_of(0));
        let quarter = |byte: &u8| (f64::from(*byte) * 0.25 + 0.5) as u8;
        assert_eq!(listed.images_of(2), plain.images_of(0).iter().map(quarter).collect::<Vec<u8>>());
        for (view, value) in list.iter().enumerate() {
            assert_eq!(values(&listed, view, 1), std::slice::from_ref(value), "view {view}");
        }
        let circle = shown(Augmentation::None, &["rotations-4"]);
        assert_eq!(circle.images_of(0)[..3], [128; 3], "no more is seen than in training");
        let augmented = shown(Augmentation::Simclr, &[]);
        assert_eq!(augmented.view_count(), 3);
        assert_ne!(augmented.images_of(0), plain.images_of(0));
    }

    /// A source whose views of a subject are all its first one.
    struct OneLook(Arc<dyn ViewSource>);

    impl ViewSource for OneLook {
        fn image_size(&self) -> usize {
            self.0.image_size()
        }
        fn class_names(&self) -> &[String] {
            self.0.class_names()
        }
        fn subject_count(&self) -> usize {
            self.0.subject_count()
        }
        fn subject_id(&self, subject: usize) -> String {
            self.0.subject_id(subject)
        }
        fn label(&self, subject: usize) -> usize {
            self.0.label(subject)
        }
        fn symmetry(&self, subject: usize) -> SymmetryGroup {
            self.0.symmetry(subject)
        }
        fn is_held_out(&self, subject: usize) -> bool {
            self.0.is_held_out(subject)
        }
        fn camera(&self) -> Option<CameraPose> {
            self.0.camera()
        }
        fn offers(&self) -> Vec<&'static dyn Transformation> {
            self.0.offers()
        }
        fn views(&self, places: &[Place], count: usize, _: u64) -> Result<ViewBatch, DataError> {
            let same: Vec<Place> = places.iter().map(|place| Place { position: 0, ..*place }).collect();
            Ok(self.0.views(&same, 1, 0)?.with_views(&vec![0; count]))
        }
    }
}
