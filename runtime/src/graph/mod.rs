//! The operator graph that every deployable form of a network comes from.
//!
//! Activations are channels-last: `[h, w, c]` for maps, `[c]` for vectors. The batch axis is not part of a
//! shape: every value has one entry per sample. Weights keep the layouts that [`Op`] gives; of filters that are copies of each
//! other they may keep the base filters alone ([`crate::plane_group::FilterExpansion`]).
//!
//! The operators and their shape rules need no allocation; building a [`Graph`] does (feature `alloc`).

#[cfg(all(test, feature = "alloc"))]
pub(crate) mod arbitrary;
#[cfg(feature = "alloc")]
mod builder;
#[cfg(feature = "alloc")]
mod expanded;
#[cfg(feature = "alloc")]
mod network;
#[cfg(feature = "alloc")]
mod operands;
mod value_id;

#[cfg(feature = "alloc")]
pub use builder::{GraphBuilder, GraphError};
#[cfg(feature = "alloc")]
pub use network::{Graph, Node, ValueInfo, Weight, WeightData};
#[cfg(feature = "alloc")]
pub(crate) use operands::GraphOperands;
pub use value_id::ValueId;

pub use crate::operators::{ALL_OPERATORS, OPERATOR_NAMES, Op, Padding, ShapeError, WeightId};
pub use crate::tensor::{Activation, DataType, MAX_RANK, Quantization, Shape};
