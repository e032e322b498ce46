use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use candle_core::{Device, Tensor, Var};
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

/// The float32 tensors of a safetensors file.
///
/// # Errors
/// When the file cannot be read, is broken, or holds other types, NaN or infinity.
pub fn read_tensors(path: &Path) -> Result<BTreeMap<String, Tensor>, RunError> {
    decode(&fs::read(path).map_err(RunError::io(path))?, path)
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
    let mut bytes = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let values = tensor.flatten_all().and_then(|flat| flat.to_vec1::<f32>()).map_err(RunError::tensor(path))?;
        if !values.iter().all(|x| x.is_finite()) {
            return Err(RunError::NotFinite { path: path.into(), name: name.clone() });
        }
        bytes.push(values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>());
    }
    let views = tensors.iter().zip(&bytes).map(|((name, tensor), bytes)| {
        let view = TensorView::new(Dtype::F32, tensor.dims().to_vec(), bytes).expect("four bytes for each number");
        (name, view)
    });
    serialize(views, None::<HashMap<String, String>>).map_err(|error| RunError::malformed(path, error.to_string()))
}

pub(super) fn decode(bytes: &[u8], path: &Path) -> Result<BTreeMap<String, Tensor>, RunError> {
    let file = SafeTensors::deserialize(bytes)
        .map_err(|error| RunError::malformed(path, format!("not a whole safetensors file: {error}")))?;
    file.tensors().into_iter().map(|(name, view)| Ok((name.clone(), decode_one(&name, &view, path)?))).collect()
}

fn decode_one(name: &str, view: &TensorView, path: &Path) -> Result<Tensor, RunError> {
    if view.dtype() != Dtype::F32 {
        return Err(RunError::malformed(path, format!("tensor `{name}` is {:?}, expected F32", view.dtype())));
    }
    let number = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let values: Vec<f32> = view.data().chunks_exact(4).map(number).collect();
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
