//! Subjects that choose: checkpoints and settings are compared on them, and figures are measured on others.

use std::ops::RangeInclusive;
use std::sync::Arc;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use sextant_runtime::rotation::SymmetryGroup;

use super::{DataError, Place, ViewBatch, ViewSource};
use crate::scene::CameraPose;
use crate::transformation::Transformation;

/// A source of which some subjects validate.
struct WithValidation {
    inner: Arc<dyn ViewSource>,
    is_validation: Vec<bool>,
}

/// `source` with a share of the training subjects of each class kept for validation, never all of one class. Which ones the seed
/// decides.
pub(super) fn with_validation(source: Arc<dyn ViewSource>, share: f32, seed: u64) -> Arc<dyn ViewSource> {
    let mut is_validation = vec![false; source.subject_count()];
    for subject in share_of_classes(source.as_ref(), share, seed, |count| 0..=count.saturating_sub(1)) {
        is_validation[subject] = true;
    }
    match is_validation.contains(&true) {
        true => Arc::new(WithValidation { inner: source, is_validation }),
        false => source,
    }
}

/// A share of the training subjects of each class, so many of one as `bounds` allow of its number. Which ones the seed decides.
pub(crate) fn share_of_classes(
    source: &dyn ViewSource,
    share: f32,
    seed: u64,
    bounds: fn(usize) -> RangeInclusive<usize>,
) -> Vec<usize> {
    let mut of_class = vec![Vec::new(); source.class_names().len().max(1)];
    for subject in source.training_subjects() {
        of_class[source.label(subject)].push(subject);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    // What rounding leaves of one class goes to the next, so that the share holds for all of them together.
    let (mut due, mut taken) = (0.0, Vec::new());
    for mut subjects in of_class {
        subjects.shuffle(&mut rng);
        due += f64::from(share) * subjects.len() as f64;
        let bounds = bounds(subjects.len());
        let count = (due.round().max(0.0) as usize).clamp(*bounds.start(), *bounds.end());
        due -= count as f64;
        taken.extend_from_slice(&subjects[..count]);
    }
    taken
}

impl ViewSource for WithValidation {
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
        self.is_validation[subject]
    }

    fn camera(&self) -> Option<CameraPose> {
        self.inner.camera()
    }

    fn offers(&self) -> Vec<&'static dyn Transformation> {
        self.inner.offers()
    }

    fn views(&self, places: &[Place], count: usize, stream_seed: u64) -> Result<ViewBatch, DataError> {
        self.inner.views(places, count, stream_seed)
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
    use crate::config::Config;
    use crate::registry::Registry;

    /// Training, validation and held-out subjects of two families.
    fn parts(per_family: usize, share: &str, seed: u64) -> [Vec<usize>; 3] {
        let sets = [
            "data.families=[\"mug\", \"cone\"]".into(),
            format!("data.objects_per_family={per_family}"),
            "data.held_out_per_family=3".into(),
            format!("data.validation_share={share}"),
            format!("data.seed={seed}"),
        ];
        let source = Config::resolve(&Registry::default(), None, None, &sets).unwrap().open_data().unwrap();
        let counted = (0..source.subject_count()).filter(|subject| source.is_validation(*subject)).count();
        let validation = source.validation_subjects();
        assert!(counted == validation.len() || (counted == 0 && validation == source.training_subjects()));
        [source.training_subjects(), validation, source.held_out_subjects()]
    }

    #[test]
    fn each_subject_has_one_use() {
        let [training, validation, test] = parts(10, "0.25", 0);
        assert_eq!((training.len(), validation.len(), test.len()), (15, 5, 6));
        let mut all = [training, validation.clone(), test].concat();
        all.sort_unstable();
        assert_eq!(all, (0..26).collect::<Vec<_>>());
        assert_ne!(parts(10, "0.25", 1)[1], validation, "the seed decides");
        assert_eq!(parts(10, "0.25", 0)[1], validation);
    }

    #[test]
    fn the_share_holds_over_all_classes_and_empties_none() {
        assert_eq!(parts(2, "0.25", 0)[1].len(), 1);
        let [training, validation, _] = parts(1, "0.4", 0);
        assert_eq!((training.len(), validation), (2, training.clone()), "training subjects where there are no others");
        let [training, validation, _] = parts(10, "0", 0);
        assert_eq!((training.len(), validation), (20, training.clone()));
    }
}
