use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sextant_runtime::durable::Failure;
use sextant_runtime::rotation::SymmetryGroup;

use super::Mesh;
use super::files::MESH_EXTENSIONS;
use crate::debian_package::PackageError;
use crate::durable::StagingError;

/// One thing that can be rendered.
#[derive(Clone, Debug)]
pub struct Object {
    /// Centred at the origin of its frame, z up, scaled to the source's diagonal.
    pub mesh: Arc<Mesh>,
    /// Rotations that leave its look unchanged.
    pub symmetry: SymmetryGroup,
}

/// A set of objects with classes, split into training and held-out objects.
///
/// Everything is a pure function of the source's configuration and the index, so that runs repeat exactly.
pub trait ObjectSource: Send + Sync {
    /// Names of the classes, indexed by label.
    fn class_names(&self) -> &[String];

    /// Number of objects.
    fn len(&self) -> usize;

    /// Whether there is no object.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Stable name of an object, `CLASS/NAME`.
    fn id(&self, index: usize) -> String;

    /// Class of an object.
    fn label(&self, index: usize) -> usize;

    /// Whether an object is kept out of training.
    fn is_held_out(&self, index: usize) -> bool;

    /// The object itself, made or loaded on demand; cheap to repeat.
    ///
    /// # Errors
    /// When its files cannot be read or are broken.
    fn object(&self, index: usize) -> Result<Object, SourceError>;

    /// The symmetry of an object; override it where it can be had without the mesh.
    ///
    /// # Errors
    /// When its files cannot be read or are broken.
    fn symmetry(&self, index: usize) -> Result<SymmetryGroup, SourceError> {
        Ok(self.object(index)?.symmetry)
    }

    /// Whether the program knows how its objects lie in their frames, so that a sample tells whether they are seen.
    fn is_built_in(&self) -> bool {
        false
    }

    /// What had to be left out of the objects loaded so far, such as textures that are not there.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Why objects cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The operating system refused a file.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file's contents are not what they should be.
    #[error("{path}: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to try.
        reason: String,
    },
    /// A folder holds no meshes.
    #[error("{path}: no meshes there; expected CLASS/NAME.{{{known}}} or NAME.{{{known}}}{}", also(.skipped), known = MESH_EXTENSIONS.join(","))]
    NoMeshes {
        /// The folder.
        path: PathBuf,
        /// What lies there.
        skipped: Option<String>,
    },
    /// A file of symmetry groups is not as it should be.
    #[error("{path}: {reason}")]
    MalformedSymmetry {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Meshes of a folder cannot be used.
    #[error("{}", all_of(.errors, .meshes))]
    BrokenMeshes {
        /// What is wrong with each.
        errors: Vec<SourceError>,
        /// How many meshes there are, whole ones with them.
        meshes: usize,
    },
    /// The source as a whole cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// The user asked to stop.
    #[error("interrupted: nothing was written")]
    Interrupted,
}

impl SourceError {
    /// What to try; `None` where the message says it already.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } => Some(io_hint(source.kind()).into()),
            Self::Malformed { path, .. } => malformed_hint(path),
            Self::MalformedSymmetry { .. } => Some(
                "a line is \"CLASS/NAME\" = \"GROUP\", with a group such as none, cyclic:z:4 or continuous:z".into(),
            ),
            Self::BrokenMeshes { errors, meshes: 1 } => errors.first().and_then(Self::hint),
            Self::BrokenMeshes { .. } => Some(
                "export them again, take them out of the folder, or leave them out with data.skip_broken=true (trainer \
                 render: --skip-broken)"
                    .into(),
            ),
            Self::NoMeshes { .. } | Self::Unusable(_) | Self::Interrupted => None,
        }
    }
}

impl From<Failure> for SourceError {
    fn from(Failure { path, source }: Failure) -> Self {
        Self::Io { path, source }
    }
}

impl From<PackageError> for SourceError {
    fn from(error: PackageError) -> Self {
        match error {
            PackageError::Io { path, source } => Self::Io { path, source },
            PackageError::Other { path, reason } => Self::Malformed { path, reason },
            PackageError::Program(reason) => Self::Unusable(reason),
        }
    }
}

impl From<StagingError> for SourceError {
    fn from(error: StagingError) -> Self {
        match error {
            StagingError::Refused(failure) => failure.into(),
            StagingError::Occupied { path, reason } => Self::Malformed { path, reason: reason.into() },
        }
    }
}

/// What to try when the operating system refuses a file or folder.
pub(crate) fn io_hint(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "make room on the disk and run the command again; nothing was left behind"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose a file or folder that you may use, or change its permissions"
        }
        io::ErrorKind::NotFound => "check the path",
        io::ErrorKind::NotADirectory => "a folder is needed here, not a file",
        io::ErrorKind::InvalidData => "the file is damaged, since it is no text (UTF-8): copy it or make it again",
        _ => "check the path and the disk",
    }
}

fn also(skipped: &Option<String>) -> String {
    skipped.as_ref().map_or(String::new(), |skipped| format!("; skipped: {skipped}"))
}

/// One broken mesh as it is, several a line each.
fn all_of(errors: &[SourceError], meshes: &usize) -> String {
    match errors {
        [error] => error.to_string(),
        errors => {
            let lines: String = errors.iter().map(|error| format!("\n  {error}")).collect();
            format!("{} of {meshes} meshes cannot be used:{lines}", errors.len())
        }
    }
}

/// By the kind of file: what is wrong with a mesh is mended where the mesh was made.
fn malformed_hint(path: &Path) -> Option<String> {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    MESH_EXTENSIONS
        .contains(&extension.as_str())
        .then(|| "export the mesh again from the program that made it, or take the file out of the folder".into())
}
