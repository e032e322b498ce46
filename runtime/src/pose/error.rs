use std::boxed::Box;
use std::fmt;
use std::string::String;

use super::OutputFault;
use crate::backend::{BackendError, Fault, ModelOrigin, Output};
use crate::contract::metadata::{TRANSFORMATIONS, VISIBLE};

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
    /// A number of an output that tells of a transformation is infinite or none.
    NotFinite {
        /// The output's name.
        output: String,
    },
    /// It names more or fewer classes than it tells apart.
    ClassCount {
        /// Names.
        names: usize,
        /// Logits.
        logits: usize,
    },
    /// Its metadata name no classes of a transformation that it tells of.
    UnnamedClasses {
        /// The transformation.
        transformation: String,
    },
    /// It names more or fewer classes of a transformation than it tells apart.
    TransformationClassCount {
        /// The transformation.
        transformation: String,
        /// Names.
        names: usize,
        /// Logits.
        logits: usize,
    },
    /// Its images have no centred circle that touches all sides: they are not square.
    CircleOfRectangle {
        /// Height and width of its images.
        image_size: [usize; 2],
    },
}

impl PoseFault {
    /// The fault with the name of the output where it has the output's place.
    pub(super) fn of_outputs(fault: OutputFault, outputs: &[Output]) -> Self {
        match fault {
            OutputFault::TransformationNotFinite { output } if output < outputs.len() => {
                Self::NotFinite { output: outputs[output].name.clone() }
            }
            fault => Self::Outputs(fault),
        }
    }
}

impl PoseError {
    /// What to try, for people.
    pub fn hint(&self) -> Option<&'static str> {
        match &self.fault {
            PoseFault::Backend(fault) => fault.hint(),
            PoseFault::Metadata { .. }
            | PoseFault::ClassCount { .. }
            | PoseFault::UnnamedClasses { .. }
            | PoseFault::TransformationClassCount { .. }
            | PoseFault::CircleOfRectangle { .. } => Some("export the run again"),
            PoseFault::Outputs(OutputFault::NoneKnown) => {
                Some("give a model of `trainer fit`, or export the run again")
            }
            PoseFault::NotFinite { .. } | PoseFault::Outputs(_) => {
                Some("train again, or take another checkpoint: the weights are no use")
            }
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
            Self::NotFinite { output } => write!(f, "the output '{output}' is not finite: the model is broken"),
            Self::ClassCount { names, logits } => write!(f, "{names} class names for {logits} classes"),
            Self::UnnamedClasses { transformation } => {
                write!(f, "the metadata '{TRANSFORMATIONS}' name no classes of '{transformation}'")
            }
            Self::TransformationClassCount { transformation, names, logits } => {
                write!(f, "{names} class names for {logits} classes of '{transformation}'")
            }
            Self::CircleOfRectangle { image_size: [height, width] } => {
                write!(f, "the metadata '{VISIBLE}' is 'circle', but images of {height} x {width} px are not square")
            }
        }
    }
}

impl std::error::Error for PoseError {}
