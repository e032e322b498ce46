use std::io;
use std::path::{Path, PathBuf};

use sextant_runtime::durable::Failure;
use sextant_runtime::typed_command::Program;

use crate::onnx::OnnxError;

/// Why an export or a check could not be made; always with the file it is about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The path is no folder of a finished run.
    #[error("{path}: {reason}", path = .path.display())]
    NotARun {
        /// What was given.
        path: PathBuf,
        /// Why it is no run.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// The operating system refused.
    #[error("{path}: cannot {action}: {source}", path = .path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// `read`, `write`, …
        action: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// A file's content is broken.
    #[error("{path}: {reason}", path = .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// A graph has no ONNX form.
    #[error("{path}: {source}", path = .path.display())]
    Onnx {
        /// The model.
        path: PathBuf,
        /// What cannot be expressed.
        source: OnnxError,
    },
    /// A backend could not run the model at all.
    #[error("{path}: {backend} cannot run it: {reason}", path = .path.display())]
    Backend {
        /// The model.
        path: PathBuf,
        /// `native`, `tract` or `ort`.
        backend: &'static str,
        /// What the backend says.
        reason: String,
    },
    /// A file is in the way.
    #[error("{path}: {reason}", path = .path.display())]
    InTheWay {
        /// Where the output should go.
        path: PathBuf,
        /// What is there.
        reason: &'static str,
        /// What to do.
        hint: &'static str,
    },
}

impl Error {
    pub(crate) fn io(path: &Path, action: &'static str, source: io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), action, source }
    }

    pub(crate) fn invalid(path: &Path, reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Invalid { path: path.to_path_buf(), reason: reason.into(), hint: hint.into() }
    }

    /// What to try, for a person.
    pub fn hint(&self) -> String {
        match self {
            Self::NotARun { hint, .. } | Self::Invalid { hint, .. } => hint.clone(),
            Self::InTheWay { hint, .. } => (*hint).to_string(),
            Self::Io { source, .. } => io_hint(source.kind()).to_string(),
            Self::Onnx { .. } => "export the model as .sxt, or change the layer it names".to_string(),
            Self::Backend { backend: "ort", .. } => {
                "ORT_DYLIB_PATH must name libonnxruntime.so of onnxruntime 1.22 or newer".to_string()
            }
            Self::Backend { .. } => write_again(),
        }
    }
}

/// What to try about a file of a run that is broken.
pub(crate) fn write_again() -> String {
    format!("write it again: {}", Program::Trainer.command("fit --resume --out RUN"))
}

impl From<Failure> for Error {
    fn from(Failure { path, source }: Failure) -> Self {
        Self::Io { path, action: "write", source }
    }
}

fn io_hint(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => "check the path for a typing error",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "check who may write or read there",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space, or choose another --out",
        _ => "check the disk and the path",
    }
}
