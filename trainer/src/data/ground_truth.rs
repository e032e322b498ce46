use super::ViewSource;
use crate::transformation::ROTATION;

/// What is known of every image of a data set beside what it shows: what heads and probes can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroundTruth {
    /// How many classes there are; 0 where nothing is known of classes.
    pub classes: usize,
    /// Whether it is known how the camera sees each subject turned.
    pub rotations: bool,
}

impl GroundTruth {
    /// Of the views of a source.
    pub fn of(source: &dyn ViewSource) -> Self {
        Self { classes: source.class_names().len(), rotations: source.offers().contains(&ROTATION) }
    }

    /// Classes and rotations, as all rendered images have.
    pub fn posed(classes: usize) -> Self {
        Self { classes, rotations: true }
    }
}
