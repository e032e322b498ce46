use std::collections::BTreeSet;
use std::iter;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::Table;

use super::{PathUse, SourceEntry};
use crate::options::{Checks, Entries, LARGEST_SEED, Options, UnusedKey, goes_with};
use crate::scene::RotationSampling;
use crate::transformation::{Augmentation, Transformations};

/// `[data]`: objects, images and how they are drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataConfig {
    /// Kind of objects or data set (`procedural`).
    pub source: String,
    /// Folder of a mesh or image source; for `sweethome3d` the cache folder, when it is not the usual one. A relative path
    /// starts at the current folder, in a file at the file's folder; `~` is the user's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Names of the classes in the order of their labels, of which the data may have fewer; the data's own when empty. A
    /// run stores those that it learns, and finds them in other data by name (empty).
    pub classes: Vec<String>,
    /// Side of the square images, pixels (64).
    pub image_size: usize,
    /// Procedural families to use, in the order of their labels; all of them when empty. Each is also there with more
    /// parts, of `ball`, `ring`, `fin` and `box` in this order: `mug-with-ring`, `mug-with-ball-and-fin` (empty).
    pub families: Vec<String>,
    /// Training objects of each procedural family (48).
    pub objects_per_family: usize,
    /// Further objects of each procedural family that are kept out of training (8).
    pub held_out_per_family: usize,
    /// Seed of procedural objects, of the split of meshes and pictures, and of what `data.limit` takes; not of the order of
    /// training, which is `fit.seed` (0).
    pub seed: u64,
    /// Share of the meshes or pictures of each class that is kept out of training: at least one where a class has two, unless
    /// it is 0; pictures whose folders tell a split keep it (0.2).
    pub held_out_share: f32,
    /// File with a line `CLASS/NAME` for each mesh that is kept out of training, in place of share and seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_out_list: Option<PathBuf>,
    /// Share of the objects or pictures of each class, of those that are not kept out of training, that only compares
    /// checkpoints and settings: `checkpoints/best` and tuning see these and no others. Never all of a class (0.05).
    pub validation_share: f32,
    /// Whether meshes or pictures that cannot be used are left out with a warning, instead of being an error (false).
    pub skip_broken: bool,
    /// Diagonal of every object's bounding box in world units; the floor lies 1 below the centre (1.8).
    pub object_diagonal: f32,
    /// Whether y is up in the mesh files of `meshes`; glTF files say so themselves (false).
    pub y_up: bool,
    /// How objects are turned: three Euler angles within ±`limit_deg`, or uniform on SO(3) within an angle of
    /// `limit_deg`, up to 180 (Euler angles within ±90 degrees, as 3DIEBench).
    pub rotation: RotationSampling,
    /// Rendered pixels along each side of an image pixel (2).
    pub supersampling: usize,
    /// Whether objects cast shadows (true).
    pub shadows: bool,
    /// Whether all views of an object are of one picture of it, so that they differ by `augmentation` and `transformations`
    /// alone, and not by pose and light (false).
    pub one_picture: bool,
    /// What is done at random to each finished picture that is trained on, before `data.transformations`: `none`,
    /// `crop-flip`, `crop-flip-as-published` or `simclr` (`none`).
    pub augmentation: Augmentation,
    /// What is done to each finished picture that is trained on, one after the other, as `trainer transformations` lists it.
    /// Figures and calibration see pictures as they are (empty).
    pub transformations: Vec<String>,
    /// Mean that is taken off each RGB channel, in [0, 1] (3DIEBench's).
    pub mean: [f32; 3],
    /// Standard deviation that each RGB channel is divided by, in (0, 1] (3DIEBench's).
    pub std: [f32; 3],
    /// Batches prepared ahead of the one in use (2).
    pub queue_depth: usize,
    /// The keys that only the source has.
    #[serde(flatten)]
    pub options: Options,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            source: "procedural".into(),
            path: None,
            classes: Vec::new(),
            image_size: 64,
            families: Vec::new(),
            objects_per_family: 48,
            held_out_per_family: 8,
            seed: 0,
            held_out_share: 0.2,
            held_out_list: None,
            validation_share: 0.05,
            skip_broken: false,
            object_diagonal: 1.8,
            y_up: false,
            rotation: RotationSampling::default(),
            supersampling: 2,
            shadows: true,
            one_picture: false,
            augmentation: Augmentation::None,
            transformations: Vec::new(),
            mean: [0.5016, 0.5037, 0.5060],
            std: [0.1030, 0.0999, 0.0969],
            queue_depth: 2,
            options: Options::default(),
        }
    }
}

impl DataConfig {
    /// Keys that those sources read that say so, in the order of the section.
    pub const SHARED_KEYS: [&str; 9] = [
        "families",
        "objects_per_family",
        "held_out_per_family",
        "seed",
        "held_out_share",
        "held_out_list",
        "skip_broken",
        "y_up",
        "one_picture",
    ];

    /// Keys that go with rendered images.
    pub const RENDERING_KEYS: [&str; 5] =
        ["object_diagonal", "rotation.kind", "rotation.limit_deg", "supersampling", "shadows"];

    /// Whether the section has a key that is no option of one source.
    pub fn has_key(key: &str) -> bool {
        let table = Table::try_from(Self::default()).expect("the defaults are representable");
        table.contains_key(key) || key == "path" || Self::SHARED_KEYS.contains(&key)
    }

    /// Notes an unknown source, options that it does not have, and every value that is out of its range.
    pub fn check(&self, sources: &Entries<SourceEntry>, transformations: &Transformations, checks: &mut Checks) {
        let Some(source) = sources.find(&self.source) else {
            return checks.require(false, "data.source", format!("{:?}", self.source), sources.names().join(", "));
        };
        let has_path = self.path.as_ref().is_some_and(|path| !path.as_os_str().is_empty());
        let needs_path = source.path == PathUse::Needed;
        checks.require(has_path || !needs_path, "data.path", "missing", "a folder, for this data.source");
        checks.require(has_path || self.path.is_none(), "data.path", "\"\"", "a folder, or no such line");
        self.options.check("data", source.name, source.options, checks);
        let distinct: BTreeSet<&String> = self.classes.iter().filter(|name| !name.is_empty()).collect();
        let are_names = distinct.len() == self.classes.len();
        checks.require(are_names, "data.classes", format!("{:?}", self.classes), "names that differ, or an empty list");
        let share = self.held_out_share;
        checks.require((0.0..1.0).contains(&share), "data.held_out_share", share, "from 0 to below 1");
        let has_list = self.held_out_list.as_ref().is_none_or(|list| !list.as_os_str().is_empty());
        checks.require(has_list, "data.held_out_list", "\"\"", "a file, or no such line");
        checks.within("data.validation_share", self.validation_share, 0.0..=0.5);
        checks.within("data.image_size", self.image_size, 16..=1024);
        checks.within("data.objects_per_family", self.objects_per_family, 1..=1_000_000);
        checks.within("data.held_out_per_family", self.held_out_per_family, 1..=1_000_000);
        checks.within("data.seed", self.seed, 0..=LARGEST_SEED);
        checks.within("data.object_diagonal", self.object_diagonal, 0.1..=3.0);
        let (RotationSampling::Euler { limit_deg } | RotationSampling::Uniform { limit_deg }) = self.rotation;
        checks.within("data.rotation.limit_deg", limit_deg, 0.0..=180.0);
        checks.within("data.supersampling", self.supersampling, 1..=4);
        checks.names_among("data.transformations", &self.transformations, &transformations.names_on_pixels());
        self.mean.iter().for_each(|&mean| checks.within("data.mean", mean, 0.0..=1.0));
        self.std.iter().for_each(|&std| checks.within("data.std", std, 1e-3..=1.0));
        checks.within("data.queue_depth", self.queue_depth, 1..=64);
    }

    /// The keys that the chosen source has no use for.
    pub fn unused_keys(&self, sources: &Entries<SourceEntry>) -> Vec<UnusedKey> {
        let Some(source) = sources.find(&self.source) else { return Vec::new() };
        let unless =
            |applies, key: &str, goes_with: &str| UnusedKey::unless(applies, &format!("data.{key}"), SOURCE, goes_with);
        let path = unless(source.path != PathUse::Unused, "path", &goes_with_path(sources));
        let shared = Self::SHARED_KEYS.map(|key| unless(self.is_read(source, key), key, &readers(sources, key)));
        let rendering =
            Self::RENDERING_KEYS.map(|key| unless(source.is_rendered(), key, &goes_with_rendering(sources)));
        [path].into_iter().chain(shared).chain(rendering).flatten().collect()
    }

    /// Whether the source reads a shared key, beside the others that are set.
    fn is_read(&self, source: &SourceEntry, key: &str) -> bool {
        let is_set = |other: &str| Table::try_from(self).is_ok_and(|table| table.contains_key(other));
        source.reads(key).is_some_and(|shared| shared.unless.is_none_or(|other| !is_set(other)))
    }
}

/// With what a key goes that only rendered images use, in words.
pub fn goes_with_rendering(sources: &Entries<SourceEntry>) -> String {
    let rendered = sources.iter().filter(|source| source.is_rendered());
    goes_with(SOURCE, rendered.map(|source| source.name), iter::empty())
}

fn goes_with_path(sources: &Entries<SourceEntry>) -> String {
    let reading = |path| sources.iter().filter(move |source| source.path == path).map(|source| source.name);
    goes_with(SOURCE, reading(PathUse::Needed).chain(reading(PathUse::Optional)), iter::empty())
}

/// The sources that read a shared key, in words.
fn readers(sources: &Entries<SourceEntry>, key: &str) -> String {
    let readers = sources.iter().filter_map(|source| Some((source.name, source.reads(key)?.unless)));
    let (sometimes, always): (Vec<_>, Vec<_>) = readers.partition(|(_, unless)| unless.is_some());
    let sometimes =
        sometimes.iter().map(|(name, unless)| format!("{name} without data.{}", unless.unwrap_or_default()));
    goes_with(SOURCE, always.iter().map(|(name, _)| *name), sometimes)
}

/// The key that chooses the source.
const SOURCE: &str = "data.source";
