//! PLY: a text header that declares elements and their properties, then their values as text or binary.

mod attributes;
mod faces;
mod header;
#[cfg(test)]
mod tests;
mod values;
mod vertices;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use self::faces::Faces;
use self::header::Header;
use self::values::Values;
use self::vertices::Vertices;
use super::companion::read_companion;
use super::opacity::SeeThrough;
use super::surface::{Corner, NONE, Surface, SurfaceMaterial};
use super::texture::decode_picture;
use super::warnings::Warnings;
use super::{LoadedMesh, malformed, text};
use crate::scene::{Material, SourceError};

/// The mesh in the bytes of an ASCII or binary PLY file; `path` is for messages and for the pictures that the file names.
///
/// Polygons and triangle strips are read, with normals, colours of vertices or faces, and pictures (`comment
/// TextureFile NAME`) with texture coordinates of vertices or of the corners of faces. Colours are averaged over each
/// face and rounded, and become materials.
///
/// # Errors
/// When the bytes are not such a mesh.
pub fn load_ply(path: &Path, bytes: &[u8]) -> Result<LoadedMesh, SourceError> {
    let broken = |reason: String| malformed(path, format!("broken PLY: {reason}"));
    let bytes = text::without_mark(bytes);
    let (header, body) = Header::parse(&bytes).map_err(broken)?;
    let mut surface = Surface::new(path);
    let (vertices, faces) = read_elements(&header, body, &mut surface.warnings).map_err(broken)?;
    if faces.ends.is_empty() {
        let points = vertices.points.len();
        return Err(malformed(path, format!("{points} points and no face: a point cloud; make a mesh of it first")));
    }
    check_corners(&vertices, &faces).map_err(broken)?;
    fill(&mut surface, path, &header.textures, vertices, &faces)?;
    surface.into_loaded(SeeThrough::Drawn)
}

fn read_elements(header: &Header, body: &[u8], warnings: &mut Warnings) -> Result<(Vertices, Faces), String> {
    let mut values = Values { encoding: header.encoding, rest: body };
    let (mut vertices, mut faces) = (None, Faces::default());
    for element in &header.elements {
        // Each value takes at least a byte: counts beyond that are lies, and would exhaust memory.
        if !element.properties.is_empty() && element.count > values.rest.len() {
            return Err(format!("{} elements {} do not fit in the file", element.count, element.name));
        }
        match element.name.as_str() {
            "vertex" if vertices.is_some() => return Err("there are two elements vertex".into()),
            "vertex" => vertices = Some(Vertices::read(element, &mut values)?),
            "face" | "tristrips" if !faces.ends.is_empty() => return Err("there are two elements of faces".into()),
            "face" => faces = Faces::read(element, &mut values)?,
            "tristrips" => faces.read_strips(element, &mut values)?,
            name => {
                if let ("edge" | "material" | "range_grid" | "multi_patch", 1..) = (name, element.count) {
                    warnings.add(format!("{} elements {name} are not drawn", element.count));
                }
                element.skip(&mut values)?;
            }
        }
    }
    if values.rest.iter().any(|byte| !byte.is_ascii_whitespace() && *byte != 0) {
        warnings.add(format!("{} bytes behind the last element are not read", values.rest.len()));
    }
    Ok((vertices.ok_or("it has no element vertex")?, faces))
}

/// Hands vertices and faces, whose corners are checked, to the surface.
fn fill(
    surface: &mut Surface,
    path: &Path,
    textures: &[String],
    vertices: Vertices,
    faces: &Faces,
) -> Result<(), SourceError> {
    warn_of_unread(surface, &vertices, faces);
    let colors_are_of_faces = choose_colors(surface, &vertices, faces);
    let has_colors = colors_are_of_faces || !vertices.colors.is_empty();
    let wedge = |at: usize| faces.uvs.get(at).is_some_and(|uv| uv.iter().all(|v| v.is_finite()));
    let has_wedges = (0..faces.uvs.len()).any(wedge);
    let materials = materials(surface, path, textures, has_wedges || !vertices.uvs.is_empty());
    let (mut corners, mut thin, mut both, mut strange) = (Vec::new(), 0, 0, 0);
    for (face, range) in faces.ranges().enumerate() {
        thin += usize::from(range.len() < 3);
        let picture = faces.textures.get(face).copied().unwrap_or(0);
        strange += usize::from(picture >= textures.len() as i64 && !textures.is_empty());
        let mut material = usize::try_from(picture).ok().and_then(|at| materials.get(at).copied()).unwrap_or(NONE);
        // Where a picture gives the colour, colours repeat it or are left from before it was made.
        let has_picture = material != NONE && (!has_wedges || range.clone().all(wedge));
        both += usize::from(has_picture && has_colors);
        if !has_picture && has_colors {
            material = NONE;
        }
        corners.clear();
        corners.extend(range.map(|at| {
            let vertex = faces.corners[at];
            let colored = if colors_are_of_faces { face as u32 } else { vertex };
            Corner {
                point: vertex,
                normal: if vertices.normals.is_empty() { NONE } else { vertex },
                uv: if has_wedges { at as u32 } else { vertex },
                color: if has_picture { NONE } else { colored },
            }
        }));
        surface.add_face(&corners, material)?;
    }
    surface.colors = if colors_are_of_faces { faces.colors.clone() } else { vertices.colors };
    surface.uvs = if has_wedges { faces.uvs.clone() } else { vertices.uvs };
    (surface.points, surface.normals) = (vertices.points, vertices.normals);
    if thin > 0 {
        surface.warnings.add(format!("{thin} faces of fewer than three corners are not drawn"));
    }
    if strange > 0 {
        surface.warnings.add(format!("{strange} faces have the number of a picture that is not listed"));
    }
    if both > 0 && surface.colors.iter().any(|color| color[..3] != [1.0; 3]) {
        surface.warnings.add(format!("{both} faces have both a texture and colours; the texture is drawn"));
    }
    Ok(())
}

fn check_corners(vertices: &Vertices, faces: &Faces) -> Result<(), String> {
    let count = vertices.points.len();
    for (face, range) in faces.ranges().enumerate() {
        for &vertex in &faces.corners[range] {
            let Some(point) = vertices.points.get(vertex as usize) else {
                return Err(if vertex == NONE {
                    format!("face {face} names a vertex by a number that is none; there are {count}, from 0 on")
                } else {
                    format!("face {face} names vertex {vertex}, but there are {count}, from 0 on")
                });
            };
            if let Some(coordinate) = point.iter().find(|coordinate| !coordinate.is_finite()) {
                return Err(format!(
                    "vertex {vertex} of face {face} has a coordinate that is not finite: `{coordinate}`"
                ));
            }
        }
    }
    Ok(())
}

fn warn_of_unread(surface: &mut Surface, vertices: &Vertices, faces: &Faces) {
    for (element, unread) in [("vertex", &vertices.unread), ("face", &faces.unread)] {
        if !unread.is_empty() {
            let names = unread.join(", ");
            surface.warnings.add(format!("properties of element {element} that are not drawn: {names}"));
        }
    }
}

/// Whether the colours of faces are drawn, and not those of vertices. Both vary in few files.
fn choose_colors(surface: &mut Surface, vertices: &Vertices, faces: &Faces) -> bool {
    if faces.colors.is_empty() || vertices.colors.is_empty() {
        return !faces.colors.is_empty();
    }
    let varies = |colors: &[[f32; 4]]| colors.windows(2).any(|pair| pair[0] != pair[1]);
    match (varies(&vertices.colors), varies(&faces.colors)) {
        (true, true) => {
            surface.warnings.add("it has colours of vertices and of faces; those of vertices are drawn");
            false
        }
        (vertices_vary, _) => !vertices_vary,
    }
}

/// Indices of the materials of the pictures; [`NONE`] for those that cannot be had.
fn materials(surface: &mut Surface, path: &Path, textures: &[String], has_uvs: bool) -> Vec<u32> {
    if has_uvs && textures.is_empty() {
        surface.warnings.add("it has texture coordinates, but no line `comment TextureFile NAME` that names a picture");
    }
    if !has_uvs && !textures.is_empty() {
        let names = text::shortened(&textures.join(", "));
        surface.warnings.add(format!("texture {names}: there are no texture coordinates for it"));
        return Vec::new();
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut known = HashMap::new();
    textures.iter().map(|name| *known.entry(name).or_insert_with(|| material(surface, folder, name))).collect()
}

/// Index of the material of a picture; [`NONE`] when it cannot be had.
fn material(surface: &mut Surface, folder: &Path, name: &str) -> u32 {
    let bytes = read_companion(folder, name).map_err(|error| error.to_string());
    let name = text::shortened(name);
    match bytes.and_then(|bytes| decode_picture(&bytes)) {
        Ok(picture) => {
            if picture.is_see_through {
                surface.warnings.add(format!("texture {name} is see-through in places, and drawn opaque"));
            }
            let look = Material { color: [1.0; 3], texture: Some(Arc::new(picture.texture)), ..Material::default() };
            surface.materials.push(SurfaceMaterial { name, look, opacity: 1.0 });
            surface.materials.len() as u32 - 1
        }
        Err(error) => {
            surface.warnings.add(format!("texture {name}: {error}"));
            NONE
        }
    }
}
