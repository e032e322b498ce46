use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use sextant_runtime::preprocess::Visible;

use super::{Kind, OnPixels, OrderedScale, PoseChange, Transformation, Value};

/// Steps from none to most of every scale.
pub(super) const STEPS: u32 = 16;

/// A transformation of finished pictures by an ordered strength. Its value is one number: the share of the most that there
/// is, in [`STEPS`]ths, all as frequent.
pub(super) struct PictureScale {
    pub name: &'static str,
    pub description: &'static str,
    pub pose: PoseChange,
    pub visible: Visible,
    /// Does a strength of so many steps to a picture, as [`OnPixels::apply`].
    pub apply: fn(u32, &mut [u8], usize, &mut Vec<u8>),
}

/// How many steps a strength is.
pub(super) fn step_of(value: &Value) -> u32 {
    (value.numbers()[0] * STEPS as f32).round() as u32
}

impl Transformation for PictureScale {
    fn name(&self) -> &'static str {
        self.name
    }

    fn description(&self) -> &'static str {
        self.description
    }

    fn kind(&self) -> Kind {
        Kind::Scale
    }

    fn on_pixels(&self) -> Option<&dyn OnPixels> {
        Some(self)
    }

    fn scale(&self) -> Option<&dyn OrderedScale> {
        Some(self)
    }

    fn width(&self) -> usize {
        1
    }

    fn write_numbers(&self, value: &Value, numbers: &mut Vec<f32>) {
        numbers.push(self.position(value));
    }
}

impl OnPixels for PictureScale {
    fn draw(&self, rng: &mut ChaCha8Rng) -> Value {
        self.at(rng.random_range(0..=STEPS))
    }

    fn apply(&self, value: &Value, picture: &mut [u8], size: usize, scratch: &mut Vec<u8>) {
        (self.apply)(step_of(value), picture, size, scratch);
    }

    fn visible(&self) -> Visible {
        self.visible
    }

    fn pose(&self) -> PoseChange {
        self.pose
    }
}

impl OrderedScale for PictureScale {
    fn steps(&self) -> u32 {
        STEPS
    }

    fn at(&self, step: u32) -> Value {
        Value::Numbers(vec![step as f32 / STEPS as f32])
    }

    fn position(&self, value: &Value) -> f32 {
        value.numbers()[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transformation::{
        BLUR_SCALE, BRIGHTNESS_SCALE, CROP_SCALE, HORIZONTAL_FLIP, HUE_SCALE, HUES, ROTATION_SCALE,
    };

    const ALL: [&dyn Transformation; 5] = [ROTATION_SCALE, BLUR_SCALE, BRIGHTNESS_SCALE, HUE_SCALE, CROP_SCALE];

    /// Colours that a hue moves, and edges that a blur softens.
    fn coloured(size: usize) -> Vec<u8> {
        (0..size * size).flat_map(|at| [(at * at % 251) as u8, 40, (at * 7 % 127) as u8]).collect()
    }

    fn changed(transformation: &dyn Transformation, step: u32, picture: &[u8], size: usize) -> Vec<u8> {
        let (mut picture, value) = (picture.to_vec(), transformation.scale().unwrap().at(step));
        transformation.on_pixels().unwrap().apply(&value, &mut picture, size, &mut Vec::new());
        picture
    }

    #[test]
    fn every_step_is_farther_from_none_than_the_one_before() {
        let size = 32;
        let picture = coloured(size);
        for transformation in ALL {
            let scale = transformation.scale().unwrap();
            let looks: Vec<Vec<u8>> =
                (0..=scale.steps()).map(|step| changed(transformation, step, &picture, size)).collect();
            for (step, pair) in looks.windows(2).enumerate() {
                assert_ne!(pair[0], pair[1], "{transformation:?}, step {step}");
                let [before, after] = [step as u32, step as u32 + 1].map(|step| scale.position(&scale.at(step)));
                assert!(before < after, "{transformation:?}, step {step}");
            }
            assert_eq!([0, STEPS].map(|step| scale.position(&scale.at(step))), [0.0, 1.0]);
            // All but turns, which are resampled at every angle, leave a picture as it is at none.
            assert_eq!(looks[0] == picture, transformation != ROTATION_SCALE, "{transformation:?}");
        }
    }

    #[test]
    fn pixels_change_as_they_should() {
        let size = 2;
        let picture = [100, 50, 200].repeat(4);
        let cases: [(&dyn Transformation, u32, [u8; 3]); 4] = [
            (BRIGHTNESS_SCALE, 16, [25, 13, 50]),
            (BRIGHTNESS_SCALE, 8, [63, 31, 125]),
            // 260 degrees; half of the circle on.
            (HUE_SCALE, 16, [150, 200, 50]),
            (BLUR_SCALE, 9, [100, 50, 200]),
        ];
        for (transformation, step, expected) in cases {
            assert_eq!(changed(transformation, step, &picture, size), expected.repeat(4), "{transformation:?} {step}");
        }
    }

    #[test]
    fn a_scale_is_told_by_its_quarters_and_neutral_at_none() {
        let of = |share: f32| ROTATION_SCALE.probed_class(&Value::Numbers(vec![share]));
        assert_eq!([0.0, 0.1875, 0.25, 0.5, 0.75, 1.0].map(of), [0, 0, 1, 2, 3, 3]);
        assert_eq!((ROTATION_SCALE.probed_classes(), HORIZONTAL_FLIP.probed_classes()), (Some(4), Some(2)));
        assert_eq!(HORIZONTAL_FLIP.probed_class(&Value::Class(1)), 1);
        let neutral = [ROTATION_SCALE, HORIZONTAL_FLIP, HUES].map(|transformation| transformation.neutral());
        assert_eq!(neutral, [Some(Value::Numbers(vec![0.0])), Some(Value::Class(0)), None]);
        assert_eq!((HUES.probed_classes(), HUES.scale().is_none()), (None, true));
    }
}
