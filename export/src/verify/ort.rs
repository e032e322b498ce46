use std::path::Path;

use sextant_runtime::backend::{BackendKind, BackendOptions, Encoder};

use super::{InputValues, Samples};

/// ONNX Runtime without a provider for an accelerator.
pub(crate) fn on_the_processor() -> BackendOptions {
    BackendOptions { kind: Some(BackendKind::Ort), ..BackendOptions::default() }
}

/// The outputs of those names of an ONNX file in ONNX Runtime, each with all samples one after the other. The options name it
/// as the backend.
pub(crate) fn run_ort(
    onnx: &Path,
    options: &BackendOptions,
    names: &[&str],
    samples: &Samples,
) -> Result<Vec<Vec<f32>>, String> {
    let [InputValues::Bytes(images)] = samples.inputs.as_slice() else {
        return Err("it is given one image at a time, and this graph takes something else".to_string());
    };
    let mut encoder = Encoder::open(onnx, options).map_err(|error| error.fault.to_string())?;
    let outputs = encoder.run(images).map_err(|error| error.fault.to_string())?;
    let values_of = |name: &str| outputs.iter().find(|output| output.name == name).map(|output| output.values.clone());
    names.iter().map(|wanted| values_of(wanted).ok_or(format!("there is no output {wanted}"))).collect()
}
