//! 3DIEBench's seven latents: how files of data sets write a scene, and the ranges outside which a file means something
//! else by them.

use std::f32::consts::TAU;

use crate::scene::SceneParameters;

/// Name, least and largest value of each latent. Any rotation has Euler angles within ±π; whole turns more do not matter.
/// Nothing reads where the lamp stands, so that its ranges are those of the angles and not the narrower ones of 3DIEBench.
const RANGES: [(&str, f32, f32); 7] = [
    ("the Euler angle about x", -TAU, TAU),
    ("the Euler angle about y", -TAU, TAU),
    ("the Euler angle about z", -TAU, TAU),
    ("the floor's hue", 0.0, 1.0),
    ("the lamp's polar angle", -TAU, TAU),
    ("the lamp's azimuth", -TAU, TAU),
    ("the lamp's hue", 0.0, 1.0),
];
/// What rounding may add.
const TOLERANCE: f32 = 1e-3;
/// The latents that are no angles.
const HUES: [usize; 2] = [3, 6];

/// `[rotX, rotY, rotZ, floor hue, light theta, light phi, light hue]`, the order of 3DIEBench's `latent_k.npy`.
pub(super) fn latents_of(scene: &SceneParameters) -> [f32; 7] {
    let [x, y, z] = scene.euler_xyz_rad;
    [x, y, z, scene.floor_hue, scene.light_theta_rad, scene.light_phi_rad, scene.light_hue]
}

/// The scene of seven latents in the order of [`latents_of`].
pub(super) fn scene_of(latents: [f32; 7]) -> SceneParameters {
    let [x, y, z, floor_hue, light_theta_rad, light_phi_rad, light_hue] = latents;
    SceneParameters { euler_xyz_rad: [x, y, z], floor_hue, light_theta_rad, light_phi_rad, light_hue }
}

/// Nothing, when the latents can be what they are called.
///
/// # Errors
/// Which number is wrong, and what it looks like.
pub(super) fn check_latents(latents: &[f32; 7]) -> Result<(), String> {
    for (at, (value, (name, least, most))) in latents.iter().zip(RANGES).enumerate() {
        if !value.is_finite() {
            return Err(format!("holds numbers that are none: {latents:?}"));
        }
        if !(least - TOLERANCE..=most + TOLERANCE).contains(value) {
            let expected =
                if HUES.contains(&at) { "from 0 to 1" } else { "in radians, within ±2π; are these degrees?" };
            return Err(format!("{name} is {value}; it must be {expected}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::f32::consts::{FRAC_PI_4, PI, TAU};

    use super::*;

    #[test]
    fn a_scene_survives_being_written_down() {
        let latents = [0.1, -0.2, 0.3, 0.4, 0.5, 0.6, 0.7];
        let scene = scene_of(latents);
        assert_eq!((latents_of(&scene), scene.floor_hue, scene.light_hue), (latents, 0.4, 0.7));
        assert_eq!(scene.transformations().hues(), Some([0.4, 0.7]));
    }

    #[test]
    fn degrees_and_bytes_are_told_from_radians_and_shares() {
        struct Case {
            latents: [f32; 7],
            problem: &'static str,
        }
        let cases = [
            Case { latents: [1.57, -1.57, 0.0, 0.0, FRAC_PI_4, TAU, 1.0], problem: "" },
            Case { latents: [PI, -PI, 3.2, 0.5, 0.0, 0.0, 0.5], problem: "" },
            Case { latents: [45.0, 0.1, 0.1, 0.5, 0.3, 1.0, 0.5], problem: "about x is 45; it must be in radians" },
            Case { latents: [0.1, -7.0, 0.1, 0.5, 0.3, 1.0, 0.5], problem: "are these degrees?" },
            Case {
                latents: [0.1, 0.1, 0.1, 200.0, 0.3, 1.0, 0.5],
                problem: "floor's hue is 200; it must be from 0 to 1",
            },
            Case { latents: [0.1, 0.1, 0.1, 0.5, 0.3, 300.0, 0.5], problem: "lamp's azimuth is 300" },
            Case { latents: [0.1, 0.1, 0.1, 0.5, 0.3, 1.0, -0.2], problem: "lamp's hue is -0.2" },
            Case { latents: [f32::NAN, 0.1, 0.1, 0.5, 0.3, 1.0, 0.2], problem: "NaN" },
        ];
        for Case { latents, problem } in cases {
            match check_latents(&latents) {
                Ok(()) => assert_eq!(problem, "", "{latents:?}"),
                Err(found) => assert!(!problem.is_empty() && found.contains(problem), "{latents:?}: {found}"),
            }
        }
    }
}
