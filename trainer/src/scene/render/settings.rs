use serde::{Deserialize, Serialize};
use sextant_runtime::rotation::UnitQuaternion;

/// What all images of a data set have in common; the defaults are 3DIEBench's scene at 64 pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SceneSettings {
    /// Width and height of the images in pixels, 1 to 2048; default 64.
    pub image_size: usize,
    /// Samples along each side of a pixel, 1 to 4; default 2.
    pub supersampling: usize,
    /// Whether the sun and the spot light cast shadows; default true.
    pub shadows: bool,
    /// Width and height of the spot light's shadow map (the sun's is half as wide), 16 to 2048; default 128.
    pub shadow_map_size: usize,
    /// Distance of the camera from the origin, at which it looks; default 2.5.
    pub camera_distance: f32,
    /// Angle between the camera and the z axis, in (0, 180); default 45.
    pub camera_polar_deg: f32,
    /// Horizontal field of view, in (0, 170]; default 39.6 (Blender's 50 mm lens on a 36 mm sensor).
    pub camera_fov_deg: f32,
    /// Irradiance of the sun, which stands straight above, in W/m²; default 1.5.
    pub sun_energy: f32,
    /// Power of the spot light in watts; default 500.
    pub spot_power_w: f32,
    /// Full opening angle of the spot light's cone, in (0, 170]; default 22.5.
    pub spot_cone_deg: f32,
    /// Distance of the spot light from the origin; default 4.
    pub spot_distance: f32,
    /// Radiance of the surroundings from above the horizon, which is also the background; default 0.05 each.
    pub background_linear_rgb: [f32; 3],
    /// Factor on all light before it is encoded as sRGB; default 1.
    pub exposure: f32,
}

impl Default for SceneSettings {
    fn default() -> Self {
        Self {
            image_size: 64,
            supersampling: 2,
            shadows: true,
            shadow_map_size: 128,
            camera_distance: 2.5,
            camera_polar_deg: 45.0,
            camera_fov_deg: 39.6,
            sun_energy: 1.5,
            spot_power_w: 500.0,
            spot_cone_deg: 22.5,
            spot_distance: 4.0,
            background_linear_rgb: [0.05; 3],
            exposure: 1.0,
        }
    }
}

/// A setting of the scene that cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("scene.{setting} = {value}: must be {expected}")]
pub struct SceneError {
    /// Name of the setting.
    pub setting: &'static str,
    /// What it was.
    pub value: String,
    /// What it may be.
    pub expected: &'static str,
}

impl SceneSettings {
    /// The rotation from world coordinates (z up) to OpenCV camera coordinates (x right, y down, z forward).
    ///
    /// `camera_from_object = camera_from_world * world_from_object`.
    pub fn camera_from_world(&self) -> UnitQuaternion {
        let about_x_rad = std::f32::consts::PI - self.camera_polar_deg.to_radians();
        UnitQuaternion::from_axis_angle([1.0, 0.0, 0.0], about_x_rad)
    }

    /// Nothing, when an image can be rendered with these settings.
    ///
    /// # Errors
    /// Names the first setting out of its range.
    pub fn validate(&self) -> Result<(), SceneError> {
        let wholes = [
            ("image_size", self.image_size, (1..=2048).contains(&self.image_size), "from 1 to 2048"),
            ("supersampling", self.supersampling, (1..=4).contains(&self.supersampling), "1, 2, 3 or 4"),
            ("shadow_map_size", self.shadow_map_size, (16..=2048).contains(&self.shadow_map_size), "from 16 to 2048"),
        ];
        if let Some((setting, value, _, expected)) = wholes.into_iter().find(|(_, _, fits, _)| !fits) {
            return Err(SceneError { setting, value: value.to_string(), expected });
        }
        self.validate_numbers()
    }

    fn validate_numbers(&self) -> Result<(), SceneError> {
        let [red, green, blue] = self.background_linear_rgb;
        let checks = [
            ("camera_distance", self.camera_distance, 0.1, 1000.0, "from 0.1 to 1000"),
            ("camera_polar_deg", self.camera_polar_deg, 0.001, 179.999, "above 0 and below 180"),
            ("camera_fov_deg", self.camera_fov_deg, 0.1, 170.0, "from 0.1 to 170"),
            ("sun_energy", self.sun_energy, 0.0, 1e6, "from 0 to 1000000"),
            ("spot_power_w", self.spot_power_w, 0.0, 1e9, "from 0 to 1e9"),
            ("spot_cone_deg", self.spot_cone_deg, 0.1, 170.0, "from 0.1 to 170"),
            ("spot_distance", self.spot_distance, 0.1, 1000.0, "from 0.1 to 1000"),
            ("background_linear_rgb", red, 0.0, 1e6, "from 0 to 1000000"),
            ("background_linear_rgb", green, 0.0, 1e6, "from 0 to 1000000"),
            ("background_linear_rgb", blue, 0.0, 1e6, "from 0 to 1000000"),
            ("exposure", self.exposure, 1e-6, 1e6, "from 1e-6 to 1e6"),
        ];
        // NaN lies in no range.
        match checks.into_iter().find(|(_, value, least, most, _)| !(least..=most).contains(&value)) {
            Some((setting, value, _, _, expected)) => Err(SceneError { setting, value: value.to_string(), expected }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_usable() {
        assert_eq!(SceneSettings::default().validate(), Ok(()));
    }

    #[test]
    fn every_bad_setting_is_named() {
        type Change = fn(&mut SceneSettings);
        let broken: [(&str, Change); 9] = [
            ("image_size", |s| s.image_size = 0),
            ("image_size", |s| s.image_size = 4096),
            ("supersampling", |s| s.supersampling = 5),
            ("shadow_map_size", |s| s.shadow_map_size = 0),
            ("camera_distance", |s| s.camera_distance = f32::NAN),
            ("camera_polar_deg", |s| s.camera_polar_deg = 180.0),
            ("spot_cone_deg", |s| s.spot_cone_deg = -1.0),
            ("background_linear_rgb", |s| s.background_linear_rgb[2] = f32::INFINITY),
            ("exposure", |s| s.exposure = 0.0),
        ];
        for (setting, breaks) in broken {
            let mut settings = SceneSettings::default();
            breaks(&mut settings);
            let error = settings.validate().expect_err(setting);
            assert_eq!(error.setting, setting);
            assert!(error.to_string().contains(setting));
        }
    }
}
