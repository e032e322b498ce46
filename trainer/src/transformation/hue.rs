//! Which colours the picture has.

use sextant_runtime::preprocess::Visible;

use super::picture_classes::PictureClasses;
use super::picture_scale::{PictureScale, STEPS};
use super::pixels::hue::shift_hue;
use super::{Cyclic, PoseChange, Transformation};

/// The hue of every pixel moved on by 0, 90, 180 or 270 degrees of the circle of hues; value and saturation stay.
pub const HUE: &dyn Transformation = &PictureClasses {
    name: "hue",
    description: "moves the hue of every pixel on by 0, 90, 180 or 270 degrees of the circle of hues",
    count: QUARTERS,
    class_name: |class| format!("{}°", class * 90),
    group: Some(Cyclic { order: QUARTERS }),
    pose: PoseChange::Kept,
    visible: Visible::Whole,
    apply: |class, picture, _, _| {
        if class > 0 {
            shift_hue(picture, class as f32 / QUARTERS as f32);
        }
    },
};

/// The hue of every pixel moved on by 0 to 180 degrees of the circle of hues: up to half of it, a larger angle is more.
pub const HUE_SCALE: &dyn Transformation = &PictureScale {
    name: "hue-scale",
    description: "moves the hue of every pixel on by 0 to 180 degrees of the circle of hues",
    pose: PoseChange::Kept,
    visible: Visible::Whole,
    apply: |step, picture, _, _| {
        if step > 0 {
            shift_hue(picture, 0.5 * step as f32 / STEPS as f32);
        }
    },
};

const QUARTERS: u32 = 4;
