use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use sextant_runtime::rotation::SymmetryGroup;

use super::view_order::stream_rng;
use super::{DataError, PairBatch, PairSource};
use crate::scene::{Mesh, ObjectSource, Renderer, RotationSampling, SceneParameters};

/// Pairs rendered on the fly, without touching the disk: every pair is new.
pub struct RenderedPairs {
    source: Arc<dyn ObjectSource>,
    renderer: Renderer,
    rotation: RotationSampling,
    symmetries: Vec<OnceLock<SymmetryGroup>>,
}

impl RenderedPairs {
    /// Pairs of the objects of `source`, turned as `rotation` says.
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

    /// `views` images of one object; view `k` is a pure function of `stream_seed` and `k`.
    ///
    /// # Shapes
    /// The images are `[views, size, size, 3]`.
    ///
    /// # Errors
    /// When the object cannot be loaded.
    pub fn views(&self, object: usize, views: usize, stream_seed: u64) -> Result<(Vec<[f32; 7]>, Vec<u8>), DataError> {
        let mesh = self.source.object(object)?.mesh;
        let scene = |view| {
            let mut rng = stream_rng(stream_seed, view as u64);
            (Arc::clone(&mesh), SceneParameters::sample(&mut rng, self.rotation))
        };
        let scenes: Vec<_> = (0..views).map(scene).collect();
        Ok((scenes.iter().map(|(_, parameters)| parameters.latents()).collect(), self.render(&scenes)))
    }

    fn render(&self, scenes: &[(Arc<Mesh>, SceneParameters)]) -> Vec<u8> {
        let mut images = vec![0; scenes.len() * self.renderer.image_bytes()];
        self.renderer.render_batch(scenes, &mut images);
        images
    }
}

impl PairSource for RenderedPairs {
    fn image_size(&self) -> usize {
        self.renderer.settings().image_size
    }

    fn class_names(&self) -> &[String] {
        self.source.class_names()
    }

    fn object_count(&self) -> usize {
        self.source.len()
    }

    fn object_id(&self, object: usize) -> String {
        self.source.id(object)
    }

    fn label(&self, object: usize) -> usize {
        self.source.label(object)
    }

    /// `None` also for an object that cannot be loaded; [`Self::pairs`] then reports why.
    fn symmetry(&self, object: usize) -> SymmetryGroup {
        *self.symmetries[object].get_or_init(|| self.source.symmetry(object).unwrap_or(SymmetryGroup::None))
    }

    fn is_held_out(&self, object: usize) -> bool {
        self.source.is_held_out(object)
    }

    /// All objects where none is kept out, as in a folder with a single mesh of each class: every view is new, so
    /// that measuring on them still says how known objects are recognised in unknown poses.
    fn held_out_objects(&self) -> Vec<usize> {
        let held_out: Vec<usize> = (0..self.source.len()).filter(|&object| self.is_held_out(object)).collect();
        if held_out.is_empty() { (0..self.source.len()).collect() } else { held_out }
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = self.source.warnings();
        warnings.extend(self.visibility_warnings());
        if (0..self.source.len()).all(|object| !self.is_held_out(object)) {
            warnings.push("no object is held out: figures are of new views of the objects trained on".into());
        }
        warnings
    }

    fn pairs(&self, objects: &[usize], stream_seed: u64) -> Result<PairBatch, DataError> {
        self.pairs_at(&Vec::from_iter(0..objects.len()), objects, stream_seed)
    }

    fn pairs_at(&self, positions: &[usize], objects: &[usize], stream_seed: u64) -> Result<PairBatch, DataError> {
        let meshes: Result<Vec<Arc<Mesh>>, DataError> =
            positions.par_iter().map(|&position| Ok(self.source.object(objects[position])?.mesh)).collect();
        let meshes = meshes?;
        let parameters = |&position: &usize| {
            let mut rng = stream_rng(stream_seed, position as u64);
            [(); 2].map(|()| SceneParameters::sample(&mut rng, self.rotation))
        };
        let drawn: Vec<[SceneParameters; 2]> = positions.iter().map(parameters).collect();
        let view = |side: usize| {
            let scenes = meshes.iter().zip(&drawn).map(|(mesh, drawn)| (Arc::clone(mesh), drawn[side]));
            self.render(&scenes.collect::<Vec<_>>())
        };
        Ok(PairBatch {
            images: [view(0), view(1)],
            latents: [0, 1].map(|side| drawn.iter().map(|drawn| drawn[side].latents()).collect()),
            labels: positions.iter().map(|&position| self.label(objects[position]) as u32).collect(),
            objects: positions.iter().map(|&position| objects[position] as u32).collect(),
        })
    }
}
