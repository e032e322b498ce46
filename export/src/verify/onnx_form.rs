use std::path::{Path, PathBuf};

use prost::Message;
use sextant_runtime::graph::Graph;
use sextant_runtime::typed_command::Program;

use crate::onnx::proto::{Dimension, GraphProto, ModelProto, ValueInfoProto};
use crate::onnx::{self, Batch, declared_shape};
use crate::run_folder::RunFolder;
use crate::{Error, GraphName, model_file};

/// The ONNX form of a run's `encode` graph.
pub(super) struct OnnxForm {
    pub bytes: Vec<u8>,
    pub model: ModelProto,
    pub batch: Batch,
    pub file: OnnxFile,
}

/// Where the bytes are on the disk.
pub(super) enum OnnxFile {
    OfRun(PathBuf),
    Temporary(tempfile::NamedTempFile),
}

impl OnnxFile {
    pub fn path(&self) -> &Path {
        match self {
            Self::OfRun(path) => path,
            Self::Temporary(file) => file.path(),
        }
    }
}

impl OnnxForm {
    /// The run's `model.onnx` when there is one, else what `export onnx` would write.
    ///
    /// # Errors
    /// When the file is broken or of another graph, or there is no room for a temporary one.
    pub fn of_run(run: &RunFolder, graph: &Graph, metadata: &[(String, String)]) -> Result<Self, Error> {
        let path = run.onnx_path(GraphName::Encode);
        if path.exists() {
            Self::read(path, graph, &Program::Export.command("onnx").path(run.path()).to_string())
        } else {
            Self::generate(run, graph, metadata)
        }
    }

    /// The file, if it is the ONNX form of `graph`; `command` is what writes it.
    ///
    /// # Errors
    /// When it is broken or of another graph.
    pub fn read(path: PathBuf, graph: &Graph, command: &str) -> Result<Self, Error> {
        let bytes = model_file::read(&path)?.to_vec();
        let refuse = |reason: String| Error::invalid(&path, reason, format!("write it again: {command}"));
        let model =
            ModelProto::decode(bytes.as_slice()).map_err(|error| refuse(format!("is no ONNX file: {error}")))?;
        let network = model.graph.as_ref().ok_or_else(|| refuse("is no ONNX file: it holds no network".to_string()))?;
        let other = || refuse(format!("is not the ONNX form of the run's graph '{}'", graph.name));
        let batch = batch_of(network, graph).ok_or_else(other)?;
        Ok(Self { bytes, model, batch, file: OnnxFile::OfRun(path) })
    }

    fn generate(run: &RunFolder, graph: &Graph, metadata: &[(String, String)]) -> Result<Self, Error> {
        let refused = |source| Error::Onnx { path: run.model_path(), source };
        let model = onnx::from_graph(graph, metadata, Batch::Dynamic).map_err(refused)?;
        let bytes = onnx::to_bytes(&model).map_err(refused)?;
        let failed = |source| Error::io(&std::env::temp_dir(), "write", source);
        let file = tempfile::Builder::new().suffix(".onnx").tempfile().map_err(failed)?;
        std::fs::write(file.path(), &bytes).map_err(failed)?;
        Ok(Self { bytes, model, batch: Batch::Dynamic, file: OnnxFile::Temporary(file) })
    }
}

/// How many samples the network takes at a time; `None` when its inputs and outputs are not the graph's.
fn batch_of(network: &GraphProto, graph: &Graph) -> Option<Batch> {
    let inputs = graph.inputs.iter().map(|id| (graph.value(*id).name.as_str(), *id));
    let outputs = graph.outputs.iter().map(|(name, id)| (name.as_str(), *id));
    let ports = inputs.chain(outputs);
    if network.input.len() != graph.inputs.len() || network.output.len() != graph.outputs.len() {
        return None;
    }
    for ((name, id), declared) in ports.zip(network.input.iter().chain(&network.output)) {
        if declared.name != name || !extents_are(declared, &graph.value(id).shape) {
            return None;
        }
    }
    match declared_shape(network.input.first()?)?.first()? {
        Dimension::Value(samples) => u32::try_from(*samples).ok().filter(|samples| *samples > 0).map(Batch::Fixed),
        Dimension::Symbol(_) => Some(Batch::Dynamic),
    }
}

/// Whether the extents after the batch are these.
fn extents_are(declared: &ValueInfoProto, shape: &[usize]) -> bool {
    let declared = declared_shape(declared).unwrap_or_default();
    let wanted = shape.iter().map(|extent| Dimension::Value(*extent as i64));
    declared.len() == shape.len() + 1 && declared.into_iter().skip(1).eq(wanted)
}
