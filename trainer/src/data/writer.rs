use super::{DataError, ObjectRecord};
use crate::scene::{CameraPose, RotationSampling, SceneParameters};

/// What a data set is about, known before its first image.
#[derive(Clone, Debug)]
pub struct DataSetDescription {
    /// Rows and columns of an image.
    pub image_size: usize,
    /// Views of each object.
    pub views_per_object: usize,
    /// Names of the classes, indexed by label.
    pub class_names: Vec<String>,
    /// The objects in the order in which they are written.
    pub objects: Vec<ObjectRecord>,
    /// How objects are turned.
    pub rotation: RotationSampling,
    /// Decides every scene.
    pub seed: u64,
    /// Where the camera stands.
    pub camera: CameraPose,
    /// Where the objects come from.
    pub source: String,
}

/// Writes a data set, object by object in the order of its description.
pub trait DataSetWriter {
    /// Adds the views of the next object.
    ///
    /// # Shapes
    /// `images` is `[views_per_object, image_size, image_size, 3]`, `scenes` has one entry per view.
    ///
    /// # Errors
    /// When a file cannot be written; nothing then is left of the data set.
    ///
    /// # Panics
    /// When shapes or the number of objects differ from the description.
    fn write_object(&mut self, scenes: &[SceneParameters], images: &[u8]) -> Result<(), DataError>;

    /// Adds a picture for people to look at, which is no part of the data.
    ///
    /// # Errors
    /// When it cannot be written.
    fn write_picture(&mut self, name: &str, rgb: &image::RgbImage) -> Result<(), DataError>;

    /// Gives the complete folder its name.
    ///
    /// # Errors
    /// When a file cannot be written; nothing then is left of the data set.
    ///
    /// # Panics
    /// When objects are missing.
    fn finish(self: Box<Self>) -> Result<(), DataError>;
}

impl DataSetDescription {
    /// Checks the views of one object.
    pub(crate) fn assert_views(&self, written: usize, scenes: &[SceneParameters], images: &[u8]) {
        assert!(written < self.objects.len(), "more objects than described");
        assert_eq!(scenes.len(), self.views_per_object, "views of an object");
        assert_eq!(images.len(), self.views_per_object * self.image_size * self.image_size * 3, "bytes of the views");
    }
}
