use std::f32::consts::PI;
use std::fmt;

use serde::{Deserialize, Serialize};
use sextant_runtime::rotation::UnitQuaternion;

use super::settings::{Range, SceneError};
use crate::scene::vector::Vector3;

/// Azimuth at which x points to the right in the picture.
const AZIMUTH_OF_X_RIGHT_DEG: f32 = -90.0;

/// Where the camera of a scene stands: it looks at the origin of the world, with z up in its picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CameraPose {
    /// Distance from the origin, 0.1 to 1000; default 2.5.
    pub distance: f32,
    /// Angle between the z axis and the direction to the camera, degrees in (0, 180); default 45.
    pub polar_deg: f32,
    /// Angle about z from the x axis to the camera, degrees in [-360, 360]; default -90, on the side of y < 0.
    pub azimuth_deg: f32,
    /// Horizontal field of view, degrees in (0, 170]; default 39.6 (Blender's 50 mm lens on a 36 mm sensor).
    pub fov_deg: f32,
}

impl Default for CameraPose {
    fn default() -> Self {
        Self { distance: 2.5, polar_deg: 45.0, azimuth_deg: AZIMUTH_OF_X_RIGHT_DEG, fov_deg: 39.6 }
    }
}

impl fmt::Display for CameraPose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { distance, polar_deg, azimuth_deg, fov_deg } = self;
        write!(f, "azimuth {azimuth_deg}°, polar angle {polar_deg}°, distance {distance}, field of view {fov_deg}°")
    }
}

impl CameraPose {
    /// The camera of 3DIEBench, which stands on the side of y > 0.
    pub const THREE_DIE_BENCH: Self = Self { distance: 2.5, polar_deg: 45.0, azimuth_deg: 90.0, fov_deg: 39.6 };

    /// The rotation from world coordinates (z up) to OpenCV camera coordinates (x right, y down, z forward).
    ///
    /// `camera_from_object = camera_from_world * world_from_object`.
    ///
    /// ```
    /// # use sextant_trainer::scene::CameraPose;
    /// // On the side of y > 0 the x axis of the world points to the left.
    /// let [x, y, z] = CameraPose::THREE_DIE_BENCH.camera_from_world().rotate([1.0, 0.0, 0.0]);
    /// assert!((x + 1.0).abs() < 1e-6 && y.abs() < 1e-6 && z.abs() < 1e-6);
    /// ```
    pub fn camera_from_world(&self) -> UnitQuaternion {
        let tilt = UnitQuaternion::from_axis_angle([1.0, 0.0, 0.0], PI - self.polar_deg.to_radians());
        match self.turn_deg() {
            // A product is brought back to unit length, which may change its last bits.
            0.0 => tilt,
            turn_deg => tilt * UnitQuaternion::from_axis_angle([0.0, 0.0, 1.0], -turn_deg.to_radians()),
        }
    }

    /// Nothing, when an image can be rendered from there.
    ///
    /// # Errors
    /// Names the first number out of its range.
    pub fn validate(&self) -> Result<(), SceneError> {
        self.ranges().iter().try_for_each(Range::check)
    }

    pub(super) fn ranges(&self) -> [Range; 4] {
        [
            Range::new("camera.distance", self.distance, [0.1, 1000.0], "from 0.1 to 1000"),
            Range::new("camera.polar_deg", self.polar_deg, [0.001, 179.999], "above 0 and below 180"),
            Range::new("camera.azimuth_deg", self.azimuth_deg, [-360.0, 360.0], "from -360 to 360"),
            Range::new("camera.fov_deg", self.fov_deg, [0.1, 170.0], "from 0.1 to 170"),
        ]
    }

    /// A direction or point, given as a camera at the default azimuth has it, turned about z to this one.
    pub(super) fn turned(&self, [x, y, z]: Vector3) -> Vector3 {
        let (sin, cos) = sin_cos_deg(self.turn_deg());
        [x * cos - y * sin, x * sin + y * cos, z]
    }

    fn turn_deg(&self) -> f32 {
        self.azimuth_deg - AZIMUTH_OF_X_RIGHT_DEG
    }
}

/// Sine and cosine, exact at whole quarters of a turn.
fn sin_cos_deg(angle_deg: f32) -> (f32, f32) {
    let quarters = (angle_deg / 90.0).round();
    let (sin, cos) = (angle_deg - 90.0 * quarters).to_radians().sin_cos();
    match (quarters as i32).rem_euclid(4) {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_the_default_azimuth_the_rotation_is_a_tilt_to_the_bit() {
        for polar_deg in [0.5f32, 30.0, 45.0, 60.0, 90.0, 120.0] {
            let pose = CameraPose { polar_deg, ..CameraPose::default() };
            let tilt = UnitQuaternion::from_axis_angle([1.0, 0.0, 0.0], PI - polar_deg.to_radians());
            assert_eq!(pose.camera_from_world().wxyz().map(f32::to_bits), tilt.wxyz().map(f32::to_bits), "{polar_deg}");
        }
    }

    #[test]
    fn the_camera_stands_where_its_angles_say_and_looks_at_the_origin() {
        let half = std::f32::consts::FRAC_1_SQRT_2;
        struct Case {
            azimuth_deg: f32,
            towards: Vector3,
            right: Vector3,
        }
        let cases = [
            Case { azimuth_deg: -90.0, towards: [0.0, -half, half], right: [1.0, 0.0, 0.0] },
            Case { azimuth_deg: 90.0, towards: [0.0, half, half], right: [-1.0, 0.0, 0.0] },
            Case { azimuth_deg: 0.0, towards: [half, 0.0, half], right: [0.0, 1.0, 0.0] },
            Case { azimuth_deg: 180.0, towards: [-half, 0.0, half], right: [0.0, -1.0, 0.0] },
            Case { azimuth_deg: 270.0, towards: [0.0, -half, half], right: [1.0, 0.0, 0.0] },
            Case { azimuth_deg: -45.0, towards: [0.5, -0.5, half], right: [half, half, 0.0] },
        ];
        for Case { azimuth_deg, towards, right } in cases {
            let pose = CameraPose { azimuth_deg, ..CameraPose::default() };
            for (world, camera) in [(towards, [0.0, 0.0, -1.0]), (right, [1.0, 0.0, 0.0])] {
                let seen = pose.camera_from_world().rotate(world);
                assert!(
                    seen.iter().zip(camera).all(|(a, b)| (a - b).abs() < 1e-6),
                    "{azimuth_deg}: {world:?} {seen:?}"
                );
            }
        }
    }

    #[test]
    fn whole_quarters_have_exact_sines() {
        for (angle_deg, expected) in
            [(0.0, (0.0, 1.0)), (90.0, (1.0, 0.0)), (180.0, (0.0, -1.0)), (-90.0, (-1.0, 0.0)), (450.0, (1.0, 0.0))]
        {
            assert_eq!(sin_cos_deg(angle_deg), expected, "{angle_deg}");
        }
        let (sin, cos) = sin_cos_deg(217.0);
        assert!((sin - 217f32.to_radians().sin()).abs() < 1e-6 && (cos - 217f32.to_radians().cos()).abs() < 1e-6);
    }

    #[test]
    fn poses_out_of_range_are_named() {
        type Break = fn(&mut CameraPose);
        let cases: [(&str, Break); 5] = [
            ("camera.distance", |pose| pose.distance = 0.0),
            ("camera.polar_deg", |pose| pose.polar_deg = 180.0),
            ("camera.azimuth_deg", |pose| pose.azimuth_deg = 361.0),
            ("camera.azimuth_deg", |pose| pose.azimuth_deg = f32::NAN),
            ("camera.fov_deg", |pose| pose.fov_deg = 171.0),
        ];
        assert_eq!(CameraPose::THREE_DIE_BENCH.validate(), Ok(()));
        for (setting, breaks) in cases {
            let mut pose = CameraPose::default();
            breaks(&mut pose);
            assert_eq!(pose.validate().map_err(|error| error.setting), Err(setting));
        }
    }
}
