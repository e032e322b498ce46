//! Colours or their negatives.

use sextant_runtime::preprocess::Visible;

use super::picture_classes::{PictureClasses, done_or_not};
use super::{Cyclic, PoseChange, Transformation};

/// A negative in class 1: 255 less each byte.
pub const INVERSION: &dyn Transformation = &PictureClasses {
    name: "inversion",
    description: "makes a negative: 255 less each byte",
    count: 2,
    class_name: done_or_not,
    group: Some(Cyclic { order: 2 }),
    pose: PoseChange::Kept,
    visible: Visible::Whole,
    apply: |class, picture, _, _| {
        if class == 1 {
            picture.iter_mut().for_each(|byte| *byte = !*byte);
        }
    },
};
