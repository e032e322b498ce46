//! How an action is written down as numbers for a predictor.

use candle_core::{Device, Result, Tensor};

use super::{Action, ROTATION, RotationCode, Transformation};

/// Which transformations a predictor is told of, and how the rotation is written down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// How the rotation is written down; `None` where it is not told.
    pub rotation: Option<RotationCode>,
    /// What is told after it, each with a group.
    pub others: &'static [&'static dyn Transformation],
}

impl Condition {
    /// The canonical quaternion alone: the target of supervised rotation.
    pub const CANONICAL_ROTATION: Self = Self { rotation: Some(RotationCode::CanonicalQuaternion), others: &[] };

    /// The nine entries of the rotation matrix, row by row.
    pub const MATRIX: Self = Self { rotation: Some(RotationCode::Matrix), others: &[] };

    /// What is told, in the order of the numbers.
    pub fn transformations(self) -> impl Iterator<Item = &'static dyn Transformation> {
        self.rotation.map(|_| ROTATION).into_iter().chain(self.others.iter().copied())
    }

    /// How many numbers.
    pub fn width(self) -> usize {
        let others: usize = self.others.iter().map(|transformation| transformation.width()).sum();
        self.rotation.map_or(0, RotationCode::width) + others
    }

    /// An action as numbers: the rotation first, then the others. What the action leaves out is told as the identity.
    pub fn numbers(self, action: &Action) -> Vec<f32> {
        let mut numbers = Vec::with_capacity(self.width());
        if let Some(code) = self.rotation {
            code.write_numbers(action.signed_rotation(), &mut numbers);
        }
        for transformation in self.others {
            match (action.get(*transformation), transformation.group()) {
                (Some(change), _) => transformation.write_numbers(change, &mut numbers),
                (None, Some(group)) => transformation.write_numbers(&group.identity(), &mut numbers),
                (None, None) => unreachable!("{} has no group: no action can be told of it", transformation.name()),
            }
        }
        numbers
    }

    /// Actions as rows `[n, width]`.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn rows(self, actions: &[Action], device: &Device) -> Result<Tensor> {
        let numbers: Vec<f32> = actions.iter().flat_map(|action| self.numbers(action)).collect();
        Tensor::from_vec(numbers, (actions.len(), self.width()), device)
    }
}
