use super::SymmetryGroup;
use super::distance::{Split, inner_product};
use crate::rotation::UnitQuaternion;
use crate::rotation::vector::dot;

impl SymmetryGroup {
    /// Of the poses that look like `pose`, the one nearest to `answer`.
    ///
    /// `pose * g` with the `g` of the group for which `angle(pose * g, answer)` is `self.distance_rad(pose, answer)`.
    ///
    /// ```
    /// # use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};
    /// let table = SymmetryGroup::cyclic([0.0, 0.0, 1.0], 4).unwrap();
    /// let turn = |degrees: f32| UnitQuaternion::from_axis_angle([0.0, 0.0, 1.0], degrees.to_radians());
    /// assert!(table.nearest_equivalent(turn(0.0), turn(80.0)).geodesic_angle_rad(turn(90.0)) < 1e-6);
    /// ```
    pub fn nearest_equivalent(self, pose: UnitQuaternion, answer: UnitQuaternion) -> UnitQuaternion {
        let relative = pose.relative_rotation(answer);
        let nearest = match self {
            Self::None => UnitQuaternion::IDENTITY,
            Self::Full => relative,
            Self::Continuous { axis } => Split::new(relative, axis).nearest_turn(),
            Self::ContinuousDihedral { axis } => {
                let split = Split::new(relative, axis);
                if split.across > split.along { split.nearest_half_turn() } else { split.nearest_turn() }
            }
            _ => self.nearest_element(relative),
        };
        pose * nearest
    }

    /// The element of a finite group that is nearest to a rotation.
    pub(super) fn nearest_element(self, rotation: UnitQuaternion) -> UnitQuaternion {
        let mut nearest = (UnitQuaternion::IDENTITY, -1.0);
        for element in self.elements().into_iter().flatten() {
            let closeness = inner_product(element, rotation).abs();
            if closeness > nearest.1 {
                nearest = (element, closeness);
            }
        }
        nearest.0
    }
}

impl Split {
    /// The turn about the axis that is nearest; the identity when all are equally near.
    fn nearest_turn(&self) -> UnitQuaternion {
        let [cos, sin] = self.turn;
        let [x, y, z] = self.axis.map(|n| n * sin);
        UnitQuaternion::from_wxyz([cos, x, y, z]).unwrap_or(UnitQuaternion::IDENTITY)
    }

    /// The half turn perpendicular to the axis that is nearest; the identity when all are equally near.
    fn nearest_half_turn(&self) -> UnitQuaternion {
        let along = dot(self.axis, self.vector);
        let [x, y, z] = core::array::from_fn(|i| self.vector[i] - along * self.axis[i]);
        UnitQuaternion::from_wxyz([0.0, x, y, z]).unwrap_or(UnitQuaternion::IDENTITY)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::any_group;
    use crate::rotation::oracle::any_rotation;

    proptest! {
        #[test]
        fn the_nearest_equivalent_is_at_the_symmetric_distance(
            group in any_group(), pose in any_rotation(), answer in any_rotation(),
        ) {
            let nearest = group.nearest_equivalent(pose, answer);
            prop_assert!(group.distance_rad(pose, nearest) < 2e-6);
            prop_assert!((nearest.geodesic_angle_rad(answer) - group.distance_rad(pose, answer)).abs() < 5e-6);
        }
    }
}
