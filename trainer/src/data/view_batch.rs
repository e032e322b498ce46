use std::ops::Range;

use sextant_runtime::rotation::UnitQuaternion;

use crate::transformation::Parameters;

/// Views of some subjects, ready for a step: as many of each subject.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewBatch {
    /// One view of all subjects after the other, `[views, n, size, size, 3]` sRGB bytes.
    pub images: Vec<u8>,
    /// What was done to each image, in their order, `[views, n]`.
    pub transformations: Vec<Parameters>,
    /// Class of each subject.
    pub labels: Vec<u32>,
    /// Index of each subject in its source.
    pub subjects: Vec<u32>,
    /// How the camera that made the images stands in the world.
    pub camera_from_world: UnitQuaternion,
}

impl ViewBatch {
    /// The batch whose views are these of this one, in this order.
    #[must_use]
    pub(super) fn with_views(self, views: &[usize]) -> Self {
        if views.iter().copied().eq(0..self.view_count()) {
            return self;
        }
        Self {
            images: views.iter().flat_map(|view| self.images_of(*view)).copied().collect(),
            transformations: views.iter().flat_map(|view| self.transformations_of(*view)).cloned().collect(),
            ..self
        }
    }

    /// Subjects in the batch.
    pub fn len(&self) -> usize {
        self.subjects.len()
    }

    /// Whether there is no subject.
    pub fn is_empty(&self) -> bool {
        self.subjects.is_empty()
    }

    /// Views of each subject.
    pub fn view_count(&self) -> usize {
        self.transformations.len() / self.len().max(1)
    }

    /// The images of a view, `[n, size, size, 3]`.
    ///
    /// # Panics
    /// When there is no such view.
    pub fn images_of(&self, view: usize) -> &[u8] {
        self.images_at(view, 0..self.len())
    }

    /// The images of a view at some places.
    ///
    /// # Panics
    /// When there is no such view, or the places are beyond the batch.
    pub fn images_at(&self, view: usize, places: Range<usize>) -> &[u8] {
        let image_bytes = self.images.len() / self.transformations.len().max(1);
        let Range { start, end } = self.indices(view, places);
        &self.images[start * image_bytes..end * image_bytes]
    }

    /// What was done to the images of a view.
    ///
    /// # Panics
    /// When there is no such view.
    pub fn transformations_of(&self, view: usize) -> &[Parameters] {
        self.transformations_at(view, 0..self.len())
    }

    /// What was done to the images of a view at some places.
    ///
    /// # Panics
    /// When there is no such view, or the places are beyond the batch.
    pub fn transformations_at(&self, view: usize, places: Range<usize>) -> &[Parameters] {
        &self.transformations[self.indices(view, places)]
    }

    /// The rotation of each subject as the camera of a view sees it: what the deployed network is asked for. Nothing where
    /// the source does not know rotations.
    ///
    /// # Panics
    /// When there is no such view.
    pub fn camera_from_object(&self, view: usize) -> impl Iterator<Item = UnitQuaternion> + '_ {
        let rotations = self.transformations_of(view).iter().map_while(Parameters::rotation);
        rotations.map(|world_from_object| self.camera_from_world * world_from_object)
    }

    fn indices(&self, view: usize, places: Range<usize>) -> Range<usize> {
        assert!(places.end <= self.len(), "places {places:?} of a batch of {}", self.len());
        view * self.len() + places.start..view * self.len() + places.end
    }
}
