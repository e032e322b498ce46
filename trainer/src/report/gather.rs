//! Held-out images with everything that the network says of them.

use std::sync::Arc;

use candle_core::Tensor;
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};

use super::page::Picture;
use crate::config::EvaluationConfig;
use crate::data::{Place, ViewSource};
use crate::evaluate::{ClassProbe, fixed_objects, images_of, pair_features, probe_settings};
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
    /// True class; 0 where nothing is known of classes.
    pub label: u32,
    /// The linear probe's answer; `None` where nothing is known of classes.
    pub probed_label: Option<u32>,
    /// How it is turned; `None` where that is not known.
    pub pose: Option<PoolPose>,
}

/// How the object of an image is turned.
pub struct PoolPose {
    /// True world-from-object rotation.
    pub world_from_object: UnitQuaternion,
    /// True camera-from-object rotation.
    pub rotation: UnitQuaternion,
    /// The deployed head's answer.
    pub predicted: UnitQuaternion,
    /// Of its object.
    pub symmetry: SymmetryGroup,
}

impl PoolPose {
    /// Symmetry-aware error of the deployed head, degrees.
    pub fn error_deg(&self) -> f32 {
        self.symmetry.distance_rad(self.rotation, self.predicted).to_degrees()
    }
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
        let (image_size, has_poses) = (source.image_size(), model.rotation_head.is_some());
        let (mut views, mut features) = (Vec::new(), Vec::new());
        for (index, chunk) in objects.chunks(BATCH).enumerate() {
            let stream = config.seed.wrapping_add(POOL_STREAM + index as u64);
            // Where no rotation is known, every view of a picture is the same.
            let batch = source.views(&Place::all(chunk), if has_poses { 2 } else { 1 }, stream)?;
            for view in 0..batch.view_count() {
                let (images, world_from_camera) = (batch.images_of(view), batch.camera_from_world.inverse());
                let rotations: Vec<_> = batch.camera_from_object(view).collect();
                let outputs = model.evaluate(&model.normalise(images)?)?;
                let probed = probe.as_ref().map(|probe| probe.classes(&outputs.features)).transpose()?;
                let pose = |i: usize| {
                    let (rotation, predicted) = (*rotations.get(i)?, outputs.rotations.as_ref()?[i]);
                    let world_from_object = world_from_camera * rotation;
                    Some(PoolPose { world_from_object, rotation, predicted, symmetry: source.symmetry(chunk[i]) })
                };
                for (i, rgb) in images.chunks_exact(image_size * image_size * 3).enumerate() {
                    views.push(PoolView {
                        rgb: rgb.to_vec(),
                        object: chunk[i],
                        label: batch.labels[i],
                        probed_label: probed.as_ref().map(|labels| labels[i]),
                        pose: pose(i),
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

    /// Name of an image's class; its own name where nothing is known of classes.
    pub fn class(&self, view: usize) -> String {
        let PoolView { label, object, .. } = self.views[view];
        self.class_names.get(label as usize).cloned().unwrap_or_else(|| self.source.subject_id(object))
    }
}

/// Scene stream of the pool's images.
const POOL_STREAM: u64 = 0x9001;

/// `None` where nothing is known of classes.
fn probe(model: &Model, source: &Arc<dyn ViewSource>, config: &EvaluationConfig) -> anyhow::Result<Option<ClassProbe>> {
    if source.class_names().is_empty() {
        return Ok(None);
    }
    let objects = fixed_objects(&source.training_subjects(), PROBE_PAIRS.min(config.train_pairs), config.seed);
    let train = pair_features(model, source, &objects, config.seed)?;
    let settings = probe_settings(config);
    let (images, labels) = images_of(&train)?;
    Ok(Some(ClassProbe::linear(&images, &labels, source.class_names().len(), settings)?))
}
