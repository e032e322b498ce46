use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use sextant_runtime::rotation::SymmetryGroup;

use super::split::split_warnings;
use super::view_order::stream_rng;
use super::{DataError, Place, ViewBatch, ViewSource};
use crate::scene::{CameraPose, Mesh, ObjectSource, Renderer, RotationSampling, SceneParameters};
use crate::transformation::{HUES, ROTATION, Transformation};

/// Views of objects rendered on the fly, without touching the disk: every view is new.
pub struct RenderedViews {
    source: Arc<dyn ObjectSource>,
    renderer: Renderer,
    rotation: RotationSampling,
    symmetries: Vec<OnceLock<SymmetryGroup>>,
}

impl RenderedViews {
    /// Views of the objects of `source`, turned as `rotation` says.
    pub fn new(source: Arc<dyn ObjectSource>, renderer: Renderer, rotation: RotationSampling) -> Self {
        let symmetries = (0..source.len()).map(|_| OnceLock::new()).collect();
        Self { source, renderer, rotation, symmetries }
    }

    /// The renderer that makes the images.
    pub fn renderer(&self) -> &Renderer {
        &self.renderer
    }

    /// How objects are turned.
    pub fn rotation(&self) -> RotationSampling {
        self.rotation
    }

    /// The objects, as their source has them.
    pub fn object_source(&self) -> &Arc<dyn ObjectSource> {
        &self.source
    }

    /// `count` images of one object with their scenes; view `k` is a pure function of `stream_seed` and `k`.
    ///
    /// # Shapes
    /// The images are `[count, size, size, 3]`.
    ///
    /// # Errors
    /// When the object cannot be loaded.
    pub fn scenes_of(
        &self,
        object: usize,
        count: usize,
        stream_seed: u64,
    ) -> Result<(Vec<SceneParameters>, Vec<u8>), DataError> {
        let mesh = self.source.object(object)?.mesh;
        let scene = |view| {
            let mut rng = stream_rng(stream_seed, view as u64);
            (Arc::clone(&mesh), SceneParameters::sample(&mut rng, self.rotation))
        };
        let scenes: Vec<_> = (0..count).map(scene).collect();
        Ok((scenes.iter().map(|(_, parameters)| *parameters).collect(), self.render(&scenes)))
    }

    fn render(&self, scenes: &[(Arc<Mesh>, SceneParameters)]) -> Vec<u8> {
        let mut images = vec![0; scenes.len() * self.renderer.image_bytes()];
        self.renderer.render_batch(scenes, &mut images);
        images
    }
}

impl ViewSource for RenderedViews {
    fn image_size(&self) -> usize {
        self.renderer.settings().image_size
    }

    fn class_names(&self) -> &[String] {
        self.source.class_names()
    }

    fn subject_count(&self) -> usize {
        self.source.len()
    }

    fn subject_id(&self, object: usize) -> String {
        self.source.id(object)
    }

    fn label(&self, object: usize) -> usize {
        self.source.label(object)
    }

    /// `None` also for an object that cannot be loaded; [`Self::views`] then reports why.
    fn symmetry(&self, object: usize) -> SymmetryGroup {
        *self.symmetries[object].get_or_init(|| self.source.symmetry(object).unwrap_or(SymmetryGroup::None))
    }

    fn is_held_out(&self, object: usize) -> bool {
        self.source.is_held_out(object)
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = self.source.warnings();
        warnings.extend(self.visibility_warnings());
        warnings.extend(split_warnings(self));
        warnings
    }

    fn camera(&self) -> Option<CameraPose> {
        Some(self.renderer.settings().camera)
    }

    fn offers(&self) -> Vec<&'static dyn Transformation> {
        vec![ROTATION, HUES]
    }

    fn views(&self, places: &[Place], count: usize, stream_seed: u64) -> Result<ViewBatch, DataError> {
        let meshes: Result<Vec<Arc<Mesh>>, DataError> =
            places.par_iter().map(|place| Ok(self.source.object(place.subject)?.mesh)).collect();
        let meshes = meshes?;
        let parameters = |place: &Place| -> Vec<SceneParameters> {
            let mut rng = stream_rng(stream_seed, place.position as u64);
            (0..count).map(|_| SceneParameters::sample(&mut rng, self.rotation)).collect()
        };
        let drawn: Vec<Vec<SceneParameters>> = places.iter().map(parameters).collect();
        let scenes = (0..count)
            .flat_map(|view| meshes.iter().zip(&drawn).map(move |(mesh, drawn)| (Arc::clone(mesh), drawn[view])));
        let scenes: Vec<(Arc<Mesh>, SceneParameters)> = scenes.collect();
        Ok(ViewBatch {
            images: self.render(&scenes),
            transformations: scenes.iter().map(|(_, parameters)| parameters.transformations()).collect(),
            labels: places.iter().map(|place| self.label(place.subject) as u32).collect(),
            subjects: places.iter().map(|place| place.subject as u32).collect(),
            camera_from_world: self.renderer.settings().camera.camera_from_world(),
        })
    }
}
