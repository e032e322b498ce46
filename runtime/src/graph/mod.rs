//! The operator graph that every deployable form of a network comes from.
//!
//! Activations are channels-last: `[h, w, c]` for maps, `[c]` for vectors. The batch axis is not part of a
//! shape: every value has one entry per sample. Weights keep the layouts that [`Op`] gives.
//!
//! The operators and their shape rules need no allocation; building a [`Graph`] does (feature `alloc`).

#[cfg(all(test, feature = "alloc"))]
pub(crate) mod arbitrary;
#[cfg(feature = "alloc")]
mod builder;
#[cfg(feature = "alloc")]
mod network;
mod op;
mod shape;

#[cfg(feature = "alloc")]
pub use builder::{GraphBuilder, GraphError};
#[cfg(feature = "alloc")]
pub use network::{Graph, Node, ValueInfo, Weight};
pub use op::{Activation, DataType, Op, Padding, ValueId, WeightId};
pub use shape::{MAX_RANK, Shape, ShapeError};
pub(crate) use shape::{Operands, infer};
