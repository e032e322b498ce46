use std::io::Cursor;
use std::path::Path;

use super::{CREASE_DEG, LoadedMesh, check_triangle_count, checked, malformed};
use crate::scene::{Material, Mesh, SourceError, Triangle};

const HEADER_BYTES: usize = 84;
const TRIANGLE_BYTES: usize = 50;

/// The mesh in the bytes of a binary or ASCII STL file; `path` is for messages.
///
/// The file's own normals are ignored: they are one per face, and often wrong.
///
/// # Errors
/// When the bytes are not such a mesh.
pub fn load_stl(path: &Path, bytes: &[u8]) -> Result<LoadedMesh, SourceError> {
    let binary_length = binary_triangles(bytes).and_then(|count| count.checked_mul(TRIANGLE_BYTES));
    let is_binary = binary_length.is_some_and(|length| bytes.len() - HEADER_BYTES == length);
    if !is_binary && !bytes.starts_with(b"solid") {
        let reason = match binary_triangles(bytes) {
            Some(count) => format!(
                "neither ASCII nor binary STL: the header promises {count} triangles, but {} bytes follow it",
                bytes.len() - HEADER_BYTES
            ),
            None => format!("neither ASCII nor binary STL: only {} bytes", bytes.len()),
        };
        return Err(malformed(path, reason));
    }
    let mut bytes = bytes.to_vec();
    if is_binary {
        // Some programs begin binary files with the word that marks ASCII ones.
        bytes[..5].copy_from_slice(b"     ");
    } else if !bytes.starts_with(b"solid ") {
        // A nameless ASCII file: the parser wants the blank before the name.
        bytes.splice(5..5, *b" ");
    }
    let mut reader = Cursor::new(bytes);
    let facets = stl_io::create_stl_reader(&mut reader).map_err(|error| malformed(path, error.to_string()))?;
    let mut mesh = Mesh { materials: vec![Material::default()], ..Mesh::default() };
    for facet in facets {
        let facet = facet.map_err(|error| malformed(path, error.to_string()))?;
        let first = mesh.positions.len() as u32;
        mesh.positions.extend(facet.vertices.map(|vertex| vertex.0));
        mesh.triangles.push(Triangle { vertices: [first, first + 1, first + 2], material: 0 });
        check_triangle_count(path, mesh.triangles.len())?;
    }
    mesh.normals = vec![[0.0, 0.0, 1.0]; mesh.positions.len()];
    mesh.uvs = vec![[0.0; 2]; mesh.positions.len()];
    let LoadedMesh { mesh, warnings } = checked(path, mesh, Vec::new())?;
    checked(path, mesh.compute_normals(CREASE_DEG), warnings)
}

/// The number of triangles that a binary header promises.
fn binary_triangles(bytes: &[u8]) -> Option<usize> {
    let count = bytes.get(80..HEADER_BYTES)?;
    Some(u32::from_le_bytes(count.try_into().ok()?) as usize)
}
