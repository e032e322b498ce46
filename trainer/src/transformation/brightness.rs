//! How bright the picture is.

use sextant_runtime::preprocess::Visible;

use super::picture_classes::PictureClasses;
use super::picture_scale::{PictureScale, STEPS};
use super::pixels::colour::{Factor, brighten};
use super::{PoseChange, Transformation};

/// Bytes times 1, 0.71, 0.5 or 0.35: classes 0 to 3. No class clips.
pub const BRIGHTNESS: &dyn Transformation = &PictureClasses {
    name: "brightness",
    description: "darkens: bytes times 1, 0.71, 0.5 or 0.35",
    count: FACTORS.len() as u32,
    class_name: |class| format!("{:.2}", FACTORS[class as usize]),
    group: None,
    pose: PoseChange::Kept,
    visible: Visible::Whole,
    apply: |class, picture, _, _| brighten(picture, Factor::new(FACTORS[class as usize])),
};

/// Bytes times 1 down to 0.25, in even steps.
pub const BRIGHTNESS_SCALE: &dyn Transformation = &PictureScale {
    name: "brightness-scale",
    description: "darkens: bytes times 1 down to 0.25",
    pose: PoseChange::Kept,
    visible: Visible::Whole,
    apply: |step, picture, _, _| brighten(picture, Factor::new(1.0 - 0.75 * step as f32 / STEPS as f32)),
};

/// Each is the one before over the square root of 2.
const FACTORS: [f32; 4] = [1.0, std::f32::consts::FRAC_1_SQRT_2, 0.5, std::f32::consts::FRAC_1_SQRT_2 / 2.0];
