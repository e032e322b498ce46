use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sextant_runtime::contract::firmware_folder;
use sextant_runtime::contract::graph::ENCODE;
use sextant_runtime::durable::write_file;
use sextant_runtime::firmware::{ModelFolder, model_folder};

use crate::budget::{Budget, BudgetReport};
use crate::firmware_project::{self, Engine};
use crate::quantize::Quantizer;
use crate::run_folder::RunFolder;
use crate::sxt_export::{self, QuantizationReport};
use crate::{Error, destination};

/// Golden frames of a program, where nothing else is asked for.
const DEFAULT_FRAMES: usize = 4;

/// Writes a Cargo project that runs a run's model, in eight bits, on a microcontroller.
#[derive(Clone, Debug)]
pub struct FirmwareExport {
    /// How to quantise.
    pub quantizer: Quantizer,
    /// What the model may take; nothing is written when it takes more. Its first layers are computed in stripes where
    /// memory asks for it.
    pub budget: Option<Budget>,
    /// Golden frames that the program checks, from one to as many as the run has golden images; `None` takes four, or all
    /// where there are fewer.
    pub frames: Option<usize>,
    /// Write only the files of the `model/` folder.
    pub model_only: bool,
    /// A folder of the package `sextant-runtime` that the project is to depend on; `None` writes the engine's source into
    /// the project.
    pub runtime: Option<PathBuf>,
}

/// What was written.
#[derive(Clone, Debug, Serialize)]
pub struct FirmwareReport {
    /// The folder.
    #[serde(flatten, serialize_with = "crate::json_path::path")]
    pub path: PathBuf,
    /// Whether it was written: only when the model fits the budget.
    pub written: bool,
    /// The model file in flash.
    pub model_bytes: usize,
    /// Memory that running it takes.
    pub arena_bytes: usize,
    /// Multiplications of one run.
    pub macs: u64,
    /// Golden frames.
    pub frames: usize,
    /// What the model takes, if a budget was given.
    pub budget: Option<BudgetReport>,
    /// What quantising cost.
    pub quantization: QuantizationReport,
}

impl FirmwareExport {
    /// Writes the project to `out`, a folder that is empty, missing or from this command.
    ///
    /// # Errors
    /// When a file of the run is missing or broken, something else is in `out`, or it cannot be written.
    pub fn write(&self, run: &RunFolder, out: &Path) -> Result<FirmwareReport, Error> {
        let (report, files) = self.prepare(run, out)?;
        files.write()?;
        Ok(report)
    }

    /// As [`Self::write`], but nothing is written before [`FirmwareFiles::write`].
    ///
    /// # Errors
    /// As there.
    pub fn prepare(&self, run: &RunFolder, out: &Path) -> Result<(FirmwareReport, FirmwareFiles), Error> {
        check_folder(out, self.model_only)?;
        let engine = Engine::of(self.runtime.as_deref())?;
        let encode = sxt_export::int8_encode(run, &self.quantizer, self.budget)?;
        let golden = &encode.golden;
        let frames = self.frames.unwrap_or(DEFAULT_FRAMES.min(golden.samples));
        if !(1..=golden.samples).contains(&frames) {
            let reason = format!("holds {} images, and {frames} golden frames were asked for", golden.samples);
            return Err(Error::invalid(&run.golden_path(), reason, format!("give --frames 1 to {}", golden.samples)));
        }
        let image_bytes = golden.images.len() / golden.samples;
        let images = golden.images.get(..frames * image_bytes).unwrap_or(&golden.images);
        let refused = |error: sextant_runtime::firmware::FirmwareError| {
            Error::invalid(&run.model_path(), error.to_string(), "a firmware needs a model that takes one image")
        };
        let folder = model_folder(&encode.name, &encode.file, ENCODE, images).map_err(refused)?;
        let written = encode.budget.as_ref().is_none_or(|report| report.failure_message().is_none());
        let report = FirmwareReport {
            path: out.to_path_buf(),
            written,
            model_bytes: folder.model.len(),
            arena_bytes: folder.arena_bytes,
            macs: folder.macs,
            frames,
            budget: encode.budget,
            quantization: encode.report,
        };
        let (out, model_only) = (out.to_path_buf(), self.model_only);
        let folder = written.then_some(folder);
        Ok((report, FirmwareFiles { out, model_only, folder, engine }))
    }
}

/// A project that is not written yet.
#[must_use]
pub struct FirmwareFiles {
    out: PathBuf,
    model_only: bool,
    /// `None` when the model does not fit the budget.
    folder: Option<ModelFolder>,
    engine: Engine,
}

impl FirmwareFiles {
    /// Writes the project, if its model fits the budget.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(self) -> Result<(), Error> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let models = if self.model_only { self.out.clone() } else { self.out.join(firmware_folder::FOLDER) };
        if !self.model_only {
            for (name, text) in firmware_project::files(&self.engine) {
                write_below(&self.out, name, text.as_bytes())?;
            }
            self.engine.write(&self.out)?;
        }
        model_files(folder).into_iter().try_for_each(|(name, bytes)| write_below(&models, name, bytes))
    }
}

fn check_folder(out: &Path, model_only: bool) -> Result<(), Error> {
    let in_the_way = |reason, hint| Err(Error::InTheWay { path: out.to_path_buf(), reason, hint });
    destination::refuse_stdout(out)?;
    if out.exists() && !out.is_dir() {
        return in_the_way("is not a folder", "give --out the name of a folder");
    }
    let models = if model_only { out.to_path_buf() } else { out.join(firmware_folder::FOLDER) };
    let ours = models.join(firmware_folder::DESCRIPTION);
    let empty = fs::read_dir(out).map_or(true, |mut entries| entries.next().is_none());
    if !empty && !ours.is_file() {
        return in_the_way("holds files that this command did not write", "give --out a new folder");
    }
    Ok(())
}

fn model_files(folder: &ModelFolder) -> Vec<(&'static str, &[u8])> {
    // The description last: with it the folder is one that this command may write again.
    vec![
        (firmware_folder::MODEL, folder.model.as_slice()),
        (firmware_folder::GOLDEN, folder.golden.as_slice()),
        (firmware_folder::DESCRIPTION, folder.description.as_bytes()),
    ]
}

fn write_below(out: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let path = out.join(name);
    let parent = path.parent().unwrap_or(out);
    fs::create_dir_all(parent).map_err(|source| Error::io(parent, "write", source))?;
    Ok(write_file(&path, bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_new_or_own_folders_are_written() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check_folder(&folder.path().join("new"), false).is_ok());
        assert!(check_folder(folder.path(), false).is_ok());
        fs::write(folder.path().join("diary"), b"").unwrap();
        assert!(check_folder(folder.path(), false).is_err());
        assert!(check_folder(&folder.path().join("diary"), false).is_err());
        fs::create_dir(folder.path().join(firmware_folder::FOLDER)).unwrap();
        fs::write(folder.path().join("model/description.rs"), b"").unwrap();
        assert!(check_folder(folder.path(), false).is_ok());
        assert!(check_folder(folder.path(), true).is_err());
    }
}
