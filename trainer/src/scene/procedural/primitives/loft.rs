use std::f32::consts::TAU;

use super::super::shape::{Shape, direction};
use crate::scene::vector::{add, cross, dot, length, scaled, sub};

/// The skin over closed outlines of equal length, laid one after another; both ends are capped.
///
/// When the last outline is the first one again, the skin makes a ring and has no caps.
/// The caps are fans about the outline's mean, so the outlines must be star-shaped from there.
pub fn loft(sections: &[Vec<[f32; 3]>]) -> Shape {
    let count = sections[0].len() as u32;
    let mut shape = Shape::new();
    sections.iter().flatten().for_each(|p| {
        shape.vertex(*p);
    });
    for row in 0..sections.len() as u32 - 1 {
        for step in 0..count {
            let [near, far] = [row * count + step, row * count + (step + 1) % count];
            shape.quad([near, far, far + count, near + count]);
        }
    }
    if sections.first() != sections.last() {
        cap(&mut shape, 0, count, true);
        cap(&mut shape, (sections.len() as u32 - 1) * count, count, false);
    }
    shape.facing_out()
}

fn cap(shape: &mut Shape, first: u32, count: u32, reversed: bool) {
    let sum = (first..first + count).fold([0.0; 3], |sum, v| add(sum, shape.positions[v as usize]));
    let middle = shape.vertex(scaled(sum, 1.0 / count as f32));
    for step in 0..count {
        let [near, far] = [first + step, first + (step + 1) % count];
        shape.triangle(if reversed { [middle, far, near] } else { [middle, near, far] });
    }
}

/// A tube of one radius along `path`.
pub fn rod(path: &[[f32; 3]], radius: f32, sides: u32) -> Shape {
    tube(path, sides, |_| radius)
}

/// A round tube along `path`; `radius` takes the fraction of the path's points passed, in [0, 1].
pub fn tube(path: &[[f32; 3]], sides: u32, radius: impl Fn(f32) -> f32) -> Shape {
    let last = path.len() - 1;
    let mut upright = [0.0, 0.0, 1.0];
    let sections: Vec<Vec<[f32; 3]>> = (0..=last)
        .map(|i| {
            let tangent = direction(sub(path[(i + 1).min(last)], path[i.saturating_sub(1)]));
            upright = perpendicular(upright, tangent);
            let across = cross(upright, tangent);
            let radius = radius(i as f32 / last as f32);
            (0..sides)
                .map(|side| {
                    let (sin, cos) = (TAU * (side as f32 + 0.5) / sides as f32).sin_cos();
                    add(path[i], add(scaled(across, radius * cos), scaled(upright, radius * sin)))
                })
                .collect()
        })
        .collect();
    loft(&sections).smooth_below(if sides < 6 { 40.0 } else { 65.0 })
}

/// The part of `wish` perpendicular to the unit vector `tangent`, unit length; any perpendicular when there is none.
fn perpendicular(wish: [f32; 3], tangent: [f32; 3]) -> [f32; 3] {
    let rest = sub(wish, scaled(tangent, dot(wish, tangent)));
    if length(rest) > 1e-3 {
        return direction(rest);
    }
    let other = if tangent[1].abs() < 0.9 { [0.0, 1.0, 0.0] } else { [1.0, 0.0, 0.0] };
    direction(sub(other, scaled(tangent, dot(other, tangent))))
}

/// `steps + 1` points of a circular arc in the plane of the unit vectors `u` and `v`, angles from `u` towards `v`.
pub fn arc(
    centre: [f32; 3],
    [u, v]: [[f32; 3]; 2],
    radius: f32,
    [from_deg, to_deg]: [f32; 2],
    steps: u32,
) -> Vec<[f32; 3]> {
    (0..=steps)
        .map(|step| {
            let angle_deg = from_deg + (to_deg - from_deg) * step as f32 / steps as f32;
            let (sin, cos) = angle_deg.to_radians().sin_cos();
            add(centre, add(scaled(u, radius * cos), scaled(v, radius * sin)))
        })
        .collect()
}

/// A smooth curve through `points` with `steps` pieces between neighbours (uniform Catmull-Rom).
pub fn spline<const N: usize>(points: &[[f32; N]], steps: u32) -> Vec<[f32; N]> {
    let last = points.len() - 1;
    let mut curve = Vec::with_capacity(last * steps as usize + 1);
    for i in 0..last {
        let [before, a, b, after] = [points[i.saturating_sub(1)], points[i], points[i + 1], points[(i + 2).min(last)]];
        for step in 0..steps {
            let t = step as f32 / steps as f32;
            curve.push(std::array::from_fn(|k| catmull_rom([before[k], a[k], b[k], after[k]], t)));
        }
    }
    curve.push(points[last]);
    curve
}

fn catmull_rom([p, a, b, q]: [f32; 4], t: f32) -> f32 {
    let [slope_a, slope_b] = [(b - p) / 2.0, (q - a) / 2.0];
    let cubic = 2.0 * (a - b) + slope_a + slope_b;
    let square = 3.0 * (b - a) - 2.0 * slope_a - slope_b;
    ((cubic * t + square) * t + slope_a) * t + a
}
