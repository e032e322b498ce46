use std::path::Path;

use sextant_runtime::backend::{BackendKind, BackendOptions, Encoder};

use super::{Expected, InputValues, Samples};

/// The outputs of an ONNX file in ONNX Runtime, in the order of `expected`, each with all samples one after the other.
pub(crate) fn run_ort(onnx: &Path, expected: &Expected, samples: &Samples) -> Result<Vec<Vec<f32>>, String> {
    let [InputValues::Bytes(images)] = samples.inputs.as_slice() else {
        return Err("it is given one image at a time, and this graph takes something else".to_string());
    };
    let options = BackendOptions { kind: Some(BackendKind::Ort), ..BackendOptions::default() };
    let mut encoder = Encoder::open(onnx, &options).map_err(|error| error.fault.to_string())?;
    let outputs = encoder.run(images).map_err(|error| error.fault.to_string())?;
    let values_of = |name: &str| outputs.iter().find(|output| output.name == name).map(|output| output.values.clone());
    expected.iter().map(|wanted| values_of(&wanted.name).ok_or(format!("there is no output {}", wanted.name))).collect()
}
