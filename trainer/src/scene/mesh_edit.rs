use std::collections::HashMap;
use std::sync::Arc;

use sextant_runtime::rotation::UnitQuaternion;

use super::vector::{Matrix3, add, cross, dot, length, normalized, scaled, sub, times};
use super::{Material, Mesh, Texture, Triangle};

/// The smallest box along the axes that holds a mesh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundingBox {
    /// Least x, y and z.
    pub min: [f32; 3],
    /// Largest x, y and z.
    pub max: [f32; 3],
}

impl BoundingBox {
    /// The middle.
    pub fn centre(&self) -> [f32; 3] {
        // Halved first: the sum of two large coordinates may overflow.
        add(scaled(self.min, 0.5), scaled(self.max, 0.5))
    }

    /// From corner to opposite corner.
    pub fn diagonal(&self) -> f32 {
        length(sub(self.max, self.min))
    }
}

impl Default for Material {
    /// Light grey with a faint highlight.
    fn default() -> Self {
        Self { color: [0.8; 3], specular: 0.1, shininess: 30.0, texture: None }
    }
}

impl Mesh {
    /// Number of triangles.
    pub fn triangle_count(&self) -> usize {
        self.triangles.len()
    }

    /// The box around all vertices; none without vertices.
    pub fn bounding_box(&self) -> Option<BoundingBox> {
        let first = *self.positions.first()?;
        let whole = self.positions.iter().fold(BoundingBox { min: first, max: first }, |b, p| BoundingBox {
            min: std::array::from_fn(|i| b.min[i].min(p[i])),
            max: std::array::from_fn(|i| b.max[i].max(p[i])),
        });
        Some(whole)
    }

    /// The mesh with its bounding box centred at the origin and of the given diagonal; only centred when all its
    /// vertices coincide.
    #[must_use]
    pub fn centred_and_scaled(mut self, diagonal: f32) -> Self {
        let Some(bounds) = self.bounding_box() else { return self };
        // In double precision, for coordinates far from the origin or close to the largest float.
        let centre: [f64; 3] = std::array::from_fn(|i| (f64::from(bounds.min[i]) + f64::from(bounds.max[i])) / 2.0);
        let extent = (0..3).map(|i| (f64::from(bounds.max[i]) - f64::from(bounds.min[i])).powi(2)).sum::<f64>().sqrt();
        let factor = if extent > 0.0 { f64::from(diagonal) / extent } else { 1.0 };
        for position in &mut self.positions {
            *position = std::array::from_fn(|i| ((f64::from(position[i]) - centre[i]) * factor) as f32);
        }
        self
    }

    /// The mesh turned about the origin.
    #[must_use]
    pub fn rotated(self, rotation: UnitQuaternion) -> Self {
        self.transformed(&rotation.to_matrix(), [0.0; 3])
    }

    /// The mesh with every position `p` moved to `linear * p + translation`; `linear` has rows first.
    ///
    /// Normals stay perpendicular under any invertible matrix; a mirroring one reverses the triangles.
    #[must_use]
    pub fn transformed(mut self, linear: &Matrix3, translation: [f32; 3]) -> Self {
        // Products of tiny or huge numbers would leave the range of floats: only directions matter for normals.
        let largest = linear.iter().flatten().fold(0.0_f32, |most, v| most.max(v.abs()));
        let unit = if largest > 0.0 && !(1e-6..=1e6).contains(&largest) { largest } else { 1.0 };
        let [a, b, c] = linear.map(|row| row.map(|v| v / unit));
        let cofactors = [cross(b, c), cross(c, a), cross(a, b)];
        let mirrors = dot(a, cofactors[0]) < 0.0;
        let sign = if mirrors { -1.0 } else { 1.0 };
        for position in &mut self.positions {
            *position = add(times(linear, *position), translation);
        }
        for normal in &mut self.normals {
            *normal = normalized(scaled(times(&cofactors, *normal), sign)).unwrap_or(*normal);
        }
        if mirrors {
            self.triangles.iter_mut().for_each(|triangle| triangle.vertices.swap(1, 2));
        }
        self
    }

    /// The mesh of a file in which y is up, with z up: `(x, y, z)` becomes `(x, -z, y)`.
    #[must_use]
    pub fn y_up_to_z_up(self) -> Self {
        self.transformed(&[[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]], [0.0; 3])
    }

    /// Adds another mesh; equal materials are shared.
    pub fn merge(&mut self, other: Self) {
        let first_vertex = self.positions.len() as u32;
        let materials: Vec<u32> =
            other.materials.into_iter().map(|material| material_index(&mut self.materials, material)).collect();
        self.positions.extend(other.positions);
        self.normals.extend(other.normals);
        self.uvs.extend(other.uvs);
        self.triangles.extend(other.triangles.into_iter().map(|triangle| Triangle {
            vertices: triangle.vertices.map(|vertex| vertex + first_vertex),
            material: materials[triangle.material as usize],
        }));
    }

    /// The mesh without triangles that have no area, which draw nothing and whose vertices may lie anywhere.
    #[must_use]
    pub fn without_flat_triangles(self) -> Self {
        let has_area = |triangle: &Triangle| {
            let [a, b, c] = triangle.vertices.map(|vertex| self.positions[vertex as usize].map(f64::from));
            let side = |to: [f64; 3]| -> [f64; 3] { std::array::from_fn(|i| to[i] - a[i]) };
            let (ab, ac) = (side(b), side(c));
            (0..3).any(|i| ab[i] * ac[(i + 1) % 3] != ab[(i + 1) % 3] * ac[i])
        };
        let triangles: Vec<Triangle> = self.triangles.iter().copied().filter(has_area).collect();
        if triangles.len() == self.triangles.len() { self } else { Self { triangles, ..self }.without_unused() }
    }

    /// The mesh without vertices that no triangle names and materials that no triangle has.
    #[must_use]
    pub fn without_unused(self) -> Self {
        let mut kept = Self::default();
        let mut vertices = HashMap::new();
        let mut materials = HashMap::new();
        for triangle in &self.triangles {
            let corners = triangle.vertices.map(|vertex| {
                *vertices.entry(vertex).or_insert_with(|| {
                    kept.positions.push(self.positions[vertex as usize]);
                    kept.normals.push(self.normals[vertex as usize]);
                    kept.uvs.push(self.uvs[vertex as usize]);
                    kept.positions.len() as u32 - 1
                })
            });
            let material = *materials.entry(triangle.material).or_insert_with(|| {
                kept.materials.push(self.materials[triangle.material as usize].clone());
                kept.materials.len() as u32 - 1
            });
            kept.triangles.push(Triangle { vertices: corners, material });
        }
        kept
    }
}

/// Index of an equal material, added when there is none.
pub fn material_index(materials: &mut Vec<Material>, material: Material) -> u32 {
    let known = materials.iter().position(|known| same_material(known, &material));
    known.unwrap_or_else(|| {
        materials.push(material);
        materials.len() - 1
    }) as u32
}

/// Textures are compared by identity: comparing pixels would cost more than a second material.
fn same_material(a: &Material, b: &Material) -> bool {
    let same_texture = match (&a.texture, &b.texture) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        _ => false,
    };
    same_texture && a.color == b.color && a.specular == b.specular && a.shininess == b.shininess
}

impl Texture {
    /// The texture halved until neither side is longer than `longest_side` (at least 1); each texel is the mean of
    /// those it replaces.
    #[must_use]
    pub fn shrunk_to(mut self, longest_side: usize) -> Self {
        while self.width.max(self.height) > longest_side.max(1) {
            self = self.halved();
        }
        self
    }

    fn halved(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut rgb = Vec::with_capacity(width * height * 3);
        for row in 0..height {
            let rows = [2 * row, (2 * row + 1).min(self.height - 1)];
            for column in 0..width {
                let columns = [2 * column, (2 * column + 1).min(self.width - 1)];
                let texels = rows.map(|row| columns.map(|column| (row * self.width + column) * 3));
                rgb.extend((0..3).map(|channel| {
                    let sum: u32 = texels.iter().flatten().map(|at| u32::from(self.rgb[at + channel])).sum();
                    ((sum + 2) / 4) as u8
                }));
            }
        }
        Self { width, height, rgb }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A tetrahedron with the outward normals of its corners.
    fn tetrahedron() -> Mesh {
        let positions = vec![[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]];
        let triangles = [[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]];
        Mesh {
            normals: positions.iter().map(|p| normalized(*p).expect("not zero")).collect(),
            uvs: vec![[0.0; 2]; 4],
            triangles: triangles.map(|vertices| Triangle { vertices, material: 0 }).to_vec(),
            materials: vec![Material::default()],
            positions,
        }
    }

    /// Six times the enclosed volume: positive when triangles are counter-clockwise seen from outside.
    fn volume(mesh: &Mesh) -> f32 {
        let corners = mesh.triangles.iter().map(|t| t.vertices.map(|vertex| mesh.positions[vertex as usize]));
        corners.map(|[a, b, c]| dot(a, cross(b, c))).sum()
    }

    #[test]
    fn scaling_centres_the_box() {
        let far: Mesh =
            tetrahedron().transformed(&[[3.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [50.0, -7.0, 2.0]);
        let bounds = far.centred_and_scaled(1.8).bounding_box().expect("it has vertices");
        assert!((bounds.diagonal() - 1.8).abs() < 1e-5, "{bounds:?}");
        assert!(length(bounds.centre()) < 1e-5, "{bounds:?}");
        assert!(Mesh::default().centred_and_scaled(1.0).bounding_box().is_none());
        let huge: Mesh = tetrahedron().transformed(&[[1e15, 0.0, 0.0], [0.0, 1e15, 0.0], [0.0, 0.0, 1e15]], [0.0; 3]);
        assert_eq!(huge.centred_and_scaled(1.8).validate(), Ok(()));
    }

    #[test]
    fn y_becomes_up() {
        let mesh = Mesh { positions: vec![[1.0, 2.0, 3.0]], normals: vec![[0.0, 1.0, 0.0]], ..Mesh::default() };
        let upright = mesh.y_up_to_z_up();
        assert_eq!((upright.positions[0], upright.normals[0]), ([1.0, -3.0, 2.0], [0.0, 0.0, 1.0]));
    }

    #[test]
    fn merging_shares_equal_materials() {
        let mut mesh = tetrahedron();
        mesh.merge(tetrahedron());
        let red = Material { color: [1.0, 0.0, 0.0], ..Material::default() };
        mesh.merge(Mesh { materials: vec![red], ..tetrahedron() });
        assert_eq!((mesh.positions.len(), mesh.triangle_count(), mesh.materials.len()), (12, 12, 2));
        assert_eq!((mesh.triangles[4].vertices, mesh.triangles[8].material), ([4, 5, 6], 1));
        assert_eq!(mesh.validate(), Ok(()));
    }

    #[test]
    fn what_no_triangle_names_is_left_out() {
        let mut mesh = tetrahedron();
        mesh.materials.insert(0, Material { specular: 0.9, ..Material::default() });
        mesh.triangles = vec![Triangle { vertices: [3, 1, 2], material: 1 }];
        let kept = mesh.clone().without_unused();
        assert_eq!((kept.positions.len(), kept.materials.len()), (3, 1));
        assert_eq!((kept.positions[0], kept.positions[2]), (mesh.positions[3], mesh.positions[2]));
        assert_eq!(kept.validate(), Ok(()));
    }

    #[test]
    fn triangles_without_area_are_left_out_with_their_vertices() {
        let whole = tetrahedron();
        let mut mesh = whole.clone();
        mesh.positions.extend([[900.0, 0.0, 0.0], [1.0, 1.0, 1.0]]);
        mesh.normals.extend([[0.0, 0.0, 1.0]; 2]);
        mesh.uvs.extend([[0.0; 2]; 2]);
        // One vertex, two places, and three places on a line.
        for vertices in [[4, 4, 4], [0, 5, 1]] {
            mesh.triangles.insert(1, Triangle { vertices, material: 0 });
        }
        assert_eq!(mesh.without_flat_triangles(), whole);
        assert_eq!(whole.clone().without_flat_triangles(), whole);
    }

    #[test]
    fn tiny_matrices_turn_normals_too() {
        let tiny = [[0.0, 0.0, -1e-15], [0.0, 1e-15, 0.0], [-1e-15, 0.0, 0.0]];
        let large = tiny.map(|row: [f32; 3]| row.map(|v| v * 1e15));
        let (tiny, large) = (tetrahedron().transformed(&tiny, [0.0; 3]), tetrahedron().transformed(&large, [0.0; 3]));
        assert_eq!((tiny.normals, tiny.triangles), (large.normals, large.triangles));
    }

    #[test]
    fn shrinking_a_texture_keeps_its_mean() {
        let rgb: Vec<u8> = (0..5 * 3).flat_map(|texel| [texel as u8 * 10, 7, 255]).collect();
        let small = Texture { width: 5, height: 3, rgb }.shrunk_to(1);
        assert_eq!((small.width, small.height, small.rgb[1], small.rgb[2]), (1, 1, 7, 255));
        let large = Texture { width: 4, height: 2, rgb: vec![9; 24] };
        assert_eq!(large.clone().shrunk_to(4), large);
    }

    proptest! {
        #[test]
        fn normals_stay_perpendicular_and_triangles_face_outwards(
            linear in prop::array::uniform3(prop::array::uniform3(-2.0_f32..2.0)),
        ) {
            prop_assume!(dot(linear[0], cross(linear[1], linear[2])).abs() > 0.1);
            let tangent = cross([1.0, 1.0, 1.0], [0.0, 0.0, 1.0]);
            let moved = tetrahedron().transformed(&linear, [0.0; 3]);
            prop_assert!(dot(moved.normals[0], times(&linear, tangent)).abs() < 1e-3);
            prop_assert!(dot(moved.normals[0], moved.positions[0]) > 0.0);
            prop_assert!(volume(&moved) > 0.0);
        }
    }
}
