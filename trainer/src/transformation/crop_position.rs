//! Which part of the picture is shown.

use sextant_runtime::preprocess::Visible;

use super::picture_classes::PictureClasses;
use super::pixels::axis::{AxisTaps, resample};
use super::{PoseChange, Transformation};

/// A window of three quarters of the side at one of nine places, enlarged to the whole side: row by row from the top
/// left.
pub const CROP_POSITION: &dyn Transformation = &PictureClasses {
    name: "crop-position",
    description: "enlarges one of nine windows of three quarters of the side",
    count: 9,
    class_name: |class| {
        let [down, across] =
            [["top", "middle", "bottom"][class as usize / 3], ["left", "centre", "right"][class as usize % 3]];
        format!("{down} {across}")
    },
    group: None,
    // The middle of the picture is no longer where the camera looks.
    pose: PoseChange::Lost,
    visible: Visible::Whole,
    apply: |class, picture, size, scratch| {
        let side = (3 * size).div_ceil(4);
        let taps = |place: u32| AxisTaps::bilinear((size - side) * place as usize / 2, side, size);
        resample(picture, size, [&taps(class % 3), &taps(class / 3)], scratch);
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transformation::Value;

    /// Three of four pixels on four: the places in the window are -0.125, 0.625, 1.375 and 2.125, kept within it.
    #[test]
    fn windows_are_enlarged() {
        let picture: Vec<u8> = (0..16).flat_map(|at| [(at % 4 * 80) as u8, (at / 4 * 80) as u8, 9]).collect();
        for (class, across, down) in [(0, 0, 0), (1, 0, 0), (2, 80, 0), (6, 0, 80), (8, 80, 80)] {
            let mut found = picture.clone();
            CROP_POSITION.on_pixels().unwrap().apply(&Value::Class(class), &mut found, 4, &mut Vec::new());
            let along = [0, 50, 110, 160];
            for (at, pixel) in found.as_chunks::<3>().0.iter().enumerate() {
                assert_eq!(*pixel, [along[at % 4] + across, along[at / 4] + down, 9], "class {class}, pixel {at}");
            }
        }
        assert_eq!(CROP_POSITION.class_names()[3..5], ["middle left", "middle centre"]);
    }
}
