use std::ops::Range;

use super::FeaturesFault;
use crate::pose::Prediction;

/// Both halves of a picture's features; a half that the model does not give is empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Features<'f> {
    /// What does not change when the object turns.
    pub invariant: &'f [f32],
    /// What turns with the object.
    pub equivariant: &'f [f32],
}

/// Which features pictures are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// What does not change when the object turns: pictures of the same thing.
    Invariant,
    /// What turns with the object: pictures that are turned alike.
    Equivariant,
    /// All of them.
    Features,
}

impl<'f> Features<'f> {
    /// Those of a prediction.
    ///
    /// # Errors
    /// When it has none.
    pub fn of(prediction: &'f Prediction) -> Result<Self, FeaturesFault> {
        let [invariant, equivariant] =
            [prediction.invariant(), prediction.equivariant()].map(Option::unwrap_or_default);
        if invariant.is_empty() && equivariant.is_empty() {
            return Err(FeaturesFault::None);
        }
        Ok(Self { invariant, equivariant })
    }

    pub(super) fn widths(&self) -> [usize; 2] {
        [self.invariant.len(), self.equivariant.len()]
    }
}

impl Half {
    /// Where it lies in rows of both halves.
    ///
    /// # Errors
    /// When the rows do not have it.
    pub(super) fn range(self, [invariant, equivariant]: [usize; 2]) -> Result<Range<usize>, FeaturesFault> {
        let range = match self {
            Self::Invariant => 0..invariant,
            Self::Equivariant => invariant..invariant + equivariant,
            Self::Features => 0..invariant + equivariant,
        };
        if range.is_empty() { Err(FeaturesFault::NoHalf) } else { Ok(range) }
    }
}
