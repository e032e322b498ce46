use std::path::PathBuf;
use std::sync::Arc;

use sextant_runtime::rotation::SymmetryGroup;

use super::Mesh;

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
    /// The source as a whole cannot be used.
    #[error("{0}")]
    Unusable(String),
}
