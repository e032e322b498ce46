use serde::{Deserialize, Serialize};

use super::CameraPose;

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
    /// Where the camera stands.
    pub camera: CameraPose,
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
            camera: CameraPose::default(),
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
        let radiance = |value| Range::new("background_linear_rgb", value, [0.0, 1e6], "from 0 to 1000000");
        let lights = [
            Range::new("sun_energy", self.sun_energy, [0.0, 1e6], "from 0 to 1000000"),
            Range::new("spot_power_w", self.spot_power_w, [0.0, 1e9], "from 0 to 1e9"),
            Range::new("spot_cone_deg", self.spot_cone_deg, [0.1, 170.0], "from 0.1 to 170"),
            Range::new("spot_distance", self.spot_distance, [0.1, 1000.0], "from 0.1 to 1000"),
            radiance(red),
            radiance(green),
            radiance(blue),
            Range::new("exposure", self.exposure, [1e-6, 1e6], "from 1e-6 to 1e6"),
        ];
        self.camera.ranges().iter().chain(&lights).try_for_each(Range::check)
    }
}

/// A number of a scene with what it may be.
pub(super) struct Range {
    setting: &'static str,
    value: f32,
    bounds: [f32; 2],
    expected: &'static str,
}

impl Range {
    pub(super) fn new(setting: &'static str, value: f32, bounds: [f32; 2], expected: &'static str) -> Self {
        Self { setting, value, bounds, expected }
    }

    pub(super) fn check(&self) -> Result<(), SceneError> {
        let Self { setting, value, bounds: [least, most], expected } = *self;
        // NaN lies in no range.
        match (least..=most).contains(&value) {
            true => Ok(()),
            false => Err(SceneError { setting, value: value.to_string(), expected }),
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
            ("camera.distance", |s| s.camera.distance = f32::NAN),
            ("camera.polar_deg", |s| s.camera.polar_deg = 180.0),
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
