use std::collections::HashMap;

use super::vector::{Vector3, add, cross, dot, length, normalized, scaled, sub};
use super::{Mesh, Triangle};

/// Corners at one position beyond which smoothing is left out: a fan of that many triangles looks round anyway, and
/// comparing each with each would take too long.
const MOST_NEIGHBOURS: usize = 256;

/// One corner of one triangle.
#[derive(Clone, Copy)]
struct Corner {
    face_normal: Vector3,
    /// Weight in the mean: the angle of the triangle at this corner, in radians.
    angle_rad: f32,
}

impl Mesh {
    /// Replaces all normals: smooth across edges whose faces meet at less than `crease_deg`, sharp elsewhere.
    ///
    /// A corner's normal is the mean of the face normals around its position, weighted by the angle there (Thürmer and
    /// Wüthrich 1998). Vertices are split or joined as needed; positions, texture coordinates and triangles keep their
    /// values and order.
    #[must_use]
    pub fn compute_normals(self, crease_deg: f32) -> Self {
        let cos_crease = crease_deg.to_radians().cos();
        let places = self.places();
        let corners: Vec<[Corner; 3]> = self.triangles.iter().map(|triangle| self.corners(triangle)).collect();
        let mut around: Vec<Vec<Corner>> = vec![Vec::new(); self.positions.len()];
        for (triangle, corners) in self.triangles.iter().zip(&corners) {
            for (vertex, corner) in triangle.vertices.iter().zip(corners) {
                around[places[*vertex as usize] as usize].push(*corner);
            }
        }
        self.with_corner_normals(|triangle, corner, vertex| {
            let own = corners[triangle][corner].face_normal;
            smoothed(own, &around[places[vertex as usize] as usize], cos_crease)
        })
    }

    /// For each vertex, the first one at the same position, up to a millionth of the diagonal.
    pub(super) fn places(&self) -> Vec<u32> {
        let Some(bounds) = self.bounding_box() else { return Vec::new() };
        let cell = (bounds.diagonal() * 1e-6).max(f32::MIN_POSITIVE);
        let cell_of =
            |p: &Vector3| -> [i64; 3] { std::array::from_fn(|i| ((p[i] - bounds.min[i]) / cell).round() as i64) };
        let mut first_in = HashMap::new();
        self.positions.iter().zip(0..).map(|(p, vertex)| *first_in.entry(cell_of(p)).or_insert(vertex)).collect()
    }

    fn corners(&self, triangle: &Triangle) -> [Corner; 3] {
        let points = triangle.vertices.map(|vertex| self.positions[vertex as usize]);
        let face_normal = face_normal(points);
        std::array::from_fn(|i| {
            let sides = [1, 2].map(|step| sub(points[(i + step) % 3], points[i]));
            let sine = length(cross(sides[0], sides[1]));
            Corner { face_normal, angle_rad: sine.atan2(dot(sides[0], sides[1])) }
        })
    }

    /// The mesh with a normal for each corner (triangle, corner, vertex), sharing the vertices that come out equal.
    fn with_corner_normals(self, normal_of: impl Fn(usize, usize, u32) -> Vector3) -> Self {
        let mut made = HashMap::new();
        let mut result = Self { materials: self.materials, ..Self::default() };
        for (index, triangle) in self.triangles.iter().enumerate() {
            let vertices = std::array::from_fn(|corner| {
                let vertex = triangle.vertices[corner];
                let (position, uv) = (self.positions[vertex as usize], self.uvs[vertex as usize]);
                let normal = normal_of(index, corner, vertex);
                let key = (position.map(f32::to_bits), uv.map(f32::to_bits), normal.map(f32::to_bits));
                *made.entry(key).or_insert_with(|| {
                    result.positions.push(position);
                    result.uvs.push(uv);
                    result.normals.push(normal);
                    result.positions.len() as u32 - 1
                })
            });
            result.triangles.push(Triangle { vertices, material: triangle.material });
        }
        result
    }
}

/// The unit normal of a triangle; zero when it has no area.
fn face_normal([a, b, c]: [Vector3; 3]) -> Vector3 {
    let sides = [sub(b, a), sub(c, a)];
    // Tiny triangles would underflow: only directions matter.
    let longest = sides.iter().flatten().fold(0.0_f32, |most, v| most.max(v.abs()));
    if longest <= 0.0 {
        return [0.0; 3];
    }
    let [along, across] = sides.map(|side| side.map(|v| v / longest));
    normalized(cross(along, across)).unwrap_or([0.0; 3])
}

fn smoothed(own: Vector3, around: &[Corner], cos_crease: f32) -> Vector3 {
    let smooth = around.len() <= MOST_NEIGHBOURS;
    let joined = around.iter().filter(|corner| smooth && dot(corner.face_normal, own) >= cos_crease);
    let sum = joined.fold([0.0; 3], |sum, corner| add(sum, scaled(corner.face_normal, corner.angle_rad)));
    normalized(sum).or_else(|| normalized(own)).unwrap_or([0.0, 0.0, 1.0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Material;

    fn mesh(positions: Vec<Vector3>, triangles: &[[u32; 3]]) -> Mesh {
        Mesh {
            normals: vec![[0.0; 3]; positions.len()],
            uvs: vec![[0.0; 2]; positions.len()],
            triangles: triangles.iter().map(|vertices| Triangle { vertices: *vertices, material: 0 }).collect(),
            materials: vec![Material::default()],
            positions,
        }
    }

    /// Two unit squares that share the y axis, the second one lifted by an angle.
    fn hinge(lift_deg: f32) -> Mesh {
        let (sin, cos) = lift_deg.to_radians().sin_cos();
        let positions = vec![
            [-1.0, 0.0, 0.0],
            [0.0, 0.0, 0.0],
            [0.0, 1.0, 0.0],
            [-1.0, 1.0, 0.0],
            [cos, 0.0, sin],
            [cos, 1.0, sin],
        ];
        mesh(positions, &[[0, 1, 2], [0, 2, 3], [1, 4, 5], [1, 5, 2]])
    }

    #[test]
    fn edges_are_smooth_below_the_crease_angle_and_sharp_above() {
        for (lift_deg, vertices) in [(30.0, 6), (50.0, 8)] {
            let made = hinge(lift_deg).compute_normals(40.0);
            assert_eq!(made.positions.len(), vertices, "{lift_deg} degrees");
            assert_eq!(made.validate(), Ok(()));
            assert!(made.normals.iter().all(|normal| (length(*normal) - 1.0).abs() < 1e-5));
        }
        let smooth = hinge(30.0).compute_normals(40.0);
        let shared = smooth.normals[1];
        assert!((shared[0].atan2(shared[2]).to_degrees() + 15.0).abs() < 0.1, "{shared:?} lies half-way");
    }

    #[test]
    fn vertices_at_one_position_are_smoothed_together() {
        let joined = hinge(30.0).compute_normals(40.0);
        let loose = hinge(30.0);
        let corners: Vec<u32> = loose.triangles.iter().flat_map(|triangle| triangle.vertices).collect();
        let positions = corners.iter().map(|vertex| loose.positions[*vertex as usize]).collect();
        let split = mesh(positions, &[[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]).compute_normals(40.0);
        assert_eq!(split, joined);
    }

    #[test]
    fn triangles_without_area_do_no_harm() {
        let degenerate = mesh(vec![[0.0; 3], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0]], &[[0, 1, 2], [0, 0, 0], [1, 1, 2]]);
        let made = degenerate.compute_normals(40.0);
        assert!(made.normals.iter().all(|normal| (length(*normal) - 1.0).abs() < 1e-5), "{:?}", made.normals);
        let tiny = mesh(vec![[0.0; 3], [1e-20, 0.0, 0.0], [0.0, 1e-20, 0.0]], &[[0, 1, 2]]).compute_normals(40.0);
        assert_eq!(tiny.normals[0], [0.0, 0.0, 1.0]);
        assert_eq!(Mesh::default().compute_normals(40.0), Mesh::default());
    }
}
