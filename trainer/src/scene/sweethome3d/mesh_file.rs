//! A mesh as a safetensors file: `positions` and `normals` f32 `[v, 3]`, `uvs` f32 `[v, 2]`, `triangles` u32 `[t, 4]`
//! (three vertices and a material), `materials` f32 `[m, 5]` (red, green, blue, specular, shininess),
//! `material_textures` i64 `[m]` (-1 for none) and `texture_K` u8 `[height, width, 3]`.

use std::borrow::Cow;
use std::sync::Arc;

use safetensors::{Dtype, SafeTensors, View};

use crate::scene::{Material, Mesh, Texture, Triangle};

struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for Tensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }
    fn shape(&self) -> &[usize] {
        &self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        (&self.bytes).into()
    }
    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// The bytes of a mesh's file.
pub(super) fn mesh_to_bytes(mesh: &Mesh) -> Result<Vec<u8>, String> {
    let mut textures: Vec<&Arc<Texture>> = Vec::new();
    let mut material_textures = Vec::new();
    for material in &mesh.materials {
        material_textures.push(match &material.texture {
            None => -1i64,
            Some(texture) => match textures.iter().position(|known| Arc::ptr_eq(known, texture)) {
                Some(known) => known as i64,
                None => {
                    textures.push(texture);
                    textures.len() as i64 - 1
                }
            },
        });
    }
    let triangle = |t: &Triangle| [t.vertices[0], t.vertices[1], t.vertices[2], t.material];
    let material = |m: &Material| [m.color[0], m.color[1], m.color[2], m.specular, m.shininess];
    let mut tensors = vec![
        ("positions".to_owned(), floats(&mesh.positions)),
        ("normals".to_owned(), floats(&mesh.normals)),
        ("uvs".to_owned(), floats(&mesh.uvs)),
        ("triangles".to_owned(), words(&mesh.triangles.iter().map(triangle).collect::<Vec<_>>())),
        ("materials".to_owned(), floats(&mesh.materials.iter().map(material).collect::<Vec<_>>())),
        (
            "material_textures".to_owned(),
            Tensor {
                dtype: Dtype::I64,
                shape: vec![material_textures.len()],
                bytes: material_textures.iter().flat_map(|index| index.to_le_bytes()).collect(),
            },
        ),
    ];
    for (index, texture) in textures.iter().enumerate() {
        let shape = vec![texture.height, texture.width, 3];
        tensors.push((format!("texture_{index}"), Tensor { dtype: Dtype::U8, shape, bytes: texture.rgb.clone() }));
    }
    safetensors::serialize(tensors, None).map_err(|error| error.to_string())
}

fn floats<const N: usize>(rows: &[[f32; N]]) -> Tensor {
    let bytes = rows.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
    Tensor { dtype: Dtype::F32, shape: vec![rows.len(), N], bytes }
}

fn words<const N: usize>(rows: &[[u32; N]]) -> Tensor {
    let bytes = rows.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
    Tensor { dtype: Dtype::U32, shape: vec![rows.len(), N], bytes }
}

/// The mesh in a file's bytes, checked so that rendering it cannot fail.
pub(super) fn mesh_from_bytes(bytes: &[u8]) -> Result<Mesh, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|error| format!("not a whole safetensors file ({error})"))?;
    let textures = (0..).map_while(|index| texture(&file, index)).collect::<Result<Vec<_>, _>>()?;
    let material_textures = material_textures(&file)?;
    let materials = rows::<5, 4>(&file, "materials", Dtype::F32)?;
    if materials.len() != material_textures.len() {
        return Err("materials and their textures differ in number".to_owned());
    }
    let material = |(row, texture): ([[u8; 4]; 5], i64)| {
        let [red, green, blue, specular, shininess] = row.map(f32::from_le_bytes);
        let texture = match texture {
            -1 => None,
            index => Some(usize::try_from(index).ok().and_then(|index| textures.get(index)).ok_or("no such texture")?),
        };
        Ok(Material { color: [red, green, blue], specular, shininess, texture: texture.cloned() })
    };
    let materials: Result<Vec<Material>, &str> = materials.into_iter().zip(material_textures).map(material).collect();
    let triangles = rows::<4, 4>(&file, "triangles", Dtype::U32)?.into_iter().map(|row| {
        let [a, b, c, material] = row.map(u32::from_le_bytes);
        Triangle { vertices: [a, b, c], material }
    });
    let mesh = Mesh {
        positions: float_rows(&file, "positions")?,
        normals: float_rows(&file, "normals")?,
        uvs: float_rows(&file, "uvs")?,
        triangles: triangles.collect(),
        materials: materials?,
    };
    if mesh.triangles.is_empty() {
        return Err("has no triangles".to_owned());
    }
    mesh.validate().map_err(|error| error.to_string())?;
    Ok(mesh)
}

fn rows<const N: usize, const BYTES: usize>(
    file: &SafeTensors,
    name: &str,
    dtype: Dtype,
) -> Result<Vec<[[u8; BYTES]; N]>, String> {
    let view = file.tensor(name).map_err(|_| format!("has no tensor `{name}`"))?;
    match view.shape() {
        [_, columns] if *columns == N && view.dtype() == dtype => {
            let words = view.data().as_chunks::<BYTES>().0;
            Ok(words.as_chunks::<N>().0.to_vec())
        }
        shape => Err(format!("`{name}` is {:?} {shape:?}", view.dtype())),
    }
}

fn float_rows<const N: usize>(file: &SafeTensors, name: &str) -> Result<Vec<[f32; N]>, String> {
    Ok(rows::<N, 4>(file, name, Dtype::F32)?.into_iter().map(|row| row.map(f32::from_le_bytes)).collect())
}

fn material_textures(file: &SafeTensors) -> Result<Vec<i64>, String> {
    let view = file.tensor("material_textures").map_err(|_| "has no tensor `material_textures`")?;
    if view.dtype() != Dtype::I64 || view.shape().len() != 1 {
        return Err(format!("`material_textures` is {:?} {:?}", view.dtype(), view.shape()));
    }
    Ok(view.data().as_chunks::<8>().0.iter().map(|word| i64::from_le_bytes(*word)).collect())
}

fn texture(file: &SafeTensors, index: usize) -> Option<Result<Arc<Texture>, String>> {
    let view = file.tensor(&format!("texture_{index}")).ok()?;
    Some(match view.shape() {
        &[height, width, 3] if view.dtype() == Dtype::U8 && height > 0 && width > 0 => {
            Ok(Arc::new(Texture { width, height, rgb: view.data().to_vec() }))
        }
        shape => Err(format!("`texture_{index}` is {:?} {shape:?}", view.dtype())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn textured_mesh() -> Mesh {
        let texture = Some(Arc::new(Texture { width: 1, height: 2, rgb: vec![1, 2, 3, 4, 5, 6] }));
        let plain = Material { color: [0.1, 0.2, 0.3], specular: 0.4, shininess: 5.0, texture: None };
        Mesh {
            positions: vec![[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.5]],
            normals: vec![[0.0, 0.0, 1.0]; 3],
            uvs: vec![[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]],
            triangles: vec![
                Triangle { vertices: [0, 1, 2], material: 1 },
                Triangle { vertices: [2, 1, 0], material: 0 },
            ],
            materials: vec![
                plain.clone(),
                Material { texture: texture.clone(), ..plain.clone() },
                Material { texture, ..plain },
            ],
        }
    }

    #[test]
    fn meshes_survive_their_file() {
        let mesh = textured_mesh();
        let read = mesh_from_bytes(&mesh_to_bytes(&mesh).unwrap()).unwrap();
        assert_eq!(read, mesh);
        let textures: Vec<_> = read.materials.iter().filter_map(|material| material.texture.as_ref()).collect();
        assert!(Arc::ptr_eq(textures[0], textures[1]), "a shared texture stays shared");
    }

    #[test]
    fn broken_meshes_are_refused() {
        type Break = fn(&mut Mesh);
        let broken: [(&str, Break, &str); 6] = [
            ("no triangles", |mesh| mesh.triangles.clear(), "no triangles"),
            ("vertex out of bounds", |mesh| mesh.triangles[0].vertices[1] = 3, "names vertex 3"),
            ("material out of bounds", |mesh| mesh.triangles[0].material = 3, "names material 3"),
            ("NaN", |mesh| mesh.positions[1][2] = f32::NAN, "not finite"),
            ("infinite shininess", |mesh| mesh.materials[0].shininess = f32::INFINITY, "shininess"),
            ("missing normals", |mesh| mesh.normals.truncate(2), "2 normals"),
        ];
        for (name, breaks, want) in broken {
            let mut mesh = textured_mesh();
            breaks(&mut mesh);
            let error = mesh_from_bytes(&mesh_to_bytes(&mesh).unwrap()).expect_err(name);
            assert!(error.contains(want), "{name}: {error}");
        }
    }

    #[test]
    fn no_bytes_panic() {
        let good = mesh_to_bytes(&textured_mesh()).unwrap();
        for length in 0..good.len() {
            assert!(mesh_from_bytes(&good[..length]).is_err(), "truncated to {length}");
        }
        for bit in 0..good.len() * 8 {
            let mut flipped = good.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = mesh_from_bytes(&flipped);
        }
    }
}
