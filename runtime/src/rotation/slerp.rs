use super::UnitQuaternion;

impl UnitQuaternion {
    /// The rotation on the shortest way from `self` (`fraction` 0) to `other` (1), at constant angular speed.
    ///
    /// Outside [0, 1] the way goes on. Between two rotations half a turn apart both ways are equally short; the one
    /// about the canonical axis of `self^-1 * other` is taken. A fraction that is not finite gives `self`.
    ///
    /// ```
    /// # use sextant_runtime::rotation::UnitQuaternion;
    /// let (a, b) = (UnitQuaternion::IDENTITY, UnitQuaternion::from_axis_angle([0.0, 1.0, 0.0], 1.0));
    /// let expected = UnitQuaternion::from_axis_angle([0.0, 1.0, 0.0], 0.25);
    /// assert!(a.slerp(b, 0.25).geodesic_angle_rad(expected) < 1e-6);
    /// ```
    pub fn slerp(self, other: Self, fraction: f32) -> Self {
        let (axis, angle_rad) = self.relative_rotation(other).to_axis_angle();
        self * Self::from_axis_angle(axis, fraction * angle_rad)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::UnitQuaternion;
    use crate::rotation::oracle::{any_rotation, fixed_seed, oracle_of};

    #[test]
    fn equal_ends_stay_and_bad_fractions_give_the_start() {
        let a = UnitQuaternion::from_euler_extrinsic_xyz([0.4, 0.5, 0.6]);
        assert!(a.slerp(a, 0.3).geodesic_angle_rad(a) < 1e-6);
        for fraction in [f32::NAN, f32::INFINITY] {
            assert!(a.slerp(UnitQuaternion::IDENTITY, fraction).geodesic_angle_rad(a) < 1e-6);
        }
    }

    #[test]
    fn half_a_turn_apart_is_halved() {
        let half_turn = UnitQuaternion::from_wxyz([0.0, 0.0, 1.0, 0.0]).unwrap();
        let quarter = UnitQuaternion::IDENTITY.slerp(half_turn, 0.5);
        assert!(quarter.geodesic_angle_rad((quarter * quarter).inverse() * quarter) > 1.0);
        assert!((quarter * quarter).geodesic_angle_rad(half_turn) < 1e-6);
    }

    proptest! {
        #![proptest_config(fixed_seed())]

        #[test]
        fn angle_grows_evenly(a in any_rotation(), b in any_rotation(), fraction in 0.0f32..=1.0) {
            let between = a.slerp(b, fraction);
            let whole = a.geodesic_angle_rad(b);
            prop_assert!((a.geodesic_angle_rad(between) - fraction * whole).abs() < 2e-6);
            prop_assert!((between.geodesic_angle_rad(b) - (1.0 - fraction) * whole).abs() < 2e-6);
        }

        #[test]
        fn slerp_agrees_with_nalgebra(a in any_rotation(), b in any_rotation(), fraction in 0.0f32..=1.0) {
            // Half a turn apart, nalgebra may take the other of the two shortest ways.
            prop_assume!(a.geodesic_angle_rad(b) < 3.1);
            let Some(expected) = oracle_of(a).try_slerp(&oracle_of(b), f64::from(fraction), 1e-12) else { return Ok(()) };
            prop_assert!(oracle_of(a.slerp(b, fraction)).angle_to(&expected) < 2e-6);
        }
    }
}
