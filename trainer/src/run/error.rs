use std::io;
use std::path::{Path, PathBuf};

use sextant_runtime::contract::run_folder::{CHECKPOINT_BEST, CHECKPOINTS, CONFIG};
use sextant_runtime::durable::Failure;
use sextant_runtime::typed_command::Program;

use crate::optimiser::StateError;

/// Why a run folder cannot be used as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The operating system refused a file or folder.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder holds a run, which would be lost.
    #[error("{path}: the folder already holds a run")]
    HoldsRun {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds files that are not a run's.
    #[error("{path}: the folder is not empty and holds no run")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds no run.
    #[error("{path}: no run here (no {CONFIG})")]
    NoRun {
        /// The folder.
        path: PathBuf,
    },
    /// Another process is writing the run.
    #[error("{path}: another process is writing this run")]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The folder was opened for reading only.
    #[error("{path}: opened for reading only")]
    ReadOnly {
        /// The folder.
        path: PathBuf,
    },
    /// A file's contents are not what was once written.
    #[error("{path}: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Another version of the program wrote the file.
    #[error("{path}: format version {found}; this program reads {known}")]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// Version of the file.
        found: u64,
        /// Version that this program reads.
        known: u32,
    },
    /// The run has no such checkpoint.
    #[error("{path}: there is no such checkpoint yet")]
    NoCheckpoint {
        /// The checkpoint's folder.
        path: PathBuf,
    },
    /// A run that another is to start from has not come to its end.
    #[error("{path}: the run has done {step} of its {steps} steps")]
    Unfinished {
        /// The run's folder.
        path: PathBuf,
        /// Steps done at the last checkpoint.
        step: u64,
        /// Steps to do.
        steps: u64,
    },
    /// A run that is to go on with fewer steps than it has done.
    #[error("{path}: the run has done {done} steps, more than the {steps} of fit.steps")]
    FewerSteps {
        /// The run's folder.
        path: PathBuf,
        /// Steps done at the last checkpoint.
        done: u64,
        /// Steps asked for.
        steps: u64,
    },
    /// Keys that a run keeps from its first step to its last.
    #[error("{path}: {} cannot change in a run that has begun", keys.join(", "))]
    FixedKeys {
        /// The run's configuration.
        path: PathBuf,
        /// Each with its value and the value asked for.
        keys: Vec<String>,
    },
    /// Weights or optimiser state that must not be stored.
    #[error("{path}: not written, since tensor `{name}` holds NaN or infinity")]
    NotFinite {
        /// The file that was to be written.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// Tensors that do not belong to this network.
    #[error(transparent)]
    State(#[from] StateError),
    /// candle refused an operation.
    #[error("{path}: {source}")]
    Tensor {
        /// The file that was read or written.
        path: PathBuf,
        /// What candle said.
        source: candle_core::Error,
    },
}

impl RunError {
    /// What to try about tensors that do not belong to the network.
    pub(crate) fn changed_configuration() -> String {
        format!("the configuration may have changed since the file was written: see {CONFIG}")
    }

    /// What to try.
    pub fn hint(&self) -> String {
        match self {
            Self::Io { path, source } => io_hint(path, source.kind()).into(),
            Self::HoldsRun { .. } => "--resume continues it, --overwrite deletes it, --out names another folder".into(),
            Self::NotEmpty { .. } => "name a new or empty folder with --out".into(),
            Self::NoRun { .. } => {
                format!("check the path; `{}` makes a run", Program::Trainer.command("fit --out FOLDER"))
            }
            Self::Locked { .. } => "wait for the other process to end, or stop it".into(),
            Self::ReadOnly { .. } => "open the run for writing".into(),
            Self::OtherVersion { .. } => "use the version of the program that made the run, or train again".into(),
            Self::NoCheckpoint { .. } => {
                let resume = Program::Trainer.command("fit --resume --out RUN");
                format!("`{resume}` goes on training; `{CHECKPOINT_BEST}` comes with the first probes")
            }
            Self::Unfinished { path, .. } => {
                format!("finish it first: {}", Program::Trainer.command("fit --resume --out").path(path))
            }
            Self::FewerSteps { done, .. } => {
                format!("--set fit.steps={done} or more goes on; a shorter run is another run: name another --out")
            }
            Self::FixedKeys { .. } => "leave them out to go on, or start another run with another --out".into(),
            Self::Malformed { .. } => RESTORE.into(),
            Self::NotFinite { .. } => {
                "training has diverged: lower optimiser.lr or set fit.clip_norm; the last checkpoint is still good"
                    .into()
            }
            Self::State(_) => Self::changed_configuration(),
            Self::Tensor { .. } => "train again with --overwrite if this repeats".into(),
        }
    }

    /// The error of a file operation.
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.into(), source }
    }

    pub(super) fn tensor(path: &Path) -> impl FnOnce(candle_core::Error) -> Self {
        move |source| Self::Tensor { path: path.into(), source }
    }

    pub(super) fn malformed(path: &Path, reason: impl Into<String>) -> Self {
        Self::Malformed { path: path.into(), reason: reason.into() }
    }
}

impl From<Failure> for RunError {
    fn from(Failure { path, source }: Failure) -> Self {
        Self::Io { path, source }
    }
}

const RESTORE: &str = "restore the file from a copy, or train again with --overwrite";

fn io_hint(path: &Path, kind: io::ErrorKind) -> &'static str {
    let is_of_checkpoint = path.components().any(|part| part.as_os_str() == CHECKPOINTS);
    match kind {
        io::ErrorKind::NotFound if is_of_checkpoint => RESTORE,
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            "a file is where a folder is to be made; name another one with --out"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "make room on the disk, then go on with --resume: what was written before is whole"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose a folder that you may write with --out"
        }
        io::ErrorKind::NotFound => "check the path",
        _ => "check the disk and the path",
    }
}
