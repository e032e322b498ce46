use std::path::{Path, PathBuf};

use sextant_runtime::preprocess::{PictureView, PixelFormat};
use sextant_runtime::rotation::SymmetryGroup;

use super::latents::scene_of;
use super::shard::Shard;
use super::split::{split_warnings, view_warnings};
use super::stored_views::{offered, stored_views};
use super::{DataError, Manifest, Place, ViewBatch, ViewSource};
use crate::scene::CameraPose;
use crate::transformation::{Parameters, Transformation};

/// A folder of safetensors shards, of which images are read as they are needed.
#[derive(Debug)]
pub struct SextantFolder {
    folder: PathBuf,
    manifest: Manifest,
    image_size: usize,
    shards: Vec<Shard>,
    /// For each object its images, as shard and row.
    views: Vec<Vec<(u32, u32)>>,
}

impl SextantFolder {
    /// Opens and checks a data set; images are resized to `image_size` when it is given.
    ///
    /// # Errors
    /// When a file is missing, truncated, of another version, or holds shapes, types or numbers it must not.
    pub fn open(folder: &Path, image_size: Option<usize>) -> Result<Self, DataError> {
        let manifest = Manifest::read(folder)?;
        let mut views = vec![Vec::new(); manifest.objects.len()];
        let mut shards = Vec::with_capacity(manifest.shards.len());
        for (number, record) in manifest.shards.iter().enumerate() {
            let path = folder.join(&record.file);
            let (shard, objects) = Shard::open(&path, number, record, &manifest)?;
            for (row, object) in objects.into_iter().enumerate() {
                views[object as usize].push((number as u32, row as u32));
            }
            shards.push(shard);
        }
        match views.iter().position(|views| views.len() != manifest.views_per_object) {
            Some(object) => Err(DataError::malformed(
                folder,
                format!(
                    "object {} has {} images instead of {}",
                    manifest.objects[object].id,
                    views[object].len(),
                    manifest.views_per_object
                ),
            )),
            None => {
                let (folder, image_size) = (folder.to_owned(), image_size.unwrap_or(manifest.image_size));
                Ok(Self { folder, image_size, manifest, shards, views })
            }
        }
    }

    /// The description of the data set.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Reads a view of an object into `[image_size, image_size, 3]` bytes.
    fn load(&self, object: usize, view: usize, picture: &mut [u8]) -> Result<Parameters, DataError> {
        let (shard, row) = self.views[object][view];
        let (shard, row) = (&self.shards[shard as usize], row as usize);
        let size = self.manifest.image_size;
        if size == self.image_size {
            shard.read_image(row, picture)?;
        } else {
            let mut stored = vec![0; size * size * 3];
            shard.read_image(row, &mut stored)?;
            let stored = PictureView::new(&stored, PixelFormat::Rgb8, size, size).map_err(|_| {
                DataError::malformed(&self.folder, format!("images of {size} pixels cannot be resized"))
            })?;
            stored.resize_into(self.image_size, self.image_size, picture);
        }
        Ok(scene_of(shard.latents(row)).transformations())
    }
}

impl ViewSource for SextantFolder {
    fn image_size(&self) -> usize {
        self.image_size
    }

    fn class_names(&self) -> &[String] {
        &self.manifest.class_names
    }

    fn subject_count(&self) -> usize {
        self.manifest.objects.len()
    }

    fn subject_id(&self, object: usize) -> String {
        self.manifest.objects[object].id.clone()
    }

    fn label(&self, object: usize) -> usize {
        self.manifest.objects[object].label
    }

    fn symmetry(&self, object: usize) -> SymmetryGroup {
        self.manifest.objects[object].symmetry.into()
    }

    fn is_held_out(&self, object: usize) -> bool {
        self.manifest.objects[object].held_out
    }

    fn view_count(&self, object: usize) -> Option<usize> {
        Some(self.views[object].len())
    }

    fn warnings(&self) -> Vec<String> {
        let place = self.folder.display();
        let own = self.manifest.warnings().into_iter().map(|warning| format!("{place}: {warning}"));
        own.chain(view_warnings(self)).chain(split_warnings(self)).collect()
    }

    fn camera(&self) -> Option<CameraPose> {
        Some(self.manifest.camera)
    }

    fn offers(&self) -> Vec<&'static dyn Transformation> {
        offered()
    }

    fn views(&self, places: &[Place], count: usize, stream_seed: u64) -> Result<ViewBatch, DataError> {
        stored_views(self, self.manifest.camera, places, count, stream_seed, |object, view, picture| {
            self.load(object, view, picture)
        })
    }
}
