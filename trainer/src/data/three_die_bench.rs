use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sextant_runtime::picture::{Picture, PictureLimits};
use sextant_runtime::rotation::SymmetryGroup;

use super::latents::{check_latents, scene_of};
use super::open::MAX_IMAGE_SIZE;
use super::split::{listed, split_warnings, view_warnings};
use super::stored_views::{offered, stored_views};
use super::{DataError, NpyValues, Place, ViewBatch, ViewSource, read_npy};
use crate::scene::CameraPose;
use crate::transformation::{Parameters, Transformation};

pub(crate) const TRAIN_IMAGES_FILE: &str = "train_images.npy";
pub(crate) const TRAIN_LABELS_FILE: &str = "train_labels.npy";
pub(crate) const VAL_IMAGES_FILE: &str = "val_images.npy";
pub(crate) const VAL_LABELS_FILE: &str = "val_labels.npy";

/// Labels above this are taken for a broken file.
const MAX_CLASSES: i64 = 100_000;
/// Numbers of views above this are taken for other files.
const MOST_VIEWS: usize = 1_000_000;

/// A folder in 3DIEBench's layout; the objects of `val_images.npy` are the held-out ones.
///
/// Images are decoded when asked for. The layout does not record symmetries, so every object counts as without. Objects
/// may have different numbers of views, each from 0 on without a gap.
#[derive(Debug)]
pub struct ThreeDieBenchFolder {
    folder: PathBuf,
    image_size: usize,
    camera: CameraPose,
    class_names: Vec<String>,
    objects: Vec<ListedObject>,
    /// What the lists have that they should not.
    warnings: Vec<String>,
}

#[derive(Debug)]
struct ListedObject {
    /// `SYNSET/OBJ_ID`.
    id: String,
    label: usize,
    held_out: bool,
    views: usize,
}

/// Files that an error names.
const MOST_NAMED: usize = 10;
/// Files of one kind that are counted as missing of one object.
const MOST_COUNTED: usize = 1000;

impl ThreeDieBenchFolder {
    /// Opens a data set and checks its lists, which files every object has, and the latents of its first views; images
    /// are resized to `image_size`, or to the size of the first when none is given. The layout does not say where its camera
    /// stood, so the caller does: [`CameraPose::THREE_DIE_BENCH`] for 3DIEBench itself.
    ///
    /// # Errors
    /// When a list is missing or broken, files of objects are missing, or first latents are not what they should be.
    pub fn open(folder: &Path, image_size: Option<usize>, camera: CameraPose) -> Result<Self, DataError> {
        let mut objects = read_split(folder, TRAIN_IMAGES_FILE, TRAIN_LABELS_FILE, false)?;
        objects.extend(read_split(folder, VAL_IMAGES_FILE, VAL_LABELS_FILE, true)?);
        if objects.is_empty() {
            return Err(DataError::malformed(&folder.join(TRAIN_IMAGES_FILE), "lists no object"));
        }
        count_views(folder, &mut objects)?;
        let (class_names, mut warnings) = class_names(&objects);
        warnings.extend(listed_twice(&objects));
        let image_size = match image_size {
            Some(size) => size,
            None => {
                let [width, height] = decode(&folder.join(&objects[0].id).join("image_0.jpg"))?.view().size();
                width.min(height)
            }
        };
        let set = Self { folder: folder.to_path_buf(), image_size, camera, class_names, objects, warnings };
        set.check_first_latents()?;
        Ok(set)
    }

    /// Views of an object.
    pub fn views_of(&self, object: usize) -> usize {
        self.objects[object].views
    }

    /// Latents in another unit show in every object, so that the first views of some are enough.
    fn check_first_latents(&self) -> Result<(), DataError> {
        const SEEN: usize = 200;
        let stride = self.objects.len().div_ceil(SEEN).max(1);
        let objects: Vec<usize> = (0..self.objects.len()).step_by(stride).collect();
        objects.into_par_iter().try_for_each(|object| {
            let folder = self.folder.join(&self.objects[object].id);
            read_latents(&folder.join("latent_0.npy")).map(|_| ())
        })
    }

    /// Decodes one view, to check it.
    ///
    /// # Errors
    /// When its files are missing or broken.
    pub fn check_view(&self, object: usize, view: usize) -> Result<(), DataError> {
        self.load(object, view, &mut vec![0; self.image_size.pow(2) * 3]).map(|_| ())
    }

    /// Reads a view of an object into `[image_size, image_size, 3]` bytes.
    fn load(&self, object: usize, view: usize, pixels: &mut [u8]) -> Result<Parameters, DataError> {
        let folder = self.folder.join(&self.objects[object].id);
        let latents = read_latents(&folder.join(format!("latent_{view}.npy")))?;
        let picture = decode(&folder.join(format!("image_{view}.jpg")))?;
        picture.view().resize_into(self.image_size, self.image_size, pixels);
        Ok(scene_of(latents).transformations())
    }
}

impl ViewSource for ThreeDieBenchFolder {
    fn image_size(&self) -> usize {
        self.image_size
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn subject_count(&self) -> usize {
        self.objects.len()
    }

    fn subject_id(&self, object: usize) -> String {
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

    fn view_count(&self, object: usize) -> Option<usize> {
        Some(self.objects[object].views)
    }

    fn warnings(&self) -> Vec<String> {
        let place = self.folder.display();
        let own = self.warnings.iter().map(|warning| format!("{place}: {warning}"));
        own.chain(view_warnings(self)).chain(split_warnings(self)).collect()
    }

    fn camera(&self) -> Option<CameraPose> {
        Some(self.camera)
    }

    fn offers(&self) -> Vec<&'static dyn Transformation> {
        offered()
    }

    fn views(&self, places: &[Place], count: usize, stream_seed: u64) -> Result<ViewBatch, DataError> {
        stored_views(self, self.camera, places, count, stream_seed, |object, view, pixels| {
            self.load(object, view, pixels)
        })
    }
}

fn read_split(folder: &Path, images: &str, labels: &str, held_out: bool) -> Result<Vec<ListedObject>, DataError> {
    let (images, labels) = (folder.join(images), folder.join(labels));
    let NpyValues::Text(paths) = read_npy(&images)?.values else {
        return Err(DataError::malformed(&images, "holds no strings; it must list \"/CLASS/OBJECT/\""));
    };
    let NpyValues::I64(classes) = read_npy(&labels)?.values else {
        return Err(DataError::malformed(&labels, "holds no whole numbers; it must hold one label per object"));
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
        Ok(ListedObject { id, label: label as usize, held_out, views: 0 })
    };
    paths.into_iter().zip(classes).map(listed).collect()
}

/// `SYNSET/OBJ` of `/SYNSET/OBJ/`; nothing that leads out of the folder.
fn object_id(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let plain = |part: &&str| !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', '\0']);
    (parts.len() == 2 && parts.iter().all(plain)).then(|| parts.join("/"))
}

/// The folder that most objects of a label lie in, and what does not fit to that.
fn class_names(objects: &[ListedObject]) -> (Vec<String>, Vec<String>) {
    let count = objects.iter().map(|object| object.label + 1).max().unwrap_or(0);
    let mut folders: Vec<BTreeMap<&str, usize>> = vec![BTreeMap::new(); count];
    for object in objects {
        *folders[object.label].entry(folder_of(&object.id)).or_default() += 1;
    }
    let mut names = vec![String::new(); count];
    // Labels without an object last: they have no claim to a name.
    let (used, unused): (Vec<usize>, Vec<usize>) = (0..count).partition(|label| !folders[*label].is_empty());
    for label in used.into_iter().chain(unused) {
        // The first of several with as many objects.
        let most = folders[label].iter().rev().max_by_key(|(_, count)| **count).map(|(folder, _)| (*folder).to_owned());
        let name = most.unwrap_or_else(|| format!("class-{label}"));
        names[label] = if names.contains(&name) { format!("{name} (label {label})") } else { name };
    }
    let warning = disagreement(objects, &names);
    (names, warning.into_iter().collect())
}

fn folder_of(id: &str) -> &str {
    id.split('/').next().unwrap_or_default()
}

/// Objects whose label is that of another folder.
fn disagreement(objects: &[ListedObject], names: &[String]) -> Option<String> {
    let others: Vec<String> = objects
        .iter()
        .filter(|object| folder_of(&object.id) != names[object.label])
        .map(|object| format!("{} with the label {} ({})", object.id, object.label, names[object.label]))
        .collect();
    let (first, count) = (others.first()?, others.len());
    let of = objects.len();
    Some(format!("labels and folders disagree for {count} of {of} objects, as {first}: are the lists shuffled?"))
}

/// Objects that a list has twice, or both lists have.
fn listed_twice(objects: &[ListedObject]) -> Vec<String> {
    let mut seen: BTreeMap<&str, BTreeSet<bool>> = BTreeMap::new();
    let (mut again, mut in_both) = (Vec::new(), Vec::new());
    for object in objects {
        let splits = seen.entry(&object.id).or_default();
        if !splits.insert(object.held_out) {
            again.push(object.id.as_str());
        } else if splits.len() == 2 {
            in_both.push(object.id.as_str());
        }
    }
    let mut warnings = Vec::new();
    if !in_both.is_empty() {
        let names = listed(&in_both);
        warnings.push(format!(
            "{TRAIN_IMAGES_FILE} and {VAL_IMAGES_FILE} have objects in common, so that figures are of objects trained on: {names}"
        ));
    }
    if !again.is_empty() {
        warnings.push(format!("a list has objects more than once: {}", listed(&again)));
    }
    warnings
}

/// Sets how many views every object has.
///
/// # Errors
/// Names the files that are missing: every view has an image and latents, and none is left out before the last.
fn count_views(folder: &Path, objects: &mut [ListedObject]) -> Result<(), DataError> {
    let found: Vec<Result<usize, Vec<PathBuf>>> =
        objects.par_iter().map(|object| views_in(&folder.join(&object.id))).collect::<Result<_, DataError>>()?;
    let mut missing = BTreeSet::new();
    for (object, found) in objects.iter_mut().zip(found) {
        match found {
            Ok(views) => object.views = views,
            Err(files) => missing.extend(files),
        }
    }
    let names: Vec<String> =
        missing.iter().map(|file| file.strip_prefix(folder).unwrap_or(file).display().to_string()).collect();
    let more = if names.len() > MOST_NAMED { format!(" and {} more", names.len() - MOST_NAMED) } else { String::new() };
    match names.len() {
        0 => Ok(()),
        count => {
            let names = names[..count.min(MOST_NAMED)].join(", ");
            Err(DataError::MissingFiles { folder: folder.to_owned(), count, names: format!("{names}{more}") })
        }
    }
}

/// How many views a folder has, or which files it lacks.
fn views_in(folder: &Path) -> Result<Result<usize, Vec<PathBuf>>, DataError> {
    let (mut images, mut latents) = (BTreeSet::new(), BTreeSet::new());
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Err(vec![folder.to_owned()])),
        entries => entries.map_err(DataError::io(folder))?,
    };
    for entry in entries {
        let name = entry.map_err(DataError::io(folder))?.file_name();
        let name = name.to_string_lossy();
        images.extend(numbered(&name, "image_", ".jpg"));
        latents.extend(numbered(&name, "latent_", ".npy"));
    }
    // An object without anything has no first view.
    let count = images.iter().chain(&latents).max().map_or(1, |last| last + 1);
    let lacking = |found: &BTreeSet<usize>, prefix: &str, suffix: &str| -> Vec<PathBuf> {
        let absent = (0..count).filter(|view| !found.contains(view)).take(MOST_COUNTED);
        absent.map(|view| folder.join(format!("{prefix}{view}{suffix}"))).collect()
    };
    let missing = [lacking(&images, "image_", ".jpg"), lacking(&latents, "latent_", ".npy")].concat();
    Ok(if missing.is_empty() { Ok(count) } else { Err(missing) })
}

/// The number in a file's name; names with leading zeros are other files.
fn numbered(name: &str, prefix: &str, suffix: &str) -> Option<usize> {
    let digits = name.strip_prefix(prefix)?.strip_suffix(suffix)?;
    let number: usize = digits.parse().ok()?;
    (number < MOST_VIEWS && number.to_string() == digits).then_some(number)
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
    check_latents(&latents).map_err(|reason| DataError::malformed(path, reason))?;
    Ok(latents)
}

/// A picture of the data set, as `runtime predict` reads it.
fn decode(path: &Path) -> Result<Picture, DataError> {
    let limits = PictureLimits { side_px: MAX_IMAGE_SIZE, ..PictureLimits::default() };
    let bytes = fs::read(path).map_err(DataError::io(path))?;
    Picture::decode(&bytes, &limits).map_err(|error| DataError::malformed(path, error.to_string()))
}
