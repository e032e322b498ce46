use super::Mesh;

/// What makes a mesh impossible to render.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MeshError {
    /// The arrays per vertex differ in length.
    #[error("{positions} positions, but {normals} normals and {uvs} texture coordinates")]
    UnequalLengths {
        /// Number of positions.
        positions: usize,
        /// Number of normals.
        normals: usize,
        /// Number of texture coordinates.
        uvs: usize,
    },
    /// A number of a vertex is NaN or infinite.
    #[error("vertex {vertex} has a {attribute} that is not finite")]
    NotFinite {
        /// The first such vertex.
        vertex: usize,
        /// `position`, `normal` or `texture coordinate`.
        attribute: &'static str,
    },
    /// A triangle names a vertex that is not there.
    #[error("triangle {triangle} names vertex {vertex}, but there are {vertices}")]
    NoSuchVertex {
        /// The first such triangle.
        triangle: usize,
        /// What it names.
        vertex: u32,
        /// How many there are.
        vertices: usize,
    },
    /// A triangle names a material that is not there.
    #[error("triangle {triangle} names material {material}, but there are {materials}")]
    NoSuchMaterial {
        /// The first such triangle.
        triangle: usize,
        /// What it names.
        material: u32,
        /// How many there are.
        materials: usize,
    },
    /// A number of a material is NaN, infinite or out of its range.
    #[error("material {material} has a {attribute} out of its range")]
    BadMaterial {
        /// The first such material.
        material: usize,
        /// `color`, `specular`, `shininess` or `texture`.
        attribute: &'static str,
    },
    /// A mesh has more triangles than can be numbered.
    #[error("{triangles} triangles are more than can be drawn")]
    TooManyTriangles {
        /// How many there are.
        triangles: usize,
    },
}

impl Mesh {
    /// Nothing, when the mesh can be rendered. Empty meshes can.
    ///
    /// # Errors
    /// Names the first thing that is wrong.
    pub fn validate(&self) -> Result<(), MeshError> {
        let (positions, normals, uvs) = (self.positions.len(), self.normals.len(), self.uvs.len());
        if normals != positions || uvs != positions {
            return Err(MeshError::UnequalLengths { positions, normals, uvs });
        }
        if self.triangles.len() >= u32::MAX as usize {
            return Err(MeshError::TooManyTriangles { triangles: self.triangles.len() });
        }
        first_not_finite("position", &self.positions)?;
        first_not_finite("normal", &self.normals)?;
        first_not_finite("texture coordinate", &self.uvs)?;
        self.validate_triangles()?;
        self.validate_materials()
    }

    fn validate_triangles(&self) -> Result<(), MeshError> {
        let (vertices, materials) = (self.positions.len(), self.materials.len());
        for (triangle, corners) in self.triangles.iter().enumerate() {
            if let Some(vertex) = corners.vertices.into_iter().find(|vertex| *vertex as usize >= vertices) {
                return Err(MeshError::NoSuchVertex { triangle, vertex, vertices });
            }
            if corners.material as usize >= materials {
                return Err(MeshError::NoSuchMaterial { triangle, material: corners.material, materials });
            }
        }
        Ok(())
    }

    fn validate_materials(&self) -> Result<(), MeshError> {
        for (index, material) in self.materials.iter().enumerate() {
            let unit = 0.0..=1.0;
            let texture_fits = material.texture.as_ref().is_none_or(|texture| {
                let texels = texture.width.checked_mul(texture.height).unwrap_or(0);
                texels > 0 && texels.checked_mul(3) == Some(texture.rgb.len())
            });
            let checks = [
                ("color", material.color.iter().all(|value| unit.contains(value))),
                ("specular", unit.contains(&material.specular)),
                ("shininess", material.shininess >= 0.0 && material.shininess.is_finite()),
                ("texture", texture_fits),
            ];
            if let Some((attribute, _)) = checks.into_iter().find(|(_, fits)| !fits) {
                return Err(MeshError::BadMaterial { material: index, attribute });
            }
        }
        Ok(())
    }
}

fn first_not_finite<const N: usize>(attribute: &'static str, values: &[[f32; N]]) -> Result<(), MeshError> {
    match values.iter().position(|value| value.iter().any(|number| !number.is_finite())) {
        Some(vertex) => Err(MeshError::NotFinite { vertex, attribute }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::scene::{Material, Texture, Triangle};

    fn triangle() -> Mesh {
        Mesh {
            positions: vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
            normals: vec![[0.0, 0.0, 1.0]; 3],
            uvs: vec![[0.0; 2]; 3],
            triangles: vec![Triangle { vertices: [0, 1, 2], material: 0 }],
            materials: vec![Material::default()],
        }
    }

    #[test]
    fn good_and_empty_meshes_pass() {
        assert_eq!(triangle().validate(), Ok(()));
        assert_eq!(Mesh::default().validate(), Ok(()));
    }

    #[test]
    fn the_first_thing_that_is_wrong_is_named() {
        let texture = |width, height, bytes| Some(Arc::new(Texture { width, height, rgb: vec![0; bytes] }));
        type Damage = Box<dyn Fn(&mut Mesh)>;
        let broken: [(&str, Damage); 12] = [
            ("3 positions, but 2 normals and 3", Box::new(|m| m.normals.truncate(2))),
            ("3 positions, but 3 normals and 4", Box::new(|m| m.uvs.push([0.0; 2]))),
            ("vertex 1 has a position", Box::new(|m| m.positions[1][2] = f32::NAN)),
            ("vertex 2 has a normal", Box::new(|m| m.normals[2][0] = f32::INFINITY)),
            ("vertex 0 has a texture coordinate", Box::new(|m| m.uvs[0][1] = f32::NAN)),
            ("triangle 0 names vertex 3, but there are 3", Box::new(|m| m.triangles[0].vertices[1] = 3)),
            ("triangle 0 names material 1, but there are 1", Box::new(|m| m.triangles[0].material = 1)),
            ("material 0 has a color", Box::new(|m| m.materials[0].color[1] = 1.5)),
            ("material 0 has a specular", Box::new(|m| m.materials[0].specular = f32::NAN)),
            ("material 0 has a shininess", Box::new(|m| m.materials[0].shininess = -1.0)),
            ("material 0 has a texture", Box::new(move |m| m.materials[0].texture = texture(2, 2, 11))),
            ("material 0 has a texture", Box::new(move |m| m.materials[0].texture = texture(0, 0, 0))),
        ];
        for (expected, breaks) in broken {
            let mut mesh = triangle();
            breaks(&mut mesh);
            let error = mesh.validate().expect_err(expected).to_string();
            assert!(error.starts_with(expected), "{error}, not {expected}");
        }
    }
}
