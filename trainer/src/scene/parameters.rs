use std::f32::consts::{FRAC_PI_4, TAU};

use rand::{Rng, RngExt};
use serde::{Deserialize, Deserializer, Serialize, de};
use sextant_runtime::rotation::UnitQuaternion;

use crate::transformation::Parameters;

/// What varies between two images of one object: exactly the seven latents of 3DIEBench.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SceneParameters {
    /// Extrinsic xyz Euler angles of the object, radians (`rotX, rotY, rotZ`).
    pub euler_xyz_rad: [f32; 3],
    /// Hue of the floor, in [0, 1].
    pub floor_hue: f32,
    /// Polar angle of the spot light, radians in [0, pi/4].
    pub light_theta_rad: f32,
    /// Azimuth of the spot light, radians in [0, 2 pi].
    pub light_phi_rad: f32,
    /// Hue of the spot light, in [0, 1].
    pub light_hue: f32,
}

/// How objects are turned. Reading one from a file checks its limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum RotationSampling {
    /// Each extrinsic xyz Euler angle uniform in ±`limit_deg` (3DIEBench: 90).
    Euler {
        /// Largest angle about each axis, in (0, 180].
        #[serde(deserialize_with = "checked_limit_deg")]
        limit_deg: f32,
    },
    /// Uniform on SO(3) among the rotations within `limit_deg` of the upright pose (180: all of SO(3)).
    Uniform {
        /// Largest geodesic angle, in (0, 180].
        #[serde(deserialize_with = "checked_limit_deg")]
        limit_deg: f32,
    },
}

/// A limit of rotations that is not in (0, 180] degrees.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("limit_deg is {limit_deg}; it must be more than 0 and at most 180 degrees")]
pub struct RotationLimitError {
    /// The limit that was asked for.
    pub limit_deg: f32,
}

impl RotationSampling {
    /// Nothing, when rotations can be drawn so.
    ///
    /// # Errors
    /// When the limit is not in (0, 180] degrees.
    pub fn validate(self) -> Result<(), RotationLimitError> {
        let (Self::Euler { limit_deg } | Self::Uniform { limit_deg }) = self;
        if limit_deg > 0.0 && limit_deg <= 180.0 { Ok(()) } else { Err(RotationLimitError { limit_deg }) }
    }

    /// Draws extrinsic xyz Euler angles, radians.
    ///
    /// # Panics
    /// When [`Self::validate`] refuses.
    pub fn sample_euler_xyz_rad(self, rng: &mut impl Rng) -> [f32; 3] {
        self.validate().expect("limits of rotations are checked where they are read");
        match self {
            Self::Euler { limit_deg } => {
                let limit_rad = limit_deg.to_radians();
                [(); 3].map(|()| rng.random_range(-limit_rad..=limit_rad))
            }
            Self::Uniform { limit_deg } => uniform_within(limit_deg.to_radians(), rng).to_euler_extrinsic_xyz(),
        }
    }
}

fn checked_limit_deg<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    let limit_deg = f32::deserialize(deserializer)?;
    RotationSampling::Uniform { limit_deg }.validate().map_err(de::Error::custom)?;
    Ok(limit_deg)
}

/// A rotation drawn uniformly on SO(3) among those by at most `limit_rad`.
///
/// The angle t of a uniform rotation has density (1 - cos t) / pi, and a rotation vector uniform in a ball has t².
/// Their quotient is (sin(t/2) / (t/2))² up to a factor, at most 1: so a vector is drawn and kept with that
/// probability, which is 1 for tiny limits and 6 / pi² (1.6 draws) on average for all of SO(3).
fn uniform_within(limit_rad: f32, rng: &mut impl Rng) -> UnitQuaternion {
    loop {
        let angle_rad = limit_rad * rng.random::<f32>().cbrt();
        let axis = uniform_direction(rng);
        let half_rad = angle_rad / 2.0;
        let kept = if half_rad > 0.0 { (half_rad.sin() / half_rad).powi(2) } else { 1.0 };
        if rng.random::<f32>() <= kept {
            return UnitQuaternion::from_axis_angle(axis, angle_rad);
        }
    }
}

/// A unit vector uniform on the sphere: height and longitude are uniform (Archimedes).
fn uniform_direction(rng: &mut impl Rng) -> [f32; 3] {
    let height: f32 = rng.random_range(-1.0..=1.0);
    let (sin, cos) = rng.random_range(0.0..TAU).sin_cos();
    let radius = (1.0 - height * height).sqrt();
    [radius * cos, radius * sin, height]
}

impl Default for RotationSampling {
    fn default() -> Self {
        Self::Euler { limit_deg: 90.0 }
    }
}

impl SceneParameters {
    /// Draws one scene as 3DIEBench does, with the object turned as `rotation` says.
    ///
    /// # Panics
    /// When [`RotationSampling::validate`] refuses `rotation`.
    pub fn sample(rng: &mut impl Rng, rotation: RotationSampling) -> Self {
        Self {
            euler_xyz_rad: rotation.sample_euler_xyz_rad(rng),
            floor_hue: rng.random(),
            light_theta_rad: rng.random_range(0.0..=FRAC_PI_4),
            light_phi_rad: rng.random_range(0.0..=TAU),
            light_hue: rng.random(),
        }
    }

    /// The rotation that takes object coordinates to world coordinates.
    pub fn world_from_object(&self) -> UnitQuaternion {
        UnitQuaternion::from_euler_extrinsic_xyz(self.euler_xyz_rad)
    }

    /// What this is of a view's transformations: how the object is turned, and the hues. Where the light stands is told to
    /// nobody.
    pub fn transformations(&self) -> Parameters {
        Parameters::NONE.with_rotation(self.world_from_object()).with_hues([self.floor_hue, self.light_hue])
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::{RotationLimitError, RotationSampling, SceneParameters, UnitQuaternion};

    const SAMPLES: usize = 20_000;

    fn angles_rad(sampling: RotationSampling) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut angle = || {
            let euler = sampling.sample_euler_xyz_rad(&mut rng);
            UnitQuaternion::from_euler_extrinsic_xyz(euler).geodesic_angle_rad(UnitQuaternion::IDENTITY)
        };
        (0..SAMPLES).map(|_| f64::from(angle())).collect()
    }

    /// t - sin t, without cancellation for small t.
    fn cumulative(t: f64) -> f64 {
        if t < 0.01 { t.powi(3) / 6.0 } else { t - t.sin() }
    }

    #[test]
    fn uniform_angles_follow_the_density_of_so3() {
        for limit_deg in [1e-2, 1.0, 30.0, 90.0, 150.0, 180.0f32] {
            let angles = angles_rad(RotationSampling::Uniform { limit_deg });
            let limit_rad = f64::from(limit_deg.to_radians());
            assert!(angles.iter().all(|t| *t <= limit_rad * (1.0 + 1e-5) + 1e-6), "{limit_deg}");
            for share_of_limit in [0.3, 0.5, 0.7, 0.9] {
                let t = share_of_limit * limit_rad;
                let share = angles.iter().filter(|a| **a <= t).count() as f64 / SAMPLES as f64;
                let expected = cumulative(t) / cumulative(limit_rad);
                // Four standard deviations.
                let tolerance = 4.0 * (expected * (1.0 - expected) / SAMPLES as f64).sqrt();
                assert!((share - expected).abs() < tolerance + 1e-3, "{limit_deg} {t}: {share} is not {expected}");
            }
        }
    }

    #[test]
    fn uniform_rotations_have_no_preferred_direction() {
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        for limit_deg in [40.0, 180.0] {
            let mut mean = [0.0f64; 3];
            for _ in 0..SAMPLES {
                let euler = RotationSampling::Uniform { limit_deg }.sample_euler_xyz_rad(&mut rng);
                let (axis, _) = UnitQuaternion::from_euler_extrinsic_xyz(euler).to_axis_angle();
                for (sum, value) in mean.iter_mut().zip(axis) {
                    *sum += f64::from(value) / SAMPLES as f64;
                }
            }
            // A component of a uniform unit vector has standard deviation 1 / sqrt 3.
            let tolerance = 4.0 / (3.0 * SAMPLES as f64).sqrt();
            assert!(mean.iter().all(|v| v.abs() < tolerance), "{limit_deg}: {mean:?}");
        }
    }

    #[test]
    fn the_whole_of_so3_differs_from_euler_angles() {
        let beyond = |sampling| angles_rad(sampling).iter().filter(|t| **t > 0.75 * PI).count();
        let uniform = beyond(RotationSampling::Uniform { limit_deg: 180.0 });
        assert!(uniform > 5 * beyond(RotationSampling::Euler { limit_deg: 90.0 }));
    }

    #[test]
    fn euler_angles_fill_their_range() {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let limit_rad = 20f32.to_radians();
        let mut largest = [0.0f32; 3];
        for _ in 0..2000 {
            let scene = SceneParameters::sample(&mut rng, RotationSampling::Euler { limit_deg: 20.0 });
            for (largest, angle) in largest.iter_mut().zip(scene.euler_xyz_rad) {
                *largest = largest.max(angle.abs());
            }
        }
        assert!(largest.iter().all(|a| *a <= limit_rad && *a > 0.99 * limit_rad), "{largest:?}");
    }

    #[test]
    fn equal_seeds_draw_equal_scenes() {
        for rotation in [RotationSampling::default(), RotationSampling::Uniform { limit_deg: 180.0 }] {
            let draw = || SceneParameters::sample(&mut ChaCha8Rng::seed_from_u64(3), rotation);
            assert_eq!(draw(), draw());
        }
    }

    #[test]
    fn limits_are_checked() {
        for limit_deg in [f32::MIN_POSITIVE, 1e-3, 90.0, 180.0] {
            assert_eq!(RotationSampling::Euler { limit_deg }.validate(), Ok(()));
            assert_eq!(RotationSampling::Uniform { limit_deg }.validate(), Ok(()));
        }
        for limit_deg in [0.0, -0.0, -1.0, 180.1, f32::INFINITY] {
            assert_eq!(RotationSampling::Euler { limit_deg }.validate(), Err(RotationLimitError { limit_deg }));
            assert_eq!(RotationSampling::Uniform { limit_deg }.validate(), Err(RotationLimitError { limit_deg }));
        }
        assert!(RotationSampling::Uniform { limit_deg: f32::NAN }.validate().is_err());
    }

    #[test]
    fn reading_checks_the_limit() {
        for sampling in [RotationSampling::Euler { limit_deg: 45.0 }, RotationSampling::Uniform { limit_deg: 180.0 }] {
            let text = toml::to_string(&sampling).unwrap();
            assert_eq!(toml::from_str::<RotationSampling>(&text), Ok(sampling), "{text}");
        }
        for limit in ["0", "-5.0", "181", "nan", "inf"] {
            let error = toml::from_str::<RotationSampling>(&format!("kind = \"uniform\"\nlimit_deg = {limit}"));
            let message = error.unwrap_err().to_string();
            assert!(message.contains("at most 180 degrees"), "{limit}: {message}");
        }
    }
}
