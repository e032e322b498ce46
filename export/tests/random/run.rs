//! A run folder of an untrained network, as the trainer would write it.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use sextant_runtime::graph::Graph;
use sextant_runtime::model;

use crate::networks::{self, Random};
use crate::reference;

/// One tensor of a golden file: name, type, shape, little-endian bytes.
pub type Tensor = (String, Dtype, Vec<usize>, Vec<u8>);

/// Writes `model.sxt` and `golden.safetensors` with that many images; the folder must exist.
pub fn write(folder: &Path, images: usize) -> std::io::Result<()> {
    write_of(folder, &[networks::encoder(1), networks::predictor(3)], &[], images)
}

/// The same of other graphs, `encode` first, with more metadata.
pub fn write_of(folder: &Path, graphs: &[Graph], more: &[(&str, &str)], images: usize) -> std::io::Result<()> {
    let tensors = golden(&graphs[0], images);
    std::fs::write(folder.join("golden.safetensors"), golden_file(&tensors))?;
    let metadata = [("name", "random")].iter().chain(more);
    let metadata: BTreeMap<_, _> = metadata.map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let model = model::write(&metadata, graphs).map_err(std::io::Error::other)?;
    std::fs::write(folder.join("model.sxt"), model)
}

/// Random images, and what plain loops in double precision make of them.
pub fn golden(encoder: &Graph, images: usize) -> Vec<Tensor> {
    let mut random = Random::seeded(2);
    let shape = &encoder.value(encoder.inputs[0]).shape;
    let pictures: Vec<Vec<f32>> = (0..images).map(|_| random.bytes(shape.iter().product())).collect();
    let answers: Vec<_> =
        pictures.iter().map(|image| reference::evaluate(encoder, std::slice::from_ref(image))).collect();
    let pixels: Vec<u8> = pictures.concat().iter().map(|v| *v as u8).collect();
    let mut tensors = vec![("images".to_string(), Dtype::U8, [&[images], &shape[..]].concat(), pixels)];
    for (i, (name, _)) in encoder.outputs.iter().enumerate() {
        let values: Vec<u8> = answers.iter().flat_map(|answer| &answer[i]).flat_map(|v| v.to_le_bytes()).collect();
        tensors.push((name.clone(), Dtype::F32, vec![images, answers[0][i].len()], values));
    }
    tensors
}

/// The bytes of a safetensors file.
pub fn golden_file(tensors: &[Tensor]) -> Vec<u8> {
    let views = tensors.iter().map(|(name, dtype, shape, data)| {
        (name, TensorView::new(*dtype, shape.clone(), data).expect("the data fills the shape"))
    });
    safetensors::serialize(views.collect::<Vec<_>>(), None).expect("the names differ")
}
