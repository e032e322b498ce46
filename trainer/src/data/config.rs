use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::options::{Checks, LARGEST_SEED, UnusedKey};
use crate::scene::RotationSampling;
use crate::transformation;

/// `[data]`: objects, images and how they are drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DataConfig {
    /// Kind of objects or data set (`procedural`).
    pub source: DataSource,
    /// Folder of a mesh or image source; for `sweethome3d` the cache folder, when it is not the usual one. A relative path
    /// starts at the current folder, in a file at the file's folder; `~` is the user's folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Names of the classes in the order of their labels, of which the data may have fewer; the data's own when empty. A
    /// run stores those that it learns, and finds them in other data by name (empty).
    pub classes: Vec<String>,
    /// Side of the square images, pixels (64).
    pub image_size: usize,
    /// Procedural families to use, in the order of their labels; all of them when empty (empty).
    pub families: Vec<String>,
    /// Training objects of each procedural family (48).
    pub objects_per_family: usize,
    /// Further objects of each procedural family that are kept out of training (8).
    pub held_out_per_family: usize,
    /// Seed of procedural objects and of the split of meshes; not of the order of training, which is `fit.seed` (0).
    pub seed: u64,
    /// Share of the meshes of each class that is kept out of training: at least one where a class has two, unless it is 0
    /// (0.2).
    pub held_out_share: f32,
    /// File with a line `CLASS/NAME` for each mesh that is kept out of training, in place of share and seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_out_list: Option<PathBuf>,
    /// Whether meshes that cannot be used are left out with a warning, instead of being an error (false).
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
    /// What is done to each finished picture that is trained on, one after the other: `quarter-turns`. Figures and
    /// calibration see pictures as they are (empty).
    pub transformations: Vec<String>,
    /// Mean that is taken off each RGB channel, in [0, 1] (3DIEBench's).
    pub mean: [f32; 3],
    /// Standard deviation that each RGB channel is divided by, in (0, 1] (3DIEBench's).
    pub std: [f32; 3],
    /// Batches prepared ahead of the one in use (2).
    pub queue_depth: usize,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            source: DataSource::Procedural,
            path: None,
            classes: Vec::new(),
            image_size: 64,
            families: Vec::new(),
            objects_per_family: 48,
            held_out_per_family: 8,
            seed: 0,
            held_out_share: 0.2,
            held_out_list: None,
            skip_broken: false,
            object_diagonal: 1.8,
            y_up: false,
            rotation: RotationSampling::default(),
            supersampling: 2,
            shadows: true,
            transformations: Vec::new(),
            mean: [0.5016, 0.5037, 0.5060],
            std: [0.1030, 0.0999, 0.0969],
            queue_depth: 2,
        }
    }
}

impl DataConfig {
    /// Notes every value that is out of its range.
    pub fn check(&self, checks: &mut Checks) {
        let path = self.path.as_deref().unwrap_or(Path::new(""));
        let has_path = !path.as_os_str().is_empty();
        checks.require(has_path || !self.source.needs_path(), "data.path", "missing", "a folder, for this data.source");
        checks.require(has_path || self.path.is_none(), "data.path", "\"\"", "a folder, or no such line");
        let distinct: BTreeSet<&String> = self.classes.iter().filter(|name| !name.is_empty()).collect();
        let are_names = distinct.len() == self.classes.len();
        checks.require(are_names, "data.classes", format!("{:?}", self.classes), "names that differ, or an empty list");
        let share = self.held_out_share;
        checks.require((0.0..1.0).contains(&share), "data.held_out_share", share, "from 0 to below 1");
        let has_list = self.held_out_list.as_ref().is_none_or(|list| !list.as_os_str().is_empty());
        checks.require(has_list, "data.held_out_list", "\"\"", "a file, or no such line");
        checks.within("data.image_size", self.image_size, 16..=1024);
        checks.within("data.objects_per_family", self.objects_per_family, 1..=1_000_000);
        checks.within("data.held_out_per_family", self.held_out_per_family, 1..=1_000_000);
        checks.within("data.seed", self.seed, 0..=LARGEST_SEED);
        checks.within("data.object_diagonal", self.object_diagonal, 0.1..=3.0);
        let (RotationSampling::Euler { limit_deg } | RotationSampling::Uniform { limit_deg }) = self.rotation;
        checks.within("data.rotation.limit_deg", limit_deg, 0.0..=180.0);
        checks.within("data.supersampling", self.supersampling, 1..=4);
        let known = transformation::names_on_pixels();
        let distinct: BTreeSet<&str> = self.transformations.iter().map(String::as_str).collect();
        let are_known =
            distinct.len() == self.transformations.len() && distinct.iter().all(|name| known.contains(name));
        let found = format!("{:?}", self.transformations);
        checks.require(are_known, "data.transformations", found, format!("a list of {}, each once", known.join(", ")));
        self.mean.iter().for_each(|&mean| checks.within("data.mean", mean, 0.0..=1.0));
        self.std.iter().for_each(|&std| checks.within("data.std", std, 1e-3..=1.0));
        checks.within("data.queue_depth", self.queue_depth, 1..=64);
    }

    /// The keys that the chosen source has no use for.
    pub fn unused_keys(&self) -> Vec<UnusedKey> {
        const PROCEDURAL: &str = "data.source = procedural";
        const MESHES: &str = "data.source = meshes";
        const SPLIT: &str = "data.source = meshes without data.held_out_list";
        const FOLDERS: &str = "data.source = meshes, sextant, 3diebench or sweethome3d";
        const SEEDED: &str = "data.source = procedural, or meshes without data.held_out_list";
        let (is_procedural, is_meshes) = (self.source == DataSource::Procedural, self.source == DataSource::Meshes);
        let is_split = is_meshes && self.held_out_list.is_none();
        let is_rendered = self.source.is_rendered();
        let keys = [
            ("path", !is_procedural, FOLDERS),
            ("families", is_procedural, PROCEDURAL),
            ("objects_per_family", is_procedural, PROCEDURAL),
            ("held_out_per_family", is_procedural, PROCEDURAL),
            ("seed", is_procedural || is_split, SEEDED),
            ("held_out_share", is_split, SPLIT),
            ("held_out_list", is_meshes, MESHES),
            ("skip_broken", is_meshes, MESHES),
            ("y_up", is_meshes, MESHES),
            ("object_diagonal", is_rendered, Self::RENDERED),
            ("rotation.kind", is_rendered, Self::RENDERED),
            ("rotation.limit_deg", is_rendered, Self::RENDERED),
            ("supersampling", is_rendered, Self::RENDERED),
            ("shadows", is_rendered, Self::RENDERED),
        ];
        let unless = |(key, applies, goes_with): (&str, bool, &str)| {
            UnusedKey::unless(applies, &format!("data.{key}"), "data.source", goes_with)
        };
        keys.into_iter().filter_map(unless).collect()
    }

    /// With what a key goes that only rendered images use, in words.
    pub const RENDERED: &str = "data.source = procedural, sweethome3d or meshes";
}

/// Where objects or images come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataSource {
    /// Our own shape families, rendered on the fly.
    Procedural,
    /// The furniture of Debian's Sweet Home 3D package, rendered on the fly.
    Sweethome3d,
    /// A folder `CLASS/OBJECT` of mesh files, rendered on the fly.
    Meshes,
    /// A folder of rendered images in our own layout.
    Sextant,
    /// A folder of rendered images in the layout of 3DIEBench.
    #[serde(rename = "3diebench")]
    ThreeDieBench,
}

impl DataSource {
    /// Whether images are rendered as they are needed.
    pub fn is_rendered(self) -> bool {
        matches!(self, Self::Procedural | Self::Sweethome3d | Self::Meshes)
    }

    /// Whether `data.path` has to name a folder.
    pub fn needs_path(self) -> bool {
        matches!(self, Self::Meshes | Self::Sextant | Self::ThreeDieBench)
    }
}
