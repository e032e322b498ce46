//! Mirrors.

use sextant_runtime::preprocess::Visible;

use super::picture_classes::{PictureClasses, done_or_not};
use super::pixels::mirror::{mirror_left_right, mirror_up_down};
use super::{Cyclic, PoseChange, Transformation};

/// Left and right change places in class 1.
pub const HORIZONTAL_FLIP: &dyn Transformation = &PictureClasses {
    name: "horizontal-flip",
    description: "mirrors left and right",
    apply: |class, picture, size, _| {
        if class == 1 {
            mirror_left_right(picture, size);
        }
    },
    ..FLIP
};

/// Top and bottom change places in class 1.
pub const VERTICAL_FLIP: &dyn Transformation = &PictureClasses {
    name: "vertical-flip",
    description: "mirrors top and bottom",
    apply: |class, picture, size, _| {
        if class == 1 {
            mirror_up_down(picture, size);
        }
    },
    ..FLIP
};

const FLIP: PictureClasses = PictureClasses {
    name: "",
    description: "",
    count: 2,
    class_name: done_or_not,
    group: Some(Cyclic { order: 2 }),
    // No turn makes a mirror image.
    pose: PoseChange::Lost,
    visible: Visible::Whole,
    apply: |_, _, _, _| {},
};
