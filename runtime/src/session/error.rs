use core::fmt;

/// Why a graph cannot be prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionError {
    /// The model has no graph of that name.
    NoSuchGraph,
    /// The arena does not start at a multiple of [`crate::memory::ALIGNMENT_BYTES`].
    ArenaMisaligned,
    /// The arena is too small.
    ArenaTooSmall {
        /// What the graph needs.
        required_bytes: usize,
        /// What was given.
        found_bytes: usize,
    },
    /// What was prepared is of another model or graph.
    PreparedForAnother,
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchGraph => f.write_str("the model has no graph of that name"),
            Self::ArenaMisaligned => f.write_str("the arena is not aligned to 4 bytes (see memory::Aligned)"),
            Self::ArenaTooSmall { required_bytes, found_bytes } => {
                write!(f, "the arena has {found_bytes} bytes and the graph needs {required_bytes}")
            }
            Self::PreparedForAnother => {
                f.write_str("it was prepared for another model or graph (see session::Prepared)")
            }
        }
    }
}

impl core::error::Error for SessionError {}

/// Why a graph did not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunError {
    /// Another number of inputs than the graph has.
    InputCount {
        /// The graph's.
        expected: usize,
        /// Given.
        found: usize,
    },
    /// Bytes for numbers, or numbers for bytes.
    InputType {
        /// Which input.
        index: usize,
    },
    /// An input has another number of elements.
    InputLength {
        /// Which input.
        index: usize,
        /// The graph's.
        expected: usize,
        /// Given.
        found: usize,
    },
    /// Another number of outputs than the graph has.
    OutputCount {
        /// The graph's.
        expected: usize,
        /// Given.
        found: usize,
    },
    /// An output has another number of elements.
    OutputLength {
        /// Which output.
        index: usize,
        /// The graph's.
        expected: usize,
        /// Given.
        found: usize,
    },
    /// The model's bytes are not those that were checked: its memory was written to.
    ModelChanged,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InputCount { expected, found } => write!(f, "{found} inputs for a graph that takes {expected}"),
            Self::InputType { index } => write!(f, "input {index} has another element type"),
            Self::InputLength { index, expected, found } => {
                write!(f, "input {index} has {found} elements instead of {expected}")
            }
            Self::OutputCount { expected, found } => write!(f, "{found} outputs for a graph that has {expected}"),
            Self::OutputLength { index, expected, found } => {
                write!(f, "output {index} has {found} elements instead of {expected}")
            }
            Self::ModelChanged => f.write_str("the model's memory changed after it was checked"),
        }
    }
}

impl core::error::Error for RunError {}
