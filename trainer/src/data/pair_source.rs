use std::ops::Range;

use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};

use super::DataError;
use crate::scene::{SceneParameters, SceneSettings};

/// Images and latents of pairs of views, ready for a step.
#[derive(Clone, Debug, PartialEq)]
pub struct PairBatch {
    /// First and second view, each `[n, size, size, 3]` sRGB bytes.
    pub images: [Vec<u8>; 2],
    /// First and second view's seven latents, in the order of [`crate::scene::SceneParameters::latents`].
    pub latents: [Vec<[f32; 7]>; 2],
    /// Class of each object.
    pub labels: Vec<u32>,
    /// Index of each object in its source.
    pub objects: Vec<u32>,
    /// How the camera that made the images stands in the world.
    pub camera_from_world: UnitQuaternion,
}

impl PairBatch {
    /// The rotation of each object as the camera of a view sees it: what the deployed network is asked for.
    pub fn camera_from_object(&self, side: usize) -> impl Iterator<Item = UnitQuaternion> + '_ {
        self.latents[side]
            .iter()
            .map(|latents| self.camera_from_world * SceneParameters::from_latents(*latents).world_from_object())
    }

    /// The bytes of a view's images at some positions.
    ///
    /// # Panics
    /// When the positions are beyond the batch.
    pub fn images_at(&self, side: usize, positions: Range<usize>) -> &[u8] {
        let image_bytes = self.images[side].len() / self.labels.len().max(1);
        &self.images[side][positions.start * image_bytes..positions.end * image_bytes]
    }

    /// The pairs at some positions, in the order of `positions`.
    ///
    /// # Panics
    /// When a position is beyond the batch.
    pub fn at(&self, positions: &[usize]) -> Self {
        let images = |side| positions.iter().flat_map(|&at| self.images_at(side, at..at + 1).iter().copied()).collect();
        Self {
            images: [images(0), images(1)],
            latents: self.latents.each_ref().map(|latents| positions.iter().map(|&at| latents[at]).collect()),
            labels: positions.iter().map(|&at| self.labels[at]).collect(),
            objects: positions.iter().map(|&at| self.objects[at]).collect(),
            camera_from_world: self.camera_from_world,
        }
    }
}

/// How the camera of 3DIEBench stands, which folders of images have in common.
pub(super) fn stored_camera() -> UnitQuaternion {
    SceneSettings::default().camera_from_world()
}

/// A set of objects of which pairs of views can be had.
pub trait PairSource: Send + Sync {
    /// Rows and columns of an image.
    fn image_size(&self) -> usize;

    /// Names of the classes, indexed by label.
    fn class_names(&self) -> &[String];

    /// Number of all objects, held out or not.
    fn object_count(&self) -> usize;

    /// Stable name of an object, `CLASS/NAME`.
    fn object_id(&self, object: usize) -> String;

    /// Class of an object.
    fn label(&self, object: usize) -> usize;

    /// Rotations that leave the look of an object unchanged; `None` of them when unknown.
    fn symmetry(&self, object: usize) -> SymmetryGroup;

    /// Whether an object is kept out of training.
    fn is_held_out(&self, object: usize) -> bool;

    /// Two views of each listed object; a pure function of `stream_seed` and the position in the list.
    ///
    /// # Errors
    /// When the files behind the source cannot be read or are broken.
    fn pairs(&self, objects: &[usize], stream_seed: u64) -> Result<PairBatch, DataError>;

    /// The pairs at some positions of [`Self::pairs`], in the order of `positions`: what one of several processes needs
    /// of a batch.
    ///
    /// # Errors
    /// As [`Self::pairs`].
    ///
    /// # Panics
    /// When a position is beyond the list.
    fn pairs_at(&self, positions: &[usize], objects: &[usize], stream_seed: u64) -> Result<PairBatch, DataError> {
        Ok(self.pairs(objects, stream_seed)?.at(positions))
    }

    /// How many views of an object there are; `None` where every view is new.
    fn view_count(&self, _object: usize) -> Option<usize> {
        None
    }

    /// What had to be left out or guessed, such as textures that are not there, and what the split leaves unmeasured.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Indices of the objects to train on, ascending.
    fn training_objects(&self) -> Vec<usize> {
        (0..self.object_count()).filter(|&object| !self.is_held_out(object)).collect()
    }

    /// Indices of the objects to measure on, ascending: those kept out of training, or all where none is, as in a folder
    /// with a single mesh of each class.
    fn held_out_objects(&self) -> Vec<usize> {
        let held_out: Vec<usize> = (0..self.object_count()).filter(|&object| self.is_held_out(object)).collect();
        if held_out.is_empty() { (0..self.object_count()).collect() } else { held_out }
    }
}

/// One view of one object, on its way into a batch.
pub(crate) struct LoadedView {
    /// `[size, size, 3]`.
    pub rgb: Vec<u8>,
    /// In the order of [`crate::scene::SceneParameters::latents`].
    pub latents: [f32; 7],
}

/// The batch of loaded views, in the order of `objects`.
pub(crate) fn collect_pairs(source: &impl PairSource, objects: &[usize], views: Vec<[LoadedView; 2]>) -> PairBatch {
    let (mut images, mut latents) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for pair in views {
        for (side, view) in pair.into_iter().enumerate() {
            images[side].extend_from_slice(&view.rgb);
            latents[side].push(view.latents);
        }
    }
    PairBatch {
        images,
        latents,
        labels: objects.iter().map(|&object| source.label(object) as u32).collect(),
        objects: objects.iter().map(|&object| object as u32).collect(),
        camera_from_world: stored_camera(),
    }
}
