//! Turns of the picture in its plane by multiples of 90 degrees.

use std::f32::consts::FRAC_PI_2;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use sextant_runtime::rotation::UnitQuaternion;

use super::{Cyclic, Group, Kind, OnPixels, PoseChange, Transformation, Value};

/// Counter-clockwise turns by 0, 90, 180 or 270 degrees: classes 0 to 3. No pixel is lost or interpolated.
pub const QUARTER_TURNS: &dyn Transformation = &QuarterTurns;

const FOLDS: u32 = 4;
const GROUP: Cyclic = Cyclic { order: FOLDS };

struct QuarterTurns;

impl Transformation for QuarterTurns {
    fn name(&self) -> &'static str {
        "quarter-turns"
    }

    fn description(&self) -> &'static str {
        "turns the picture counter-clockwise by 0, 90, 180 or 270 degrees"
    }

    fn kind(&self) -> Kind {
        Kind::Classes { count: FOLDS as usize }
    }

    fn class_names(&self) -> Vec<String> {
        (0..FOLDS).map(|turns| format!("{}°", turns * 90)).collect()
    }

    fn group(&self) -> Option<&dyn Group> {
        Some(&GROUP)
    }

    fn on_pixels(&self) -> Option<&dyn OnPixels> {
        Some(self)
    }

    fn width(&self) -> usize {
        2
    }

    /// Cosine and sine of the angle.
    fn write_numbers(&self, value: &Value, numbers: &mut Vec<f32>) {
        numbers.extend([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]][value.class() as usize]);
    }
}

impl OnPixels for QuarterTurns {
    fn draw(&self, rng: &mut ChaCha8Rng) -> Value {
        Value::Class(rng.random_range(0..FOLDS))
    }

    fn apply(&self, value: &Value, picture: &mut [u8], size: usize, scratch: &mut Vec<u8>) {
        if value.class() == 0 {
            return;
        }
        scratch.clear();
        scratch.extend_from_slice(picture);
        quarter_turned(value.class(), scratch, picture, size);
    }

    fn pose(&self) -> PoseChange {
        PoseChange::Turned(|value| rolled_camera(value.class() as f32 * FRAC_PI_2))
    }
}

/// The turn of the camera that turns its picture counter-clockwise: with y down, a negative one about the direction of
/// sight.
pub(super) fn rolled_camera(angle_rad: f32) -> UnitQuaternion {
    UnitQuaternion::from_axis_angle([0.0, 0.0, 1.0], -angle_rad)
}

/// Writes a picture turned counter-clockwise by a number of quarter turns.
///
/// # Shapes
/// Both pictures are `[size, size, 3]`.
pub fn quarter_turned(turns: u32, picture: &[u8], turned: &mut [u8], size: usize) {
    let last = size.saturating_sub(1);
    let (pixels, turned) = (picture.as_chunks::<3>().0, turned.as_chunks_mut::<3>().0);
    for (row, turned) in turned.chunks_exact_mut(size.max(1)).enumerate() {
        for (column, pixel) in turned.iter_mut().enumerate() {
            // Where the pixel came from: a turn takes the right edge to the top.
            let (from_row, from_column) = match turns % FOLDS {
                0 => (row, column),
                1 => (column, last - row),
                2 => (last - row, last - column),
                _ => (last - column, row),
            };
            *pixel = pixels[from_row * size + from_column];
        }
    }
}
