use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use candle_core::{Device, Tensor, Var};
use half::f16;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use sextant_runtime::durable::write_file;

use super::RunError;
use crate::optimiser::read_named;

/// Writes float32 tensors as one safetensors file, whole or not at all.
///
/// # Errors
/// When a tensor is not finite or the system refuses; the old file is there then.
pub fn write_tensors(path: &Path, tensors: &BTreeMap<String, Tensor>) -> Result<(), RunError> {
    Ok(write_file(path, &encode(tensors, path)?)?)
}

/// Writes the same tensors as float16, which takes half the room, with words about them by their keys; gives back the file's bytes.
///
/// # Errors
/// When a tensor is not finite, as float16 either, or the system refuses; the old file is there then.
pub fn write_half_tensors(
    path: &Path,
    tensors: &BTreeMap<String, Tensor>,
    words: BTreeMap<String, String>,
) -> Result<usize, RunError> {
    let number = |x: f32| Some(f16::from_f32(x)).filter(|half| half.is_finite()).map(f16::to_le_bytes);
    let bytes = encoded(tensors, Dtype::F16, number, Some(words.into_iter().collect()), path)?;
    write_file(path, &bytes)?;
    Ok(bytes.len())
}

/// The tensors of a safetensors file, of float32 or float16, as float32.
///
/// # Errors
/// When the file cannot be read, is broken, or holds other types, NaN or infinity.
pub fn read_tensors(path: &Path) -> Result<BTreeMap<String, Tensor>, RunError> {
    decode(&fs::read(path).map_err(RunError::io(path))?, path)
}

/// The words about the tensors of a safetensors file; none where the file has none, or is broken.
pub fn words_of_tensors(path: &Path) -> BTreeMap<String, String> {
    let bytes = fs::read(path).unwrap_or_default();
    let words = SafeTensors::read_metadata(&bytes).ok().and_then(|(_, header)| header.metadata().clone());
    words.unwrap_or_default().into_iter().collect()
}

/// Sets every parameter to the tensor of its name; `file` is for messages.
///
/// # Errors
/// When tensors are missing, unknown or of another shape; nothing has changed then.
pub fn set_parameters(
    parameters: &[(String, Var)],
    tensors: &BTreeMap<String, Tensor>,
    file: &Path,
) -> Result<(), RunError> {
    let expected: Vec<_> = parameters.iter().map(|(name, var)| (name.clone(), var.dims().to_vec())).collect();
    let values = read_named(tensors, &expected, file)?;
    for (name, var) in parameters {
        let set = Tensor::from_slice(&values[name], var.shape(), var.device()).and_then(|tensor| var.set(&tensor));
        set.map_err(RunError::tensor(file))?;
    }
    Ok(())
}

pub(super) fn encode(tensors: &BTreeMap<String, Tensor>, path: &Path) -> Result<Vec<u8>, RunError> {
    encoded(tensors, Dtype::F32, |x| x.is_finite().then(|| x.to_le_bytes()), None, path)
}

/// Tensors whose numbers are written in a type's `WIDTH` bytes; `None` of one that is not finite there.
fn encoded<const WIDTH: usize>(
    tensors: &BTreeMap<String, Tensor>,
    dtype: Dtype,
    number: impl Fn(f32) -> Option<[u8; WIDTH]>,
    words: Option<HashMap<String, String>>,
    path: &Path,
) -> Result<Vec<u8>, RunError> {
    let mut bytes = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let values = tensor.flatten_all().and_then(|flat| flat.to_vec1::<f32>()).map_err(RunError::tensor(path))?;
        let numbers: Option<Vec<[u8; WIDTH]>> = values.into_iter().map(&number).collect();
        let not_finite = || RunError::NotFinite { path: path.into(), name: name.clone() };
        bytes.push(numbers.ok_or_else(not_finite)?.into_flattened());
    }
    let views = tensors.iter().zip(&bytes).map(|((name, tensor), bytes)| {
        let view = TensorView::new(dtype, tensor.dims().to_vec(), bytes).expect("WIDTH bytes for each number");
        (name, view)
    });
    serialize(views, words).map_err(|error| RunError::malformed(path, error.to_string()))
}

pub(super) fn decode(bytes: &[u8], path: &Path) -> Result<BTreeMap<String, Tensor>, RunError> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|error| RunError::malformed(path, format!("not a whole safetensors file: {error}")))?;
    file.tensors().into_iter().map(|(name, view)| Ok((name.clone(), decode_one(&name, &view, path)?))).collect()
}

fn decode_one(name: &str, view: &TensorView, path: &Path) -> Result<Tensor, RunError> {
    let values: Vec<f32> = match view.dtype() {
        Dtype::F32 => view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
        Dtype::F16 => view.data().as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()).collect(),
        other => {
            return Err(RunError::malformed(path, format!("tensor `{name}` is {other:?}, expected F32 or F16")));
        }
    };
    if !values.iter().all(|x| x.is_finite()) {
        return Err(RunError::malformed(path, format!("tensor `{name}` holds NaN or infinity")));
    }
    Tensor::from_vec(values, view.shape(), &Device::Cpu).map_err(RunError::tensor(path))
}

/// A file's bytes, refused when they are far more than such a file can have.
pub(super) fn read_bounded(path: &Path, limit_bytes: u64) -> Result<Vec<u8>, RunError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(RunError::io(path))?;
    file.take(limit_bytes + 1).read_to_end(&mut bytes).map_err(RunError::io(path))?;
    if bytes.len() as u64 > limit_bytes {
        return Err(RunError::malformed(path, format!("larger than {limit_bytes} bytes")));
    }
    Ok(bytes)
}
