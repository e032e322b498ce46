use std::sync::Arc;

/// A textured triangle mesh. Per-vertex arrays have one length; flat shading repeats vertices.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mesh {
    /// Corners in object coordinates.
    pub positions: Vec<[f32; 3]>,
    /// Unit normals.
    pub normals: Vec<[f32; 3]>,
    /// Texture coordinates, origin at the lower left corner of the picture; zeros without a texture.
    pub uvs: Vec<[f32; 2]>,
    /// Counter-clockwise seen from outside; both sides are drawn.
    pub triangles: Vec<Triangle>,
    /// Indexed by [`Triangle::material`]; never empty when there are triangles.
    pub materials: Vec<Material>,
}

/// Three vertices and what they are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Triangle {
    /// Indices of the vertices.
    pub vertices: [u32; 3],
    /// Index of the material.
    pub material: u32,
}

impl Triangle {
    /// Whether two triangles go on in each other: they are of one material and have a vertex, with its normal and its
    /// texture coordinate, in common.
    pub(crate) fn continues_in(&self, other: &Self) -> bool {
        self.material == other.material && self.vertices.iter().any(|vertex| other.vertices.contains(vertex))
    }
}

/// How a surface answers light.
#[derive(Clone, Debug, PartialEq)]
pub struct Material {
    /// sRGB, each in [0, 1]; multiplies the texture.
    pub color: [f32; 3],
    /// Strength of the highlight, in [0, 1].
    pub specular: f32,
    /// Phong exponent of the highlight.
    pub shininess: f32,
    /// Picture on the surface.
    pub texture: Option<Arc<Texture>>,
}

/// A picture, sampled with repetition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texture {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// sRGB bytes, `[height, width, 3]`, top row first.
    pub rgb: Vec<u8>,
}
