use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::onnx::{self, Batch};
use crate::run_folder::RunFolder;
use crate::verify::{Parity, Subject};
use crate::{Error, GraphName, PendingFiles, destination, model_file};

/// How every ONNX file of ours begins: IR version 8, producer `sextant`.
pub(crate) const OUR_FILES_START: &[u8] = b"\x08\x08\x12\x07sextant";

/// What to export, and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct OnnxExport {
    /// Which graph of the model.
    pub graph: GraphName,
    /// How many samples it takes at a time.
    pub batch: Batch,
    /// Whether a file that is not ours may be replaced.
    pub overwrite: bool,
}

/// What was exported.
#[derive(Clone, Debug, Serialize)]
pub struct OnnxReport {
    /// The file.
    #[serde(flatten, serialize_with = "crate::json_path::path")]
    pub path: PathBuf,
    /// Whether it was written: only when all engines agree.
    pub written: bool,
    /// Its size.
    pub size_bytes: usize,
    /// The graph in it.
    pub graph: GraphName,
    /// How many inputs were compared.
    pub samples: usize,
    /// What the engines answered.
    #[serde(flatten)]
    pub parity: Parity,
}

impl OnnxExport {
    /// Writes the ONNX form of a run's model to `out`, but only after it has repeated the golden vectors.
    ///
    /// # Errors
    /// When a file of the run is missing or broken, the graph has no ONNX form, or `out` cannot be written. Nothing
    /// is left at `out` then but what was there before.
    pub fn write(&self, run: &RunFolder, out: &Path) -> Result<OnnxReport, Error> {
        let (report, files) = self.prepare(run, out)?;
        files.write()?;
        Ok(report)
    }

    /// As [`Self::write`], but nothing is written before [`PendingFiles::write`].
    ///
    /// # Errors
    /// As there.
    pub fn prepare(&self, run: &RunFolder, out: &Path) -> Result<(OnnxReport, PendingFiles), Error> {
        destination::check(out, self.overwrite, OUR_FILES_START)?;
        let path = run.model_path();
        let bytes = model_file::read(&path)?;
        let model = model_file::parse(&path, &bytes)?;
        let subject = Subject::of_run(run, model, self.graph)?;
        let refused = |source| Error::Onnx { path: path.clone(), source };
        let form = onnx::from_graph(&subject.graph, &model_file::metadata(&model), self.batch).map_err(refused)?;
        let onnx = onnx::to_bytes(&form).map_err(refused)?;
        let mut parity = subject.check(&onnx, self.batch)?;
        subject.find_first_operator(&form, self.batch, &mut parity);
        let written = parity.first_failure().is_none();
        let mut files = PendingFiles::default();
        if written {
            files.add(out, onnx.clone());
        }
        let (size_bytes, samples) = (onnx.len(), subject.sample_count());
        let report = OnnxReport { path: out.to_path_buf(), written, size_bytes, graph: self.graph, samples, parity };
        Ok((report, files))
    }
}
