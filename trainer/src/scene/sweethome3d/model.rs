use std::path::Path;
use std::sync::Arc;

use super::CatalogueEntry;
use super::glass::{is_made_of_glass, without_transparency};
use crate::scene::{Mesh, SourceError, load_furniture};

/// Triangles that an object may keep.
const MOST_TRIANGLES: usize = 5_000;

/// Longest side that a texture may keep, in pixels.
const LONGEST_TEXTURE_SIDE: usize = 128;

/// A model of the catalogue, ready for the cache.
pub(super) struct FurnitureModel {
    /// Upright (z up), centred, of unit diagonal.
    pub mesh: Mesh,
}

/// Loads a model from its archive, of which `read` gives the files; `archive` is for messages.
///
/// # Errors
/// When a file is missing or broken.
pub(super) fn load_model(
    archive: &Path,
    entry: &CatalogueEntry,
    read: impl Fn(&str) -> std::io::Result<Vec<u8>>,
) -> Result<FurnitureModel, SourceError> {
    let path = archive.join(&entry.model);
    let folder = entry.model.rsplit_once('/').map_or("", |(folder, _)| folder);
    let read_beside = |name: &str| read(&path_in_archive(folder, name));
    let obj = read(&entry.model).map_err(|source| SourceError::Io { path: path.clone(), source })?;
    let text = String::from_utf8_lossy(&obj);
    let glass = material_files(&text)
        .any(|name| read_beside(name).is_ok_and(|mtl| is_made_of_glass(&text, &String::from_utf8_lossy(&mtl))));
    let resolve = |name: &str| {
        let bytes = read_beside(name)?;
        let opaque = glass && name.to_lowercase().ends_with(".mtl");
        Ok(if opaque { without_transparency(&String::from_utf8_lossy(&bytes)).into_bytes() } else { bytes })
    };
    let mut mesh = load_furniture(&path, &obj[..], resolve)?.mesh;
    if let Some(rotation) = &entry.model_rotation {
        mesh = mesh.transformed(rotation, [0.0; 3]);
    }
    let mut mesh = mesh.y_up_to_z_up().without_unused().centred_and_scaled(1.0).decimated(MOST_TRIANGLES);
    shrink_textures(&mut mesh);
    mesh.validate().map_err(|error| SourceError::Malformed { path: path.clone(), reason: error.to_string() })?;
    Ok(FurnitureModel { mesh: mesh.centred_and_scaled(1.0) })
}

fn material_files(obj: &str) -> impl Iterator<Item = &str> {
    obj.lines().filter_map(|line| line.trim().strip_prefix("mtllib ")).map(str::trim)
}

/// The path of a file that a file in `folder` names; `.` and `..` are followed.
fn path_in_archive(folder: &str, name: &str) -> String {
    let name = name.trim().replace('\\', "/");
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Shrinks each texture once, so that materials go on sharing it.
fn shrink_textures(mesh: &mut Mesh) {
    let mut shrunk = Vec::new();
    for texture in mesh.materials.iter_mut().filter_map(|material| material.texture.as_mut()) {
        let known = shrunk.iter().find(|(large, _)| Arc::ptr_eq(large, texture)).map(|(_, small)| Arc::clone(small));
        let small = known.unwrap_or_else(|| {
            let small = Arc::new(texture.as_ref().clone().shrunk_to(LONGEST_TEXTURE_SIDE));
            shrunk.push((Arc::clone(texture), Arc::clone(&small)));
            small
        });
        *texture = small;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_followed_within_the_archive() {
        for (folder, name, want) in [
            ("scopia/bed", "bed.mtl", "scopia/bed/bed.mtl"),
            ("scopia/bed", "textures\\a b.png ", "scopia/bed/textures/a b.png"),
            ("scopia/bed", "../x/./y.jpg", "scopia/x/y.jpg"),
            ("", "../../etc/passwd", "etc/passwd"),
            ("scopia", "/media/x.jpg", "scopia/media/x.jpg"),
        ] {
            assert_eq!(path_in_archive(folder, name), want);
        }
    }
}
