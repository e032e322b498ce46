use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::DataError;
use super::split::listed;
use crate::scene::{CameraPose, RotationSampling, SymmetryRecord};

/// Value of `format` in `dataset.json`.
pub const FORMAT_NAME: &str = "sextant-dataset";

/// Newest version of the folder's layout, and the one that is written.
pub const FORMAT_VERSION: u32 = 1;

/// What the first three latents mean.
pub const FRAME: &str = "world_from_object: extrinsic xyz Euler angles, radians; world and object have z up";

/// Name of the description in a data set's folder.
pub(crate) const MANIFEST_FILE: &str = "dataset.json";

/// The description of a data set, `dataset.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT_NAME`].
    pub format: String,
    /// [`FORMAT_VERSION`] of the writer.
    pub version: u32,
    /// Rows and columns of an image.
    pub image_size: usize,
    /// Views of each object.
    pub views_per_object: usize,
    /// Names of the classes, indexed by label.
    pub class_names: Vec<String>,
    /// The objects, indexed by the shards' `objects`.
    pub objects: Vec<ObjectRecord>,
    /// Statistics of the pixels.
    pub normalisation: Normalisation,
    /// How objects were turned.
    pub rotation: RotationSampling,
    /// Decided every scene.
    pub seed: u64,
    /// [`FRAME`].
    pub frame: String,
    /// Where the camera stood; folders of earlier versions do not say it, and have the default.
    #[serde(default)]
    pub camera: CameraPose,
    /// Where the objects came from.
    pub source: String,
    /// The files with the images.
    pub shards: Vec<ShardRecord>,
}

/// One object of a data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectRecord {
    /// `CLASS/NAME`.
    pub id: String,
    /// Index of its class.
    pub label: usize,
    /// Whether it is kept out of training.
    pub held_out: bool,
    /// Rotations that leave its look unchanged.
    pub symmetry: SymmetryRecord,
}

/// Mean and standard deviation of the red, green and blue of all pixels, in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normalisation {
    /// Means.
    pub mean: [f32; 3],
    /// Standard deviations.
    pub std: [f32; 3],
}

/// One file of images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardRecord {
    /// Name within the folder.
    pub file: String,
    /// Images in it.
    pub images: usize,
}

impl Manifest {
    /// Reads and checks the description of the data set in `folder`.
    ///
    /// # Errors
    /// When it cannot be read, is of another format or a later version, or contradicts itself.
    pub fn read(folder: &Path) -> Result<Self, DataError> {
        let path = folder.join(MANIFEST_FILE);
        let text = fs::read_to_string(&path).map_err(DataError::io(&path))?;
        let malformed = |reason: String| DataError::malformed(&path, reason);
        let json: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| malformed(format!("not JSON: {error}")))?;
        check_version(&json, &path)?;
        let manifest: Self = serde_json::from_value(json).map_err(|error| malformed(error.to_string()))?;
        manifest.check().map_err(malformed)?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), String> {
        if !(1..=crate::data::open::MAX_IMAGE_SIZE).contains(&self.image_size) {
            return Err(format!("an image size of {} is not supported", self.image_size));
        }
        if self.objects.is_empty() || self.views_per_object == 0 {
            return Err("it has no objects or no views".to_owned());
        }
        for object in &self.objects {
            if object.label >= self.class_names.len() {
                return Err(format!("object {} has the unknown label {}", object.id, object.label));
            }
        }
        if let Some(name) = repeated(self.class_names.iter().map(String::as_str)) {
            return Err(format!("two classes are called {name}"));
        }
        let camera = self.camera.validate();
        camera.map_err(|error| format!("`{}` is {}; it must be {}", error.setting, error.value, error.expected))?;
        let Normalisation { mean, std } = self.normalisation;
        if !mean.iter().chain(&std).all(|value| (0.0..=1.0).contains(value)) {
            return Err("its normalisation is outside [0, 1]".to_owned());
        }
        match self.shards.iter().find(|shard| !is_plain_name(&shard.file)) {
            Some(shard) => Err(format!("the shard `{}` is not a file of this folder", shard.file)),
            None => Ok(()),
        }
    }
}

impl Manifest {
    /// What contradicts itself and can be used none the less.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut splits: BTreeMap<&str, BTreeSet<bool>> = BTreeMap::new();
        for object in &self.objects {
            splits.entry(&object.id).or_default().insert(object.held_out);
        }
        let in_both: Vec<&str> = splits.iter().filter(|(_, splits)| splits.len() == 2).map(|(id, _)| *id).collect();
        let mut warnings = Vec::new();
        if !in_both.is_empty() {
            let names = listed(&in_both);
            warnings.push(format!("objects are trained on and held out, so that figures are of known ones: {names}"));
        }
        let is_elsewhere = |object: &&ObjectRecord| {
            let folder = object.id.split('/').next().unwrap_or_default();
            folder != self.class_names[object.label] && self.class_names.iter().any(|name| name == folder)
        };
        let elsewhere: Vec<&ObjectRecord> = self.objects.iter().filter(is_elsewhere).collect();
        if let Some(first) = elsewhere.first() {
            warnings.push(format!(
                "the names of {} objects say another class than their labels, as {} with the class {}",
                elsewhere.len(),
                first.id,
                self.class_names[first.label]
            ));
        }
        warnings
    }
}

/// The first name that comes again.
fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = BTreeSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

/// A foreign or future file is told from a broken one before its fields are looked at.
fn check_version(json: &serde_json::Value, path: &Path) -> Result<(), DataError> {
    if json["format"] != FORMAT_NAME {
        let reason = format!("not a data set of this program: its `format` is not \"{FORMAT_NAME}\"");
        return Err(DataError::malformed(path, reason));
    }
    match json["version"].as_u64() {
        Some(version) if version == u64::from(FORMAT_VERSION) => Ok(()),
        Some(found) => Err(DataError::OtherVersion { path: path.to_path_buf(), found, known: FORMAT_VERSION }),
        None => Err(DataError::malformed(path, "it has no version")),
    }
}

fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':'])
}
