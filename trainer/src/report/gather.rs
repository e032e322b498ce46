//! Held-out images with everything that the network says of them.

use std::sync::Arc;

use candle_core::Tensor;
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};

use super::page::Picture;
use crate::config::EvaluationConfig;
use crate::data::{Place, ViewSource};
use crate::evaluate::{ClassProbe, ProbeSettings, fixed_objects, images_of, pair_features};
use crate::model::Model;
use crate::nn::split_halves;

/// Images that the report looks at.
pub struct Pool {
    /// Names by label.
    pub class_names: Vec<String>,
    /// Pixels a side.
    pub image_size: usize,
    /// Each image.
    pub views: Vec<PoolView>,
    /// Invariant half of the features, `[views, d / 2]`.
    pub invariant: Tensor,
    /// Equivariant half, `[views, d / 2]`.
    pub equivariant: Tensor,
    /// Where more views can be had.
    pub source: Arc<dyn ViewSource>,
}

/// One image.
pub struct PoolView {
    /// `[size, size, 3]` sRGB bytes.
    pub rgb: Vec<u8>,
    /// Object in its source.
    pub object: usize,
    /// True class.
    pub label: u32,
    /// The linear probe's answer.
    pub probed_label: u32,
    /// True world-from-object rotation.
    pub world_from_object: UnitQuaternion,
    /// True camera-from-object rotation.
    pub rotation: UnitQuaternion,
    /// The deployed head's answer.
    pub predicted: UnitQuaternion,
    /// Of its object.
    pub symmetry: SymmetryGroup,
}

/// Images of held-out objects.
const VIEWS: usize = 512;
/// Training pairs that the linear probe learns from.
const PROBE_PAIRS: usize = 2000;
/// Images that go through the network at once.
const BATCH: usize = 64;

impl Pool {
    /// Seeded images of held-out objects.
    ///
    /// # Errors
    /// When data or network fail, or nothing is held out.
    pub fn of(model: &Model, source: &Arc<dyn ViewSource>, config: &EvaluationConfig) -> anyhow::Result<Self> {
        let probe = probe(model, source, config)?;
        let objects = fixed_objects(&source.held_out_subjects(), (VIEWS / 2).min(config.pairs), config.seed);
        let image_size = source.image_size();
        let (mut views, mut features) = (Vec::new(), Vec::new());
        for (index, chunk) in objects.chunks(BATCH).enumerate() {
            let stream = config.seed.wrapping_add(POOL_STREAM + index as u64);
            let batch = source.views(&Place::all(chunk), 2, stream)?;
            for view in 0..batch.view_count() {
                let (images, world_from_camera) = (batch.images_of(view), batch.camera_from_world.inverse());
                let rotations: Vec<_> = batch.camera_from_object(view).collect();
                let outputs = model.evaluate(&model.normalise(images)?)?;
                let probed = probe.classes(&outputs.features)?;
                for (i, rgb) in images.chunks_exact(image_size * image_size * 3).enumerate() {
                    views.push(PoolView {
                        rgb: rgb.to_vec(),
                        object: chunk[i],
                        label: batch.labels[i],
                        probed_label: probed[i],
                        world_from_object: world_from_camera * rotations[i],
                        rotation: rotations[i],
                        predicted: outputs.rotations[i],
                        symmetry: source.symmetry(chunk[i]),
                    });
                }
                features.push(outputs.features);
            }
        }
        anyhow::ensure!(!views.is_empty(), "there is no held-out object to report on");
        let (invariant, equivariant) = split_halves(&Tensor::cat(&features, 0)?)?;
        let class_names = source.class_names().to_vec();
        Ok(Self { class_names, image_size, views, invariant, equivariant, source: source.clone() })
    }

    /// One of the images, with words below it.
    ///
    /// # Errors
    /// When it is no picture.
    pub fn picture(&self, view: usize, caption: String) -> anyhow::Result<Picture> {
        Picture::new(&self.views[view].rgb, self.image_size, caption)
    }

    /// Name of an image's class.
    pub fn class(&self, view: usize) -> &str {
        &self.class_names[self.views[view].label as usize]
    }
}

/// Scene stream of the pool's images.
const POOL_STREAM: u64 = 0x9001;

fn probe(model: &Model, source: &Arc<dyn ViewSource>, config: &EvaluationConfig) -> anyhow::Result<ClassProbe> {
    let objects = fixed_objects(&source.training_subjects(), PROBE_PAIRS.min(config.train_pairs), config.seed);
    let train = pair_features(model, source, &objects, config.seed)?;
    let settings = ProbeSettings { epochs: config.probe_epochs, lr: config.probe_lr, seed: config.seed };
    let (images, labels) = images_of(&train)?;
    Ok(ClassProbe::linear(&images, &labels, source.class_names().len(), settings)?)
}
