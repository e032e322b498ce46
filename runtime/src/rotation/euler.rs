use core::f32::consts::{FRAC_PI_2, PI, TAU};

use super::UnitQuaternion;

/// Below this length of a sum or difference pair its angle is noise: y is then within 1e-6 of ±pi/2.
const GIMBAL_LOCK: f32 = 1e-6;

impl UnitQuaternion {
    /// The rotation about the fixed axes x, then y, then z (scipy's `"xyz"`): `Rz * Ry * Rx`.
    ///
    /// ```
    /// # use sextant_runtime::rotation::UnitQuaternion;
    /// let about = UnitQuaternion::from_axis_angle;
    /// let composed = about([0.0, 0.0, 1.0], 0.3) * about([0.0, 1.0, 0.0], 0.2) * about([1.0, 0.0, 0.0], 0.1);
    /// assert!(UnitQuaternion::from_euler_extrinsic_xyz([0.1, 0.2, 0.3]).geodesic_angle_rad(composed) < 1e-6);
    /// ```
    pub fn from_euler_extrinsic_xyz(angles_rad: [f32; 3]) -> Self {
        let [x, y, z] = angles_rad;
        Self::from_axis_angle([0.0, 0.0, 1.0], z)
            * Self::from_axis_angle([0.0, 1.0, 0.0], y)
            * Self::from_axis_angle([1.0, 0.0, 0.0], x)
    }

    /// The angles about the fixed axes x, then y, then z, in [-pi, pi], [-pi/2, pi/2], [-pi, pi] radians.
    ///
    /// In gimbal lock (y at ±pi/2) only z - x or z + x is determined: x is then 0.
    ///
    /// ```
    /// # use sextant_runtime::rotation::UnitQuaternion;
    /// let angles_rad = [0.5, core::f32::consts::FRAC_PI_2, 0.75];
    /// let [x, y, z] = UnitQuaternion::from_euler_extrinsic_xyz(angles_rad).to_euler_extrinsic_xyz();
    /// assert!(x == 0.0 && (y - angles_rad[1]).abs() < 1e-6 && (z - 0.25).abs() < 1e-6);
    /// ```
    // With half angles, q = qz qy qx multiplies out to
    //     w + y = (cos y/2 + sin y/2) cos (z-x)/2        w - y = (cos y/2 - sin y/2) cos (z+x)/2
    //     z - x = (cos y/2 + sin y/2) sin (z-x)/2        z + x = (cos y/2 - sin y/2) sin (z+x)/2
    // (left sides: components; right sides: angles), and cos ± sin = sqrt 2 times sine and cosine of y/2 + pi/4.
    // No arc sine: y keeps its precision at ±pi/2 (Bernardes and Viollet, PLoS ONE 17(11), 2022).
    pub fn to_euler_extrinsic_xyz(self) -> [f32; 3] {
        let [w, x, y, z] = self.wxyz();
        let (difference_length, sum_length) = (libm::hypotf(w + y, z - x), libm::hypotf(w - y, z + x));
        let mut half_difference = libm::atan2f(z - x, w + y);
        let mut half_sum = libm::atan2f(z + x, w - y);
        if sum_length < GIMBAL_LOCK {
            half_sum = half_difference;
        } else if difference_length < GIMBAL_LOCK {
            half_difference = half_sum;
        }
        let about_y = 2.0 * libm::atan2f(difference_length, sum_length) - FRAC_PI_2;
        [wrapped(half_sum - half_difference), about_y, wrapped(half_sum + half_difference)]
    }
}

/// An angle of [-2 pi, 2 pi] brought into [-pi, pi].
fn wrapped(angle_rad: f32) -> f32 {
    if angle_rad > PI {
        angle_rad - TAU
    } else if angle_rad < -PI {
        angle_rad + TAU
    } else {
        angle_rad
    }
}

#[cfg(test)]
mod tests {
    use core::f32::consts::{FRAC_PI_2, FRAC_PI_4, PI};

    use proptest::prelude::*;

    use super::UnitQuaternion;
    use crate::rotation::oracle::{any_rotation, fixed_seed, oracle_of};

    #[test]
    fn angles_of_known_rotations() {
        struct Case {
            given: [f32; 3],
            expected: [f32; 3],
        }
        for Case { given, expected } in [
            Case { given: [0.0; 3], expected: [0.0; 3] },
            Case { given: [0.1, -0.2, 3.0], expected: [0.1, -0.2, 3.0] },
            Case { given: [-3.0, 1.5, -3.0], expected: [-3.0, 1.5, -3.0] },
            // Beyond y = pi/2 the other two angles take over.
            Case { given: [0.0, FRAC_PI_2 + 0.5, 0.0], expected: [-PI, FRAC_PI_2 - 0.5, -PI] },
            Case { given: [1.0, FRAC_PI_2, 0.0], expected: [0.0, FRAC_PI_2, -1.0] },
            Case { given: [1.0, -FRAC_PI_2, 0.25], expected: [0.0, -FRAC_PI_2, 1.25] },
            Case { given: [-2.0, -FRAC_PI_2, -2.0], expected: [0.0, -FRAC_PI_2, 2.0 * PI - 4.0] },
            Case { given: [FRAC_PI_4, FRAC_PI_2, FRAC_PI_4], expected: [0.0, FRAC_PI_2, 0.0] },
        ] {
            let angles = UnitQuaternion::from_euler_extrinsic_xyz(given).to_euler_extrinsic_xyz();
            for (ours, theirs) in angles.iter().zip(expected) {
                // -pi and pi are the same angle.
                let error = (ours - theirs).abs().min((ours.abs() + theirs.abs() - 2.0 * PI).abs());
                assert!(error < 2e-6, "{given:?}: {angles:?} is not {expected:?}");
            }
        }
    }

    #[test]
    fn round_trip_stays_precise_close_to_gimbal_lock() {
        for offset in [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 0.0] {
            for sign in [-1.0, 1.0] {
                let rotation = UnitQuaternion::from_euler_extrinsic_xyz([0.7, sign * (FRAC_PI_2 - offset), -1.9]);
                let back = UnitQuaternion::from_euler_extrinsic_xyz(rotation.to_euler_extrinsic_xyz());
                let error = back.geodesic_angle_rad(rotation);
                assert!(error < 3e-6, "{offset}: {error}");
            }
        }
    }

    proptest! {
        #![proptest_config(fixed_seed())]

        #[test]
        fn euler_round_trip_within_range(a in any_rotation()) {
            let [x, y, z] = a.to_euler_extrinsic_xyz();
            prop_assert!(x.abs() <= PI && y.abs() <= FRAC_PI_2 && z.abs() <= PI);
            prop_assert!(UnitQuaternion::from_euler_extrinsic_xyz([x, y, z]).geodesic_angle_rad(a) < 3e-6);
        }

        #[test]
        fn euler_agrees_with_nalgebra(angles in prop::array::uniform3(-3.0f32..3.0)) {
            let [x, y, z] = angles.map(f64::from);
            let expected = nalgebra::UnitQuaternion::from_euler_angles(x, y, z);
            let ours = UnitQuaternion::from_euler_extrinsic_xyz(angles);
            prop_assert!(oracle_of(ours).angle_to(&expected) < 1e-6);
            let (x, y, z) = oracle_of(ours).euler_angles();
            prop_assume!(y.abs() < 1.5);
            for (ours, theirs) in ours.to_euler_extrinsic_xyz().iter().zip([x, y, z]) {
                let turns = (f64::from(*ours) - theirs) / std::f64::consts::TAU;
                prop_assert!((turns - turns.round()).abs() < 2e-6);
            }
        }
    }
}
