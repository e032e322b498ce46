use std::f32::consts::TAU;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use sextant_runtime::preprocess::Visible;

use super::{Cyclic, Group, Kind, OnPixels, PoseChange, Transformation, Value};

/// A transformation of finished pictures with finite classes, all as frequent.
pub(super) struct PictureClasses {
    pub name: &'static str,
    pub description: &'static str,
    /// How many classes there are.
    pub count: u32,
    pub class_name: fn(u32) -> String,
    /// How the classes compose; `None` where they do not.
    pub group: Option<Cyclic>,
    pub pose: PoseChange,
    pub visible: Visible,
    /// Does a class to a picture, as [`OnPixels::apply`].
    pub apply: fn(u32, &mut [u8], usize, &mut Vec<u8>),
}

/// Names of the classes of what is either done, class 1, or not.
pub(super) fn done_or_not(class: u32) -> String {
    ["no", "yes"][class as usize].into()
}

impl PictureClasses {
    /// Whether the classes are angles of a circle; two lie opposite, where one number tells no more than two.
    fn are_angles(&self) -> bool {
        self.group.is_some_and(|group| group.order > 2)
    }
}

impl Transformation for PictureClasses {
    fn name(&self) -> &'static str {
        self.name
    }

    fn description(&self) -> &'static str {
        self.description
    }

    fn kind(&self) -> Kind {
        Kind::Classes { count: self.count as usize }
    }

    fn class_names(&self) -> Vec<String> {
        (0..self.count).map(self.class_name).collect()
    }

    fn group(&self) -> Option<&dyn Group> {
        self.group.as_ref().map(|group| group as &dyn Group)
    }

    fn on_pixels(&self) -> Option<&dyn OnPixels> {
        Some(self)
    }

    fn width(&self) -> usize {
        if self.are_angles() { 2 } else { self.count as usize }
    }

    /// Cosine and sine of the angle that the class is of a circle; else one for the class and zero for the others.
    fn write_numbers(&self, value: &Value, numbers: &mut Vec<f32>) {
        let class = value.class();
        if self.are_angles() {
            let (sin, cos) = (class as f32 * TAU / self.count as f32).sin_cos();
            numbers.extend([cos, sin]);
        } else {
            numbers.extend((0..self.count).map(|other| if other == class { 1.0 } else { 0.0 }));
        }
    }
}

impl OnPixels for PictureClasses {
    fn draw(&self, rng: &mut ChaCha8Rng) -> Value {
        Value::Class(rng.random_range(0..self.count))
    }

    fn apply(&self, value: &Value, picture: &mut [u8], size: usize, scratch: &mut Vec<u8>) {
        (self.apply)(value.class(), picture, size, scratch);
    }

    fn visible(&self) -> Visible {
        self.visible
    }

    fn pose(&self) -> PoseChange {
        self.pose
    }
}
