//! Whether every engine repeats the trainer's own answers.

mod int8;
mod native;
mod one_by_one;
mod onnx_form;
mod ort;
mod parity;
mod samples;
mod subject;
mod tract;

use native::run_native;
use onnx_form::OnnxForm;
use ort::run_ort;
use samples::{Expected, InputValues};
use tract::run_tract;

pub use int8::{Int8Parity, OutputNoise, ValueSteps};
pub use parity::{CLOSE, Measure, OutputParity, Parity, Reference};
pub(crate) use samples::Samples;
pub(crate) use subject::Subject;

use crate::run_folder::RunFolder;
use crate::{Error, GraphName, model_file};

/// Compares every engine that is there with the trainer on all golden images: our own on `model.sxt`, tract and (where
/// `ORT_DYLIB_PATH` names its library) ONNX Runtime on the run's `model.onnx`, or on what it would be.
///
/// # Errors
/// When a file of the run is missing or broken, or an engine cannot run the model at all.
pub fn verify(run: &RunFolder) -> Result<Parity, Error> {
    let path = run.model_path();
    let bytes = model_file::read(&path)?;
    let model = model_file::parse(&path, &bytes)?;
    let subject = Subject::of_run(run, model, GraphName::Encode)?;
    let onnx = OnnxForm::of_run(run, &subject.graph, &model_file::metadata(&model))?;
    let mut parity = subject.check(&onnx.bytes, onnx.batch)?;
    if ort_is_there() {
        subject.check_ort(onnx.file.path(), &mut parity)?;
    }
    Ok(parity)
}

/// Whether the environment names the library of ONNX Runtime.
fn ort_is_there() -> bool {
    std::env::var_os("ORT_DYLIB_PATH").is_some_and(|library| !library.is_empty())
}
