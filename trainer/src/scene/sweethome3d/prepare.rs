use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use sextant_runtime::durable::write_synced;
use zip::ZipArchive;

use super::cache::{CACHE_FORMAT, CACHE_VERSION, CREDITS_FILE, INDEX_FILE, cache_in};
use super::class_map::{ClassMap, held_out};
use super::mesh_file::mesh_to_bytes;
use super::model::{FurnitureModel, load_model};
use super::symmetry_test::vertical_symmetry;
use super::{CacheIndex, CachedObject, CatalogueEntry, FurnitureFolder, SkippedModel, parse_catalogue};
use crate::durable::stage_folder;
use crate::scene::SourceError;

const CATALOGUE_FILE: &str = "PluginFurnitureCatalog.properties";

/// Why a model of the class map is skipped that no catalogue lists.
pub const NOT_IN_PACKAGE: &str = "is not in the package";

/// Largest file within an archive that is read.
const LARGEST_FILE_BYTES: u64 = 256 << 20;

/// What [`prepare`] has done.
#[derive(Clone, Debug)]
pub struct PrepareReport {
    /// Where the cache lies.
    pub folder: PathBuf,
    /// What it holds.
    pub index: CacheIndex,
}

/// Makes the cache of the furniture below `cache_folder`: the objects of the class map, upright, decimated, with small
/// textures and their symmetry. Models that are broken are skipped and reported.
///
/// `progress` is called with the number of models done and of all; when it answers false, preparing stops.
///
/// # Errors
/// When an archive cannot be read, the cache exists already (unless `overwrite`) or cannot be written, or preparing was
/// stopped; nothing is left of the cache then.
pub fn prepare(
    furniture: &FurnitureFolder,
    cache_folder: &Path,
    overwrite: bool,
    progress: &(dyn Fn(usize, usize) -> bool + Sync),
) -> Result<PrepareReport, SourceError> {
    let class_map = ClassMap::embedded().map_err(SourceError::Unusable)?;
    let destination = cache_in(cache_folder);
    let staged = stage_folder(&destination, overwrite, |folder| folder.join(INDEX_FILE).is_file())?;
    let labels = class_map.labels();
    let counter = Counter { done: AtomicUsize::new(0), all: labels.len(), progress };
    let (mut objects, mut skipped) = (Vec::new(), Vec::new());
    for path in furniture.catalogues() {
        let archive = Archive::open(&path)?;
        let wanted: Vec<&CatalogueEntry> =
            archive.entries.iter().filter(|entry| labels.contains_key(entry.id.as_str())).collect();
        let written: Result<Vec<_>, SourceError> = wanted
            .into_par_iter()
            .map(|entry| {
                let outcome = archive.cache_object(entry, labels[entry.id.as_str()], &class_map, staged.path());
                counter.step()?;
                outcome
            })
            .collect();
        for outcome in written? {
            match outcome {
                Outcome::Written(object) => objects.push(object),
                Outcome::Skipped(model) => skipped.push(model),
            }
        }
    }
    let index = index_of(objects, skipped, &class_map)?;
    write_index(staged.path(), &index)?;
    staged.commit()?;
    Ok(PrepareReport { folder: destination, index })
}

struct Counter<'a> {
    done: AtomicUsize,
    all: usize,
    progress: &'a (dyn Fn(usize, usize) -> bool + Sync),
}

impl Counter<'_> {
    fn step(&self) -> Result<(), SourceError> {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if (self.progress)(done, self.all) { Ok(()) } else { Err(SourceError::Interrupted) }
    }
}

enum Outcome {
    Written(CachedObject),
    Skipped(SkippedModel),
}

/// One `.sh3f` file in memory.
struct Archive {
    path: PathBuf,
    zip: ZipArchive<Cursor<Arc<[u8]>>>,
    licence: String,
    entries: Vec<CatalogueEntry>,
}

impl Archive {
    fn open(path: &Path) -> Result<Self, SourceError> {
        let malformed = |reason: String| SourceError::Malformed {
            path: path.to_path_buf(),
            reason: format!("{reason}; fetch the package again"),
        };
        let bytes = fs::read(path).map_err(|source| SourceError::Io { path: path.to_path_buf(), source })?;
        let mut zip =
            ZipArchive::new(Cursor::new(bytes.into())).map_err(|error| malformed(format!("no zip file ({error})")))?;
        let catalogue = read_file(&mut zip, CATALOGUE_FILE).map_err(|error| malformed(error.to_string()))?;
        let catalogue = parse_catalogue(&catalogue).map_err(malformed)?;
        Ok(Self { path: path.to_path_buf(), zip, licence: catalogue.licence, entries: catalogue.entries })
    }

    fn cache_object(
        &self,
        entry: &CatalogueEntry,
        label: usize,
        class_map: &ClassMap,
        folder: &Path,
    ) -> Result<Outcome, SourceError> {
        let skip = |reason: String| Ok(Outcome::Skipped(SkippedModel { catalogue_id: entry.id.clone(), reason }));
        let FurnitureModel { mesh } = match self.load(entry) {
            Ok(model) => model,
            Err(error) => return skip(error.to_string()),
        };
        let bytes = match mesh_to_bytes(&mesh) {
            Ok(bytes) => bytes,
            Err(reason) => return skip(reason),
        };
        let symmetry = class_map.stated_symmetry(&entry.id).unwrap_or_else(|| vertical_symmetry(&mesh));
        let name = file_name(&entry.id);
        let file = format!("{name}.safetensors");
        write_synced(&folder.join(&file), |to| to.write_all(&bytes))?;
        let class = class_map.classes.keys().nth(label).map_or("", String::as_str);
        Ok(Outcome::Written(CachedObject {
            id: format!("{class}/{name}"),
            catalogue_id: entry.id.clone(),
            name: entry.name.clone(),
            label,
            held_out: false,
            symmetry: symmetry.into(),
            creator: entry.creator.clone(),
            licence: self.licence.clone(),
            triangles: mesh.triangles.len(),
            crc32: crc32fast::hash(&bytes),
            file,
        }))
    }

    fn load(&self, entry: &CatalogueEntry) -> Result<FurnitureModel, SourceError> {
        load_model(&self.path, entry, |name| read_file(&mut self.zip.clone(), name))
    }
}

fn read_file(zip: &mut ZipArchive<Cursor<Arc<[u8]>>>, name: &str) -> std::io::Result<Vec<u8>> {
    let mut file = zip.by_name(name).map_err(|error| std::io::Error::other(format!("{name}: {error}")))?;
    if file.size() > LARGEST_FILE_BYTES {
        return Err(std::io::Error::other(format!("{name}: {} bytes are too many", file.size())));
    }
    let mut bytes = Vec::new();
    file.by_ref().take(LARGEST_FILE_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// `blend-swap-cc-0-bed1` of `Blend Swap CC-0#bed1`.
fn file_name(catalogue_id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let (catalogue, model) = catalogue_id.split_once('#').unwrap_or(("", catalogue_id));
    format!("{}-{}", catalogue.to_lowercase(), model).chars().map(plain).collect()
}

/// The index, sorted by class and name, with the split.
fn index_of(
    mut objects: Vec<CachedObject>,
    mut skipped: Vec<SkippedModel>,
    class_map: &ClassMap,
) -> Result<CacheIndex, SourceError> {
    objects.sort_by(|a, b| (a.label, &a.id).cmp(&(b.label, &b.id)));
    let mut of_class: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, object) in objects.iter().enumerate() {
        of_class.entry(object.label).or_default().push(index);
    }
    for members in of_class.values() {
        let ids: Vec<&str> = members.iter().map(|&index| objects[index].catalogue_id.as_str()).collect();
        let held = held_out(&ids);
        for (&index, held) in members.iter().zip(held) {
            objects[index].held_out = held;
        }
    }
    let known = |id: &str| objects.iter().any(|object| object.catalogue_id == id);
    let absent = |id: &&str| !known(id) && !skipped.iter().any(|model| model.catalogue_id == **id);
    let absent: Vec<&str> = class_map.labels().into_keys().filter(absent).collect();
    skipped.extend(
        absent.iter().map(|id| SkippedModel { catalogue_id: (*id).to_owned(), reason: NOT_IN_PACKAGE.to_owned() }),
    );
    if objects.is_empty() {
        return Err(SourceError::Unusable("none of the known models is in the package: is it version 1.8?".to_owned()));
    }
    Ok(CacheIndex {
        format: CACHE_FORMAT.to_owned(),
        version: CACHE_VERSION,
        class_map_crc32: ClassMap::crc32(),
        class_names: class_map.classes.keys().cloned().collect(),
        objects,
        skipped,
    })
}

fn write_index(folder: &Path, index: &CacheIndex) -> Result<(), SourceError> {
    let json = serde_json::to_vec_pretty(index)
        .map_err(|error| SourceError::Unusable(format!("the index cannot be written as JSON: {error}")))?;
    write_synced(&folder.join(INDEX_FILE), |file| file.write_all(&json))?;
    write_synced(&folder.join(CREDITS_FILE), |file| file.write_all(credits(index).as_bytes()))?;
    Ok(())
}

/// Who made what, under what licence; sorted by creator.
fn credits(index: &CacheIndex) -> String {
    let mut lines: Vec<String> = index
        .objects
        .iter()
        .map(|object| format!("{}: \"{}\" ({}), {}", object.creator, object.name, object.catalogue_id, object.licence))
        .collect();
    lines.sort();
    format!(
        "The meshes in this folder are models of the Debian package sweethome3d-furniture (Sweet Home 3D,\n\
         www.sweethome3d.com), turned upright, scaled, with fewer triangles and smaller textures.\n\n{}\n",
        lines.join("\n")
    )
}

#[cfg(test)]
#[path = "prepare_tests.rs"]
mod tests;
