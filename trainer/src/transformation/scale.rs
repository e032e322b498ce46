//! How large the subject is in the picture.

use sextant_runtime::preprocess::Visible;

use super::picture_classes::PictureClasses;
use super::pixels::axis::{AxisTaps, resample};
use super::{PoseChange, Transformation};

/// The middle of the picture enlarged: classes 0 to 3 show 1, 0.84, 0.71 and 0.59 of its side.
///
/// The weights are as wide in pixels of the result for every class, so that edges are as soft in each. Noise of single
/// pixels is averaged less, the less of the picture is shown: that much the resampling still says of the class.
pub const SCALE: &dyn Transformation = &PictureClasses {
    name: "scale",
    description: "enlarges the middle of the picture: 1, 0.84, 0.71 or 0.59 of its side",
    count: SHOWN.len() as u32,
    class_name: |class| format!("{:.2}", SHOWN[class as usize]),
    group: None,
    pose: PoseChange::Kept,
    visible: Visible::Whole,
    apply: |class, picture, size, scratch| {
        let shown = SHOWN[class as usize];
        let taps = AxisTaps::spline(shown, shown / SHOWN[SHOWN.len() - 1], size);
        resample(picture, size, [&taps, &taps], scratch);
    },
};

/// Share of the side that each class shows: each is the one before over the fourth root of 2.
const SHOWN: [f64; 4] = [1.0, 0.840_896_415_253_714_5, std::f64::consts::FRAC_1_SQRT_2, 0.594_603_557_501_360_5];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transformation::Value;

    fn scaled(class: u32, picture: &[u8], size: usize) -> Vec<u8> {
        let mut picture = picture.to_vec();
        SCALE.on_pixels().unwrap().apply(&Value::Class(class), &mut picture, size, &mut Vec::new());
        picture
    }

    /// A ramp stays a ramp under weights whose mean is the place that they stand for.
    #[test]
    fn ramps_get_flatter_about_the_middle() {
        let size = 33;
        let ramp: Vec<u8> = (0..size * size).flat_map(|at| [(at % size * 7) as u8; 3]).collect();
        for (class, shown) in SHOWN.iter().enumerate() {
            let found = scaled(class as u32, &ramp, size);
            for column in 8..25 {
                let expected = (16.0 + (column as f64 - 16.0) * shown) * 7.0;
                let value = f64::from(found[(16 * size + column) * 3]);
                assert!((value - expected).abs() <= 1.1, "class {class}, column {column}: {value}, not {expected}");
            }
        }
    }

    #[test]
    fn an_edge_is_as_soft_in_every_class() {
        let size = 32;
        let edge: Vec<u8> = (0..size * size).flat_map(|at| [if at % size < 16 { 0 } else { 240 }; 3]).collect();
        let first = scaled(0, &edge, size);
        for class in 1..4 {
            for (found, expected) in scaled(class, &edge, size).iter().zip(&first) {
                assert!(found.abs_diff(*expected) <= 8, "class {class}: {found}, not {expected}");
            }
        }
    }
}
