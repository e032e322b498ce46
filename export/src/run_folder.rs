//! What a training run leaves for export.

use std::path::{Path, PathBuf};

use sextant_runtime::contract::run_folder;
use sextant_runtime::typed_command::Program;

use crate::{Error, GraphName};

/// A folder that `trainer fit` wrote, with the files that export reads.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// The run in that folder.
    ///
    /// # Errors
    /// When there is no such folder, or no deployable model in it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let run = Self { path: path.to_path_buf() };
        let refuse =
            |reason: &str, hint: String| Err(Error::NotARun { path: path.to_path_buf(), reason: reason.into(), hint });
        let fit = Program::Trainer.command("fit");
        if !path.exists() {
            return refuse("there is no such folder", format!("`{fit}` makes a run; runs/ lists them"));
        }
        if path.is_file() {
            return refuse("is a file, not a run folder", format!("give the folder that `{fit}` made"));
        }
        if !run.model_path().is_file() {
            return match path.join(run_folder::CONFIG).is_file() {
                true => refuse(
                    &format!("the run has not written its {} yet", run_folder::MODEL),
                    format!("finish it: {}", Program::Trainer.command("fit --resume --out").path(path)),
                ),
                false => refuse(
                    &format!("is not a run folder: it has no {}", run_folder::MODEL),
                    format!("give the folder that `{fit}` made"),
                ),
            };
        }
        Ok(run)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The deployable float32 model.
    pub fn model_path(&self) -> PathBuf {
        self.path.join(run_folder::MODEL)
    }

    /// Where `export onnx` puts the ONNX form of the graph.
    pub fn onnx_path(&self, graph: GraphName) -> PathBuf {
        self.path.join(match graph {
            GraphName::Encode => run_folder::ONNX,
            GraphName::PredictLatent => run_folder::ONNX_PREDICT_LATENT,
        })
    }

    /// Where `export int8` puts the eight-bit ONNX form.
    pub fn int8_onnx_path(&self) -> PathBuf {
        self.path.join(run_folder::ONNX_INT8)
    }

    /// Where the eight-bit form for our own engine is.
    pub fn int8_model_path(&self) -> PathBuf {
        self.path.join(run_folder::MODEL_INT8)
    }

    /// Where `export sxt` puts another float32 form.
    pub fn float_model_path(&self) -> PathBuf {
        self.path.join(run_folder::MODEL_FLOAT32)
    }

    /// Images and the trainer's own outputs for them.
    pub fn golden_path(&self) -> PathBuf {
        self.path.join(run_folder::GOLDEN)
    }

    /// Images that the quantiser takes ranges from.
    pub fn calibration_path(&self) -> PathBuf {
        self.path.join(run_folder::CALIBRATION)
    }
}
