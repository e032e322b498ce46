//! Turns of the picture in its plane by whole parts of a circle.

use std::f32::consts::TAU;

use sextant_runtime::preprocess::Visible;
use sextant_runtime::rotation::UnitQuaternion;

use super::picture_classes::PictureClasses;
use super::picture_scale::{PictureScale, STEPS, step_of};
use super::pixels::turn::{PARTS, turn_by_parts};
use super::quarter_turns::rolled_camera;
use super::{Cyclic, PoseChange, Transformation, Value};

/// Counter-clockwise turns by multiples of 90 degrees, resampled and shown as those of finer ones are.
pub const ROTATIONS_4: &dyn Transformation =
    &turns::<4>("rotations-4", "turns the picture counter-clockwise by multiples of 90 degrees, in a circle");

/// Counter-clockwise turns by multiples of 45 degrees.
pub const ROTATIONS_8: &dyn Transformation =
    &turns::<8>("rotations-8", "turns the picture counter-clockwise by multiples of 45 degrees, in a circle");

/// Counter-clockwise turns by multiples of 22.5 degrees.
pub const ROTATIONS_16: &dyn Transformation =
    &turns::<16>("rotations-16", "turns the picture counter-clockwise by multiples of 22.5 degrees, in a circle");

/// Counter-clockwise turns by multiples of 11.25 degrees.
pub const ROTATIONS_32: &dyn Transformation =
    &turns::<32>("rotations-32", "turns the picture counter-clockwise by multiples of 11.25 degrees, in a circle");

/// Counter-clockwise turns by 0 to 180 degrees in steps of 11.25, as [`ROTATIONS_32`]: of an angle up to half of the circle, a
/// larger one is more.
pub const ROTATION_SCALE: &dyn Transformation = &PictureScale {
    name: "rotation-scale",
    description: "turns the picture counter-clockwise by 0 to 180 degrees, in a circle",
    pose: PoseChange::Turned(|value| rolled_camera(scale_parts(step_of(value)) as f32 * TAU / PARTS as f32)),
    visible: Visible::Circle,
    apply: |step, picture, size, _| turn_in_circle(scale_parts(step), picture, size),
};

/// Turns by whole parts of a circle of `FOLDS`. Every class is resampled alike and shown in a circle, so that neither blur
/// nor corners tell the angle.
const fn turns<const FOLDS: u32>(name: &'static str, description: &'static str) -> PictureClasses {
    PictureClasses {
        name,
        description,
        count: FOLDS,
        class_name: |class| format!("{}°", f64::from(class) * 360.0 / f64::from(FOLDS)),
        group: Some(Cyclic { order: FOLDS }),
        pose: PoseChange::Turned(camera_turn::<FOLDS>),
        visible: Visible::Circle,
        apply: |class, picture, size, _| turn_in_circle(class * (PARTS / FOLDS), picture, size),
    }
}

/// Parts of a circle that a step of [`ROTATION_SCALE`] turns by: the last step is half of the circle.
const fn scale_parts(step: u32) -> u32 {
    step * (PARTS / 2 / STEPS)
}

fn turn_in_circle(parts: u32, picture: &mut [u8], size: usize) {
    turn_by_parts(parts, picture, size);
    Visible::Circle.apply(picture, size);
}

fn camera_turn<const FOLDS: u32>(value: &Value) -> UnitQuaternion {
    rolled_camera(value.class() as f32 * TAU / FOLDS as f32)
}
