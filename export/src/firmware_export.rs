use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sextant_runtime::firmware::{ModelFolder, model_folder};

use crate::budget::{Budget, BudgetReport};
use crate::quantize::Quantizer;
use crate::run_folder::RunFolder;
use crate::sxt_export::{self, QuantizationReport};
use crate::{Error, StagedFiles, staged_file};

/// The program's files, as `firmware-example` has them.
const SOURCES: [(&str, &str); 13] = [
    ("Cargo.lock", include_str!("../../firmware-example/Cargo.lock")),
    ("build.rs", include_str!("../../firmware-example/build.rs")),
    ("src/main.rs", include_str!("../../firmware-example/src/main.rs")),
    ("src/console.rs", include_str!("../../firmware-example/src/console.rs")),
    ("src/counter.rs", include_str!("../../firmware-example/src/counter.rs")),
    ("src/semihosting.rs", include_str!("../../firmware-example/src/semihosting.rs")),
    ("src/stack.rs", include_str!("../../firmware-example/src/stack.rs")),
    ("boards/mps2-an385.x", include_str!("../../firmware-example/boards/mps2-an385.x")),
    ("boards/mps2-an386.x", include_str!("../../firmware-example/boards/mps2-an386.x")),
    ("boards/mps2-an500.x", include_str!("../../firmware-example/boards/mps2-an500.x")),
    ("boards/mps2-an505.x", include_str!("../../firmware-example/boards/mps2-an505.x")),
    ("boards/netduinoplus2.x", include_str!("../../firmware-example/boards/netduinoplus2.x")),
    ("boards/microbit.x", include_str!("../../firmware-example/boards/microbit.x")),
];
const MANIFEST: &str = include_str!("../../firmware-example/Cargo.toml");
const EXAMPLE_DEPENDENCY: &str = "path = \"../runtime\"";
/// Golden frames of a program, where nothing else is asked for.
const DEFAULT_FRAMES: usize = 4;
/// What a folder that this command wrote has.
const OURS: &str = "model/description.rs";
/// `cargo run --release` builds for a Cortex-M4F and starts QEMU.
const CARGO_CONFIG: &str = "[build]
target = \"thumbv7em-none-eabihf\"

[target.thumbv7em-none-eabihf]
runner = \"qemu-system-arm -machine mps2-an386 -icount shift=6 -nographic -semihosting-config enable=on,target=native -kernel\"
";

/// Writes a Cargo project that runs a run's model, in eight bits, on a microcontroller.
#[derive(Clone, Copy, Debug)]
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
        let (report, files) = self.stage(run, out)?;
        files.keep()?;
        Ok(report)
    }

    /// As [`Self::write`], but the files are written only by [`FirmwareFiles::keep`].
    ///
    /// # Errors
    /// As there.
    pub fn stage(&self, run: &RunFolder, out: &Path) -> Result<(FirmwareReport, FirmwareFiles), Error> {
        check_folder(out, self.model_only)?;
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
        let folder = model_folder(&encode.name, &encode.file, "encode", images).map_err(refused)?;
        let written = encode.budget.as_ref().is_none_or(|report| report.failure_message().is_none());
        let files = if self.model_only { model_files(&folder, "") } else { project(&folder) };
        let files = files.into_iter().filter(|_| written).map(|(name, bytes)| (out.join(name), bytes)).collect();
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
        Ok((report, FirmwareFiles { files }))
    }
}

/// Files of a project that is not written yet.
#[derive(Debug)]
#[must_use]
pub struct FirmwareFiles {
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl FirmwareFiles {
    /// Writes them, and the folders that they are in.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn keep(self) -> Result<(), Error> {
        for (path, bytes) in &self.files {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(|source| Error::io(parent, "write", source))?;
            }
            let mut staged = StagedFiles::default();
            staged.add(path, bytes)?;
            staged.keep()?;
        }
        Ok(())
    }
}

fn check_folder(out: &Path, model_only: bool) -> Result<(), Error> {
    let in_the_way = |reason, hint| Err(Error::InTheWay { path: out.to_path_buf(), reason, hint });
    staged_file::refuse_stdout(out)?;
    if out.exists() && !out.is_dir() {
        return in_the_way("is not a folder", "give --out the name of a folder");
    }
    let ours = out.join(if model_only { "description.rs" } else { OURS });
    let empty = fs::read_dir(out).map_or(true, |mut entries| entries.next().is_none());
    if !empty && !ours.is_file() {
        return in_the_way("holds files that this command did not write", "give --out a new folder");
    }
    Ok(())
}

fn model_files(folder: &ModelFolder, under: &str) -> Vec<(String, Vec<u8>)> {
    let description = folder.description.clone().into_bytes();
    [("model.sxt", folder.model.clone()), ("golden.bin", folder.golden.clone()), ("description.rs", description)]
        .map(|(name, bytes)| (format!("{under}{name}"), bytes))
        .into()
}

fn project(folder: &ModelFolder) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = SOURCES.iter().map(|(name, text)| (name.to_string(), text.as_bytes().to_vec())).collect();
    files.push(("Cargo.toml".to_string(), MANIFEST.replace(EXAMPLE_DEPENDENCY, &runtime_dependency()).into_bytes()));
    files.push((".cargo/config.toml".to_string(), CARGO_CONFIG.into()));
    // The description last: with it the folder is one that this command may write again.
    files.extend(model_files(folder, "model/"));
    files
}

/// The engine from where this program was built, or from the repository where that is gone.
fn runtime_dependency() -> String {
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime");
    match built_from.canonicalize() {
        Ok(path) => format!("path = {:?}", path.display().to_string()),
        Err(_) => format!("git = {:?}", env!("CARGO_PKG_REPOSITORY")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_depends_on_this_engine() {
        assert!(MANIFEST.contains(EXAMPLE_DEPENDENCY));
        assert!(runtime_dependency().ends_with("runtime\""), "{}", runtime_dependency());
    }

    #[test]
    fn only_new_or_own_folders_are_written() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check_folder(&folder.path().join("new"), false).is_ok());
        assert!(check_folder(folder.path(), false).is_ok());
        fs::write(folder.path().join("diary"), b"").unwrap();
        assert!(check_folder(folder.path(), false).is_err());
        assert!(check_folder(&folder.path().join("diary"), false).is_err());
        fs::create_dir(folder.path().join("model")).unwrap();
        fs::write(folder.path().join(OURS), b"").unwrap();
        assert!(check_folder(folder.path(), false).is_ok());
        assert!(check_folder(folder.path(), true).is_err());
    }
}
