use std::fmt::{self, Debug};

use rand_chacha::ChaCha8Rng;
use sextant_runtime::preprocess::Visible;
use sextant_runtime::rotation::UnitQuaternion;

use super::Value;

/// One thing that can differ between two views of one subject.
///
/// The parameters of a view are a [`Value`]; which form of it, is for the transformation to say, and its own functions
/// are given no other.
pub trait Transformation: Send + Sync {
    /// Its name in configurations and messages, such as `quarter-turns`.
    fn name(&self) -> &'static str;

    /// What it does to a view, in one line without a full stop.
    fn description(&self) -> &'static str;

    /// What kind of parameters it has.
    fn kind(&self) -> Kind;

    /// What its classes are called, in their order, such as `90°`; none where it has no finite classes.
    fn class_names(&self) -> Vec<String> {
        (0..self.kind().classes().unwrap_or(0)).map(|class| class.to_string()).collect()
    }

    /// How parameters compose; `None` where nothing leads from one view to another.
    fn group(&self) -> Option<&dyn Group> {
        None
    }

    /// How it is drawn and done to a finished picture; `None` where the source does it as it makes the picture.
    fn on_pixels(&self) -> Option<&dyn OnPixels> {
        None
    }

    /// On which ordered scale its parameters lie; `None` where no strength is between two others.
    fn scale(&self) -> Option<&dyn OrderedScale> {
        None
    }

    /// How many numbers [`Self::write_numbers`] adds.
    fn width(&self) -> usize;

    /// Adds parameters, or what leads from one view's to another's, as the numbers that a predictor is told and a head
    /// is asked for.
    fn write_numbers(&self, value: &Value, numbers: &mut Vec<f32>);
}

/// What kind of parameters a transformation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An element of a continuous group, such as a rotation in space.
    GroupElement,
    /// One of finitely many classes; the value is a [`Value::Class`] below `count`.
    Classes {
        /// How many.
        count: usize,
    },
    /// A strength: a larger number is more of the same, such as blur.
    Scale,
    /// Numbers without more structure, such as the edges of a crop.
    Numbers,
}

impl Kind {
    /// How many classes there are, where they are finitely many.
    pub fn classes(self) -> Option<usize> {
        match self {
            Self::Classes { count } => Some(count),
            Self::GroupElement | Self::Scale | Self::Numbers => None,
        }
    }
}

/// Parameters that compose: `between(a, c)` is `between(a, b)` and then `between(b, c)`, each has an inverse, and the
/// identity changes nothing.
pub trait Group: Send + Sync {
    /// What leads from a view to itself.
    fn identity(&self) -> Value;

    /// What leads from one view's parameters to another's.
    fn between(&self, from: &Value, to: &Value) -> Value;

    /// One change and then another, in one.
    fn then(&self, first: &Value, next: &Value) -> Value;

    /// The way back.
    fn inverse(&self, change: &Value) -> Value;
}

/// A transformation of finished pictures.
pub trait OnPixels: Send + Sync {
    /// Parameters for one view; a function of what `rng` gives.
    fn draw(&self, rng: &mut ChaCha8Rng) -> Value;

    /// Changes a picture `[size, size, 3]` of sRGB bytes. `scratch` may hold anything before and after; its memory is used
    /// again for the next picture.
    fn apply(&self, value: &Value, picture: &mut [u8], size: usize, scratch: &mut Vec<u8>);

    /// How much of a changed picture holds something. A network that learns from it is shown no more of any picture.
    fn visible(&self) -> Visible {
        Visible::Whole
    }

    /// What becomes of the pose that is known of a picture.
    fn pose(&self) -> PoseChange {
        PoseChange::Kept
    }
}

/// What becomes of the pose that is known of a picture, when the finished picture is changed.
#[derive(Clone, Copy, Debug)]
pub enum PoseChange {
    /// The subject looks turned as before.
    Kept,
    /// It looks as a turned camera would have seen it. The function gives that turn, `changed_camera_from_camera`, with x
    /// right, y down and z forward.
    Turned(fn(&Value) -> UnitQuaternion),
    /// Some changed pictures look as no turn of the camera makes them, as after a mirror: the pose is known of no view.
    Lost,
}

/// Strengths in an order: of two the later one is more of the same.
pub trait OrderedScale: Send + Sync {
    /// Steps that lead from none to most.
    fn steps(&self) -> u32;

    /// The parameters after so many steps, from 0, which is none, to [`Self::steps`].
    fn at(&self, step: u32) -> Value;

    /// Where parameters lie, from 0 for none to 1 for most.
    fn position(&self, value: &Value) -> f32;

    /// So many strengths from none to most, or as many as there are, in their order.
    fn at_even_distances(&self, count: u32) -> Vec<Value> {
        let count = count.clamp(2, self.steps() + 1);
        let last = count - 1;
        (0..count).map(|at| self.at((at * self.steps() + last / 2) / last)).collect()
    }
}

/// Parts of an ordered scale that a classifier is asked for.
const QUARTERS: usize = 4;

impl dyn Transformation + '_ {
    /// The parameters that stand for a picture without it: none of an ordered scale, or the first class. `None` where there
    /// are neither.
    pub fn neutral(&self) -> Option<Value> {
        match self.scale() {
            Some(scale) => Some(scale.at(0)),
            None => self.kind().classes().map(|_| Value::Class(0)),
        }
    }

    /// In how many classes a probe is asked for its parameters: its own, or the quarters of its scale. `None` where there are
    /// neither.
    pub fn probed_classes(&self) -> Option<usize> {
        self.kind().classes().or(self.scale().map(|_| QUARTERS))
    }

    /// Which of those classes parameters belong to.
    pub fn probed_class(&self, value: &Value) -> u32 {
        match (self.kind().classes(), self.scale()) {
            (None, Some(scale)) => ((scale.position(value) * QUARTERS as f32) as u32).min(QUARTERS as u32 - 1),
            _ => value.class(),
        }
    }
}

impl Debug for dyn Transformation + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Two transformations of one name are one.
impl PartialEq for dyn Transformation + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}
