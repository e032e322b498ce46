use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::scene::RotationSampling;

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
