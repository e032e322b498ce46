//! What computes the cases: our own kernels, and every other engine that is on this machine.

use std::fmt;
use std::path::Path;

use serde::{Serialize, Serializer};
use sextant_runtime::backend::{BackendOptions, Encoder, Fault, Provider, ProviderFault, RequestedProvider};
use sextant_runtime::graph::Graph;
use sextant_runtime::memory::AlignedVec;
use sextant_runtime::model::{self, Model};
use tempfile::NamedTempFile;

use super::answers::Answers;
use super::case::RESULT;
use super::float_form::float_form;
use super::one_image::{as_image_encoder, images};
use super::{Case, Suite};
use crate::onnx::{self, Batch};
use crate::verify::{
    InputValues, Kernels, Samples, on_the_processor, ort_library, run_native_with, run_ort, run_tract,
};

/// A column of the table of cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EngineId {
    /// The plain kernels of every target; of int8 cases the definition in real numbers.
    Native,
    /// The same with this processor's kernels and packed filters.
    Prepared,
    /// The integer graph in the plain kernels.
    Int8,
    /// The integer graph in this processor's kernels.
    Int8Prepared,
    /// tract, on the case as ONNX.
    Tract,
    /// ONNX Runtime on the processor.
    OnnxRuntime,
    /// ONNX Runtime's provider OpenVINO.
    OpenVino,
    /// candle-onnx, whose answers come from a folder.
    CandleOnnx,
}

/// All columns, in the order of the table.
pub const ENGINES: [EngineId; 8] = [
    EngineId::Native,
    EngineId::Prepared,
    EngineId::Int8,
    EngineId::Int8Prepared,
    EngineId::Tract,
    EngineId::OnnxRuntime,
    EngineId::OpenVino,
    EngineId::CandleOnnx,
];

/// The version of tract that this crate is built with; a test compares it with `Cargo.lock`.
const TRACT_VERSION: &str = "0.23.9";

impl EngineId {
    /// As the table and JSON name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Prepared => "prepared",
            Self::Int8 => "int8",
            Self::Int8Prepared => "int8 prepared",
            Self::Tract => "tract",
            Self::OnnxRuntime => "ONNX Runtime",
            Self::OpenVino => "OpenVINO",
            Self::CandleOnnx => "candle-onnx",
        }
    }

    /// The engine of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        ENGINES.into_iter().find(|engine| engine.name() == name)
    }

    /// Whether it is of our own kernels.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Native | Self::Prepared | Self::Int8 | Self::Int8Prepared)
    }

    /// Whether it runs this case at all: only int8 graphs have integers.
    pub fn takes(self, case: &Case) -> bool {
        case.is_int8() || !matches!(self, Self::Int8 | Self::Int8Prepared)
    }

    /// Whose answer is taken as right, unless one was worked out by hand.
    pub(super) fn reference_of(case: &Case) -> Self {
        if case.is_int8() { Self::Int8 } else { Self::Native }
    }
}

impl fmt::Display for EngineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// As it prints.
impl Serialize for EngineId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// All numbers of a case's result, or why there are none, for people.
pub(super) type Answer = Result<Vec<f32>, String>;

/// What asks an engine a case, which has that place in the list.
type Ask = dyn Fn(usize, &Case) -> Answer;

/// An engine that can be asked.
pub(super) struct Engine {
    pub id: EngineId,
    /// Unknown when the library does not tell it by its name.
    pub version: Option<String>,
    answer: Box<Ask>,
}

impl Engine {
    fn new(id: EngineId, version: Option<String>, answer: impl Fn(usize, &Case) -> Answer + 'static) -> Self {
        Self { id, version, answer: Box::new(answer) }
    }

    /// What it makes of a case, which has that place in the list.
    pub fn answer(&self, place: usize, case: &Case) -> Answer {
        (self.answer)(place, case)
    }
}

/// Every engine that is on this machine, and those whose answers are in folders.
pub(super) fn engines_here(suite: &Suite, answers: Vec<Answers>) -> Vec<Engine> {
    let ours = || Some(env!("CARGO_PKG_VERSION").to_string());
    let mut engines = vec![
        Engine::new(EngineId::Native, ours(), |_, case| in_real_numbers(case, Kernels::Plain)),
        Engine::new(EngineId::Prepared, ours(), |_, case| in_real_numbers(case, Kernels::Prepared)),
        Engine::new(EngineId::Int8, ours(), |_, case| native(&case.graph, &case.samples, Kernels::Plain)),
        Engine::new(EngineId::Int8Prepared, ours(), |_, case| native(&case.graph, &case.samples, Kernels::Prepared)),
        Engine::new(EngineId::Tract, Some(TRACT_VERSION.to_string()), |_, case| tract(case)),
    ];
    if let Some(library) = ort_library() {
        let version = version_in_name(&library);
        engines.push(Engine::new(EngineId::OnnxRuntime, version.clone(), |_, case| onnx_runtime(case, None)));
        let is_here = |provider| suite.cases.first().is_some_and(|case| is_in_library(provider, case));
        let here = PROVIDERS.into_iter().filter(|(_, provider)| is_here(*provider));
        engines.extend(
            here.map(|(id, provider)| {
                Engine::new(id, version.clone(), move |_, case| onnx_runtime(case, Some(provider)))
            }),
        );
    }
    for answers in answers {
        let (id, version) = (answers.engine, Some(answers.version.clone()));
        engines.retain(|engine| engine.id != id);
        engines.push(Engine::new(id, version, move |place, _| answers.to(place)));
    }
    engines
}

/// Columns of ONNX Runtime's execution providers.
const PROVIDERS: [(EngineId, Provider); 1] = [(EngineId::OpenVino, Provider::OpenVino)];

/// Whether the library that the environment names was built with a provider, seen by a case. One that was and does not compute
/// fails all cases.
fn is_in_library(provider: Provider, case: &Case) -> bool {
    let Ok(file) = encoder_file(case) else { return false };
    let is_missing =
        |fault: &Fault| matches!(fault, Fault::Provider { fault: ProviderFault::NotCompiledIn { .. }, .. });
    Encoder::open(file.path(), &on(Some(provider))).err().is_none_or(|error| !is_missing(&error.fault))
}

fn on(provider: Option<Provider>) -> BackendOptions {
    BackendOptions { provider: provider.map(RequestedProvider::from), ..on_the_processor() }
}

/// The version that ends the name of a shared library, as in `libonnxruntime.so.1.32.0`.
fn version_in_name(library: &Path) -> Option<String> {
    let library = library.canonicalize().unwrap_or_else(|_| library.to_path_buf());
    let name = library.file_name()?.to_str()?;
    let (_, version) = name.split_once(".so.")?;
    Some(version.to_string())
}

fn in_real_numbers(case: &Case, kernels: Kernels) -> Answer {
    match case.is_int8() {
        true => native(&float_form(&case.graph)?, &case.samples, kernels),
        false => native(&case.graph, &case.samples, kernels),
    }
}

fn native(graph: &Graph, samples: &Samples, kernels: Kernels) -> Answer {
    let bytes = model::write(&Default::default(), std::slice::from_ref(graph)).map_err(|error| error.to_string())?;
    let bytes = AlignedVec::copy_of(&bytes);
    let model = Model::parse(&bytes).map_err(|error| error.to_string())?;
    the_result(run_native_with(kernels, &model, &graph.name, samples)?)
}

/// The case's ONNX form, which takes any number of samples.
pub(super) fn onnx_bytes(case: &Case) -> Result<Vec<u8>, String> {
    let model = onnx::from_graph(&case.graph, &[], Batch::Dynamic);
    model.and_then(|model| onnx::to_bytes(&model)).map_err(|error| error.to_string())
}

fn tract(case: &Case) -> Answer {
    the_result(run_tract(&onnx_bytes(case)?, &case.graph, Batch::Fixed(case.samples.count as u32), &case.samples)?)
}

/// ONNX Runtime through the backend that users have, on the processor or on the provider that is asked for, which is seen to
/// compute. It takes images only, so the samples are put into the file, and an image chooses one.
fn onnx_runtime(case: &Case, provider: Option<Provider>) -> Answer {
    let file = encoder_file(case)?;
    let samples = Samples { count: case.samples.count, inputs: vec![InputValues::Bytes(images(case.samples.count))] };
    the_result(run_ort(file.path(), &on(provider), &[RESULT], &samples)?)
}

/// A file with the case as an encoder of one image.
fn encoder_file(case: &Case) -> Result<NamedTempFile, String> {
    let model = onnx::from_graph(&case.graph, &[], Batch::Dynamic).map_err(|error| error.to_string())?;
    let bytes =
        onnx::to_bytes(&as_image_encoder(model, &case.graph, &case.samples)).map_err(|error| error.to_string())?;
    let file = tempfile::Builder::new().suffix(".onnx").tempfile().map_err(|error| error.to_string())?;
    std::fs::write(file.path(), bytes).map_err(|error| error.to_string())?;
    Ok(file)
}

fn the_result(outputs: Vec<Vec<f32>>) -> Answer {
    outputs.into_iter().next().ok_or_else(|| "there is no output".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_tract_is_the_one_that_is_linked() {
        let lock = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock")).unwrap();
        assert!(lock.contains(&format!("name = \"tract-onnx\"\nversion = \"{TRACT_VERSION}\"")), "{TRACT_VERSION}");
    }

    #[test]
    fn libraries_tell_their_version_by_name() {
        for (name, version) in
            [("/lib/libonnxruntime.so.1.32.0", Some("1.32.0")), ("libonnxruntime.so", None), ("onnxruntime.dll", None)]
        {
            assert_eq!(version_in_name(Path::new(name)).as_deref(), version, "{name}");
        }
    }

    #[test]
    fn engines_are_found_by_name() {
        assert!(ENGINES.iter().all(|engine| EngineId::of_name(engine.name()) == Some(*engine)));
        assert_eq!(EngineId::of_name("tensorflow"), None);
    }
}
