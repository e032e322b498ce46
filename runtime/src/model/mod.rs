//! The model file `.sxt`, version 1: checked once, then read in place.
//!
//! `docs/model-format.md` specifies every byte.

mod arena;
mod checksum;
mod error;
#[cfg(feature = "std")]
mod file;
mod layout;
mod name;
mod operands;
mod operations;
mod parse;
#[cfg(feature = "alloc")]
mod plan;
mod record;
mod tensor;
#[cfg(feature = "alloc")]
mod to_graph;
mod view;
#[cfg(feature = "alloc")]
mod write;

#[cfg(all(test, feature = "alloc"))]
mod expanded_tests;
#[cfg(all(test, feature = "alloc"))]
mod mutation_tests;
#[cfg(all(test, feature = "alloc"))]
mod tests;

pub use arena::arena_bytes;
pub use error::{Fault, ParseError};
#[cfg(feature = "std")]
pub use file::{ReadError, read_file};
pub use layout::{
    MAGIC, MAX_GRAPH_INPUTS, MAX_GRAPH_OUTPUTS, MAX_GRAPHS, MAX_NAME_BYTES, MAX_NODE_INPUTS, MAX_NODES,
    SECTION_ALIGNMENT_BYTES, Section, VERSION,
};
pub use name::is_hidden;
pub use view::{GraphView, LimitedModel, Model, NodeView, TensorView, ValueView};

pub use crate::tensor::{QuantizedFilters, TensorData};
#[cfg(feature = "alloc")]
pub use write::{WriteError, planned_arena_bytes, write};
