//! What can differ between two views of one subject: one file for each [`Transformation`], and one line of
//! [`TRANSFORMATIONS`].
//!
//! A view source notes in [`Parameters`] what it did to each view. The [`Action`] that leads from one view to another is
//! made of those whose parameters form a group; a [`Condition`] tells it to a predictor as numbers. A head is asked for
//! the parameters of one view.

mod action;
mod augmentation;
mod blur;
mod brightness;
mod condition;
mod crop_position;
mod crop_scale;
mod cyclic;
mod definition;
mod flips;
mod grayscale;
mod hue;
mod hues;
mod inversion;
mod jigsaw;
mod parameters;
mod picture_classes;
mod picture_scale;
mod pixels;
mod quarter_turns;
mod rotation;
mod scale;
mod turns;
mod value;

use crate::options::{Entries, Named};

pub use action::Action;
pub use augmentation::Augmentation;
pub use blur::{BLUR, BLUR_SCALE};
pub use brightness::{BRIGHTNESS, BRIGHTNESS_SCALE};
pub use condition::Condition;
pub use crop_position::CROP_POSITION;
pub use crop_scale::CROP_SCALE;
pub use cyclic::Cyclic;
pub use definition::{Group, Kind, OnPixels, OrderedScale, PoseChange, Transformation};
pub use flips::{HORIZONTAL_FLIP, VERTICAL_FLIP};
pub use grayscale::GRAYSCALE;
pub use hue::{HUE, HUE_SCALE};
pub use hues::HUES;
pub use inversion::INVERSION;
pub use jigsaw::{JIGSAW, JIGSAW_APART};
pub use parameters::Parameters;
pub use pixels::turn::{PARTS, turn_by_parts};
pub use quarter_turns::{QUARTER_TURNS, quarter_turned};
pub use rotation::{ROTATION, RotationCode};
pub use scale::SCALE;
pub use turns::{ROTATION_SCALE, ROTATIONS_4, ROTATIONS_8, ROTATIONS_16, ROTATIONS_32};
pub use value::{SignedRotation, Value};

/// Every transformation of this project.
pub const TRANSFORMATIONS: [&dyn Transformation; 23] = [
    ROTATION,
    HUES,
    QUARTER_TURNS,
    ROTATIONS_4,
    ROTATIONS_8,
    ROTATIONS_16,
    ROTATIONS_32,
    HORIZONTAL_FLIP,
    VERTICAL_FLIP,
    JIGSAW,
    JIGSAW_APART,
    CROP_POSITION,
    SCALE,
    BLUR,
    GRAYSCALE,
    INVERSION,
    BRIGHTNESS,
    HUE,
    ROTATION_SCALE,
    BLUR_SCALE,
    BRIGHTNESS_SCALE,
    HUE_SCALE,
    CROP_SCALE,
];

/// The transformations that a configuration can name: ours and those of other crates.
pub type Transformations = Entries<&'static dyn Transformation>;

impl Named for &'static dyn Transformation {
    fn name(&self) -> &'static str {
        Transformation::name(*self)
    }
}

impl Transformations {
    /// Names of those that are done to finished pictures: what `data.transformations` may list.
    pub fn names_on_pixels(&self) -> Vec<&'static str> {
        self.names_where(|transformation| transformation.on_pixels().is_some())
    }

    /// Names of those with finite classes: what a classifier can be asked for.
    pub fn names_with_classes(&self) -> Vec<&'static str> {
        self.names_where(|transformation| transformation.kind().classes().is_some())
    }

    /// Names of those of finished pictures with an ordered scale: what a method can be asked to keep in order.
    pub fn names_with_scale(&self) -> Vec<&'static str> {
        self.names_where(|transformation| transformation.on_pixels().is_some() && transformation.scale().is_some())
    }

    fn names_where(&self, is_wanted: impl Fn(&dyn Transformation) -> bool) -> Vec<&'static str> {
        self.iter().filter(|entry| is_wanted(**entry)).map(Named::name).collect()
    }
}

#[cfg(test)]
mod tests;
