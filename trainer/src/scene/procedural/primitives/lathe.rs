use std::f32::consts::TAU;

use super::super::shape::{Shape, direction};
use crate::scene::vector::{dot, length, sub};

/// The surface that `profile` (radius, height) sweeps about the z axis in `segments` steps.
///
/// An open profile is closed with flat discs at its ends; a profile whose last point is its first makes a ring.
pub fn lathe(profile: &[[f32; 2]], segments: u32) -> Shape {
    let ring_shaped = profile.first() == profile.last();
    let mut outline = profile.to_vec();
    if !ring_shaped {
        let [bottom, top] = [profile[0][1], profile[profile.len() - 1][1]];
        outline.insert(0, [0.0, bottom]);
        outline.push([0.0, top]);
        outline.dedup();
    }
    let mut shape = Shape::new();
    for [radius, height] in &outline {
        for step in 0..segments {
            let (sin, cos) = (TAU * step as f32 / segments as f32).sin_cos();
            shape.vertex([radius * cos, radius * sin, *height]);
        }
    }
    for row in 0..outline.len() as u32 - 1 {
        for step in 0..segments {
            let [near, far] = [row * segments + step, row * segments + (step + 1) % segments];
            shape.quad([near, far, far + segments, near + segments]);
        }
    }
    shape.facing_out()
}

/// An upright cylinder around the origin with a slightly broken edge.
pub fn cylinder(radius: f32, height: f32, segments: u32) -> Shape {
    cone(radius, radius, height, segments)
}

/// An upright truncated cone around the origin with slightly broken edges.
pub fn cone(bottom_radius: f32, top_radius: f32, height: f32, segments: u32) -> Shape {
    let half = height / 2.0;
    let cut = 0.1 * bottom_radius.max(top_radius).min(height / 2.0);
    let inner = |radius: f32| (radius - cut).max(0.0);
    lathe(
        &[
            [inner(bottom_radius), -half],
            [bottom_radius, cut - half],
            [top_radius, half - cut],
            [inner(top_radius), half],
        ],
        segments,
    )
    .smooth_below(35.0)
}

/// A cylinder whose axis runs from `from` to `to`.
pub fn cylinder_between(from: [f32; 3], to: [f32; 3], radius: f32, segments: u32) -> Shape {
    let along = sub(to, from);
    let [x, y, z] = direction(along);
    let tilt_deg = z.clamp(-1.0, 1.0).acos().to_degrees();
    let heading_deg = if dot([x, y, 0.0], [x, y, 0.0]) > 0.0 { y.atan2(x).to_degrees() } else { 0.0 };
    let middle = [0, 1, 2].map(|i| (from[i] + to[i]) / 2.0);
    cylinder(radius, length(along), segments).turned_y(tilt_deg).turned_z(heading_deg).at(middle)
}
