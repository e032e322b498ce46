use super::shape::{Corner, Shape};
use crate::scene::vector::{length, scaled, sub};
use crate::scene::{Material, Mesh, Triangle};

/// Repeats of a texture over the length of an object's diagonal.
const TEXTURE_REPEATS: f32 = 4.0;

/// Parts and what they are made of, on their way to a mesh.
#[derive(Clone, Debug, Default)]
pub struct Assembly {
    parts: Vec<(Shape, u32)>,
    materials: Vec<Material>,
}

impl Assembly {
    /// An object without parts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a closed part, turned inside out if it faces inwards.
    pub fn add(&mut self, shape: Shape, material: &Material) {
        let known = self.materials.iter().position(|m| m == material);
        let index = known.unwrap_or_else(|| {
            self.materials.push(material.clone());
            self.materials.len() - 1
        });
        self.parts.push((shape.facing_out(), index as u32));
    }

    /// Adds a part and its mirror image across the plane x = 0.
    pub fn add_both_sides(&mut self, shape: Shape, material: &Material) {
        self.add(shape.clone().scaled([-1.0, 1.0, 1.0]), material);
        self.add(shape, material);
    }

    /// Adds `count` copies of a part, evenly turned about the z axis.
    pub fn add_around(&mut self, shape: &Shape, count: u16, material: &Material) {
        for step in 0..count {
            self.add(shape.clone().turned_z(360.0 * f32::from(step) / f32::from(count)), material);
        }
    }

    /// The object turned about the x axis.
    pub fn turned_x(mut self, angle_deg: f32) -> Self {
        self.parts.iter_mut().for_each(|(shape, _)| *shape = std::mem::take(shape).turned_x(angle_deg));
        self
    }

    /// The closed parts, before they are centred and scaled.
    #[cfg(test)]
    pub fn parts(&self) -> impl Iterator<Item = &Shape> {
        self.parts.iter().map(|(shape, _)| shape)
    }

    /// The mesh of all parts, its bounding box centred at the origin and `diagonal` long.
    pub fn into_mesh(self, diagonal: f32) -> Mesh {
        let [low, high] = self.bounds();
        let extent = length(sub(high, low));
        let middle = [0, 1, 2].map(|i| (low[i] + high[i]) / 2.0);
        let mut mesh = Mesh { materials: self.materials, ..Mesh::default() };
        for (shape, material) in self.parts {
            append_part(&mut mesh, &shape.mapped(|p| scaled(sub(p, middle), 1.0 / extent)), material);
        }
        mesh.positions.iter_mut().for_each(|p| *p = scaled(*p, diagonal));
        mesh
    }

    /// Lowest and highest corner of the bounding box.
    pub fn bounds(&self) -> [[f32; 3]; 2] {
        let points = self.parts.iter().flat_map(|(shape, _)| &shape.positions);
        points.fold([[f32::INFINITY; 3], [f32::NEG_INFINITY; 3]], |[low, high], p| {
            [[0, 1, 2].map(|i| low[i].min(p[i])), [0, 1, 2].map(|i| high[i].max(p[i]))]
        })
    }
}

/// Appends a part of an object whose diagonal is 1.
fn append_part(mesh: &mut Mesh, shape: &Shape, material: u32) {
    let textured = mesh.materials[material as usize].texture.is_some();
    let mut copies_of: Vec<Vec<u32>> = vec![Vec::new(); shape.positions.len()];
    for corners in shape.shaded_corners() {
        let axis = if textured { dominant_axis(corners) } else { 2 };
        let vertices = corners.map(|Corner { position, normal }| {
            let point = shape.positions[position as usize];
            let uv = if textured { box_projection(point, axis) } else { [0.0; 2] };
            let copies = &mut copies_of[position as usize];
            let same = |v: &&u32| mesh.normals[**v as usize] == normal && mesh.uvs[**v as usize] == uv;
            if let Some(vertex) = copies.iter().find(same) {
                return *vertex;
            }
            mesh.positions.push(point);
            mesh.normals.push(normal);
            mesh.uvs.push(uv);
            copies.push(mesh.positions.len() as u32 - 1);
            mesh.positions.len() as u32 - 1
        });
        mesh.triangles.push(Triangle { vertices, material });
    }
}

/// The axis that a triangle faces most; near ties go to the later axis, so that mirrored parts agree.
fn dominant_axis(corners: [Corner; 3]) -> usize {
    let facing = [0, 1, 2].map(|i| corners.iter().map(|c| c.normal[i]).sum::<f32>().abs());
    (0..3).fold(0, |best, i| if facing[i] > facing[best] - 1e-3 { i } else { best })
}

/// Texture coordinates from the two coordinates across `axis`; pictures stand upright on vertical faces.
fn box_projection(point: [f32; 3], axis: usize) -> [f32; 2] {
    let [x, y, z] = scaled(point, TEXTURE_REPEATS);
    [[y, z], [x, z], [x, y]][axis]
}
