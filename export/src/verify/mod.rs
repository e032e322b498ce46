//! Whether every engine repeats the trainer's own answers.

mod as_written;
mod first_operator;
mod int8;
mod native;
mod one_by_one;
mod onnx_form;
mod ort;
mod parity;
mod samples;
mod subject;
mod tract;

use onnx_form::OnnxForm;
use samples::Expected;

pub use first_operator::{FirstOperator, OperatorDifference};
pub use int8::{Int8Parity, OutputNoise, ValueSteps};
pub(crate) use native::{Kernels, run_graph, run_native, run_native_with};
pub(crate) use ort::{on_the_processor, run_ort};
pub use parity::{Measure, OutputParity, Parity, Reference};
pub(crate) use samples::{InputValues, Samples};
pub(crate) use subject::Subject;
pub(crate) use tract::run_tract;

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use sextant_runtime::typed_command::Program;

use crate::onnx::from_graph_as;
use crate::quantize::{Drift, Requirements};
use crate::run_folder::RunFolder;
use crate::{Error, GraphName, model_file};

/// Compares every engine that is there with the trainer on all golden images: our own on `model.sxt`, tract and (where
/// `ORT_DYLIB_PATH` names its library) ONNX Runtime on the run's `model.onnx`, or on what it would be. Where an output differs,
/// [`Parity::first_operator`] tells which operator's result is the first that does.
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
    subject.find_first_operator(&onnx.model, onnx.batch, &mut parity);
    Ok(parity)
}

/// The eight-bit forms of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Int8Verification {
    /// `model-int8.sxt` in our own engine against the trainer's golden vectors: what eight bits cost.
    pub against_trainer: Vec<OutputNoise>,
    /// The same of all outputs together.
    pub drift: Drift,
    /// What is lost beyond what may be, in words.
    pub complaint: Option<String>,
    /// The first constant or operator of `model-int8.onnx` that is not that of `model-int8.sxt`, if there are both files.
    pub onnx_difference: Option<String>,
    /// `model-int8.onnx` in other engines against `model-int8.sxt` in ours, if there are both files of one network.
    pub onnx: Option<Int8Parity>,
}

/// Compares the eight-bit forms that are in the run; `None` when there are none. Engines run `model-int8.onnx` only if its
/// constants and operators are, to the bit, those of `model-int8.sxt`. What eight bits lose has to be within `requirements`.
///
/// # Errors
/// When a file of the run is missing or broken, or an engine cannot run the model at all.
pub fn verify_int8(run: &RunFolder, requirements: &Requirements) -> Result<Option<Int8Verification>, Error> {
    let (path, onnx_path) = (run.int8_model_path(), run.int8_onnx_path());
    if !path.exists() && !onnx_path.exists() {
        return Ok(None);
    }
    let bytes = model_file::read(&path)?;
    let model = model_file::parse(&path, &bytes)?;
    let subject = Subject::of_golden(run, path.clone(), model)?;
    let (against_trainer, drift) = subject.noise()?;
    let complaint = requirements.complaint(&drift);
    let mut verification = Int8Verification { against_trainer, drift, complaint, onnx_difference: None, onnx: None };
    if !onnx_path.exists() {
        return Ok(Some(verification));
    }
    let command = Program::Export.command("int8").path(run.path()).to_string();
    let form = OnnxForm::read(onnx_path, &subject.graph, &command)?;
    let numbers = as_written::numbers_of(&form.model);
    let expected = from_graph_as(&subject.graph, &[], form.batch, numbers)
        .map_err(|source| Error::Onnx { path: path.clone(), source })?;
    verification.onnx_difference = as_written::first_difference(&form.model, &expected);
    if verification.onnx_difference.is_none() {
        let file = (form.bytes.as_slice(), form.batch, numbers);
        verification.onnx = Some(Int8Parity::measure(&path, &subject.graph, file, &subject.samples)?);
    }
    Ok(Some(verification))
}

impl Int8Verification {
    /// What differs too much, for people.
    pub fn failure_message(&self) -> Option<String> {
        let of_file = |difference| format!("model-int8.onnx is not the network of model-int8.sxt: {difference}");
        let of_engines = || self.onnx.as_ref()?.failure_message().map(|message| format!("eight bits: {message}"));
        let of_losses = || self.complaint.as_ref().map(|complaint| format!("model-int8.sxt: {complaint}"));
        self.onnx_difference.as_ref().map(of_file).or_else(of_engines).or_else(of_losses)
    }
}

impl fmt::Display for Int8Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\neight bits against the trainer's float32:\n{}", int8::table(&self.against_trainer))?;
        for (transformation, changes) in &self.drift.transformation_changes_percent {
            writeln!(f, "{transformation}: {:.2} % of the images keep their class", 100.0 - changes)?;
        }
        writeln!(f)?;
        match &self.onnx {
            Some(parity) => write!(f, "eight bits in other engines against ours:\n{parity}"),
            None => Ok(()),
        }
    }
}

/// Whether the environment names the library of ONNX Runtime.
fn ort_is_there() -> bool {
    ort_library().is_some()
}

/// The library of ONNX Runtime that the environment names.
pub(crate) fn ort_library() -> Option<PathBuf> {
    std::env::var_os("ORT_DYLIB_PATH").filter(|library| !library.is_empty()).map(PathBuf::from)
}
