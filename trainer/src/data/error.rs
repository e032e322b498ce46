use std::path::{Path, PathBuf};

use crate::scene::SourceError;

/// Why a data set cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The operating system refused a file.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file's contents are not what they should be.
    #[error("{path}: {reason}")]
    Malformed {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong, and what to try.
        reason: String,
    },
    /// Objects to render cannot be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The settings cannot be followed.
    #[error("{0}")]
    Unusable(String),
    /// The user asked to stop.
    #[error("interrupted: nothing was written")]
    Interrupted,
}

impl DataError {
    /// The error of a file operation.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_path_buf(), source }
    }

    /// The error of wrong contents.
    pub(crate) fn malformed(path: &Path, reason: impl Into<String>) -> Self {
        Self::Malformed { path: path.to_path_buf(), reason: reason.into() }
    }
}

impl From<DataError> for SourceError {
    fn from(error: DataError) -> Self {
        match error {
            DataError::Io { path, source } => Self::Io { path, source },
            DataError::Malformed { path, reason } => Self::Malformed { path, reason },
            DataError::Source(error) => error,
            other => Self::Unusable(other.to_string()),
        }
    }
}
