//! How much of the picture is shown.

use sextant_runtime::preprocess::Visible;

use super::picture_scale::{PictureScale, STEPS};
use super::pixels::axis::{AxisTaps, resample};
use super::{PoseChange, Transformation};

/// The middle of the picture enlarged, from the whole of its side to half of it.
///
/// Weights are bilinear, so that the whole picture is itself: unlike in [`super::SCALE`], edges are softer, the less is shown.
pub const CROP_SCALE: &dyn Transformation = &PictureScale {
    name: "crop-scale",
    description: "enlarges the middle of the picture: 1 down to 0.5 of its side",
    pose: PoseChange::Kept,
    visible: Visible::Whole,
    apply: |step, picture, size, scratch| {
        if step > 0 {
            let taps = AxisTaps::enlarged_middle(1.0 - 0.5 * f64::from(step) / f64::from(STEPS), size);
            resample(picture, size, [&taps, &taps], scratch);
        }
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_side_is_enlarged_to_the_whole() {
        // Places 0.75, 1.25, 1.75 and 2.25 of a ramp of 80 a pixel.
        let mut picture: Vec<u8> = (0..16).flat_map(|at| [(at % 4 * 80) as u8; 3]).collect();
        let half = CROP_SCALE.scale().unwrap().at(STEPS);
        CROP_SCALE.on_pixels().unwrap().apply(&half, &mut picture, 4, &mut Vec::new());
        let row: Vec<u8> = picture[..12].iter().step_by(3).copied().collect();
        assert_eq!(row, [60, 100, 140, 180]);
    }
}
