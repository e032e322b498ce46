//! The files that a finished run hands to `export`: the deployable model, golden vectors, calibration images.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::Tensor;
use safetensors::tensor::{Dtype, TensorView};
use serde::Serialize;
use sextant_runtime::contract::{metadata, output, run_folder};
use sextant_runtime::model;
use sextant_runtime::plane_group::PlaneGroup;
use sextant_runtime::preprocess::{RESIZE_RULE, Visible};

use crate::config::Config;
use crate::data::{Place, ViewSource};
use crate::evaluate::fixed_objects;
use crate::model::{Model, transformation_output};
use crate::nn::split_halves;
use crate::run::RunFolder;
use crate::scene::CameraPose;
use crate::transformation::OnPixels;

/// Images with the trainer's own outputs, for parity of every backend.
const GOLDEN_IMAGES: usize = 64;
/// Images for the quantiser's ranges.
const CALIBRATION_IMAGES: usize = 256;

/// Writes `model.sxt`, `golden.safetensors` and `calibration.safetensors` for the network's present weights.
///
/// # Errors
/// When a weight is not finite, images cannot be had, or a file cannot be written.
pub fn write_deployables(
    run: &RunFolder,
    model: &Model,
    source: &Arc<dyn ViewSource>,
    config: &Config,
) -> anyhow::Result<()> {
    let asked = asked(model, source, config)?;
    let bytes = model::write(&metadata_of(model, config, asked.as_ref())?, &model.lower()?)?;
    run.write(run_folder::MODEL, &bytes)?;
    let held_out = source.held_out_subjects();
    let golden = Place::all(&fixed_objects(&held_out, GOLDEN_IMAGES, config.evaluation.seed));
    let golden = asked.views(&golden, 1, GOLDEN_STREAM)?;
    run.write(run_folder::GOLDEN, &golden_vectors(model, &golden.images, config.data.image_size)?)?;
    let calibration = calibration_images(model, source, config)?;
    run.write(run_folder::CALIBRATION, &images_only(&calibration, config.data.image_size)?)?;
    Ok(())
}

/// The images of training objects that eight-bit numbers are chosen for, as a deployed network is asked for them, `u8 [n, size, size, 3]`.
///
/// # Errors
/// When they cannot be had.
pub fn calibration_images(model: &Model, source: &Arc<dyn ViewSource>, config: &Config) -> anyhow::Result<Vec<u8>> {
    let objects = fixed_objects(&source.training_subjects(), CALIBRATION_IMAGES, config.evaluation.seed);
    Ok(asked(model, source, config)?.views(&Place::all(&objects), 1, CALIBRATION_STREAM)?.images)
}

/// What the deployed network will see: transformed pictures where it tells what was done to them, else pictures as they are.
fn asked(model: &Model, source: &Arc<dyn ViewSource>, config: &Config) -> anyhow::Result<Arc<dyn ViewSource>> {
    let tells_transformations = !model.method.told_transformations().is_empty();
    Ok(if tells_transformations { config.asked(source)? } else { config.untransformed(source)? })
}

/// Scene stream of the golden images.
const GOLDEN_STREAM: u64 = 0x601d;
/// Scene stream of the calibration images.
const CALIBRATION_STREAM: u64 = 0xca11;

/// What travels with the weights, by the keys of `docs/model-format.md`.
fn metadata_of(model: &Model, config: &Config, shown: &dyn ViewSource) -> anyhow::Result<BTreeMap<String, String>> {
    let size = config.data.image_size.to_string();
    let numbers = |values: [f32; 3]| serde_json::json!(values).to_string();
    let mut entries = vec![
        (metadata::NAME, config.name.clone()),
        (metadata::METHOD, config.method.name.clone()),
        (metadata::IMAGE_SIZE, size),
        (metadata::IMAGE_LAYOUT, "u8 NHWC RGB".into()),
        (metadata::RESIZE, RESIZE_RULE.into()),
        (metadata::NORMALIZE_MEAN, numbers(config.data.mean)),
        (metadata::NORMALIZE_STD, numbers(config.data.std)),
    ];
    if model.class_head.is_some() {
        entries.push((metadata::CLASS_NAMES, serde_json::json!(shown.class_names()).to_string()));
        entries.push((metadata::CLASS_SYMMETRY, class_symmetry(shown)));
    }
    if model.rotation_head.is_some() {
        entries.extend([
            (metadata::ROTATION_FRAME, "camera_from_object".to_string()),
            (metadata::ROTATION_CONVENTION, "wxyz".into()),
            (metadata::CAMERA_AXES, "x right, y down, z forward".into()),
            (metadata::EULER_ORDER, "extrinsic xyz, degrees".into()),
        ]);
        entries.extend(scene_of(shown)?);
    }
    entries.extend(transformations_of(model)?);
    entries.extend(visible_of(config).map(|visible| (metadata::VISIBLE, visible.name().to_string())));
    let follows = model.encoder.equivariant_to();
    if follows != PlaneGroup::Identity {
        entries.push((metadata::EQUIVARIANT_TO, follows.name().into()));
    }
    Ok(entries.into_iter().map(|(key, value)| (key.to_string(), value)).collect())
}

/// How much of an image training shows; `None` where it is all.
fn visible_of(config: &Config) -> Option<Visible> {
    let known = config.registry().transformations();
    let transformations = config.data.transformations.iter().filter_map(|name| known.find(name)?.on_pixels());
    transformations.map(OnPixels::visible).find(|visible| *visible != Visible::Whole)
}

/// What the classes of each transformation are called that the model predicts; nothing where it predicts none.
fn transformations_of(model: &Model) -> anyhow::Result<Option<(&'static str, String)>> {
    let predicted: BTreeMap<&str, Vec<String>> = model
        .method
        .told_transformations()
        .into_iter()
        .map(|transformation| (transformation.name(), transformation.class_names()))
        .collect();
    Ok((!predicted.is_empty()).then(|| (metadata::TRANSFORMATIONS, serde_json::json!(predicted).to_string())))
}

/// What the camera looked at in training and from where; nothing where the source of the images does not know.
fn scene_of(source: &dyn ViewSource) -> anyhow::Result<Vec<(&'static str, String)>> {
    let Some(pose) = source.camera() else { return Ok(Vec::new()) };
    let pose = serde_json::to_string(&TrainedFor { pose, looks_at: LOOKS_AT })?;
    Ok(vec![(metadata::OBJECT_FRAME, OBJECT_FRAME.into()), (metadata::CAMERA_POSE, pose)])
}

/// The camera of the images that a model has learned from.
#[derive(Serialize)]
struct TrainedFor {
    #[serde(flatten)]
    pose: CameraPose,
    looks_at: &'static str,
}

const LOOKS_AT: &str = "origin of the object, z up in the picture";

/// The frame of every object that is rendered, and of 3DIEBench's: [`Mesh::centred_and_scaled`](crate::scene::Mesh).
const OBJECT_FRAME: &str =
    "axes of the mesh, z up (y up: turned by 90 degrees about x), origin at the centre of the bounding box";

/// JSON object from class to the symmetry that all its objects share; classes of mixed symmetry are left out.
fn class_symmetry(source: &dyn ViewSource) -> String {
    let mut shared: BTreeMap<&str, Option<String>> = BTreeMap::new();
    for object in 0..source.subject_count() {
        let symmetry = source.symmetry(object).to_string();
        let class = source.class_names()[source.label(object)].as_str();
        let entry = shared.entry(class).or_insert_with(|| Some(symmetry.clone()));
        if entry.as_ref() != Some(&symmetry) {
            *entry = None;
        }
    }
    let shared: BTreeMap<_, _> = shared.into_iter().filter_map(|(class, s)| Some((class, s?))).collect();
    serde_json::json!(shared).to_string()
}

/// Inputs and the trainer's outputs under the names of the deployed graph.
fn golden_vectors(model: &Model, images: &[u8], size: usize) -> anyhow::Result<Vec<u8>> {
    let outputs = model.evaluate(&model.normalise(images)?)?;
    let (invariant, equivariant) = split_halves(&outputs.features)?;
    let rotations = outputs.rotations.map(|rotations| {
        let numbers: Vec<f32> = rotations.iter().flat_map(|r| r.wxyz()).collect();
        Tensor::from_vec(numbers, (rotations.len(), 4), invariant.device())
    });
    let heads = [(output::ROTATION_WXYZ, rotations.transpose()?), (output::CLASS_LOGITS, outputs.class_logits)];
    let heads = heads.into_iter().filter_map(|(name, tensor)| Some((name.to_string(), tensor?)));
    let halves = [(output::INVARIANT, invariant), (output::EQUIVARIANT, equivariant)];
    let halves = halves.into_iter().map(|(name, tensor)| (name.to_string(), tensor));
    let said = outputs.transformation_logits.into_iter();
    let said = said.map(|(transformation, logits)| (transformation_output(transformation), logits));
    let mut buffers = Vec::new();
    for (name, tensor) in heads.chain(halves).chain(said) {
        let bytes: Vec<u8> = tensor.flatten_all()?.to_vec1::<f32>()?.iter().flat_map(|v| v.to_le_bytes()).collect();
        buffers.push((name, tensor.dims().to_vec(), bytes));
    }
    let mut views = vec![(run_folder::IMAGES_TENSOR, image_view(images, size)?)];
    for (name, shape, bytes) in &buffers {
        views.push((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?));
    }
    Ok(safetensors::serialize(views, None)?)
}

fn images_only(images: &[u8], size: usize) -> anyhow::Result<Vec<u8>> {
    Ok(safetensors::serialize([(run_folder::IMAGES_TENSOR, image_view(images, size)?)], None)?)
}

fn image_view(images: &[u8], size: usize) -> anyhow::Result<TensorView<'_>> {
    Ok(TensorView::new(Dtype::U8, vec![images.len() / (size * size * 3), size, size, 3], images)?)
}
