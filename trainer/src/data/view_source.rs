use sextant_runtime::rotation::SymmetryGroup;

use super::{DataError, ViewBatch};
use crate::scene::CameraPose;
use crate::transformation::Transformation;

/// A place in a batch, which decides what is drawn there, and the subject that is shown at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Position in the whole batch, of which one of several processes makes a part.
    pub position: usize,
    /// Index of the subject in its source.
    pub subject: usize,
}

impl Place {
    /// A whole batch: each subject at its position in the list.
    pub fn all(subjects: &[usize]) -> Vec<Self> {
        subjects.iter().enumerate().map(|(position, &subject)| Self { position, subject }).collect()
    }
}

/// A set of subjects of which any number of views can be had.
pub trait ViewSource: Send + Sync {
    /// Rows and columns of an image.
    fn image_size(&self) -> usize;

    /// Names of the classes, indexed by label; none where nothing is known of classes, and every label is 0.
    fn class_names(&self) -> &[String];

    /// Number of all subjects, held out or not.
    fn subject_count(&self) -> usize;

    /// Stable name of a subject, `CLASS/NAME`.
    fn subject_id(&self, subject: usize) -> String;

    /// Class of a subject.
    fn label(&self, subject: usize) -> usize;

    /// Rotations that leave the look of a subject unchanged; `None` of them when unknown.
    fn symmetry(&self, subject: usize) -> SymmetryGroup;

    /// Whether a subject is kept out of training.
    fn is_held_out(&self, subject: usize) -> bool;

    /// Whether a subject is neither trained on nor measured, but compares checkpoints and settings.
    fn is_validation(&self, _subject: usize) -> bool {
        false
    }

    /// Where the camera stood that made the images; `None` when unknown. A model says it of itself, since its answers are
    /// meant for such a camera.
    fn camera(&self) -> Option<CameraPose>;

    /// What differs between views of a subject and is known of each.
    fn offers(&self) -> Vec<&'static dyn Transformation>;

    /// `count` views of the subject at each place, with what was done to them; a pure function of `stream_seed` and the
    /// place, and fewer views are the first of more.
    ///
    /// Views of one subject differ as long as there are different ones; beyond [`Self::view_count`] they come again.
    ///
    /// # Errors
    /// When the files behind the source cannot be read or are broken.
    fn views(&self, places: &[Place], count: usize, stream_seed: u64) -> Result<ViewBatch, DataError>;

    /// How many views of a subject there are; `None` where every view is new.
    fn view_count(&self, _subject: usize) -> Option<usize> {
        None
    }

    /// What had to be left out or guessed, such as textures that are not there, and what the split leaves unmeasured.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Indices of the subjects to train on, ascending.
    fn training_subjects(&self) -> Vec<usize> {
        (0..self.subject_count())
            .filter(|&subject| !self.is_held_out(subject) && !self.is_validation(subject))
            .collect()
    }

    /// Indices of the subjects to choose by, ascending: those kept for it, or those trained on where none is, and then in new
    /// views where there are some.
    fn validation_subjects(&self) -> Vec<usize> {
        let kept: Vec<usize> = (0..self.subject_count()).filter(|&subject| self.is_validation(subject)).collect();
        if kept.is_empty() { self.training_subjects() } else { kept }
    }

    /// Indices of the subjects to measure on, ascending: those kept out of training, or all where none is, as in a folder
    /// with a single mesh of each class.
    fn held_out_subjects(&self) -> Vec<usize> {
        let held_out: Vec<usize> = (0..self.subject_count()).filter(|&subject| self.is_held_out(subject)).collect();
        if held_out.is_empty() { (0..self.subject_count()).collect() } else { held_out }
    }
}
