//! The trainer's own answers, which every backend has to repeat.

use std::path::{Path, PathBuf};

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use sextant_runtime::contract::run_folder::IMAGES_TENSOR;

use crate::Error;
use crate::error::write_again;

/// Images and the outputs that the trainer computed for them.
#[derive(Clone, Debug, PartialEq)]
pub struct Golden {
    /// The file they were read from.
    pub path: PathBuf,
    /// How many images there are, at least 1.
    pub samples: usize,
    /// Height and width of each image.
    pub size: [usize; 2],
    /// RGB bytes, `[samples, height, width, 3]`.
    pub images: Vec<u8>,
    /// In the order of the model's outputs.
    pub outputs: Vec<GoldenOutput>,
}

/// What the trainer computed for one output.
#[derive(Clone, Debug, PartialEq)]
pub struct GoldenOutput {
    /// The output's name in the model.
    pub name: String,
    /// Values per image.
    pub width: usize,
    /// `[samples, width]`, all finite.
    pub values: Vec<f32>,
}

impl Golden {
    /// The golden vectors of a run for a model that takes `[height, width]` images and has these outputs
    /// (name and number of values).
    ///
    /// # Errors
    /// When the file cannot be read, a tensor is missing, has another shape than the model's, or holds a value that
    /// is not finite.
    pub fn read(path: &Path, size: [usize; 2], outputs: &[(String, usize)]) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::io(path, "read", source))?;
        Self::parse(&bytes, size, outputs)
            .map(|golden| Self { path: path.to_path_buf(), ..golden })
            .map_err(|reason| Error::invalid(path, reason, write_again()))
    }

    fn parse(bytes: &[u8], size: [usize; 2], outputs: &[(String, usize)]) -> Result<Self, String> {
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| format!("is no safetensors file: {e}"))?;
        refuse_missing(&tensors, outputs)?;
        let images = tensors.tensor(IMAGES_TENSOR).map_err(|e| e.to_string())?;
        let samples = samples_of(&images, size)?;
        let outputs = outputs.iter().map(|(name, width)| golden_output(&tensors, name, [samples, *width]));
        Ok(Self {
            path: PathBuf::new(),
            samples,
            size,
            images: images.data().to_vec(),
            outputs: outputs.collect::<Result<_, String>>()?,
        })
    }
}

fn refuse_missing(tensors: &SafeTensors<'_>, outputs: &[(String, usize)]) -> Result<(), String> {
    let wanted = std::iter::once(IMAGES_TENSOR).chain(outputs.iter().map(|(name, _)| name.as_str()));
    let missing: Vec<&str> = wanted.filter(|name| tensors.tensor(name).is_err()).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("has no tensor named {}", missing.join(", "))) }
}

fn samples_of(images: &TensorView<'_>, [height, width]: [usize; 2]) -> Result<usize, String> {
    match (images.dtype(), images.shape()) {
        (Dtype::U8, &[samples, h, w, 3]) if samples > 0 && [h, w] == [height, width] => Ok(samples),
        (dtype, shape) => {
            Err(format!("images are {dtype} {shape:?}; the model takes u8 [n, {height}, {width}, 3] with n > 0"))
        }
    }
}

fn golden_output(tensors: &SafeTensors<'_>, name: &str, shape: [usize; 2]) -> Result<GoldenOutput, String> {
    let tensor = tensors.tensor(name).map_err(|e| e.to_string())?;
    if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
        return Err(format!("{name} is {} {:?}; the model gives f32 {shape:?}", tensor.dtype(), tensor.shape()));
    }
    let values: Vec<f32> = tensor
        .data()
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect();
    if let Some(index) = values.iter().position(|v| !v.is_finite()) {
        return Err(format!("{name} of image {} holds {}, not a finite number", index / shape[1], values[index]));
    }
    Ok(GoldenOutput { name: name.to_string(), width: shape[1], values })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(tensors: &[(&str, Dtype, &[usize], Vec<u8>)]) -> Vec<u8> {
        let views = tensors.iter().map(|(name, dtype, shape, data)| {
            (name.to_string(), TensorView::new(*dtype, shape.to_vec(), data).unwrap())
        });
        safetensors::serialize(views.collect::<Vec<_>>(), None).unwrap()
    }

    fn floats(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    fn read(bytes: &[u8]) -> Result<Golden, String> {
        Golden::parse(bytes, [1, 2], &[("logits".to_string(), 2)])
    }

    #[test]
    fn a_good_file_is_read() {
        let logits = floats(&[1.0, -1.0, 0.5, 2.0]);
        let bytes =
            file(&[("images", Dtype::U8, &[2, 1, 2, 3], (0..12).collect()), ("logits", Dtype::F32, &[2, 2], logits)]);
        let golden = read(&bytes).unwrap();
        assert_eq!((golden.samples, golden.images[11]), (2, 11));
        assert_eq!(
            golden.outputs,
            [GoldenOutput { name: "logits".into(), width: 2, values: vec![1.0, -1.0, 0.5, 2.0] }]
        );
    }

    #[test]
    fn every_kind_of_broken_file_is_named() {
        let images = ("images", Dtype::U8, [1usize, 1, 2, 3].as_slice(), vec![0; 6]);
        let good = file(&[images.clone(), ("logits", Dtype::F32, &[1, 2], floats(&[0.0, 1.0]))]);
        for (name, bytes, expected) in [
            ("empty", vec![], "no safetensors file"),
            ("truncated", good[..good.len() - 1].to_vec(), "no safetensors file"),
            ("text", b"not a model at all".to_vec(), "no safetensors file"),
            ("nothing inside", file(&[]), "no tensor named images, logits"),
            ("no logits", file(std::slice::from_ref(&images)), "no tensor named logits"),
            (
                "no image",
                file(&[("images", Dtype::U8, &[0, 1, 2, 3], vec![]), ("logits", Dtype::F32, &[0, 2], vec![])]),
                "images are U8 [0, 1, 2, 3]",
            ),
            (
                "another size",
                file(&[
                    ("images", Dtype::U8, &[1, 2, 1, 3], vec![0; 6]),
                    ("logits", Dtype::F32, &[1, 2], floats(&[0.0; 2])),
                ]),
                "the model takes u8 [n, 1, 2, 3]",
            ),
            (
                "another width",
                file(&[images.clone(), ("logits", Dtype::F32, &[1, 1], floats(&[0.0]))]),
                "logits is F32 [1, 1]; the model gives f32 [1, 2]",
            ),
            (
                "not a number",
                file(&[images.clone(), ("logits", Dtype::F32, &[1, 2], floats(&[0.0, f32::NAN]))]),
                "logits of image 0 holds NaN",
            ),
        ] {
            let reason = read(&bytes).expect_err(name);
            assert!(reason.contains(expected), "{name}: {reason}");
        }
    }
}
