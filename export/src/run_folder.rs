//! What a training run leaves for export.

use std::path::{Path, PathBuf};

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
        if !path.exists() {
            return refuse("there is no such folder", "`cargo trainer fit` makes a run; runs/ lists them".into());
        }
        if path.is_file() {
            return refuse("is a file, not a run folder", "give the folder that `cargo trainer fit` made".into());
        }
        if !run.model_path().is_file() {
            return match path.join("config.toml").is_file() {
                true => refuse(
                    "the run has not written its model.sxt yet",
                    format!("finish it: cargo trainer fit --resume --out {}", path.display()),
                ),
                false => refuse(
                    "is not a run folder: it has no model.sxt",
                    "give the folder that `cargo trainer fit` made".into(),
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
        self.path.join("model.sxt")
    }

    /// Where `export onnx` puts the ONNX form of the graph.
    pub fn onnx_path(&self, graph: GraphName) -> PathBuf {
        self.path.join(match graph {
            GraphName::Encode => "model.onnx",
            GraphName::PredictLatent => "predict_latent.onnx",
        })
    }

    /// Where `export int8` puts the eight-bit ONNX form.
    pub fn int8_onnx_path(&self) -> PathBuf {
        self.path.join("model-int8.onnx")
    }

    /// Where the eight-bit form for our own engine is.
    pub fn int8_model_path(&self) -> PathBuf {
        self.path.join("model-int8.sxt")
    }

    /// Images and the trainer's own outputs for them.
    pub fn golden_path(&self) -> PathBuf {
        self.path.join("golden.safetensors")
    }

    /// Images that the quantiser takes ranges from.
    pub fn calibration_path(&self) -> PathBuf {
        self.path.join("calibration.safetensors")
    }
}
