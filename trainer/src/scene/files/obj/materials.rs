//! The materials that an OBJ file names, from its MTL files and textures.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use super::mtl::{MtlMaterial, parse_mtl};
use super::texture_map::TextureMap;
use crate::scene::files::opacity::{LEAST_OPACITY, SeeThrough};
use crate::scene::files::surface::SurfaceMaterial;
use crate::scene::files::text::{shortened, without_comment};
use crate::scene::files::texture::decode_picture;
use crate::scene::files::warnings::Warnings;
use crate::scene::{Material, Texture};

/// For each name the material, with the map of its texture; none when no file describes it.
///
/// `libraries` is what stands behind each `mtllib`, and `resolve` gives the bytes of files. Whatever cannot be had becomes a
/// warning.
pub(super) fn materials_of(
    names: &[String],
    libraries: &[String],
    rule: SeeThrough,
    resolve: &impl Fn(&str) -> io::Result<Vec<u8>>,
    warnings: &mut Warnings,
) -> Vec<Option<(SurfaceMaterial, Option<TextureMap>)>> {
    let (libraries, all_are_read) = read_libraries(libraries, resolve, warnings);
    let known = by_name(&libraries);
    let found: Vec<Option<&(String, MtlMaterial)>> = names
        .iter()
        .map(|name| known.get(name.as_str()).or_else(|| known.get(without_comment(name))).copied())
        .collect();
    for (name, _) in names.iter().zip(&found).filter(|(_, found)| found.is_none() && all_are_read) {
        let why = if libraries.is_empty() { "there is no mtllib" } else { "no material file describes it" };
        warnings.add(format!("material {}: {why}; its faces are plain", shortened(name)));
    }
    let opacities = Opacities::new(rule, &found, warnings);
    let mut textures = Textures { resolve, known: HashMap::new(), warnings };
    let mut made = |(folder, material): &(String, MtlMaterial)| {
        let texture = material.diffuse_map.as_ref().and_then(|map| textures.texture(folder, map));
        let name = shortened(&material.name);
        let opacity = opacities.opacity(material);
        (SurfaceMaterial { name, look: look(material, texture), opacity }, material.diffuse_map.clone())
    };
    found.into_iter().map(|material| material.map(&mut made)).collect()
}

/// All materials with the folders of their files, and whether every file could be read.
fn read_libraries(
    statements: &[String],
    resolve: &impl Fn(&str) -> io::Result<Vec<u8>>,
    warnings: &mut Warnings,
) -> (Vec<(String, MtlMaterial)>, bool) {
    let (mut materials, mut all_are_read, mut seen) = (Vec::new(), true, Vec::new());
    for statement in statements {
        if seen.contains(&statement) {
            continue;
        }
        seen.push(statement);
        for (file, bytes) in library_files(statement, resolve) {
            match bytes {
                Ok(bytes) => {
                    let folder = file.replace('\\', "/").rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
                    let parsed = parse_mtl(&file, &bytes, warnings);
                    materials.extend(parsed.into_iter().map(|material| (folder.clone(), material)));
                }
                Err(error) => {
                    all_are_read = false;
                    warnings.add(format!("materials {}: {error}", shortened(&file)));
                }
            }
        }
    }
    (materials, all_are_read)
}

/// The files behind `mtllib`: one whose name may hold blanks, or several.
fn library_files(
    statement: &str,
    resolve: &impl Fn(&str) -> io::Result<Vec<u8>>,
) -> Vec<(String, io::Result<Vec<u8>>)> {
    let bare = without_comment(statement);
    for whole in [statement, bare].map(|name| name.trim_matches('"')) {
        if let Ok(bytes) = resolve(whole) {
            return vec![(whole.to_owned(), Ok(bytes))];
        }
    }
    let mut files: Vec<String> = vec![String::new()];
    for word in bare.split_whitespace() {
        if let Some(file) = files.last_mut() {
            file.push_str(if file.is_empty() { "" } else { " " });
            file.push_str(word);
        }
        if word.to_ascii_lowercase().ends_with(".mtl") {
            files.push(String::new());
        }
    }
    files.retain(|file| !file.is_empty());
    if files.is_empty() {
        files.push("(without a name)".into());
    }
    files.into_iter().map(|file| (file.clone(), resolve(&file))).collect()
}

/// Later definitions replace earlier ones. What may be a comment behind a name counts as part of it first.
fn by_name(materials: &[(String, MtlMaterial)]) -> HashMap<&str, &(String, MtlMaterial)> {
    let bare = materials.iter().map(|material| (without_comment(&material.1.name), material));
    let whole = materials.iter().map(|material| (material.1.name.as_str(), material));
    bare.chain(whole).collect()
}

fn look(material: &MtlMaterial, texture: Option<Arc<Texture>>) -> Material {
    let plain = Material::default();
    let color = material.diffuse.map_or(plain.color, |color| color.map(|channel| channel.clamp(0.0, 1.0)));
    // Exporters write black where a texture gives the colour.
    let color = if texture.is_some() && color == [0.0; 3] { [1.0; 3] } else { color };
    let specular = material.specular.map_or(0.0, |[r, g, b]| ((r + g + b) / 3.0).clamp(0.0, 1.0));
    let shininess = material.shininess.map_or(plain.shininess, |ns| ns.clamp(1.0, 1000.0));
    Material { color, specular, shininess, texture }
}

/// How `d` and `Tr` are read: `Tr` is written both ways.
struct Opacities {
    rule: SeeThrough,
    /// Whether 1 stands for opaque in `Tr`.
    transparency_is_opacity: bool,
}

impl Opacities {
    /// `Tr` without `d` is taken for the opacity where most materials would vanish otherwise.
    fn new(rule: SeeThrough, materials: &[Option<&(String, MtlMaterial)>], warnings: &mut Warnings) -> Self {
        let only_transparency = |material: &MtlMaterial| material.transparency.filter(|_| material.dissolve.is_none());
        let materials = || materials.iter().flatten().map(|(_, material)| material);
        let clear = materials().filter(|m| only_transparency(m).is_some_and(|tr| 1.0 - tr < LEAST_OPACITY)).count();
        let transparency_is_opacity = 2 * clear > materials().count();
        let opacities = Self { rule, transparency_is_opacity };
        if rule == SeeThrough::Drawn {
            for material in materials() {
                if let Some(transparency) = only_transparency(material)
                    && opacities.opacity(material) != 1.0 - transparency
                {
                    let name = shortened(&material.name);
                    warnings.add(format!(
                        "material {name} has `Tr {transparency}` without `d`, which is taken for an opacity of {}",
                        opacities.opacity(material)
                    ));
                }
            }
        }
        opacities
    }

    fn opacity(&self, material: &MtlMaterial) -> f32 {
        let opacity = match (material.dissolve, material.transparency) {
            (Some(dissolve), _) => dissolve,
            (None, None) => 1.0,
            (None, Some(transparency)) if self.rule == SeeThrough::LeftOut => 1.0 - transparency,
            // Nobody models what cannot be seen.
            (None, Some(1.0)) => 1.0,
            (None, Some(transparency)) if self.transparency_is_opacity => transparency,
            (None, Some(transparency)) => 1.0 - transparency,
        };
        opacity.clamp(0.0, 1.0)
    }
}

/// Textures by folder and name; none for those that cannot be had.
struct Textures<'a, R> {
    resolve: &'a R,
    known: HashMap<(String, String), Option<Arc<Texture>>>,
    warnings: &'a mut Warnings,
}

impl<R: Fn(&str) -> io::Result<Vec<u8>>> Textures<'_, R> {
    /// The texture of a map in a material file that lies in `folder`, as the OBJ file names it.
    fn texture(&mut self, folder: &str, map: &TextureMap) -> Option<Arc<Texture>> {
        let name = map.names.last()?;
        let key = (folder.to_owned(), name.clone());
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let decoded =
            self.bytes(folder, map).map_err(|error| error.to_string()).and_then(|bytes| decode_picture(&bytes));
        let texture = match decoded {
            Ok(picture) => {
                if picture.is_see_through {
                    self.warnings
                        .add(format!("texture {} is see-through in places, and drawn opaque", shortened(name)));
                }
                Some(Arc::new(picture.texture))
            }
            Err(error) => {
                self.warnings.add(format!("texture {}: {error}", shortened(name)));
                None
            }
        };
        self.known.insert(key, texture.clone());
        texture
    }

    /// Beside the material file, or else beside the OBJ file.
    fn bytes(&self, folder: &str, map: &TextureMap) -> io::Result<Vec<u8>> {
        let mut outcome = Err(io::Error::from(io::ErrorKind::NotFound));
        for name in &map.names {
            let beside = (!folder.is_empty()).then(|| format!("{folder}/{name}"));
            for candidate in beside.iter().chain([name]) {
                outcome = (self.resolve)(candidate);
                if outcome.is_ok() {
                    return outcome;
                }
            }
        }
        outcome
    }
}
