use super::UnitQuaternion;
use super::vector::{direction, length};

impl UnitQuaternion {
    /// The rotation by `angle_rad` about `axis` (any length).
    ///
    /// The identity when the axis is zero or any number is not finite.
    ///
    /// ```
    /// # use sextant_runtime::rotation::UnitQuaternion;
    /// let quarter_turn = UnitQuaternion::from_axis_angle([0.0, 0.0, 5.0], core::f32::consts::FRAC_PI_2);
    /// let [x, y, z] = quarter_turn.rotate([1.0, 0.0, 0.0]);
    /// assert!(x.abs() < 1e-6 && (y - 1.0).abs() < 1e-6 && z == 0.0);
    /// ```
    pub fn from_axis_angle(axis: [f32; 3], angle_rad: f32) -> Self {
        let Some(axis) = direction(axis) else { return Self::IDENTITY };
        let (sin, cos) = libm::sincosf(angle_rad / 2.0);
        let [x, y, z] = axis.map(|v| v * sin);
        Self::from_wxyz([cos, x, y, z]).unwrap_or(Self::IDENTITY)
    }

    /// The unit axis and the angle in [0, pi] radians; the axis of the identity is x.
    ///
    /// ```
    /// # use sextant_runtime::rotation::UnitQuaternion;
    /// let (axis, angle_rad) = UnitQuaternion::from_axis_angle([0.0, 2.0, 0.0], -0.5).to_axis_angle();
    /// assert_eq!(axis, [0.0, -1.0, 0.0]);
    /// assert!((angle_rad - 0.5).abs() < 1e-7);
    /// ```
    pub fn to_axis_angle(self) -> ([f32; 3], f32) {
        let [w, x, y, z] = self.wxyz();
        let axis = direction([x, y, z]).unwrap_or([1.0, 0.0, 0.0]);
        (axis, 2.0 * libm::atan2f(length([x, y, z]), w))
    }
}

#[cfg(test)]
mod tests {
    use core::f32::consts::{PI, TAU};

    use proptest::prelude::*;

    use super::UnitQuaternion;
    use crate::rotation::oracle::{any_rotation, fixed_seed, oracle_of};

    #[test]
    fn axis_of_any_scale() {
        let expected = UnitQuaternion::from_axis_angle([0.6, 0.0, 0.8], 1.0);
        for scale in [1e-38, 1e-20, 10.0, 3e38f32] {
            let turned = UnitQuaternion::from_axis_angle([0.6 * scale, 0.0, 0.8 * scale], 1.0);
            assert!(turned.geodesic_angle_rad(expected) < 1e-6, "scale {scale}");
        }
    }

    #[test]
    fn what_names_no_rotation_is_the_identity() {
        for (axis, angle) in [
            ([0.0; 3], 1.0),
            ([f32::NAN, 0.0, 1.0], 1.0),
            ([f32::INFINITY, 0.0, 1.0], 1.0),
            ([1.0, 0.0, 0.0], f32::NAN),
            ([1.0, 0.0, 0.0], f32::INFINITY),
            ([1.0, 0.0, 0.0], 0.0),
        ] {
            assert_eq!(UnitQuaternion::from_axis_angle(axis, angle), UnitQuaternion::IDENTITY, "{axis:?} {angle}");
        }
        assert_eq!(UnitQuaternion::IDENTITY.to_axis_angle(), ([1.0, 0.0, 0.0], 0.0));
    }

    #[test]
    fn whole_turns_and_negative_angles() {
        let axis = [0.0, 0.6, 0.8];
        for (angle, same) in [(TAU, 0.0), (-1.0, TAU - 1.0), (PI, -PI), (3.0 * PI, PI)] {
            let (a, b) = (UnitQuaternion::from_axis_angle(axis, angle), UnitQuaternion::from_axis_angle(axis, same));
            assert!(a.geodesic_angle_rad(b) < 2e-6, "{angle} {same}");
        }
    }

    proptest! {
        #![proptest_config(fixed_seed())]

        #[test]
        fn axis_angle_round_trip(a in any_rotation()) {
            let (axis, angle) = a.to_axis_angle();
            prop_assert!((0.0..=PI).contains(&angle));
            prop_assert!(UnitQuaternion::from_axis_angle(axis, angle).geodesic_angle_rad(a) < 1e-6);
        }

        #[test]
        fn axis_angle_agrees_with_nalgebra(axis in prop::array::uniform3(-3.0f32..3.0), angle in -7.0f32..7.0) {
            prop_assume!(axis.iter().any(|v| v.abs() > 1e-3));
            let unit = nalgebra::Unit::new_normalize(nalgebra::Vector3::from(axis.map(f64::from)));
            let expected = nalgebra::UnitQuaternion::from_axis_angle(&unit, f64::from(angle));
            let ours = oracle_of(UnitQuaternion::from_axis_angle(axis, angle));
            prop_assert!(ours.angle_to(&expected) < 1e-6);
        }
    }
}
