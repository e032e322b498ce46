use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sextant_runtime::typed_command::Program;

use super::class_map::ClassMap;
use super::mesh_file::mesh_from_bytes;
use crate::scene::{Mesh, SourceError, SymmetryRecord};

/// Value of `format` in the index.
pub(super) const CACHE_FORMAT: &str = "sextant-sweethome3d";

/// Version of the cache's layout; the folder's name has it too.
pub(super) const CACHE_VERSION: u32 = 1;

pub(super) const INDEX_FILE: &str = "index.json";
pub(super) const CREDITS_FILE: &str = "CREDITS.txt";

/// What to do about a cache that cannot be used.
pub(super) fn remedy() -> String {
    format!("run `{}`", Program::Trainer.command("data prepare sweethome3d --overwrite"))
}

/// What the cache holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CacheIndex {
    /// `sextant-sweethome3d`.
    pub format: String,
    /// Version of the layout.
    pub version: u32,
    /// CRC-32 of the class map with which it was made.
    pub class_map_crc32: u32,
    /// Names of the classes, indexed by label.
    pub class_names: Vec<String>,
    /// The objects.
    pub objects: Vec<CachedObject>,
    /// The models of the class map that could not be used.
    pub skipped: Vec<SkippedModel>,
}

/// One object of the cache.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CachedObject {
    /// `CLASS/NAME`.
    pub id: String,
    /// `CATALOGUE#MODEL` in the package.
    pub catalogue_id: String,
    /// What the package calls it.
    pub name: String,
    /// Index of its class.
    pub label: usize,
    /// Whether it is kept out of training.
    pub held_out: bool,
    /// Rotations that leave its look unchanged.
    pub symmetry: SymmetryRecord,
    /// Who made it.
    pub creator: String,
    /// Under what licence.
    pub licence: String,
    /// Number of triangles.
    pub triangles: usize,
    /// Its mesh's file within the folder.
    pub file: String,
    /// CRC-32 of that file.
    pub crc32: u32,
}

/// A model that could not be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SkippedModel {
    /// `CATALOGUE#MODEL`.
    pub catalogue_id: String,
    /// What is wrong with it.
    pub reason: String,
}

/// The folder of this cache among the caches.
pub(super) fn cache_in(cache_folder: &Path) -> PathBuf {
    cache_folder.join(format!("sweethome3d-v{CACHE_VERSION}"))
}

impl CacheIndex {
    /// Reads and checks the index of the cache in `folder`.
    pub(super) fn read(folder: &Path) -> Result<Self, SourceError> {
        let path = folder.join(INDEX_FILE);
        let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => SourceError::Unusable(format!(
                "{}: the furniture is not prepared: run `{}`",
                folder.display(),
                Program::Trainer.command("data prepare sweethome3d")
            )),
            _ => SourceError::Io { path: path.clone(), source: error },
        })?;
        let malformed = |reason: String| SourceError::Malformed { path: path.clone(), reason };
        let index: Self =
            serde_json::from_str(&text).map_err(|error| malformed(format!("broken ({error}): {}", remedy())))?;
        index.check().map_err(|reason| malformed(format!("{reason}: {}", remedy())))?;
        Ok(index)
    }

    fn check(&self) -> Result<(), String> {
        if self.format != CACHE_FORMAT || self.version != CACHE_VERSION {
            return Err(format!("is {} version {}, needed is version {CACHE_VERSION}", self.format, self.version));
        }
        if self.class_map_crc32 != ClassMap::crc32() {
            return Err("was made by a program with other classes".to_owned());
        }
        if self.objects.is_empty() {
            return Err("has no objects".to_owned());
        }
        for object in &self.objects {
            if object.label >= self.class_names.len() || object.file.contains("..") || object.file.starts_with('/') {
                return Err(format!("has a broken entry for {}", object.id));
            }
        }
        Ok(())
    }
}

/// The mesh of an object, of unit diagonal.
pub(super) fn read_mesh(folder: &Path, object: &CachedObject) -> Result<Mesh, SourceError> {
    let path = folder.join(&object.file);
    let bytes = fs::read(&path).map_err(|source| SourceError::Io { path: path.clone(), source })?;
    let malformed = |reason: String| SourceError::Malformed { path: path.clone(), reason };
    if crc32fast::hash(&bytes) != object.crc32 {
        return Err(malformed(format!("is not the file that was written (wrong checksum): {}", remedy())));
    }
    mesh_from_bytes(&bytes).map_err(|reason| malformed(format!("{reason}: {}", remedy())))
}
