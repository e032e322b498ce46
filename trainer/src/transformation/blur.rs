//! How sharp the picture is.

use sextant_runtime::preprocess::Visible;

use super::picture_classes::PictureClasses;
use super::picture_scale::{PictureScale, STEPS};
use super::pixels::axis::{AxisTaps, resample};
use super::{PoseChange, Transformation};

/// Gaussian blur with kernels of 5, 9 or 15 pixels a side, or none: classes 1 to 3, and 0.
pub const BLUR: &dyn Transformation = &PictureClasses {
    name: "blur",
    description: "blurs with a Gaussian kernel of 5, 9 or 15 pixels, or not at all",
    count: KERNELS.len() as u32,
    class_name: |class| match KERNELS[class as usize] {
        1 => "none".into(),
        side => format!("{side} px"),
    },
    group: None,
    pose: PoseChange::Kept,
    visible: Visible::Whole,
    apply: |class, picture, size, scratch| {
        let side = KERNELS[class as usize];
        if side > 1 {
            let taps = AxisTaps::gaussian(side, sigma(side), size);
            resample(picture, size, [&taps, &taps], scratch);
        }
    },
};

/// Gaussian blur by none, or by standard deviations of 0.5 to 3 pixels in even steps.
pub const BLUR_SCALE: &dyn Transformation = &PictureScale {
    name: "blur-scale",
    description: "blurs by a Gaussian of up to 3 pixels",
    pose: PoseChange::Kept,
    visible: Visible::Whole,
    apply: |step, picture, size, scratch| {
        if step > 0 {
            let sigma = 0.5 + 2.5 * f64::from(step - 1) / f64::from(STEPS - 1);
            // Beyond three standard deviations less than a part of 255 is left.
            let taps = AxisTaps::gaussian(2 * (3.0 * sigma).ceil() as usize + 1, sigma, size);
            resample(picture, size, [&taps, &taps], scratch);
        }
    },
};

/// Pixels along a side of each class's kernel.
const KERNELS: [usize; 4] = [1, 5, 9, 15];

/// Standard deviation in pixels of a kernel whose side alone is given, as torchvision and OpenCV have it: 1.1, 1.7, 2.6.
fn sigma(side: usize) -> f64 {
    0.3 * ((side - 1) as f64 * 0.5 - 1.0) + 0.8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transformation::Value;

    fn blurred(class: u32, picture: &[u8], size: usize) -> Vec<u8> {
        let mut picture = picture.to_vec();
        BLUR.on_pixels().unwrap().apply(&Value::Class(class), &mut picture, size, &mut Vec::new());
        picture
    }

    #[test]
    fn standard_deviations_follow_the_kernels() {
        for (side, expected) in [(5, 1.1), (9, 1.7), (15, 2.6)] {
            assert!((sigma(side) - expected).abs() < 1e-12, "{side}");
        }
    }

    #[test]
    fn a_bright_column_becomes_the_kernel() {
        // exp(-x^2 / 2.42) for x = 0, 1, 2, over their sum: 0.3696, 0.2445, 0.0708.
        let size = 7;
        let bright: Vec<u8> = (0..size * size).flat_map(|at| [if at % size == 3 { 200 } else { 0 }; 3]).collect();
        let row: Vec<u8> = blurred(1, &bright, size)[..size * 3].iter().step_by(3).copied().collect();
        assert_eq!(row, [0, 14, 49, 74, 49, 14, 0]);
        assert_eq!(blurred(0, &bright, size), bright);
    }

    #[test]
    fn kernels_larger_than_the_picture_reflect_at_its_edges() {
        for size in 1..6 {
            let flat = vec![77; size * size * 3];
            assert_eq!(blurred(3, &flat, size), flat, "{size} px");
        }
        // Two columns reflect into each other for ever: half of the weights fall on each, but for the kernel's middle.
        let row: Vec<u8> = blurred(3, &[0, 0, 0, 255, 255, 255].repeat(2), 2)[..6].iter().step_by(3).copied().collect();
        assert!(row[0].abs_diff(127) <= 1 && row[1].abs_diff(128) <= 1, "{row:?}");
    }
}
