use std::f32::consts::{PI, TAU};

use super::super::shape::Shape;

const ROWS: u32 = 8;
const SEGMENTS: u32 = 16;

/// A superquadric around the origin with semi-axes `half` (Barr 1981, equation 2.10).
///
/// `upright` shapes the outline seen from the side, `around` the one seen from above: 1 is round, 0 a box, 2 a diamond.
pub fn superquadric(half: [f32; 3], upright: f32, around: f32) -> Shape {
    let power = |v: f32, exponent: f32| v.signum() * if v.abs() < 1e-6 { 0.0 } else { v.abs().powf(exponent) };
    let mut shape = Shape::new().smooth_below(60.0);
    for row in 0..=ROWS {
        let (sin_v, cos_v) = (PI * row as f32 / ROWS as f32 - PI / 2.0).sin_cos();
        for step in 0..SEGMENTS {
            let (sin_u, cos_u) = (TAU * step as f32 / SEGMENTS as f32).sin_cos();
            let width = power(cos_v.max(0.0), upright);
            let at_pole = row == 0 || row == ROWS;
            let [x, y] = if at_pole { [0.0; 2] } else { [width * power(cos_u, around), width * power(sin_u, around)] };
            shape.vertex([half[0] * x, half[1] * y, half[2] * power(sin_v, upright)]);
        }
    }
    for row in 0..ROWS {
        for step in 0..SEGMENTS {
            let [near, far] = [row * SEGMENTS + step, row * SEGMENTS + (step + 1) % SEGMENTS];
            shape.quad([near, far, far + SEGMENTS, near + SEGMENTS]);
        }
    }
    shape.facing_out()
}

/// An ellipsoid around the origin with semi-axes `half`.
pub fn ellipsoid(half: [f32; 3]) -> Shape {
    superquadric(half, 1.0, 1.0)
}

/// A ball around the origin.
pub fn sphere(radius: f32) -> Shape {
    ellipsoid([radius; 3])
}
