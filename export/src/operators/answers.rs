//! The cases as files for programs that are not ours, and what they answer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use serde_json::json;
use sextant_runtime::graph::Graph;

use super::case::RESULT;
use super::engine::{Answer, onnx_bytes};
use super::{Case, EngineId};
use crate::verify::InputValues;
use crate::{Error, PendingFiles};

/// Names of the files in a folder of cases.
const LIST: &str = "cases.json";
/// What an engine has answered, and which engine that is.
const ANSWERS: [&str; 2] = ["answers.json", "answers.safetensors"];

/// A file's name without its extension.
fn stem(place: usize) -> String {
    format!("{place:03}")
}

/// For each case `NNN.onnx` and `NNN.safetensors` with its inputs under their names and the right answer under `result`; and
/// `cases.json`, which lists their names.
///
/// # Errors
/// When a case has no ONNX form, or its answer is missing.
pub(super) fn case_files(cases: &[Case], expected: &[Answer], folder: &Path) -> Result<PendingFiles, Error> {
    let mut files = PendingFiles::default();
    let mut list = vec![];
    for (place, (case, expected)) in cases.iter().zip(expected).enumerate() {
        let failed = |reason: String| Error::invalid(folder, format!("{}: {reason}", case.name), "report it");
        let file = |extension: &str| folder.join(stem(place)).with_extension(extension);
        files.add(&file("onnx"), onnx_bytes(case).map_err(failed)?);
        let expected = expected.as_ref().map_err(|reason| failed(reason.clone()))?;
        files.add(&file("safetensors"), tensors(case, expected).map_err(failed)?);
        list.push(json!({ "file": stem(place), "name": case.name, "int8": case.is_int8() }));
    }
    files.add(&folder.join(LIST), format!("{:#}\n", json!(list)).into_bytes());
    Ok(files)
}

fn tensors(case: &Case, expected: &[f32]) -> Result<Vec<u8>, String> {
    let Case { graph, samples, .. } = case;
    let with_samples = |shape: &[usize]| [&[samples.count], shape].concat();
    let inputs = graph.inputs.iter().zip(&samples.inputs).map(|(id, values)| {
        let value = graph.value(*id);
        let (data_type, bytes) = match values {
            InputValues::Bytes(bytes) => (Dtype::U8, bytes.clone()),
            InputValues::Floats(floats) => (Dtype::F32, floats.iter().flat_map(|v| v.to_le_bytes()).collect()),
        };
        (value.name.clone(), data_type, with_samples(&value.shape), bytes)
    });
    let result: Vec<u8> = expected.iter().flat_map(|v| v.to_le_bytes()).collect();
    let result = (RESULT.to_string(), Dtype::F32, with_samples(result_shape(graph)), result);
    let all: Vec<_> = inputs.chain([result]).collect();
    let views = all.iter().map(|(name, data_type, shape, bytes)| {
        TensorView::new(*data_type, shape.clone(), bytes).map(|view| (name, view))
    });
    let views = views.collect::<Result<Vec<_>, _>>();
    views.and_then(|views| safetensors::serialize(views, None)).map_err(|error| error.to_string())
}

fn result_shape(graph: &Graph) -> &[usize] {
    graph.outputs.first().map_or(&[], |(_, id)| &graph.value(*id).shape)
}

/// What a program has answered to the files of [`Suite::files`](super::Suite::files): `answers.json` names the engine, its version and the cases that it
/// could not run, and `answers.safetensors` has a tensor `NNN` for each other one.
#[derive(Clone, Debug)]
pub struct Answers {
    /// Who answers.
    pub engine: EngineId,
    /// Its version.
    pub version: String,
    errors: BTreeMap<String, String>,
    values: BTreeMap<String, Vec<f32>>,
}

#[derive(Deserialize)]
struct Head {
    engine: String,
    version: String,
    errors: BTreeMap<String, String>,
}

impl Answers {
    /// The answers in a folder.
    ///
    /// # Errors
    /// When a file is missing or broken, or names an engine that the table has no column for.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let [head_path, values_path] = ANSWERS.map(|name| folder.join(name));
        let refuse = |path: &PathBuf, reason: String| Error::invalid(path, reason, "run the engine on the cases again");
        let read = |path: &PathBuf| std::fs::read(path).map_err(|source| Error::io(path, "read", source));
        let head: Head =
            serde_json::from_slice(&read(&head_path)?).map_err(|error| refuse(&head_path, error.to_string()))?;
        let engine = EngineId::of_name(&head.engine).filter(|engine| !engine.is_ours());
        let engine =
            engine.ok_or_else(|| refuse(&head_path, format!("'{}' is no engine of the table", head.engine)))?;
        let bytes = read(&values_path)?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|error| refuse(&values_path, error.to_string()))?;
        let mut values = BTreeMap::new();
        for (name, tensor) in tensors.iter() {
            if tensor.dtype() != Dtype::F32 {
                return Err(refuse(&values_path, format!("{name} is {}, not F32", tensor.dtype())));
            }
            let numbers = tensor.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
            values.insert(name.to_string(), numbers.collect());
        }
        Ok(Self { engine, version: head.version, errors: head.errors, values })
    }

    /// The answer to the case at that place of the list.
    pub(super) fn to(&self, place: usize) -> Answer {
        let name = stem(place);
        let missing = || self.errors.get(&name).cloned().unwrap_or_else(|| "there is no answer".to_string());
        self.values.get(&name).cloned().ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_and_broken_ones_refused() {
        let folder = tempfile::tempdir().unwrap();
        let [head, values] = ANSWERS.map(|name| folder.path().join(name));
        let bytes: Vec<u8> = [1.0f32, f32::NAN].iter().flat_map(|v| v.to_le_bytes()).collect();
        let view = TensorView::new(Dtype::F32, vec![2], &bytes).unwrap();
        std::fs::write(&values, safetensors::serialize([("002", view)], None).unwrap()).unwrap();
        let good = r#"{"engine": "candle-onnx", "version": "0.11.1", "errors": {"001": "no such operator"}}"#;
        std::fs::write(&head, good).unwrap();
        let answers = Answers::read(folder.path()).unwrap();
        assert_eq!((answers.engine, answers.version.as_str()), (EngineId::CandleOnnx, "0.11.1"));
        assert_eq!(answers.to(1), Err("no such operator".to_string()));
        assert!(matches!(answers.to(2).as_deref(), Ok([a, b]) if *a == 1.0 && b.is_nan()));
        assert_eq!(answers.to(3), Err("there is no answer".to_string()));
        for (broken, reason) in [
            ("{", "EOF"),
            (r#"{"engine": "native", "version": "1", "errors": {}}"#, "'native' is no engine of the table"),
        ] {
            std::fs::write(&head, broken).unwrap();
            let message = Answers::read(folder.path()).unwrap_err().to_string();
            assert!(message.contains(reason), "{message}");
        }
    }
}
