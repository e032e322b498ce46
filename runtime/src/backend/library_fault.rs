use std::fmt;
use std::path::PathBuf;
use std::string::String;

/// The oldest minor version of ONNX Runtime 1 that is taken: that of ort's feature `api-22`.
pub(super) const OLDEST_MINOR: u32 = 22;

/// Why ONNX Runtime's shared library cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LibraryFault {
    /// None is named.
    NotNamed,
    /// There is no such file, or it may not be read.
    NotThere {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The file is no shared library of this processor and system.
    NotALibrary {
        /// The file.
        path: PathBuf,
        /// What the system's loader says.
        reason: String,
    },
    /// A library that it needs is not there.
    NeedsAnother {
        /// The file.
        path: PathBuf,
        /// What the system's loader says.
        reason: String,
    },
    /// A library of something else.
    NotOnnxRuntime {
        /// The file.
        path: PathBuf,
    },
    /// Too old for this program.
    TooOld {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: String,
    },
    /// It says that it is ONNX Runtime, and does not start.
    DoesNotStart {
        /// The file.
        path: PathBuf,
        /// What it says.
        reason: String,
    },
    /// This process uses another one already, and a process can use one only.
    AnotherIsLoaded {
        /// The file that was asked for.
        path: PathBuf,
        /// The one in use.
        loaded: PathBuf,
    },
}

impl LibraryFault {
    /// What to try, for people.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotNamed | Self::NotThere { .. } | Self::NotOnnxRuntime { .. } => {
                "pip install onnxruntime, then set ORT_DYLIB_PATH (or --ort-library) to its onnxruntime/capi/libonnxruntime.so.*"
            }
            Self::NotALibrary { .. } | Self::DoesNotStart { .. } => {
                "install ONNX Runtime again, for this processor and system: pip install --force-reinstall onnxruntime"
            }
            Self::NeedsAnother { .. } => {
                "install what is missing; LD_LIBRARY_PATH names further folders in which libraries are looked for"
            }
            Self::TooOld { .. } => "pip install --upgrade onnxruntime",
            Self::AnotherIsLoaded { .. } => "use one library for all models of a process, or another process for each",
        }
    }
}

impl fmt::Display for LibraryFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNamed => f.write_str("ORT_DYLIB_PATH is not set"),
            Self::NotThere { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::NotALibrary { path, reason } => {
                write!(f, "{} is no shared library that can be loaded here: {reason}", path.display())
            }
            Self::NeedsAnother { path, reason } => {
                write!(f, "{} needs a library that is not there: {reason}", path.display())
            }
            Self::NotOnnxRuntime { path } => write!(f, "{} is a library of something else", path.display()),
            Self::TooOld { path, version } => {
                write!(f, "{} is version {version}, and this program needs 1.{OLDEST_MINOR} or newer", path.display())
            }
            Self::DoesNotStart { path, reason } => write!(f, "{} does not start: {reason}", path.display()),
            Self::AnotherIsLoaded { path, loaded } => {
                write!(f, "{} cannot be loaded beside {}, which this process uses", path.display(), loaded.display())
            }
        }
    }
}
