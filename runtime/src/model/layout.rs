//! Where everything stands in a file; `docs/model-format.md` in numbers.

/// First eight bytes of a file. The non-text byte and the line ends reveal transfers that changed the file.
pub const MAGIC: [u8; 8] = *b"\x89SXT\r\n\x1a\n";
/// The version that this crate reads and writes.
pub const VERSION: u32 = 1;
/// What every section, tensor and activation is aligned to.
pub const SECTION_ALIGNMENT_BYTES: usize = 16;

/// Most graphs in a file.
pub const MAX_GRAPHS: usize = 16;
/// Most nodes in a graph.
pub const MAX_NODES: usize = 4096;
/// Most inputs of a graph.
pub const MAX_GRAPH_INPUTS: usize = 16;
/// Most outputs of a graph.
pub const MAX_GRAPH_OUTPUTS: usize = 64;
/// Most inputs of a node.
pub const MAX_NODE_INPUTS: usize = 256;
/// Longest name or metadata key.
pub const MAX_NAME_BYTES: usize = 255;

/// Bytes of records.
pub(crate) const METADATA_BYTES: usize = Section::Metadata.record_bytes();
pub(crate) const TENSOR_BYTES: usize = Section::Tensors.record_bytes();
pub(crate) const GRAPH_BYTES: usize = Section::Graphs.record_bytes();
pub(crate) const VALUE_BYTES: usize = Section::Values.record_bytes();
pub(crate) const NODE_BYTES: usize = Section::Nodes.record_bytes();
pub(crate) const WEIGHT_BYTES: usize = Section::Weights.record_bytes();
pub(crate) const LINK_BYTES: usize = Section::Links.record_bytes();
pub(crate) const OUTPUT_BYTES: usize = Section::Outputs.record_bytes();

pub(crate) const HEADER_BYTES: usize = 96;
pub(crate) const CHECKSUM_OFFSET: usize = 12;
/// The checksum covers everything from here to the end.
pub(crate) const CHECKED_FROM: usize = 16;
pub(crate) const LENGTH_OFFSET: usize = 16;
pub(crate) const SECTION_COUNT_OFFSET: usize = 20;
pub(crate) const SECTION_TABLE_OFFSET: usize = 24;

/// "No such thing" in a field that otherwise holds an index or an offset.
pub(crate) const NONE: u32 = u32::MAX;

/// A part of a model file, in file order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Section {
    /// Key/value pairs.
    Metadata,
    /// Element type, shape and place of every constant.
    Tensors,
    /// The graphs.
    Graphs,
    /// Inputs and activations of all graphs, with the memory plan.
    Values,
    /// Operators of all graphs.
    Nodes,
    /// Which tensor a graph's weight is, and its name.
    Weights,
    /// Lists of values: inputs of graphs and nodes.
    Links,
    /// Named results of all graphs.
    Outputs,
    /// Text of all names and metadata.
    Strings,
}

pub(crate) const SECTIONS: [Section; 9] = [
    Section::Metadata,
    Section::Tensors,
    Section::Graphs,
    Section::Values,
    Section::Nodes,
    Section::Weights,
    Section::Links,
    Section::Outputs,
    Section::Strings,
];
/// The data section follows the nine others; it runs to the end of the file.
pub(crate) const SECTION_COUNT: usize = SECTIONS.len();

impl Section {
    /// Bytes of one record.
    pub(crate) const fn record_bytes(self) -> usize {
        match self {
            Self::Metadata => 16,
            Self::Tensors | Self::Values => 48,
            Self::Graphs | Self::Nodes => 64,
            Self::Weights | Self::Outputs => 12,
            Self::Links => 4,
            Self::Strings => 1,
        }
    }
}

// Names stand first in every record that has one: offset and length in the strings section.
pub(crate) const NAME: usize = 0;
pub(crate) const METADATA_VALUE: usize = 8;

pub(crate) mod tensor {
    pub const DATA_TYPE: usize = 0;
    pub const RANK: usize = 1;
    pub const QUANTIZATION: usize = 2;
    pub const SHAPE: usize = 4;
    pub const DATA_OFFSET: usize = 20;
    pub const DATA_BYTES: usize = 24;
    /// The group of an expansion, what it reads, and two bytes of zero: all zero without one.
    pub const GROUP: usize = 28;
    pub const READS: usize = 29;
    pub const AFTER_EXPANSION: core::ops::Range<usize> = 30..32;
    /// Offset of multipliers, shift, number of channels, zero: all zero but for int8.
    pub const QUANTIZATION_FIELDS: core::ops::Range<usize> = 32..48;
    pub const MULTIPLIERS_OFFSET: usize = 32;
    pub const SHIFT: usize = 36;
    pub const CHANNELS: usize = 40;
    pub const RESERVED: core::ops::Range<usize> = 44..48;
    /// [`QUANTIZATION`] of an int8 tensor with one multiplier per output channel.
    pub const PER_CHANNEL: u8 = 1;
}

pub(crate) mod graph {
    pub const VALUES: usize = 8;
    pub const NODES: usize = 16;
    pub const WEIGHTS: usize = 24;
    pub const INPUTS: usize = 32;
    pub const OUTPUTS: usize = 40;
    pub const ARENA_BYTES: usize = 48;
    pub const SCRATCH_BYTES: usize = 52;
    pub const RESERVED: core::ops::Range<usize> = 56..64;
}

pub(crate) mod value {
    pub const DATA_TYPE: usize = 8;
    pub const RANK: usize = 9;
    pub const SHAPE: usize = 12;
    pub const ARENA_OFFSET: usize = 28;
    pub const MADE_BY: usize = 32;
    pub const LAST_USE: usize = 36;
    /// Scale and zero point: zero but for int8.
    pub const QUANTIZATION_FIELDS: core::ops::Range<usize> = 40..48;
    pub const SCALE: usize = 40;
    pub const ZERO_POINT: usize = 44;
}

pub(crate) mod node {
    pub const OPERATOR: usize = 8;
    pub const ACTIVATION: usize = 9;
    pub const INPUT_COUNT: usize = 10;
    pub const FIRST_INPUT: usize = 12;
    pub const OUTPUT: usize = 16;
    /// What the operator's own fields are relative to; as many bytes as `operators` has for them.
    pub const PARAMETERS: usize = super::NODE_BYTES - crate::operators::PARAMETER_BYTES;
}

pub(crate) mod weight {
    pub const TENSOR: usize = 8;
}

pub(crate) mod output {
    pub const VALUE: usize = 8;
}

/// Codes of element types.
pub(crate) const DATA_TYPE_U8: u8 = 1;
pub(crate) const DATA_TYPE_F32: u8 = 2;
pub(crate) const DATA_TYPE_I8: u8 = 3;
pub(crate) const DATA_TYPE_I32: u8 = 4;

/// Codes of groups and of what filters read, in a tensor that is expanded.
pub(crate) const QUARTER_TURNS: u8 = 1;
pub(crate) const TURNS_AND_MIRRORS: u8 = 2;
pub(crate) const TRIVIAL: u8 = 1;
pub(crate) const REGULAR: u8 = 2;

/// The next multiple of 16; `None` beyond the address space.
pub(crate) fn aligned(offset: usize) -> Option<usize> {
    offset.checked_next_multiple_of(SECTION_ALIGNMENT_BYTES)
}
