use core::fmt;

use super::layout::Section;
use crate::graph::ShapeError;

/// Why bytes are not a model that this crate can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// The first byte is not aligned to [`crate::memory::ALIGNMENT_BYTES`].
    Misaligned,
    /// Fewer bytes than a header has.
    TooShort {
        /// Bytes given.
        found_bytes: usize,
    },
    /// The first eight bytes are not [`super::MAGIC`].
    Magic,
    /// Another version than [`super::VERSION`].
    Version {
        /// The file's version.
        found: u32,
    },
    /// The file was cut off, or something was appended.
    Length {
        /// Bytes that the header declares.
        declared_bytes: u32,
        /// Bytes given.
        found_bytes: usize,
    },
    /// The content was damaged.
    Checksum {
        /// In the header.
        stored: u32,
        /// Of the bytes given.
        computed: u32,
    },
    /// The table of sections contradicts itself.
    SectionTable {
        /// The first section that is not where it must be, or whose length is not whole records.
        section: Section,
    },
    /// A record contradicts others.
    Record {
        /// Where the record stands.
        section: Section,
        /// Which record of the section.
        index: usize,
        /// What is wrong with it.
        fault: Fault,
    },
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It points outside the section that it refers to.
    OutOfRange,
    /// It does not start where the record before it ends.
    NotConsecutive,
    /// A byte that must be zero is not.
    ReservedNotZero,
    /// Text is not UTF-8, or is cut within a character.
    Utf8,
    /// A name is empty or longer than [`super::MAX_NAME_BYTES`].
    NameLength,
    /// A name has a character that is not seen, or that changes how others are ([`super::is_hidden`]).
    NameCharacter,
    /// Another record has the same name, or keys are not in ascending order.
    NameOrder,
    /// There are more than the format allows.
    TooMany,
    /// The code of the element type is unknown here.
    DataType,
    /// Scale, zero point, multipliers or shift are missing, impossible, or where none belong.
    Quantization,
    /// No axes, too many, one of no extent, or too many elements.
    Shape,
    /// The data's length does not fit shape and element type.
    DataLength,
    /// Filters cannot be expanded by that group, or these never are.
    Expansion,
    /// A value is infinite or not a number.
    NotFinite {
        /// Which element.
        element: usize,
    },
    /// The operator's code is unknown here.
    Operator,
    /// The program was built without the operator: [`super::LimitedModel`].
    OperatorNotLinked,
    /// The operator's parameters are none that this crate would write.
    Parameters,
    /// The operator does not take its operands.
    Operands(ShapeError),
    /// The stored shape or type is not what the operator makes.
    ShapeMismatch,
    /// It refers to a value, a weight or a tensor that is not there.
    Reference,
    /// It reads a value that no earlier node made.
    ReadBeforeMade,
    /// The stored maker or last reader of a value is wrong.
    LiveRange,
    /// An activation is not aligned to 16 bytes.
    Alignment,
    /// Two values that are needed at the same time share memory.
    Overlap {
        /// The other value's index in the section.
        other: usize,
    },
    /// The arena is not exactly as large as the activations need.
    ArenaSize,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misaligned => f.write_str("the model's bytes are not aligned to 4 (see memory::AlignedVec)"),
            Self::TooShort { found_bytes } => write!(f, "{found_bytes} bytes are too short for a model file"),
            Self::Magic => f.write_str("not a Sextant model file (.sxt)"),
            Self::Version { found } => write!(f, "model format version {found}; this program reads {}", super::VERSION),
            Self::Length { declared_bytes, found_bytes } => {
                write!(f, "the model should have {declared_bytes} bytes and has {found_bytes}: cut off or appended to")
            }
            Self::Checksum { stored, computed } => {
                write!(f, "the model is damaged: checksum {computed:08x} instead of {stored:08x}")
            }
            Self::SectionTable { section } => write!(f, "the {section} section is not where it must be"),
            Self::Record { section, index, fault } => write!(f, "{section} section, record {index}: {fault}"),
        }
    }
}

impl core::error::Error for ParseError {}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Metadata => "metadata",
            Self::Tensors => "tensors",
            Self::Graphs => "graphs",
            Self::Values => "values",
            Self::Nodes => "nodes",
            Self::Weights => "weights",
            Self::Links => "links",
            Self::Outputs => "outputs",
            Self::Strings => "strings",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutOfRange => "points outside the section that it refers to",
            Self::NotConsecutive => "does not start where the one before it ends",
            Self::ReservedNotZero => "a byte that must be zero is not",
            Self::Utf8 => "text is not UTF-8",
            Self::NameLength => "a name is empty or too long",
            Self::NameCharacter => "a name has a control character or another that is not seen",
            Self::NameOrder => "a name occurs twice or out of order",
            Self::TooMany => "more than the format allows",
            Self::DataType => "unknown element type",
            Self::Quantization => "scale, zero point, multipliers or shift are impossible here",
            Self::Shape => "impossible shape",
            Self::Expansion => "these filters cannot be expanded in this way",
            Self::DataLength => "the data's length does not fit the shape",
            Self::NotFinite { element } => return write!(f, "element {element} is not a finite number"),
            Self::Operator => "unknown operator",
            Self::OperatorNotLinked => "the program was built without the operator",
            Self::Parameters => "impossible operator parameters",
            Self::Operands(error) => return error.fmt(f),
            Self::ShapeMismatch => "the stored shape is not what the operator makes",
            Self::Reference => "refers to something that is not there",
            Self::ReadBeforeMade => "reads a value that no earlier node made",
            Self::LiveRange => "the stored maker or last reader is wrong",
            Self::Alignment => "an activation is not aligned to 16 bytes",
            Self::Overlap { other } => return write!(f, "shares memory with value {other} while both are needed"),
            Self::ArenaSize => "the arena is not as large as the activations need",
        })
    }
}
