use std::boxed::Box;
use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::durable::Failure;
use crate::pose::PoseError;

/// Why a folder cannot be searched.
#[derive(Debug)]
#[non_exhaustive]
pub enum SearchError {
    /// A folder cannot be listed, or an index cannot be read.
    Read {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is no whole index.
    Index {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: IndexFault,
    },
    /// The index cannot be written.
    Write(Failure),
    /// The model has no answer to a picture.
    Model {
        /// The picture.
        name: PathBuf,
        /// What is wrong.
        source: Box<PoseError>,
    },
    /// A picture's features cannot be compared.
    Features {
        /// The picture.
        name: PathBuf,
        /// What is wrong with them.
        fault: FeaturesFault,
    },
}

/// Why bytes are no index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IndexFault {
    /// It does not start as an index does.
    NoIndex,
    /// It is of another version.
    Version {
        /// Which.
        found: u32,
    },
    /// It is shorter or longer than its parts are.
    Length,
    /// It is larger than any index that is read.
    TooLarge {
        /// Its bytes.
        bytes: u64,
    },
    /// Its checksum is wrong.
    Checksum,
    /// What it says contradicts itself, or names no picture below a folder.
    Contents {
        /// What, for people.
        what: &'static str,
    },
}

/// Why features cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeaturesFault {
    /// The model gives neither half.
    None,
    /// A number is infinite or none.
    NotFinite,
    /// They are not as many as those of the other pictures.
    Widths {
        /// Numbers of both halves in the index.
        expected: [usize; 2],
        /// Numbers of both halves here.
        found: [usize; 2],
    },
    /// The model does not give the half that is asked for.
    NoHalf,
    /// All are zero: nothing is more like the picture than anything else.
    Zero,
}

impl fmt::Display for SearchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Index { path, fault } => write!(f, "{}: {fault}", path.display()),
            Self::Write(failure) => failure.fmt(f),
            Self::Model { name, source } => write!(f, "{}: {source}", name.display()),
            Self::Features { name, fault } => write!(f, "{}: {fault}", name.display()),
        }
    }
}

impl std::error::Error for SearchError {}

impl fmt::Display for IndexFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoIndex => f.write_str("not an index of pictures"),
            Self::Version { found } => {
                write!(f, "an index of version {found}; this program reads {}", super::format::VERSION)
            }
            Self::Length => f.write_str("the index is damaged: it is shorter or longer than its parts"),
            Self::TooLarge { bytes } => {
                write!(f, "an index of {bytes} bytes; at most {} are read", super::format::MOST_BYTES)
            }
            Self::Checksum => f.write_str("the index is damaged: its checksum is wrong"),
            Self::Contents { what } => write!(f, "the index is damaged: {what}"),
        }
    }
}

impl std::error::Error for IndexFault {}

impl fmt::Display for FeaturesFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("the model gives no features"),
            Self::NotFinite => f.write_str("the features are not finite: the model is broken"),
            Self::Widths { expected: [a, b], found: [c, d] } => {
                write!(f, "{c} invariant and {d} equivariant features; the index has {a} and {b} of each picture")
            }
            Self::NoHalf => f.write_str("the model does not give the half of the features that is asked for"),
            Self::Zero => f.write_str("all features are zero: no picture is more like it than another"),
        }
    }
}

impl std::error::Error for FeaturesFault {}
