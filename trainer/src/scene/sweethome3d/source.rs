use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use sextant_runtime::rotation::SymmetryGroup;

use super::cache::{CacheIndex, CachedObject, cache_in, read_mesh};
use crate::scene::{Mesh, Object, ObjectSource, SourceError};

/// The prepared furniture; meshes are read when first asked for, and kept.
#[derive(Debug)]
pub struct SweetHome3d {
    folder: PathBuf,
    index: CacheIndex,
    diagonal: f32,
    meshes: Vec<OnceLock<Arc<Mesh>>>,
}

impl SweetHome3d {
    /// Opens what [`super::prepare`] has put below `cache_folder`; bounding boxes will have the given diagonal.
    ///
    /// # Errors
    /// When nothing is prepared there, or the index is broken or of another version.
    pub fn open(cache_folder: &Path, diagonal: f32) -> Result<Self, SourceError> {
        if !(diagonal.is_finite() && diagonal > 0.0) {
            return Err(SourceError::Unusable(format!("an object's diagonal cannot be {diagonal}")));
        }
        let folder = cache_in(cache_folder);
        let index = CacheIndex::read(&folder)?;
        let meshes = index.objects.iter().map(|_| OnceLock::new()).collect();
        Ok(Self { folder, index, diagonal, meshes })
    }

    /// Where the cache lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is known of the objects.
    pub fn index(&self) -> &CacheIndex {
        &self.index
    }

    fn cached(&self, index: usize) -> &CachedObject {
        &self.index.objects[index]
    }
}

impl ObjectSource for SweetHome3d {
    fn is_built_in(&self) -> bool {
        true
    }

    fn class_names(&self) -> &[String] {
        &self.index.class_names
    }

    fn len(&self) -> usize {
        self.index.objects.len()
    }

    fn id(&self, index: usize) -> String {
        self.cached(index).id.clone()
    }

    fn label(&self, index: usize) -> usize {
        self.cached(index).label
    }

    fn is_held_out(&self, index: usize) -> bool {
        self.cached(index).held_out
    }

    fn object(&self, index: usize) -> Result<Object, SourceError> {
        let symmetry = self.symmetry(index)?;
        if let Some(mesh) = self.meshes[index].get() {
            return Ok(Object { mesh: Arc::clone(mesh), symmetry });
        }
        let mut mesh = read_mesh(&self.folder, self.cached(index))?;
        for coordinate in mesh.positions.iter_mut().flatten() {
            *coordinate *= self.diagonal;
        }
        let mesh = self.meshes[index].get_or_init(|| Arc::new(mesh));
        Ok(Object { mesh: Arc::clone(mesh), symmetry })
    }

    fn symmetry(&self, index: usize) -> Result<SymmetryGroup, SourceError> {
        Ok(self.cached(index).symmetry.into())
    }
}
