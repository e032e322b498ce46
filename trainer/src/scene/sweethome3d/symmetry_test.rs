//! Finds the symmetry of a mesh by turning it and comparing the surface with itself.
//!
//! Points drawn evenly from the surface are turned; a turned point is met when the surface passes within
//! [`TOLERANCE`] of it with about the same colour. A turn is a symmetry when nearly all points are met.

use std::collections::HashMap;
use std::f32::consts::{PI, TAU};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};

use crate::scene::{Material, Mesh};

/// Distance that counts as the same place, in units of the object's diagonal: about a pixel at 64 pixels.
const TOLERANCE: f32 = 0.022;

/// Largest difference of a colour channel (sRGB, 0 to 1) that counts as the same colour.
const COLOR_TOLERANCE: f32 = 0.12;

/// Part of the points that must be met.
const LEAST_PART_MET: f32 = 0.98;

/// Points of the surface to compare with, and points that are turned.
const SURFACE_POINTS: usize = 40_000;
const TURNED_POINTS: usize = 1_500;

/// Turns of an object of revolution: none is near a fraction of a turn with a small denominator.
const IRREGULAR_TURNS_RAD: [f32; 5] = [0.37, 0.83, 1.39, 2.31, 4.13];

const LARGEST_ORDER: u16 = 8;

/// The symmetry of a centred mesh of unit diagonal about the vertical (z), and about the horizontal axes (x, y) where
/// there is none about the vertical, or a half turn besides it.
pub fn vertical_symmetry(mesh: &Mesh) -> SymmetryGroup {
    let Some(surface) = ColoredSurface::sample(mesh) else { return SymmetryGroup::None };
    let [x, y, z] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    let half_turn_about_x = || surface.is_symmetric(x, PI);
    match surface.order_about(z) {
        Order::Every if half_turn_about_x() => SymmetryGroup::ContinuousDihedral { axis: z },
        Order::Every => SymmetryGroup::Continuous { axis: z },
        Order::Of(order) if half_turn_about_x() => SymmetryGroup::Dihedral { axis: z, side: x, order },
        Order::Of(order) => SymmetryGroup::Cyclic { axis: z, order },
        Order::One => [x, y].into_iter().find_map(|axis| surface.group_about(axis)).unwrap_or(SymmetryGroup::None),
    }
}

enum Order {
    One,
    Of(u16),
    Every,
}

#[derive(Clone, Copy)]
struct ColoredPoint {
    position: [f32; 3],
    color: [f32; 3],
}

/// Points of a surface, found again by place.
struct ColoredSurface {
    points: Vec<ColoredPoint>,
    cells: HashMap<[i32; 3], Vec<u32>>,
}

impl ColoredSurface {
    /// Evenly distributed points; none when the mesh has no area.
    fn sample(mesh: &Mesh) -> Option<Self> {
        let mut area_up_to = Vec::with_capacity(mesh.triangles.len());
        let mut total = 0.0f64;
        for triangle in &mesh.triangles {
            total += f64::from(area(triangle.vertices.map(|vertex| mesh.positions[vertex as usize])));
            area_up_to.push(total);
        }
        if !(total > 0.0 && total.is_finite()) {
            return None;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let point = |index: usize| {
            // Stratified along the list of triangles.
            let at = (index as f64 + rng.random::<f64>()) / SURFACE_POINTS as f64 * total;
            let triangle = area_up_to.partition_point(|&up_to| up_to < at).min(area_up_to.len() - 1);
            let (mut u, mut v) = (rng.random::<f32>(), rng.random::<f32>());
            if u + v > 1.0 {
                (u, v) = (1.0 - u, 1.0 - v);
            }
            colored_point(mesh, triangle, [1.0 - u - v, u, v])
        };
        let points: Vec<ColoredPoint> = (0..SURFACE_POINTS).map(point).collect();
        let mut cells: HashMap<[i32; 3], Vec<u32>> = HashMap::new();
        for (index, point) in points.iter().enumerate() {
            cells.entry(cell(point.position)).or_default().push(index as u32);
        }
        Some(Self { points, cells })
    }

    fn order_about(&self, axis: [f32; 3]) -> Order {
        if IRREGULAR_TURNS_RAD.iter().all(|&turn| self.is_symmetric(axis, turn)) {
            return Order::Every;
        }
        let order = (2..=LARGEST_ORDER).rev().find(|&order| self.is_symmetric(axis, TAU / f32::from(order)));
        order.map_or(Order::One, Order::Of)
    }

    fn group_about(&self, axis: [f32; 3]) -> Option<SymmetryGroup> {
        match self.order_about(axis) {
            Order::One => None,
            Order::Of(order) => Some(SymmetryGroup::Cyclic { axis, order }),
            Order::Every => Some(SymmetryGroup::Continuous { axis }),
        }
    }

    fn is_symmetric(&self, axis: [f32; 3], turn_rad: f32) -> bool {
        let turn = UnitQuaternion::from_axis_angle(axis, turn_rad);
        let stride = self.points.len() / TURNED_POINTS;
        let allowed = ((1.0 - LEAST_PART_MET) * TURNED_POINTS as f32) as usize;
        let turned = self.points.iter().step_by(stride).take(TURNED_POINTS);
        let missed = turned.filter(|point| !self.meets(turn.rotate(point.position), point.color));
        missed.take(allowed + 1).count() <= allowed
    }

    fn meets(&self, position: [f32; 3], color: [f32; 3]) -> bool {
        let [x, y, z] = cell(position);
        let near = |index: &u32| {
            let point = &self.points[*index as usize];
            distance_squared(point.position, position) <= TOLERANCE * TOLERANCE
                && point.color.iter().zip(color).all(|(a, b)| (a - b).abs() <= COLOR_TOLERANCE)
        };
        (-1..=1).any(|dx| {
            (-1..=1).any(|dy| {
                (-1..=1).any(|dz| self.cells.get(&[x + dx, y + dy, z + dz]).is_some_and(|cell| cell.iter().any(near)))
            })
        })
    }
}

fn cell(position: [f32; 3]) -> [i32; 3] {
    position.map(|coordinate| (coordinate / TOLERANCE).floor() as i32)
}

fn distance_squared(a: [f32; 3], b: [f32; 3]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

fn area([a, b, c]: [[f32; 3]; 3]) -> f32 {
    let [u, v] = [b, c].map(|corner| [corner[0] - a[0], corner[1] - a[1], corner[2] - a[2]]);
    let cross = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    0.5 * distance_squared(cross, [0.0; 3]).sqrt()
}

fn colored_point(mesh: &Mesh, triangle: usize, weights: [f32; 3]) -> ColoredPoint {
    let triangle = mesh.triangles[triangle];
    let mut position = [0.0; 3];
    let mut uv = [0.0; 2];
    for (vertex, weight) in triangle.vertices.into_iter().zip(weights) {
        for (sum, value) in position.iter_mut().zip(mesh.positions[vertex as usize]) {
            *sum += weight * value;
        }
        for (sum, value) in uv.iter_mut().zip(mesh.uvs[vertex as usize]) {
            *sum += weight * value;
        }
    }
    ColoredPoint { position, color: color_at(&mesh.materials[triangle.material as usize], uv) }
}

fn color_at(material: &Material, [u, v]: [f32; 2]) -> [f32; 3] {
    let Some(texture) = &material.texture else { return material.color };
    let place = |part: f32, count: usize| ((part.rem_euclid(1.0) * count as f32) as usize).min(count - 1);
    let (column, row) = (place(u, texture.width), place(1.0 - v, texture.height));
    let at = (row * texture.width + column) * 3;
    let mut color = material.color;
    for (channel, byte) in color.iter_mut().zip(&texture.rgb[at..at + 3]) {
        *channel *= f32::from(*byte) / 255.0;
    }
    color
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Triangle;

    /// A prism of unit diagonal with a convex outline, walls and lids; wall `k` has material `k % materials`.
    fn prism(outline: &[[f32; 2]], height: f32, colors: &[[f32; 3]]) -> Mesh {
        let material = |color: &[f32; 3]| Material { color: *color, specular: 0.0, shininess: 1.0, texture: None };
        let mut mesh = Mesh { materials: colors.iter().map(material).collect(), ..Mesh::default() };
        let n = outline.len();
        for z in [-height / 2.0, height / 2.0] {
            mesh.positions.extend(outline.iter().map(|[x, y]| [*x, *y, z]));
        }
        let mut add = |vertices: [usize; 3], material: usize| {
            mesh.triangles.push(Triangle { vertices: vertices.map(|v| v as u32), material: material as u32 });
        };
        for side in 0..n {
            let next = (side + 1) % n;
            add([side, next, n + side], side % colors.len());
            add([next, n + next, n + side], side % colors.len());
        }
        for corner in 1..n - 1 {
            add([0, corner + 1, corner], 0);
            add([n, n + corner, n + corner + 1], 0);
        }
        mesh.uvs = vec![[0.0; 2]; mesh.positions.len()];
        mesh.normals = vec![[0.0, 0.0, 1.0]; mesh.positions.len()];
        mesh
    }

    fn ring(corners: usize, radius: f32) -> Vec<[f32; 2]> {
        (0..corners)
            .map(|k| (k as f32 + 0.5) / corners as f32 * TAU)
            .map(|a| [radius * a.cos(), radius * a.sin()])
            .collect()
    }

    #[test]
    fn known_solids_have_their_symmetry() {
        const GREY: [f32; 3] = [0.5; 3];
        const RED: [f32; 3] = [0.8, 0.1, 0.1];
        const GREEN: [f32; 3] = [0.1, 0.8, 0.1];
        const BLUE: [f32; 3] = [0.1, 0.1, 0.8];
        let [x, y, z] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        let rectangle = vec![[0.4, 0.15], [-0.4, 0.15], [-0.4, -0.15], [0.4, -0.15]];
        let trapezium = vec![[0.4, 0.15], [-0.4, 0.15], [-0.2, -0.15], [0.2, -0.15]];
        let irregular = vec![[0.4, 0.15], [-0.3, 0.15], [-0.4, -0.15], [0.1, -0.15]];
        let mut cone = prism(&ring(48, 0.3), 0.6, &[GREY]);
        for position in &mut cone.positions[48..] {
            *position = [0.0, 0.0, 0.3];
        }
        let cases = [
            ("cylinder", prism(&ring(48, 0.3), 0.6, &[GREY]), SymmetryGroup::ContinuousDihedral { axis: z }),
            ("cone", cone, SymmetryGroup::Continuous { axis: z }),
            ("box", prism(&rectangle, 0.6, &[GREY]), SymmetryGroup::Dihedral { axis: z, side: x, order: 2 }),
            (
                "box, one wall and the lids red",
                prism(&rectangle, 0.6, &[RED, GREY, GREY, GREY]),
                SymmetryGroup::Cyclic { axis: y, order: 2 },
            ),
            ("square", prism(&ring(4, 0.4), 0.7, &[GREY]), SymmetryGroup::Dihedral { axis: z, side: x, order: 4 }),
            (
                "square, two colours",
                prism(&ring(4, 0.4), 0.7, &[RED, GREY]),
                SymmetryGroup::Dihedral { axis: z, side: x, order: 2 },
            ),
            ("four colours", prism(&ring(4, 0.4), 0.7, &[RED, GREY, GREEN, BLUE]), SymmetryGroup::None),
            ("trapezium", prism(&trapezium, 0.6, &[GREY]), SymmetryGroup::Cyclic { axis: y, order: 2 }),
            ("irregular", prism(&irregular, 0.6, &[GREY]), SymmetryGroup::None),
            ("hexagon", prism(&ring(6, 0.45), 0.2, &[GREY]), SymmetryGroup::Dihedral { axis: z, side: x, order: 6 }),
            ("nothing", Mesh::default(), SymmetryGroup::None),
        ];
        for (name, mesh, want) in cases {
            assert_eq!(vertical_symmetry(&mesh), want, "{name}");
        }
    }
}
