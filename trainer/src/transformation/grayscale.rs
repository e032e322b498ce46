//! Colour or none.

use sextant_runtime::preprocess::Visible;

use super::picture_classes::{PictureClasses, done_or_not};
use super::pixels::colour::turn_grey;
use super::{PoseChange, Transformation};

/// Grey in class 1: 0.299 red + 0.587 green + 0.114 blue in each channel.
pub const GRAYSCALE: &dyn Transformation = &PictureClasses {
    name: "grayscale",
    description: "takes the colours away",
    count: 2,
    class_name: done_or_not,
    // What is grey does not get its colours back.
    group: None,
    pose: PoseChange::Kept,
    visible: Visible::Whole,
    apply: |class, picture, _, _| {
        if class == 1 {
            turn_grey(picture);
        }
    },
};
