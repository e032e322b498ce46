use core::ops::Mul;

/// A rotation as a unit quaternion `w + xi + yj + zk` with `w >= 0`.
///
/// `a_from_b * b_from_c = a_from_c`. Products are brought back to unit length, so errors do not build up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnitQuaternion {
    wxyz: [f32; 4],
}

impl UnitQuaternion {
    /// The rotation that leaves everything where it is.
    pub const IDENTITY: Self = Self { wxyz: [1.0, 0.0, 0.0, 0.0] };

    /// The rotation of four numbers `[w, x, y, z]` of any length but zero; `None` when they have no direction.
    ///
    /// ```
    /// # use sextant_runtime::rotation::UnitQuaternion;
    /// assert_eq!(UnitQuaternion::from_wxyz([-2.0, 0.0, 0.0, 0.0]), Some(UnitQuaternion::IDENTITY));
    /// assert_eq!(UnitQuaternion::from_wxyz([0.0, 0.0, 0.0, f32::NAN]), None);
    /// ```
    pub fn from_wxyz(wxyz: [f32; 4]) -> Option<Self> {
        // The largest entry is divided out first: its square could overflow or vanish.
        let largest = wxyz.iter().fold(0.0f32, |largest, v| largest.max(v.abs()));
        if wxyz.iter().any(|v| !v.is_finite()) || largest == 0.0 {
            return None;
        }
        let scaled = wxyz.map(|v| v / largest);
        let norm = libm::sqrtf(scaled.iter().map(|v| v * v).sum());
        Some(Self { wxyz: canonical_sign(scaled.map(|v| v / norm)) })
    }

    /// The rotation of four numbers that have unit length already.
    pub(super) fn from_unit_wxyz(wxyz: [f32; 4]) -> Self {
        Self { wxyz: canonical_sign(wxyz) }
    }

    /// `[w, x, y, z]`, unit length, `w >= 0`; at `w = 0` the first of x, y, z that is not zero is positive.
    pub fn wxyz(self) -> [f32; 4] {
        self.wxyz
    }

    /// The rotation back.
    ///
    /// ```
    /// # use sextant_runtime::rotation::UnitQuaternion;
    /// let a = UnitQuaternion::from_euler_extrinsic_xyz([0.3, -0.7, 2.0]);
    /// assert_eq!(a.inverse() * a, UnitQuaternion::IDENTITY);
    /// ```
    pub fn inverse(self) -> Self {
        let [w, x, y, z] = self.wxyz;
        Self::from_unit_wxyz([w, -x, -y, -z])
    }

    /// `self^-1 * other`: the body-frame rotation that leads from `self` to `other`.
    ///
    /// ```
    /// # use sextant_runtime::rotation::UnitQuaternion;
    /// let a = UnitQuaternion::from_euler_extrinsic_xyz([0.3, -0.7, 2.0]);
    /// let b = UnitQuaternion::from_euler_extrinsic_xyz([1.0, 0.2, -0.4]);
    /// assert!((a * a.relative_rotation(b)).geodesic_angle_rad(b) < 1e-6);
    /// ```
    pub fn relative_rotation(self, other: Self) -> Self {
        self.inverse() * other
    }

    /// The angle of the rotation between the two, in [0, pi] radians.
    ///
    /// Its error is about 1e-7 at every angle: the arc tangent, unlike the arc cosine, is exact near 0 and pi.
    ///
    /// ```
    /// # use sextant_runtime::rotation::UnitQuaternion;
    /// let turned = UnitQuaternion::from_axis_angle([1.0, 2.0, 3.0], 1e-4);
    /// assert!((turned.geodesic_angle_rad(UnitQuaternion::IDENTITY) - 1e-4).abs() < 1e-10);
    /// ```
    pub fn geodesic_angle_rad(self, other: Self) -> f32 {
        let [w, x, y, z] = self.relative_rotation(other).wxyz;
        2.0 * libm::atan2f(libm::sqrtf(x * x + y * y + z * z), w)
    }

    /// The vector turned.
    pub fn rotate(self, vector: [f32; 3]) -> [f32; 3] {
        self.to_matrix().map(|row| super::vector::dot(row, vector))
    }
}

impl Mul for UnitQuaternion {
    type Output = Self;

    fn mul(self, right: Self) -> Self {
        let [w, x, y, z] = self.wxyz;
        let [rw, rx, ry, rz] = right.wxyz;
        let product = [
            w * rw - x * rx - y * ry - z * rz,
            w * rx + x * rw + y * rz - z * ry,
            w * ry + y * rw + z * rx - x * rz,
            w * rz + z * rw + x * ry - y * rx,
        ];
        // Two unit quaternions have a unit product: the fallback is never taken.
        Self::from_wxyz(product).unwrap_or(Self::IDENTITY)
    }
}

/// The same rotation with `w >= 0`; at `w = 0` the first non-zero of x, y, z is positive.
fn canonical_sign(wxyz: [f32; 4]) -> [f32; 4] {
    match wxyz.iter().find(|v| **v != 0.0) {
        // Adding zero turns a negative zero into a positive one: equal rotations print alike.
        Some(first) if *first < 0.0 => wxyz.map(|v| 0.0 - v),
        _ => wxyz.map(|v| v + 0.0),
    }
}

#[cfg(test)]
mod tests {
    use core::f32::consts::PI;

    use proptest::prelude::*;

    use super::UnitQuaternion;
    use crate::rotation::oracle::{any_rotation, fixed_seed, oracle_of};

    #[test]
    fn four_numbers_of_any_scale_have_a_direction() {
        let half = [0.5, 0.5, -0.5, 0.5];
        for scale in [1e-44f32, 1e-30, 1.0, -1.0, 3e38, -3e38] {
            let rotation = UnitQuaternion::from_wxyz(half.map(|v: f32| v.signum() * scale)).unwrap();
            assert_eq!(rotation.wxyz(), half, "scale {scale}");
        }
        for bad in [[0.0; 4], [-0.0; 4], [f32::NAN; 4], [1.0, f32::NAN, 0.0, 0.0], [f32::INFINITY, 0.0, 0.0, 1.0]] {
            assert_eq!(UnitQuaternion::from_wxyz(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn half_turns_have_one_sign_and_no_negative_zero() {
        for (given, expected) in [
            ([0.0, -1.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]),
            ([-0.0, 0.0, -1.0, 0.0], [0.0, 0.0, 1.0, 0.0]),
            ([0.0, -0.0, 0.0, -1.0], [0.0, 0.0, 0.0, 1.0]),
        ] {
            let wxyz = UnitQuaternion::from_wxyz(given).unwrap().wxyz();
            assert_eq!(wxyz.map(f32::to_bits), expected.map(f32::to_bits), "{given:?}");
            let back = UnitQuaternion::from_wxyz(given).unwrap().inverse().wxyz();
            assert_eq!(back, expected, "a half turn is its own inverse");
        }
    }

    #[test]
    fn geodesic_angle_is_accurate_near_zero_and_pi() {
        let base = UnitQuaternion::from_euler_extrinsic_xyz([0.4, -1.1, 2.3]);
        for angle in [0.0, 1e-6, 1e-5, 1e-3, 0.1, 1.0, PI - 1e-3, PI - 1e-5, PI] {
            let other = base * UnitQuaternion::from_axis_angle([0.2, -0.5, 0.9], angle);
            let error = (base.geodesic_angle_rad(other) - angle).abs();
            assert!(error < 5e-7, "{angle}: error {error}");
        }
    }

    proptest! {
        #![proptest_config(fixed_seed())]

        #[test]
        fn products_and_angles_agree_with_nalgebra(a in any_rotation(), b in any_rotation()) {
            let expected = oracle_of(a) * oracle_of(b);
            prop_assert!(oracle_of(a * b).angle_to(&expected) < 1e-6);
            let angle = oracle_of(a).angle_to(&oracle_of(b));
            prop_assert!((f64::from(a.geodesic_angle_rad(b)) - angle).abs() < 1e-6);
        }

        #[test]
        fn rotations_are_a_group(a in any_rotation(), b in any_rotation(), c in any_rotation()) {
            prop_assert!((a * b * c).geodesic_angle_rad(a * (b * c)) < 2e-6);
            prop_assert!((a * a.inverse()).geodesic_angle_rad(UnitQuaternion::IDENTITY) < 1e-6);
            prop_assert!((a * UnitQuaternion::IDENTITY).geodesic_angle_rad(a) < 1e-6);
            prop_assert!((a * b).inverse().geodesic_angle_rad(b.inverse() * a.inverse()) < 1e-6);
        }

        #[test]
        fn quaternions_stay_unit_and_canonical(a in any_rotation(), b in any_rotation()) {
            let wxyz = (a * b).wxyz();
            let norm: f32 = wxyz.iter().map(|v| v * v).sum();
            prop_assert!((norm - 1.0).abs() < 5e-7 && wxyz[0] >= 0.0);
        }

        #[test]
        fn rotate_agrees_with_nalgebra(a in any_rotation(), v in prop::array::uniform3(-5.0f32..5.0)) {
            let expected = oracle_of(a) * nalgebra::Vector3::from(v.map(f64::from));
            for (ours, theirs) in a.rotate(v).iter().zip(expected.iter()) {
                prop_assert!((f64::from(*ours) - theirs).abs() < 1e-5);
            }
        }
    }
}
