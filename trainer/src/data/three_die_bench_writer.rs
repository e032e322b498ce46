use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use rayon::prelude::*;
use sextant_runtime::durable::{StagedFolder, write_synced};

use super::latents::latents_of;
use super::sextant_writer::write_png;
use super::three_die_bench::{TRAIN_IMAGES_FILE, TRAIN_LABELS_FILE, VAL_IMAGES_FILE, VAL_LABELS_FILE};
use super::{DataError, DataSetDescription, DataSetWriter, NpyArray, NpyValues, ObjectRecord, write_npy};
use crate::durable::stage_folder;
use crate::scene::SceneParameters;

const JPEG_QUALITY: u8 = 95;

/// Writes 3DIEBench's layout: `CLASS/NAME/image_k.jpg` and `latent_k.npy`, and the lists of both splits.
///
/// The layout has no place for symmetries, class names (classes are folders), the seed or the camera.
#[derive(Debug)]
pub struct ThreeDieBenchWriter {
    folder: StagedFolder,
    description: DataSetDescription,
    objects_written: usize,
}

impl ThreeDieBenchWriter {
    /// Starts a data set that will be the folder `destination`.
    ///
    /// # Errors
    /// When the folder exists (unless `overwrite`, and it holds a data set) or cannot be made, or when an object's id
    /// cannot be a folder `CLASS/NAME`.
    pub fn create(destination: &Path, overwrite: bool, description: DataSetDescription) -> Result<Self, DataError> {
        check_ids(&description.objects)?;
        let folder = stage_folder(destination, overwrite, super::open::is_data_set)?;
        Ok(Self { folder, description, objects_written: 0 })
    }

    fn write_split(&self, held_out: bool, images: &str, labels: &str) -> Result<(), DataError> {
        let split: Vec<_> = self.description.objects.iter().filter(|object| object.held_out == held_out).collect();
        let paths = split.iter().map(|object| format!("/{}/", object.id)).collect();
        let classes = split.iter().map(|object| object.label as i64).collect();
        self.write_array(images, NpyValues::Text(paths))?;
        self.write_array(labels, NpyValues::I64(classes))
    }

    fn write_array(&self, name: &str, values: NpyValues) -> Result<(), DataError> {
        Ok(write_synced(&self.folder.path().join(name), |file| write_npy(file, &NpyArray::vector(values)))?)
    }
}

impl DataSetWriter for ThreeDieBenchWriter {
    fn write_object(&mut self, scenes: &[SceneParameters], images: &[u8]) -> Result<(), DataError> {
        self.description.assert_views(self.objects_written, scenes, images);
        let folder = self.folder.path().join(&self.description.objects[self.objects_written].id);
        fs::create_dir_all(&folder).map_err(DataError::io(&folder))?;
        let size = self.description.image_size;
        let views = images.par_chunks_exact(size * size * 3).zip(scenes).enumerate();
        views.try_for_each(|(view, (rgb, scene))| write_view(&folder, view, size, rgb, scene))?;
        self.objects_written += 1;
        Ok(())
    }

    fn write_picture(&mut self, name: &str, rgb: &image::RgbImage) -> Result<(), DataError> {
        write_png(&self.folder.path().join(name), rgb)
    }

    fn finish(self: Box<Self>) -> Result<(), DataError> {
        assert_eq!(self.objects_written, self.description.objects.len(), "objects are missing");
        self.write_split(false, TRAIN_IMAGES_FILE, TRAIN_LABELS_FILE)?;
        self.write_split(true, VAL_IMAGES_FILE, VAL_LABELS_FILE)?;
        Ok(self.folder.commit()?)
    }
}

/// The single files are not waited for one by one (there are 100 an object): the lists, written last, are.
fn write_view(folder: &Path, view: usize, size: usize, rgb: &[u8], scene: &SceneParameters) -> Result<(), DataError> {
    let path = folder.join(format!("image_{view}.jpg"));
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY)
        .encode(rgb, size as u32, size as u32, ExtendedColorType::Rgb8)
        .map_err(|error| DataError::malformed(&path, format!("cannot be encoded: {error}")))?;
    fs::write(&path, jpeg).map_err(DataError::io(&path))?;
    let path = folder.join(format!("latent_{view}.npy"));
    let mut npy = Vec::new();
    let values = NpyArray::vector(NpyValues::F64(latents_of(scene).map(f64::from).to_vec()));
    write_npy(&mut npy, &values).and_then(|()| fs::write(&path, npy)).map_err(DataError::io(&path))
}

fn check_ids(objects: &[ObjectRecord]) -> Result<(), DataError> {
    let is_name = |name: &str| !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
    let is_path = |id: &str| id.split_once('/').is_some_and(|(class, name)| is_name(class) && is_name(name));
    let mut seen = BTreeSet::new();
    match objects.iter().find(|object| !is_path(&object.id) || !seen.insert(&object.id)) {
        Some(object) => Err(DataError::Unusable(format!(
            "the object `{}` cannot be a folder CLASS/NAME of its own; use --format sextant, or rename it",
            object.id
        ))),
        None => Ok(()),
    }
}
