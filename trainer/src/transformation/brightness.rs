//! How bright the picture is.

use sextant_runtime::preprocess::Visible;

use super::picture_classes::PictureClasses;
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

/// Each is the one before over the square root of 2.
const FACTORS: [f32; 4] = [1.0, std::f32::consts::FRAC_1_SQRT_2, 0.5, std::f32::consts::FRAC_1_SQRT_2 / 2.0];
