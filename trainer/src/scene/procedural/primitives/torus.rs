use std::f32::consts::TAU;

use super::super::shape::Shape;
use super::lathe::lathe;

/// A ring about the z axis: `ring_radius` to the middle of the tube, `tube_radius` its thickness.
pub fn torus(ring_radius: f32, tube_radius: f32, segments: u32, sides: u32) -> Shape {
    let mut profile: Vec<[f32; 2]> = (0..sides)
        .map(|side| {
            let (sin, cos) = (TAU * side as f32 / sides as f32).sin_cos();
            [ring_radius + tube_radius * cos, tube_radius * sin]
        })
        .collect();
    profile.push(profile[0]);
    lathe(&profile, segments).smooth_below(70.0)
}
