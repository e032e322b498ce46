//! A graph of a run, what it is given, and what it has to answer.

use std::path::{Path, PathBuf};

use sextant_runtime::graph::{DataType, Graph};
use sextant_runtime::model::Model;

use super::first_operator::Watched;
use super::{Expected, OutputNoise, Parity, Reference, Samples, on_the_processor, run_native, run_ort, run_tract};
use crate::error::write_again;
use crate::golden::{Golden, GoldenOutput};
use crate::onnx::Batch;
use crate::onnx::proto::ModelProto;
use crate::quantize::Drift;
use crate::run_folder::RunFolder;
use crate::{Error, GraphName, model_file};

/// Inputs that a graph without golden vectors is tried on.
const SPREAD_SAMPLES: usize = 64;

/// One graph of a run's model with inputs and right answers.
pub(crate) struct Subject<'m> {
    model_path: PathBuf,
    model: Model<'m>,
    name: GraphName,
    pub graph: Graph,
    pub samples: Samples,
    expected: Expected,
    reference: Reference,
}

impl<'m> Subject<'m> {
    /// `encode` has the trainer's golden vectors; `predict_latent` is measured against our own engine.
    ///
    /// # Errors
    /// When the graph is missing, the golden vectors do not fit it, or our engine cannot run it.
    pub fn of_run(run: &RunFolder, model: Model<'m>, name: GraphName) -> Result<Self, Error> {
        let model_path = run.model_path();
        let graph = model_file::graph(&model_path, &model, name.as_str())?;
        let ((samples, expected), reference) = match name {
            GraphName::Encode => (from_golden(run, &graph)?, Reference::Trainer),
            GraphName::PredictLatent => (from_native(run, &model, &graph)?, Reference::Native),
        };
        Ok(Self { model_path, model, name, graph, samples, expected, reference })
    }

    /// The graph `encode` of any model file of a run, with the trainer's golden vectors.
    ///
    /// # Errors
    /// When the graph is missing, or the golden vectors do not fit it.
    pub fn of_golden(run: &RunFolder, model_path: PathBuf, model: Model<'m>) -> Result<Self, Error> {
        let name = GraphName::Encode;
        let graph = model_file::graph(&model_path, &model, name.as_str())?;
        let (samples, expected) = from_golden(run, &graph)?;
        Ok(Self { model_path, model, name, graph, samples, expected, reference: Reference::Trainer })
    }

    /// How far our own engine's answers are from those that are expected, output by output and together.
    pub fn noise(&self) -> Result<(Vec<OutputNoise>, Drift), Error> {
        let computed = self.or_failed("native", run_native(&self.model, self.name.as_str(), &self.samples))?;
        let rows = || self.expected.iter().zip(&computed);
        let outputs: Vec<_> = rows().map(|(a, b)| (a.name.as_str(), a.values.as_slice(), b.as_slice())).collect();
        let drift = Drift::between(&outputs, self.samples.count);
        Ok((rows().map(|(expected, computed)| OutputNoise::between("native", expected, computed)).collect(), drift))
    }

    /// How many inputs are compared.
    pub fn sample_count(&self) -> usize {
        self.samples.count
    }

    /// The answers of our own engine to the model file, and of tract to its ONNX form.
    pub fn check(&self, onnx: &[u8], batch: Batch) -> Result<Parity, Error> {
        let mut parity = Parity::with(self.reference);
        if self.reference != Reference::Native {
            self.check_native(&mut parity)?;
        }
        self.check_tract(onnx, batch, &mut parity)?;
        Ok(parity)
    }

    /// Adds the answers of ONNX Runtime to a file, one image at a time.
    pub fn check_ort(&self, onnx: &Path, parity: &mut Parity) -> Result<(), Error> {
        let names: Vec<&str> = self.expected.iter().map(|output| output.name.as_str()).collect();
        let computed = run_ort(onnx, &on_the_processor(), &names, &self.samples);
        parity.compare("ort", &self.expected, &self.or_failed("ort", computed)?);
        Ok(())
    }

    /// Notes which operator's result is the first that differs, where an output of some engine does. `onnx` is the model of
    /// the file that was checked.
    pub fn find_first_operator(&self, onnx: &ModelProto, batch: Batch, parity: &mut Parity) {
        let Some(failure) = parity.first_failure() else { return };
        let sample = self.samples.only(failure.sample, &self.graph);
        let watched = Watched { graph: &self.graph, file: onnx, batch, sample };
        parity.first_operator = Some(watched.search(failure.backend));
    }

    fn check_native(&self, parity: &mut Parity) -> Result<(), Error> {
        let computed = run_native(&self.model, self.name.as_str(), &self.samples);
        parity.compare("native", &self.expected, &self.or_failed("native", computed)?);
        Ok(())
    }

    fn check_tract(&self, onnx: &[u8], batch: Batch, parity: &mut Parity) -> Result<(), Error> {
        let computed = run_tract(onnx, &self.graph, batch, &self.samples);
        parity.compare("tract", &self.expected, &self.or_failed("tract", computed)?);
        Ok(())
    }

    fn or_failed<T>(&self, backend: &'static str, result: Result<T, String>) -> Result<T, Error> {
        result.map_err(|reason| Error::Backend { path: self.model_path.clone(), backend, reason })
    }
}

fn from_golden(run: &RunFolder, graph: &Graph) -> Result<(Samples, Expected), Error> {
    let size = image_size(graph).ok_or_else(|| {
        let reason = "the graph 'encode' does not take one image of bytes [h, w, 3]";
        Error::invalid(&run.model_path(), reason, write_again())
    })?;
    let golden = Golden::read(&run.golden_path(), size, &output_widths(graph))?;
    Ok((Samples::from_golden(&golden), golden.outputs))
}

fn from_native(run: &RunFolder, model: &Model<'_>, graph: &Graph) -> Result<(Samples, Expected), Error> {
    let samples = Samples::spread(graph, SPREAD_SAMPLES);
    let computed = run_native(model, &graph.name, &samples).map_err(|reason| Error::Backend {
        path: run.model_path(),
        backend: "native",
        reason,
    })?;
    let named = output_widths(graph).into_iter().zip(computed);
    let expected = named.map(|((name, width), values)| GoldenOutput { name, width, values });
    Ok((samples, expected.collect()))
}

fn image_size(graph: &Graph) -> Option<[usize; 2]> {
    let &[image] = graph.inputs.as_slice() else { return None };
    match (graph.value(image).data_type, graph.value(image).shape.as_slice()) {
        (DataType::U8, &[height, width, 3]) => Some([height, width]),
        _ => None,
    }
}

fn output_widths(graph: &Graph) -> Vec<(String, usize)> {
    graph.outputs.iter().map(|(name, id)| (name.clone(), graph.value(*id).shape.iter().product())).collect()
}
