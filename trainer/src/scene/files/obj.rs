use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, BufRead};
use std::path::Path;
use std::sync::Arc;

use super::caught::caught;
use super::{CREASE_DEG, LoadedMesh, check_triangle_count, checked, decode_texture, malformed};
use crate::scene::mesh_edit::material_index;
use crate::scene::vector::normalized;
use crate::scene::{Material, Mesh, SourceError, Texture, Triangle};

/// Materials of less opacity would hide what is seen through them: their triangles are dropped.
const LEAST_OPACITY: f32 = 0.35;
/// An object of which more is transparent is made of glass, and keeps it.
const LARGEST_TRANSPARENT_SHARE: f64 = 0.6;

/// The mesh of an OBJ file; `path` is for messages.
///
/// `resolve` gives the bytes of the files that it names: MTL files, and PNG or JPEG textures. A file that cannot be had
/// becomes a warning, and its materials plain. Polygons are cut into fans. Triangles of materials of less opacity (`d`, or
/// 1 - `Tr`) than 0.35 are dropped, unless they are more than 60 % of all.
///
/// # Errors
/// When the file is broken or holds no triangle.
pub fn load_obj(
    path: &Path,
    mut reader: impl BufRead,
    resolve: impl Fn(&str) -> io::Result<Vec<u8>>,
) -> Result<LoadedMesh, SourceError> {
    let warnings = RefCell::new(Vec::new());
    let options = tobj::LoadOptions { single_index: true, triangulate: true, ignore_points: true, ignore_lines: true };
    let load_materials = |name: &Path| {
        let name = name.to_string_lossy();
        let bytes = resolve(&name).map_err(|error| {
            warnings.borrow_mut().push(format!("{}: materials {name}: {error}", path.display()));
            tobj::LoadError::OpenFileFailed
        })?;
        // Comments and names need not be UTF-8.
        let text = String::from_utf8_lossy(&bytes);
        tobj::load_mtl_buf(&mut text.as_bytes()).inspect_err(|error| {
            warnings.borrow_mut().push(format!("{}: materials {name}: {error}", path.display()));
        })
    };
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|source| SourceError::Io { path: path.to_owned(), source })?;
    let text = String::from_utf8_lossy(&bytes);
    // The parser indexes without checking in places; broken files must not end the program.
    let parsed = caught(|| tobj::load_obj_buf(&mut text.as_bytes(), &options, load_materials));
    let (models, materials) = parsed
        .ok_or_else(|| malformed(path, "broken OBJ: an index is out of bounds"))?
        .map_err(|error| malformed(path, format!("broken OBJ: {error}")))?;
    let mut builder =
        Builder { path, resolve, textures: HashMap::new(), warnings: warnings.take(), mesh: Mesh::default() };
    let materials = materials.unwrap_or_default();
    let is_clear = |model: &&tobj::Model| material_of(model, &materials).is_some_and(is_transparent);
    let corners: usize = models.iter().map(|model| model.mesh.indices.len()).sum();
    let clear_corners: usize = models.iter().filter(is_clear).map(|model| model.mesh.indices.len()).sum();
    let of_glass = clear_corners as f64 > LARGEST_TRANSPARENT_SHARE * corners as f64;
    for model in models.iter().filter(|model| of_glass || !is_clear(model)) {
        builder.add(&model.mesh, material_of(model, &materials))?;
    }
    checked(path, builder.mesh, builder.warnings)
}

fn material_of<'a>(model: &tobj::Model, materials: &'a [tobj::Material]) -> Option<&'a tobj::Material> {
    materials.get(model.mesh.material_id?)
}

fn is_transparent(material: &tobj::Material) -> bool {
    let transparency = material.unknown_param.get("Tr").and_then(|value| value.trim().parse::<f32>().ok());
    let opacity = material.dissolve.or(transparency.map(|value| 1.0 - value));
    opacity.is_some_and(|opacity| opacity < LEAST_OPACITY)
}

/// A mesh that grows by the parts of a file.
struct Builder<'a, R> {
    path: &'a Path,
    resolve: R,
    /// By name; none for those that cannot be had.
    textures: HashMap<String, Option<Arc<Texture>>>,
    warnings: Vec<String>,
    mesh: Mesh,
}

impl<R: Fn(&str) -> io::Result<Vec<u8>>> Builder<'_, R> {
    fn add(&mut self, part: &tobj::Mesh, material: Option<&tobj::Material>) -> Result<(), SourceError> {
        let vertices = part.positions.len() / 3;
        let mut added = Mesh {
            positions: part.positions.as_chunks().0.to_vec(),
            normals: part.normals.as_chunks().0.to_vec(),
            uvs: part.texcoords.as_chunks().0.to_vec(),
            ..Mesh::default()
        };
        let units: Option<Vec<_>> = added.normals.iter().map(|normal| normalized(*normal)).collect();
        let has_normals = units.as_ref().is_some_and(|units| units.len() == vertices);
        added.normals = units.unwrap_or_default();
        if !has_normals {
            added.normals = vec![[0.0, 0.0, 1.0]; vertices];
        }
        if added.uvs.len() != vertices {
            added.uvs = vec![[0.0; 2]; vertices];
        }
        let material = material.map_or_else(Material::default, |material| self.material(material));
        material_index(&mut added.materials, material);
        let corners = part.indices.as_chunks().0.iter();
        added.triangles.extend(corners.map(|vertices| Triangle { vertices: *vertices, material: 0 }));
        check_triangle_count(self.path, self.mesh.triangles.len() + added.triangles.len())?;
        // Before the next step, which follows the indices.
        added.validate().map_err(|error| malformed(self.path, error.to_string()))?;
        self.mesh.merge(if has_normals { added } else { added.compute_normals(CREASE_DEG) });
        Ok(())
    }

    fn material(&mut self, material: &tobj::Material) -> Material {
        let unit = |value: f32| if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.5 };
        let plain = Material::default();
        let texture = material.diffuse_texture.as_deref().and_then(|name| self.texture(file_name_of_map(name)));
        let color = material.diffuse.map_or(plain.color, |color| color.map(unit));
        // Exporters write black where a texture gives the colour.
        let color = if texture.is_some() && color == [0.0; 3] { [1.0; 3] } else { color };
        let specular = material.specular.map_or(0.0, |[r, g, b]| unit((r + g + b) / 3.0));
        let shininess =
            material.shininess.filter(|value| value.is_finite()).map_or(plain.shininess, |ns| ns.clamp(1.0, 1000.0));
        Material { color, specular, shininess, texture }
    }

    fn texture(&mut self, name: &str) -> Option<Arc<Texture>> {
        if let Some(known) = self.textures.get(name) {
            return known.clone();
        }
        let decoded = (self.resolve)(name).map_err(|error| error.to_string()).and_then(|bytes| decode_texture(&bytes));
        let texture = match decoded {
            Ok(texture) => Some(Arc::new(texture)),
            Err(error) => {
                self.warnings.push(format!("{}: texture {name}: {error}", self.path.display()));
                None
            }
        };
        self.textures.insert(name.to_owned(), texture.clone());
        texture
    }
}

/// The name in `map_Kd [-option value...] NAME`; names may hold blanks.
fn file_name_of_map(statement: &str) -> &str {
    let mut rest = statement.trim();
    while let Some(after_dash) = rest.strip_prefix('-') {
        let Some((option, mut values)) = after_dash.split_once(char::is_whitespace) else { break };
        values = values.trim_start();
        let numeric = matches!(option, "o" | "s" | "t" | "mm" | "bm" | "boost" | "texres");
        let mut taken = 0;
        while let Some((value, after)) = values.split_once(char::is_whitespace) {
            let belongs = if numeric { value.parse::<f32>().is_ok() } else { taken == 0 };
            if !belongs {
                break;
            }
            taken += 1;
            values = after.trim_start();
        }
        rest = values;
    }
    rest
}
