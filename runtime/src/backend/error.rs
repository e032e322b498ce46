use std::fmt;
use std::string::String;

use super::{BackendKind, Excess, LibraryFault, ModelOrigin, ProviderFault, RequestedProvider, Resource};
use crate::model::{ParseError, ReadError};
use crate::session::RunError;

/// What went wrong with a model, and which.
#[derive(Debug)]
pub struct BackendError {
    /// The model.
    pub origin: ModelOrigin,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a model or its backend.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The file cannot be read.
    Read(ReadError),
    /// It is not a sound `.sxt` file.
    Parse(ParseError),
    /// It is not an ONNX file, or one that the backend does not run.
    Onnx {
        /// Which backend refused it.
        backend: BackendKind,
        /// What it said.
        reason: String,
    },
    /// A `.sxt` file for a backend that reads ONNX.
    WrongFormat {
        /// That backend.
        backend: BackendKind,
    },
    /// The model asks for more memory or work than [`super::Limits`] allow.
    TooCostly(Excess),
    /// Inputs or outputs are not those of an image encoder.
    Signature {
        /// What the model has instead.
        found: String,
    },
    /// This program was compiled without the backend.
    NotCompiled {
        /// That backend.
        backend: BackendKind,
    },
    /// ONNX Runtime's shared library is not there or not usable.
    OrtLibrary(LibraryFault),
    /// The execution provider that was asked for does not compute.
    Provider {
        /// Which.
        provider: RequestedProvider,
        /// Why.
        fault: ProviderFault,
    },
    /// An execution provider was asked for together with a backend that has none.
    ProviderElsewhere {
        /// Which provider.
        provider: RequestedProvider,
        /// That backend.
        backend: BackendKind,
    },
    /// The images given are not a whole number of images of the model's size.
    ImageBytes {
        /// Bytes of one image.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// This crate's own session did not run.
    Session(RunError),
    /// The backend failed while it ran.
    Run {
        /// Which backend.
        backend: BackendKind,
        /// What it said.
        reason: String,
    },
}

const MORE_MEMORY: &str =
    "if you trust the file, raise that limit: --max-model-memory of `runtime`, or backend::Limits in a program";
const MORE_OPERATIONS: &str =
    "if you trust the file, raise that limit: --max-operations of `runtime`, or backend::Limits in a program";

impl BackendError {
    /// What to try, for people.
    pub fn hint(&self) -> Option<&'static str> {
        self.fault.hint()
    }
}

impl Fault {
    /// What to try, for people.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Read(ReadError::TooLarge { .. }) => Some(MORE_MEMORY),
            Self::TooCostly(Excess { resource: Resource::Memory, .. }) => Some(MORE_MEMORY),
            Self::TooCostly(Excess { resource: Resource::Operations, .. }) => Some(MORE_OPERATIONS),
            Self::Read(_) => Some("give the path of a .sxt or .onnx file that you may read"),
            Self::Parse(ParseError::Magic) => Some("for an ONNX file use --backend tract or --backend ort"),
            Self::Parse(ParseError::Version { .. }) => Some("export the run again with this version"),
            Self::Parse(_) => Some("copy or export the file again"),
            Self::Onnx { .. } | Self::Signature { .. } => {
                Some("give a file written by `export onnx`, or export it again")
            }
            Self::WrongFormat { .. } => {
                Some("leave --backend and --provider away, or write an .onnx file with `export onnx`")
            }
            Self::NotCompiled { .. } => Some("build with that feature: tract or ort"),
            Self::OrtLibrary(fault) => Some(fault.hint()),
            Self::Provider { provider, fault } => Some(fault.hint(provider.provider())),
            Self::ProviderElsewhere { .. } => Some("leave --backend away, or --provider"),
            _ => None,
        }
    }
}

impl fmt::Display for BackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Parse(error) => error.fmt(f),
            Self::Onnx { backend, reason } => write!(f, "{backend} cannot load this as an ONNX model: {reason}"),
            Self::TooCostly(excess) => excess.fmt(f),
            Self::WrongFormat { backend } => write!(f, "a .sxt file, but {backend} reads ONNX"),
            Self::Signature { found } => {
                write!(f, "not an image encoder: {found}; expected one input 'image', u8 [N, H, W, 3]")
            }
            Self::NotCompiled { backend } => write!(f, "this program was built without the backend {backend}"),
            Self::OrtLibrary(fault) => write!(f, "ONNX Runtime is not usable: {fault}"),
            Self::Provider { provider, fault } => write!(f, "the provider {provider} is not usable: {fault}"),
            Self::ProviderElsewhere { provider, backend } => {
                write!(f, "{provider} is a provider of ONNX Runtime, and {backend} was asked for")
            }
            Self::ImageBytes { expected, found } => {
                write!(f, "{found} bytes are not a whole number of images of {expected} bytes")
            }
            Self::Session(error) => error.fmt(f),
            Self::Run { backend, reason } => write!(f, "{backend} failed: {reason}"),
        }
    }
}

impl std::error::Error for BackendError {}
