//! OBJ with MTL.

mod materials;
mod mtl;
mod statements;
mod texture_map;

use std::collections::HashMap;
use std::io::{self, BufRead};
use std::path::Path;

use self::materials::materials_of;
use self::statements::{Objects, parse_obj};
use self::texture_map::TextureMap;
use super::assembly::Shape;
use crate::scene::SourceError;
use crate::scene::files::LoadedMesh;
use crate::scene::files::opacity::SeeThrough;
use crate::scene::files::surface::{NONE, Surface};
use crate::scene::files::text::without_mark;

/// The mesh of an OBJ file; `path` is for messages.
///
/// `resolve` gives the bytes of the files that it names: MTL files, and PNG or JPEG textures. What cannot be had or read
/// of them becomes a warning, and its materials plain. Colours of vertices multiply their faces' materials. The renderer
/// draws opaque triangles only: materials that are see-through (`d`, or 1 - `Tr`) are drawn with a warning, or left out
/// where they enclose everything else.
///
/// # Errors
/// When the file is broken or holds no triangle.
pub fn load_obj(
    path: &Path,
    reader: impl BufRead,
    resolve: impl Fn(&str) -> io::Result<Vec<u8>>,
) -> Result<LoadedMesh, SourceError> {
    load_obj_by(SeeThrough::Drawn, Shape::Exact, path, reader, resolve)
}

/// [`load_obj`] as version 1 of the prepared furniture was made: without materials of less opacity than 0.35, unless they
/// are more than 60 % of the triangles, and with [`Shape::FurnitureV1`].
///
/// # Errors
/// As [`load_obj`].
pub(in crate::scene) fn load_furniture(
    path: &Path,
    reader: impl BufRead,
    resolve: impl Fn(&str) -> io::Result<Vec<u8>>,
) -> Result<LoadedMesh, SourceError> {
    load_obj_by(SeeThrough::LeftOut, Shape::FurnitureV1, path, reader, resolve)
}

fn load_obj_by(
    rule: SeeThrough,
    shape: Shape,
    path: &Path,
    mut reader: impl BufRead,
    resolve: impl Fn(&str) -> io::Result<Vec<u8>>,
) -> Result<LoadedMesh, SourceError> {
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(|source| SourceError::Io { path: path.to_owned(), source })?;
    let Objects { mut surface, material_names, libraries } = parse_obj(path, &without_mark(&bytes))?;
    drop(bytes);
    let found = materials_of(&material_names, &libraries, rule, &resolve, &mut surface.warnings);
    let mut indices = Vec::new();
    let mut maps = Vec::new();
    for material in found {
        indices.push(if material.is_some() { maps.len() as u32 } else { NONE });
        if let Some((material, map)) = material {
            surface.materials.push(material);
            maps.push(map);
        }
    }
    surface.renumber_materials(&indices);
    place_textures(&mut surface, &maps);
    surface.into_loaded_by(rule, shape)
}

/// Moves the texture coordinates of faces whose pictures are scaled or shifted.
fn place_textures(surface: &mut Surface, maps: &[Option<TextureMap>]) {
    let mut moved = HashMap::new();
    for face in 0..surface.face_count() {
        let material = surface.material_of(face);
        let Some(Some(map)) = maps.get(material as usize) else { continue };
        if map.is_plain() {
            continue;
        }
        for at in 0..surface.corners_of(face).len() {
            let uv = surface.corners_of(face)[at].uv;
            let Some(known) = surface.uvs.get(uv as usize).copied() else { continue };
            let index = *moved.entry((material, uv)).or_insert_with(|| {
                surface.uvs.push(map.sampled_at(known));
                surface.uvs.len() as u32 - 1
            });
            surface.corners_of_mut(face)[at].uv = index;
        }
    }
}

#[cfg(test)]
mod tests;
