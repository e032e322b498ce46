//! What can differ between two views of one subject: one file for each [`Transformation`], and one line of
//! [`TRANSFORMATIONS`].
//!
//! A view source notes in [`Parameters`] what it did to each view. The [`Action`] that leads from one view to another is
//! made of those whose parameters form a group; a [`Condition`] tells it to a predictor as numbers. A head is asked for
//! the parameters of one view.

mod action;
mod condition;
mod cyclic;
mod definition;
mod hues;
mod parameters;
mod quarter_turns;
mod rotation;
mod value;

pub use action::Action;
pub use condition::Condition;
pub use cyclic::Cyclic;
pub use definition::{Group, Kind, OnPixels, Transformation};
pub use hues::HUES;
pub use parameters::Parameters;
pub use quarter_turns::{QUARTER_TURNS, quarter_turned};
pub use rotation::{ROTATION, RotationCode};
pub use value::{SignedRotation, Value};

/// Every transformation that the built-in view sources know.
pub const TRANSFORMATIONS: &[&dyn Transformation] = &[ROTATION, HUES, QUARTER_TURNS];

/// The transformation of that name.
pub fn find(name: &str) -> Option<&'static dyn Transformation> {
    TRANSFORMATIONS.iter().copied().find(|transformation| transformation.name() == name)
}

/// Names of the transformations that are done to finished pictures: what `data.transformations` may list.
pub fn names_on_pixels() -> Vec<&'static str> {
    let on_pixels = TRANSFORMATIONS.iter().filter(|transformation| transformation.on_pixels().is_some());
    on_pixels.map(|transformation| transformation.name()).collect()
}

/// Names of the transformations with finite classes: what a classifier can be asked for.
pub fn names_with_classes() -> Vec<&'static str> {
    let finite = TRANSFORMATIONS.iter().filter(|transformation| transformation.kind().classes().is_some());
    finite.map(|transformation| transformation.name()).collect()
}

#[cfg(test)]
mod tests;
