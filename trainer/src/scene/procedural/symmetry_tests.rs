//! The declared symmetries hold, and no family has more than it declares.

use rayon::prelude::*;
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};

use super::draw::Draw;
use super::registry::{FAMILIES, Family};
use crate::scene::Mesh;
use crate::scene::vector::{Vector3, add, cross, dot, length, scaled, sub};

/// Lengths in these tests are shares of the object's diagonal.
const DIAGONAL: f32 = 1.0;
/// What a full step of one colour channel counts as a distance.
const COLOUR_WEIGHT: f32 = 0.25;
/// Round parts are polygons: their corners miss each other by about this much.
const FACET_TOLERANCE: f32 = 0.02;
/// A rotation outside the group changes an object's look: by this mean distance at the least ...
const LEAST_MEAN_DIFFERENCE: f32 = 0.012;
/// ... or, where only a small part tells (a wheel's spokes), by this much there.
const LEAST_LARGEST_DIFFERENCE: f32 = 0.06;
/// Rotations nearer to the group than this are too close to it to look different.
const CLEARLY_OUTSIDE_RAD: f32 = 0.6;
const POINTS: usize = 72;
const OBJECTS: u64 = 2;

#[derive(Clone, Copy)]
struct Sample {
    point: Vector3,
    color: Vector3,
}

/// A surface ready for nearest-point queries.
struct ColouredSurface {
    triangles: Vec<ColouredTriangle>,
}

struct ColouredTriangle {
    corners: [Vector3; 3],
    middle: Vector3,
    radius: f32,
    color: Vector3,
}

impl ColouredSurface {
    fn new(mesh: &Mesh) -> Self {
        let coloured = |t: &crate::scene::Triangle| {
            let corners = t.vertices.map(|v| mesh.positions[v as usize]);
            let middle = scaled(add(add(corners[0], corners[1]), corners[2]), 1.0 / 3.0);
            let radius = corners.iter().map(|c| length(sub(*c, middle))).fold(0.0, f32::max);
            ColouredTriangle { corners, middle, radius, color: mesh.materials[t.material as usize].color }
        };
        Self { triangles: mesh.triangles.iter().map(coloured).collect() }
    }

    /// Points spread evenly over the surface.
    fn samples(&self, draw: &mut Draw) -> Vec<Sample> {
        let area =
            |t: &ColouredTriangle| length(cross(sub(t.corners[1], t.corners[0]), sub(t.corners[2], t.corners[0])));
        let mut sums: Vec<f32> = self.triangles.iter().map(area).collect();
        (1..sums.len()).for_each(|i| sums[i] += sums[i - 1]);
        let total = sums[sums.len() - 1];
        (0..POINTS)
            .map(|_| {
                let at = draw.range(0.0, total);
                let triangle = &self.triangles[sums.partition_point(|s| *s < at).min(sums.len() - 1)];
                let [u, v] = [draw.range(0.0, 1.0).sqrt(), draw.range(0.0, 1.0)];
                let weights = [1.0 - u, u * (1.0 - v), u * v];
                let point = (0..3).fold([0.0; 3], |sum, i| add(sum, scaled(triangle.corners[i], weights[i])));
                Sample { point, color: triangle.color }
            })
            .collect()
    }

    /// Distance from a coloured point to the nearest point of the surface, colours counted in.
    fn distance(&self, sample: Sample) -> f32 {
        let mut best = f32::INFINITY;
        for triangle in &self.triangles {
            let color = COLOUR_WEIGHT * length(sub(sample.color, triangle.color));
            let to_middle = length(sub(sample.point, triangle.middle));
            if color < best && to_middle - triangle.radius < best {
                best = best.min(length(sub(sample.point, nearest_on(triangle.corners, sample.point))).hypot(color));
            }
        }
        best
    }

    /// Mean and largest distance between the surface turned and the surface itself.
    fn difference(&self, samples: &[Sample], turn: UnitQuaternion) -> [f32; 2] {
        let distance = |s: &Sample| self.distance(Sample { point: turn.rotate(s.point), ..*s });
        let distances: Vec<f32> = samples.iter().map(distance).collect();
        let sum: f32 = distances.iter().sum();
        [sum / distances.len() as f32, distances.iter().copied().fold(0.0, f32::max)]
    }
}

/// The point of a triangle nearest to `point` (Ericson, Real-Time Collision Detection, section 5.1.5).
fn nearest_on([a, b, c]: [Vector3; 3], point: Vector3) -> Vector3 {
    let [ab, ac, ap] = [sub(b, a), sub(c, a), sub(point, a)];
    let normal = cross(ab, ac);
    let area = dot(normal, normal);
    if area > 0.0 {
        let [v, w] = [dot(cross(ap, ac), normal) / area, dot(cross(ab, ap), normal) / area];
        if v >= 0.0 && w >= 0.0 && v + w <= 1.0 {
            return add(a, add(scaled(ab, v), scaled(ac, w)));
        }
    }
    let on_edge = |[from, to]: [Vector3; 2]| {
        let along = sub(to, from);
        let share = dot(sub(point, from), along) / dot(along, along).max(1e-20);
        add(from, scaled(along, share.clamp(0.0, 1.0)))
    };
    let distance = |p: &Vector3| length(sub(point, *p));
    let candidates = [[a, b], [b, c], [c, a]].map(on_edge);
    candidates.into_iter().min_by(|p, q| distance(p).total_cmp(&distance(q))).unwrap_or(a)
}

fn surface(family: &Family, number: u64) -> (ColouredSurface, Vec<Sample>) {
    let mut draw = Draw::new(5, family.name, number);
    let surface = ColouredSurface::new(&(family.build)(&mut draw).into_mesh(DIAGONAL));
    let samples = surface.samples(&mut draw);
    (surface, samples)
}

/// Elements of the group: all of a finite one, some of a continuous one.
fn elements(group: SymmetryGroup) -> Vec<UnitQuaternion> {
    let around = |axis| [0.4, 1.1, 2.9].map(|angle| UnitQuaternion::from_axis_angle(axis, angle));
    match group {
        SymmetryGroup::Continuous { axis } => around(axis).to_vec(),
        SymmetryGroup::ContinuousDihedral { axis } => {
            let side = cross(axis, [axis[1], axis[2], axis[0]]);
            let flip = UnitQuaternion::from_axis_angle(side, std::f32::consts::PI);
            around(axis).into_iter().flat_map(|turn| [turn, turn * flip]).collect()
        }
        finite => finite.elements().map(Iterator::collect).unwrap_or_default(),
    }
}

/// Half, quarter, third and fifth turns about the principal axes and some oblique ones.
fn tempting_turns() -> Vec<UnitQuaternion> {
    let axes = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0]];
    let angles = [180.0f32, 90.0, 120.0, 72.0];
    let about = |axis| angles.map(|angle| UnitQuaternion::from_axis_angle(axis, angle.to_radians()));
    axes.into_iter().flat_map(about).collect()
}

/// What is wrong with the turns that `turns` gives for each family, on some objects of each.
fn complaints(
    turns: impl Fn(SymmetryGroup) -> Vec<UnitQuaternion> + Sync,
    is_wrong: impl Fn([f32; 2]) -> bool + Sync,
) -> Vec<String> {
    let of_object = |(family, number): (&Family, u64)| {
        let (surface, samples) = surface(family, number);
        let difference = |turn: UnitQuaternion| (turn, surface.difference(&samples, turn));
        let wrong = turns(family.symmetry).into_iter().map(difference).filter(|(_, d)| is_wrong(*d));
        let line = |(turn, [mean, largest]): (UnitQuaternion, [f32; 2])| {
            format!("{}/{number} turned by {:?}: mean {mean}, largest {largest}", family.name, turn.wxyz())
        };
        wrong.map(line).collect::<Vec<_>>()
    };
    let objects: Vec<_> = FAMILIES.iter().flat_map(|f| (0..OBJECTS).map(move |n| (f, n))).collect();
    objects.into_par_iter().flat_map_iter(of_object).collect()
}

#[test]
fn declared_symmetries_hold() {
    let wrong = complaints(elements, |[_, largest]| largest > FACET_TOLERANCE);
    assert!(wrong.is_empty(), "not symmetric:\n{}", wrong.join("\n"));
}

#[test]
fn no_family_has_more_symmetry_than_declared() {
    let outside = |group: SymmetryGroup| {
        let is_outside = |t: &UnitQuaternion| group.distance_rad(UnitQuaternion::IDENTITY, *t) > CLEARLY_OUTSIDE_RAD;
        tempting_turns().into_iter().filter(is_outside).collect()
    };
    let wrong =
        complaints(outside, |[mean, largest]| mean < LEAST_MEAN_DIFFERENCE && largest < LEAST_LARGEST_DIFFERENCE);
    assert!(wrong.is_empty(), "more symmetric than declared:\n{}", wrong.join("\n"));
}

#[test]
fn at_least_eighteen_families_have_no_symmetry() {
    assert!(FAMILIES.len() >= 34);
    assert!(FAMILIES.iter().filter(|f| f.symmetry == SymmetryGroup::None).count() >= 18);
}
