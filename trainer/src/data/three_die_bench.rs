use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sextant_runtime::picture::{Picture, PictureLimits};
use sextant_runtime::rotation::SymmetryGroup;

use super::open::MAX_IMAGE_SIZE;
use super::pair_source::{LoadedView, collect_pairs};
use super::view_order::{stream_rng, two_indices_below};
use super::{DataError, NpyValues, PairBatch, PairSource, read_npy};

pub(crate) const TRAIN_IMAGES_FILE: &str = "train_images.npy";
pub(crate) const TRAIN_LABELS_FILE: &str = "train_labels.npy";
pub(crate) const VAL_IMAGES_FILE: &str = "val_images.npy";
pub(crate) const VAL_LABELS_FILE: &str = "val_labels.npy";

/// Labels above this are taken for a broken file.
const MAX_CLASSES: i64 = 100_000;

/// A folder in 3DIEBench's layout; the objects of `val_images.npy` are the held-out ones.
///
/// Images are decoded when asked for. The layout does not record symmetries, so every object counts as without.
#[derive(Debug)]
pub struct ThreeDieBenchFolder {
    folder: PathBuf,
    image_size: usize,
    class_names: Vec<String>,
    objects: Vec<ListedObject>,
    view_count: usize,
}

#[derive(Debug)]
struct ListedObject {
    /// `SYNSET/OBJ_ID`.
    id: String,
    label: usize,
    held_out: bool,
}

impl ThreeDieBenchFolder {
    /// Opens a data set and checks its lists and its first object; images are resized to `image_size` when it is
    /// given, else they must all have the size of the first.
    ///
    /// # Errors
    /// When a list is missing or broken, or the first object has no images.
    pub fn open(folder: &Path, image_size: Option<usize>) -> Result<Self, DataError> {
        let mut objects = read_split(folder, TRAIN_IMAGES_FILE, TRAIN_LABELS_FILE, false)?;
        objects.extend(read_split(folder, VAL_IMAGES_FILE, VAL_LABELS_FILE, true)?);
        let first =
            objects.first().ok_or_else(|| DataError::malformed(&folder.join(TRAIN_IMAGES_FILE), "lists no object"))?;
        let first_folder = folder.join(&first.id);
        let view_count = count_views(&first_folder)?;
        let image_size = match image_size {
            Some(size) => size,
            None => {
                let [width, height] = decode(&first_folder.join("image_0.jpg"))?.view().size();
                width.min(height)
            }
        };
        let class_names = class_names(&objects);
        Ok(Self { folder: folder.to_path_buf(), image_size, class_names, objects, view_count })
    }

    /// Views of each object.
    pub fn view_count(&self) -> usize {
        self.view_count
    }

    /// Decodes one view, to check it.
    ///
    /// # Errors
    /// When its files are missing or broken.
    pub fn check_view(&self, object: usize, view: usize) -> Result<(), DataError> {
        self.load(object, view).map(|_| ())
    }

    fn load(&self, object: usize, view: usize) -> Result<LoadedView, DataError> {
        let folder = self.folder.join(&self.objects[object].id);
        let latents = read_latents(&folder.join(format!("latent_{view}.npy")))?;
        let picture = decode(&folder.join(format!("image_{view}.jpg")))?;
        Ok(LoadedView { rgb: picture.view().crop_and_resize(self.image_size, self.image_size), latents })
    }
}

impl PairSource for ThreeDieBenchFolder {
    fn image_size(&self) -> usize {
        self.image_size
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn object_count(&self) -> usize {
        self.objects.len()
    }

    fn object_id(&self, object: usize) -> String {
        self.objects[object].id.clone()
    }

    fn label(&self, object: usize) -> usize {
        self.objects[object].label
    }

    fn symmetry(&self, _object: usize) -> SymmetryGroup {
        SymmetryGroup::None
    }

    fn is_held_out(&self, object: usize) -> bool {
        self.objects[object].held_out
    }

    fn pairs(&self, objects: &[usize], stream_seed: u64) -> Result<PairBatch, DataError> {
        self.pairs_at(&Vec::from_iter(0..objects.len()), objects, stream_seed)
    }

    fn pairs_at(&self, positions: &[usize], objects: &[usize], stream_seed: u64) -> Result<PairBatch, DataError> {
        let pair = |&position: &usize| {
            let object = objects[position];
            let chosen = two_indices_below(&mut stream_rng(stream_seed, position as u64), self.view_count);
            Ok([self.load(object, chosen[0])?, self.load(object, chosen[1])?])
        };
        let views: Result<Vec<_>, DataError> = positions.par_iter().map(pair).collect();
        let listed: Vec<usize> = positions.iter().map(|&position| objects[position]).collect();
        Ok(collect_pairs(self, &listed, views?))
    }
}

fn read_split(folder: &Path, images: &str, labels: &str, held_out: bool) -> Result<Vec<ListedObject>, DataError> {
    let (images, labels) = (folder.join(images), folder.join(labels));
    let NpyValues::Text(paths) = read_npy(&images)?.values else {
        return Err(DataError::malformed(&images, "holds no strings; it must list \"/CLASS/OBJECT/\""));
    };
    let NpyValues::I64(classes) = read_npy(&labels)?.values else {
        return Err(DataError::malformed(&labels, "holds no int64; it must hold one label per object"));
    };
    if paths.len() != classes.len() {
        let reason = format!("{} labels for {} objects of {}", classes.len(), paths.len(), images.display());
        return Err(DataError::malformed(&labels, reason));
    }
    let listed = |(path, label): (String, i64)| {
        let id = object_id(&path)
            .ok_or_else(|| DataError::malformed(&images, format!("`{path}` is not of the form \"/CLASS/OBJECT/\"")))?;
        if !(0..MAX_CLASSES).contains(&label) {
            return Err(DataError::malformed(&labels, format!("the label {label} of {path} is out of range")));
        }
        Ok(ListedObject { id, label: label as usize, held_out })
    };
    paths.into_iter().zip(classes).map(listed).collect()
}

/// `SYNSET/OBJ` of `/SYNSET/OBJ/`; nothing that leads out of the folder.
fn object_id(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let plain = |part: &&str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', '\0']);
    (parts.len() == 2 && parts.iter().all(plain)).then(|| parts.join("/"))
}

/// The folder of the first object of each label.
fn class_names(objects: &[ListedObject]) -> Vec<String> {
    let count = objects.iter().map(|object| object.label + 1).max().unwrap_or(0);
    let mut names: Vec<String> = (0..count).map(|label| format!("class-{label}")).collect();
    for object in objects.iter().rev() {
        names[object.label] = object.id.split('/').next().unwrap_or_default().to_owned();
    }
    names
}

fn count_views(folder: &Path) -> Result<usize, DataError> {
    fs::read_dir(folder).map_err(DataError::io(folder))?;
    match (0..).take_while(|view| folder.join(format!("image_{view}.jpg")).is_file()).count() {
        0 => Err(DataError::malformed(folder, "has no image_0.jpg")),
        count => Ok(count),
    }
}

fn read_latents(path: &Path) -> Result<[f32; 7], DataError> {
    let array = read_npy(path)?;
    let values: Vec<f32> = match array.values {
        NpyValues::F64(values) => values.into_iter().map(|value| value as f32).collect(),
        NpyValues::F32(values) => values,
        _ => Vec::new(),
    };
    let latents: [f32; 7] = values.try_into().map_err(|_| {
        DataError::malformed(path, format!("holds an array of shape {:?} instead of 7 floats", array.shape))
    })?;
    if latents.iter().all(|value| value.is_finite()) {
        Ok(latents)
    } else {
        Err(DataError::malformed(path, format!("holds numbers that are none: {latents:?}")))
    }
}

/// A picture of the data set, as `runtime predict` reads it.
fn decode(path: &Path) -> Result<Picture, DataError> {
    let limits = PictureLimits { side_px: MAX_IMAGE_SIZE, ..PictureLimits::default() };
    let bytes = fs::read(path).map_err(DataError::io(path))?;
    Picture::decode(&bytes, &limits).map_err(|error| DataError::malformed(path, error.to_string()))
}
