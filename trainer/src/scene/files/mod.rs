//! Meshes from files: OBJ with MTL, STL, PLY, GLB and glTF.

mod assembly;
mod companion;
mod glb;
#[cfg(test)]
mod measured;
mod obj;
mod opacity;
mod ply;
mod polygon;
mod stl;
mod surface;
mod text;
mod texture;
mod warnings;

use std::path::Path;

pub use glb::load_glb;
pub(in crate::scene) use obj::load_furniture;
pub use obj::load_obj;
pub use ply::load_ply;
pub use stl::load_stl;
pub use texture::decode_texture;

use self::companion::read_companion;
use super::{Mesh, SourceError};

/// Extensions of the files that [`load_mesh`] reads, in lower case.
pub const MESH_EXTENSIONS: [&str; 5] = ["obj", "stl", "ply", "glb", "gltf"];

/// Faces that meet at less than this are smoothed where a file has no normals.
const CREASE_DEG: f32 = 40.0;
/// More triangles than this are taken for a mistake.
const MOST_TRIANGLES: usize = 20_000_000;

/// A mesh from a file, as it stands there: neither turned nor scaled, but moved to the origin when it lies far from it.
#[derive(Clone, Debug)]
pub struct LoadedMesh {
    /// Valid and not empty.
    pub mesh: Mesh,
    /// What had to be left out, such as a texture that is not there.
    pub warnings: Vec<String>,
}

/// The mesh in a file, whose extension tells the format.
///
/// # Errors
/// When the file cannot be read or is broken, or the extension is unknown.
pub fn load_mesh(path: &Path) -> Result<LoadedMesh, SourceError> {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    if !MESH_EXTENSIONS.contains(&extension.as_str()) {
        let known = MESH_EXTENSIONS.join(", .");
        return Err(malformed(path, format!("not a mesh file by its name; known are .{known}")));
    }
    let bytes = read(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    match extension.as_str() {
        "obj" => load_obj(path, &bytes[..], |name| read_companion(folder, name)),
        "stl" => load_stl(path, &bytes),
        "ply" => load_ply(path, &bytes),
        _ => load_glb(path, &bytes),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, SourceError> {
    let bytes = std::fs::read(path).map_err(|source| SourceError::Io { path: path.to_owned(), source })?;
    if bytes.is_empty() {
        return Err(malformed(path, "the file is empty"));
    }
    Ok(bytes)
}

fn malformed(path: &Path, reason: impl Into<String>) -> SourceError {
    SourceError::Malformed { path: path.to_owned(), reason: reason.into() }
}

/// The mesh, when it is valid and holds triangles.
fn checked(path: &Path, mesh: Mesh, warnings: Vec<String>) -> Result<LoadedMesh, SourceError> {
    if mesh.triangles.is_empty() {
        return Err(malformed(path, "there is no triangle in it"));
    }
    mesh.validate().map_err(|error| malformed(path, error.to_string()))?;
    let has_extent = mesh.bounding_box().is_some_and(|bounds| bounds.diagonal() > 0.0);
    if !has_extent {
        return Err(malformed(path, "all its vertices lie in one point"));
    }
    // Beyond this, squares of distances overflow.
    if mesh.positions.iter().flatten().any(|coordinate| coordinate.abs() > 1e15) {
        return Err(malformed(path, "a coordinate is larger than 1e15"));
    }
    Ok(LoadedMesh { mesh, warnings })
}

/// Refuses counts that memory could not hold.
fn check_triangle_count(path: &Path, count: usize) -> Result<(), SourceError> {
    if count > MOST_TRIANGLES {
        return Err(malformed(path, format!("{count} triangles, but at most {MOST_TRIANGLES} are read")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
