use std::path::{Path, PathBuf};

use sextant_runtime::durable::Failure;
use sextant_runtime::typed_command::Program;

use crate::cache_folder::NoCacheFolder;
use crate::debian_package::PackageError;
use crate::durable::StagingError;
use crate::options::WrongOption;
use crate::scene::{SourceError, io_hint};

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
    /// A data set lacks files.
    #[error("{folder}: {} missing: {names}", files_are(.count))]
    MissingFiles {
        /// The data set.
        folder: PathBuf,
        /// How many.
        count: usize,
        /// Their names, the first of many.
        names: String,
    },
    /// Another version of the program wrote the file.
    #[error("{path}: version {found} of the format; this program knows {known}")]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// Version of the file.
        found: u64,
        /// Version that this program reads.
        known: u32,
    },
    /// The data have classes that the run does not know.
    #[error("{}", other_classes(.run, .data))]
    OtherClasses {
        /// Classes of the run that the data do not have.
        run: Vec<String>,
        /// Classes of the data that the run does not have.
        data: Vec<String>,
    },
    /// Objects to render cannot be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Pictures of a set cannot be read.
    #[error("{}", broken_pictures(.place, .errors, .pictures))]
    BrokenPictures {
        /// The folder, archive or file.
        place: PathBuf,
        /// What is wrong with each, `NAME: REASON`.
        errors: Vec<String>,
        /// How many pictures there are, whole ones with them.
        pictures: usize,
    },
    /// The settings cannot be followed.
    #[error("{0}")]
    Unusable(String),
    /// The user asked to stop.
    #[error("interrupted: nothing was written")]
    Interrupted,
}

impl DataError {
    /// What to try; `None` where the message says it already.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } => Some(io_hint(source.kind()).into()),
            Self::Source(error) => error.hint(),
            Self::Malformed { path, .. } => malformed_hint(path),
            Self::MissingFiles { .. } => Some(
                "copy the data set again: every view k of an object has image_k.jpg and latent_k.npy, from 0 on without a gap"
                    .into(),
            ),
            Self::OtherVersion { .. } => {
                Some("use the version of the program that made the data set, or make it again".into())
            }
            Self::OtherClasses { .. } => Some(
                "rename the classes, or leave those out that the run does not know; a new run takes the data's classes \
                 with --set data.classes=[]"
                    .into(),
            ),
            Self::BrokenPictures { .. } => Some(
                "copy them again, save them as PNG, take them out, or leave them out with data.skip_broken=true".into(),
            ),
            Self::Unusable(_) | Self::Interrupted => None,
        }
    }

    /// The error of a file operation.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_path_buf(), source }
    }

    /// The error of wrong contents.
    pub(crate) fn malformed(path: &Path, reason: impl Into<String>) -> Self {
        Self::Malformed { path: path.to_path_buf(), reason: reason.into() }
    }
}

fn files_are(count: &usize) -> String {
    if *count == 1 { "a file is".to_owned() } else { format!("{count} files are") }
}

/// Broken pictures that an error names.
const MOST_BROKEN: usize = 20;

/// One broken picture as it is, several a line each.
fn broken_pictures(place: &Path, errors: &[String], pictures: &usize) -> String {
    let place = place.display();
    if let [error] = errors {
        return format!("{place}: {error}");
    }
    let named: String = errors.iter().take(MOST_BROKEN).map(|error| format!("\n  {error}")).collect();
    let more = match errors.len().saturating_sub(MOST_BROKEN) {
        0 => String::new(),
        more => format!("\n  and {more} more"),
    };
    format!("{place}: {} of {pictures} pictures cannot be read:{named}{more}", errors.len())
}

fn other_classes(run: &[String], data: &[String]) -> String {
    let names = |names: &[String]| match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    format!(
        "the classes differ: the data have {}, which the run does not know; the run has {}, which the data do not have",
        names(data),
        names(run)
    )
}

/// A broken file of a data set is seldom alone.
fn malformed_hint(path: &Path) -> Option<String> {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let is_of_data_set = ["json", "safetensors", "npy", "jpg"].contains(&extension.as_str());
    let again = Program::Trainer.command("render --overwrite");
    is_of_data_set.then(|| format!("copy the data set again, or make it again with `{again}`"))
}

impl From<Failure> for DataError {
    fn from(Failure { path, source }: Failure) -> Self {
        Self::Io { path, source }
    }
}

impl From<NoCacheFolder> for DataError {
    fn from(error: NoCacheFolder) -> Self {
        Self::Unusable(error.to_string())
    }
}

impl From<PackageError> for DataError {
    fn from(error: PackageError) -> Self {
        Self::Source(error.into())
    }
}

impl From<WrongOption> for DataError {
    fn from(error: WrongOption) -> Self {
        Self::Unusable(error.to_string())
    }
}

impl From<StagingError> for DataError {
    fn from(error: StagingError) -> Self {
        match error {
            StagingError::Refused(failure) => failure.into(),
            StagingError::Occupied { path, reason } => Self::malformed(&path, reason),
        }
    }
}
