use core::f32::consts::TAU;

use super::UnitQuaternion;

impl UnitQuaternion {
    /// The uniformly distributed rotation of three numbers that are uniform in [0, 1).
    ///
    /// Shoemake, "Uniform random rotations", Graphics Gems III, 1992. The first number is clamped to [0, 1]; numbers
    /// that are not finite give the identity.
    ///
    /// ```
    /// # use sextant_runtime::rotation::UnitQuaternion;
    /// assert_eq!(UnitQuaternion::uniform([1.0, 0.0, 0.0]), UnitQuaternion::IDENTITY);
    /// ```
    pub fn uniform(u: [f32; 3]) -> Self {
        let [split, first, second] = u;
        let split = split.clamp(0.0, 1.0);
        let (outer, inner) = (libm::sqrtf(1.0 - split), libm::sqrtf(split));
        let (sin_first, cos_first) = libm::sincosf(TAU * first);
        let (sin_second, cos_second) = libm::sincosf(TAU * second);
        Self::from_wxyz([inner * cos_second, outer * sin_first, outer * cos_first, inner * sin_second])
            .unwrap_or(Self::IDENTITY)
    }
}

#[cfg(test)]
mod tests {
    use core::f64::consts::PI;

    use super::UnitQuaternion;

    /// The rotations of `count` evenly spread points of the unit cube (the additive recurrence of Roberts' R3).
    fn spread(count: u32) -> impl Iterator<Item = UnitQuaternion> {
        // Powers of the reciprocal of the root of x^4 = x + 1.
        let steps = [0.819_172_513_396_164_4_f64, 0.671_043_606_703_789_1, 0.549_700_477_901_970_3];
        (0..count).map(move |i| UnitQuaternion::uniform(steps.map(|step| (f64::from(i) * step + 0.5).fract() as f32)))
    }

    #[test]
    fn angles_follow_the_density_of_so3() {
        // P(angle <= t) = (t - sin t) / pi.
        let angles: Vec<f64> =
            spread(50_000).map(|r| f64::from(r.geodesic_angle_rad(UnitQuaternion::IDENTITY))).collect();
        for t in [0.5, 1.0, 1.5, 2.0, 2.5, 3.0] {
            let share = angles.iter().filter(|a| **a <= t).count() as f64 / angles.len() as f64;
            let expected = (t - t.sin()) / PI;
            assert!((share - expected).abs() < 0.002, "{t}: {share} is not {expected}");
        }
    }

    #[test]
    fn matrices_average_to_zero() {
        let mut mean = [[0.0f64; 3]; 3];
        for rotation in spread(50_000) {
            for (sums, row) in mean.iter_mut().zip(rotation.to_matrix()) {
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += f64::from(value) / 50_000.0;
                }
            }
        }
        assert!(mean.as_flattened().iter().all(|v| v.abs() < 2e-3), "{mean:?}");
    }

    #[test]
    fn numbers_out_of_range_still_give_a_rotation() {
        for u in [[-0.5, 0.2, 0.3], [2.0, 0.2, 0.3], [0.5, 7.0, -3.0]] {
            let norm: f32 = UnitQuaternion::uniform(u).wxyz().iter().map(|v| v * v).sum();
            assert!((norm - 1.0).abs() < 1e-6, "{u:?}");
        }
        for u in [[f32::NAN, 0.0, 0.0], [0.5, f32::INFINITY, 0.0]] {
            assert_eq!(UnitQuaternion::uniform(u), UnitQuaternion::IDENTITY, "{u:?}");
        }
    }
}
