//! What tests ask of a mesh that was read.

use super::super::Mesh;
use super::super::vector::{cross, length, sub};

/// Of all triangles together.
pub fn area(mesh: &Mesh) -> f32 {
    let corners = mesh.triangles.iter().map(|t| t.vertices.map(|vertex| mesh.positions[vertex as usize]));
    corners.map(|[a, b, c]| length(cross(sub(b, a), sub(c, a))) / 2.0).sum()
}

/// Sides of the bounding box.
pub fn extent(mesh: &Mesh) -> [f32; 3] {
    let bounds = mesh.bounding_box().expect("vertices");
    std::array::from_fn(|i| bounds.max[i] - bounds.min[i])
}

/// Of each triangle.
pub fn colors(mesh: &Mesh) -> Vec<[f32; 3]> {
    mesh.triangles.iter().map(|triangle| mesh.materials[triangle.material as usize].color).collect()
}
