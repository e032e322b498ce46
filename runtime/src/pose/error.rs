use std::boxed::Box;
use std::fmt;

use super::OutputFault;
use crate::backend::{BackendError, Fault, ModelOrigin};

/// What went wrong with a model, and which.
#[derive(Debug)]
pub struct PoseError {
    /// The model.
    pub origin: ModelOrigin,
    /// What is wrong.
    pub fault: PoseFault,
}

/// What is wrong with a model or its answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum PoseFault {
    /// It cannot be opened or run.
    Backend(Box<Fault>),
    /// An entry of its metadata is not what `docs/model-format.md` says.
    Metadata {
        /// The entry's key.
        key: &'static str,
        /// What it has to be, for people.
        expected: &'static str,
    },
    /// Its outputs are no answer.
    Outputs(OutputFault),
    /// It names more or fewer classes than it tells apart.
    ClassCount {
        /// Names.
        names: usize,
        /// Logits.
        logits: usize,
    },
}

impl PoseError {
    /// What to try, for people.
    pub fn hint(&self) -> Option<&'static str> {
        match &self.fault {
            PoseFault::Backend(fault) => fault.hint(),
            PoseFault::Metadata { .. } | PoseFault::ClassCount { .. } => Some("export the run again"),
            PoseFault::Outputs(OutputFault::NoneKnown) => {
                Some("give a model of `trainer fit`, or export the run again")
            }
            PoseFault::Outputs(_) => Some("train again, or take another checkpoint: the weights are no use"),
        }
    }
}

impl From<BackendError> for PoseError {
    fn from(error: BackendError) -> Self {
        Self { origin: error.origin, fault: PoseFault::Backend(Box::new(error.fault)) }
    }
}

impl fmt::Display for PoseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.fault)
    }
}

impl fmt::Display for PoseFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backend(fault) => fault.fmt(f),
            Self::Metadata { key, expected } => write!(f, "the metadata '{key}' is no {expected}"),
            Self::Outputs(fault) => fault.fmt(f),
            Self::ClassCount { names, logits } => write!(f, "{names} class names for {logits} classes"),
        }
    }
}

impl std::error::Error for PoseError {}
