use std::path::{Path, PathBuf};

use serde::Serialize;
use sextant_runtime::contract::graph::ENCODE;
use sextant_runtime::graph::{DataType, Graph};
use sextant_runtime::memory::AlignedVec;
use sextant_runtime::model::MAGIC;
use sextant_runtime::typed_command::Program;

use crate::onnx::{self, Batch, Numbers};
use crate::onnx_export::OUR_FILES_START;
use crate::quantize::Quantizer;
use crate::run_folder::RunFolder;
use crate::sxt_export::{Int8Encode, QuantizationReport, int8_encode};
use crate::verify::{Int8Parity, Samples};
use crate::{Error, PendingFiles, destination, model_file};

/// Writes the eight-bit form of the graph `encode` as ONNX with `QuantizeLinear` and `DequantizeLinear` (QDQ), from the
/// same quantised graph as `.sxt`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Int8Export {
    /// How to quantise a run.
    pub quantizer: Quantizer,
    /// What activations are written as.
    pub numbers: Numbers,
    /// How many samples the network takes at a time.
    pub batch: Batch,
    /// Whether files that are not ours may be replaced.
    pub overwrite: bool,
}

/// What was written.
#[derive(Clone, Debug, Serialize)]
pub struct Int8Report {
    /// The ONNX file.
    #[serde(flatten, serialize_with = "crate::json_path::path")]
    pub path: PathBuf,
    /// Whether it was written: only when the engines agree.
    pub written: bool,
    /// Its size.
    pub size_bytes: usize,
    /// The same network for our own engine, beside it; only from a run.
    #[serde(flatten, serialize_with = "crate::json_path::sxt_path")]
    pub sxt_path: Option<PathBuf>,
    /// What quantising cost; only from a run.
    pub quantization: Option<QuantizationReport>,
    /// How far other engines are from ours.
    #[serde(flatten)]
    pub parity: Int8Parity,
}

impl Int8Export {
    /// Quantises a run, and writes the network to `out` and, with the extension `.sxt`, beside it.
    ///
    /// # Errors
    /// When a file of the run is missing or broken, or nothing can be written. Nothing is changed then.
    pub fn write_run(&self, run: &RunFolder, out: &Path) -> Result<Int8Report, Error> {
        let (report, files) = self.prepare_run(run, out)?;
        files.write()?;
        Ok(report)
    }

    /// As [`Self::write_run`], but nothing is written before [`PendingFiles::write`].
    ///
    /// # Errors
    /// As there.
    pub fn prepare_run(&self, run: &RunFolder, out: &Path) -> Result<(Int8Report, PendingFiles), Error> {
        destination::refuse_stdout(out)?;
        let sxt_path = out.with_extension("sxt");
        if sxt_path == out || sxt_path == run.model_path() {
            return Err(Error::InTheWay {
                path: out.to_path_buf(),
                reason: "is no name for an ONNX file",
                hint: "end it in .onnx",
            });
        }
        destination::check(&sxt_path, self.overwrite, &MAGIC)?;
        destination::check(out, self.overwrite, OUR_FILES_START)?;
        let Int8Encode { file, report, golden, .. } = int8_encode(run, &self.quantizer, None)?;
        let file = AlignedVec::copy_of(&file);
        let (mut prepared, mut files) = self.prepare(&sxt_path, &file, &Samples::from_golden(&golden), out)?;
        if prepared.written {
            files.add(&sxt_path, file.to_vec());
            prepared.sxt_path = Some(sxt_path);
        }
        Ok((Int8Report { quantization: Some(report), ..prepared }, files))
    }

    /// Writes the network of an eight-bit `.sxt` file to `out`. It is tried on inputs that look random.
    ///
    /// # Errors
    /// When the file is broken or has no int8 graph `encode`, or nothing can be written.
    pub fn write_file(&self, sxt: &Path, out: &Path) -> Result<Int8Report, Error> {
        let (report, files) = self.prepare_file(sxt, out)?;
        files.write()?;
        Ok(report)
    }

    /// As [`Self::write_file`], but nothing is written before [`PendingFiles::write`].
    ///
    /// # Errors
    /// As there.
    pub fn prepare_file(&self, sxt: &Path, out: &Path) -> Result<(Int8Report, PendingFiles), Error> {
        destination::check(out, self.overwrite, OUR_FILES_START)?;
        let file = model_file::read(sxt)?;
        let graph = model_file::graph(sxt, &model_file::parse(sxt, &file)?, ENCODE)?;
        if !is_int8(&graph) {
            let hint = format!("quantise a run: {}", Program::Export.command("int8 RUN"));
            return Err(Error::invalid(sxt, "holds a float32 network, not an eight-bit one", hint));
        }
        self.prepare(sxt, &file, &Samples::spread(&graph, SAMPLES), out)
    }

    fn prepare(
        &self,
        sxt: &Path,
        file: &AlignedVec,
        samples: &Samples,
        out: &Path,
    ) -> Result<(Int8Report, PendingFiles), Error> {
        let model = model_file::parse(sxt, file)?;
        let graph = model_file::graph(sxt, &model, ENCODE)?;
        let onnx = onnx::from_graph_as(&graph, &model_file::metadata(&model), self.batch, self.numbers)
            .and_then(|model| onnx::to_bytes(&model))
            .map_err(|source| Error::Onnx { path: sxt.to_path_buf(), source })?;
        let parity = Int8Parity::measure(sxt, &graph, (&onnx, self.batch, self.numbers), samples)?;
        let written = parity.failure_message().is_none();
        let mut files = PendingFiles::default();
        if written {
            files.add(out, onnx.clone());
        }
        let (path, size_bytes) = (out.to_path_buf(), onnx.len());
        Ok((Int8Report { path, written, size_bytes, sxt_path: None, quantization: None, parity }, files))
    }
}

/// Inputs that a file without golden vectors is tried on.
const SAMPLES: usize = 16;

fn is_int8(graph: &Graph) -> bool {
    graph.values.iter().any(|value| value.data_type == DataType::I8)
}
