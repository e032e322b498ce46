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
mod infer;
#[cfg(feature = "alloc")]
mod network;
mod op;
mod operator_set;
mod overlap;
mod quantization;
mod shape;

#[cfg(feature = "alloc")]
pub use builder::{GraphBuilder, GraphError};
pub(crate) use infer::{
    Operand, Operands, WeightInfo, check_scales, filter_row_bytes, infer, is_depthwise, scratch_bytes,
};
#[cfg(feature = "alloc")]
pub use network::{Graph, Node, ValueInfo, Weight, WeightData};
pub use op::{Activation, DataType, Op, Padding, ValueId, WeightId};
pub use operator_set::ALL_OPERATORS;
pub(crate) use operator_set::{OperatorKind, is_known, is_linked, operator_bit};
#[cfg(feature = "alloc")]
pub(crate) use overlap::Overlap;
#[cfg(feature = "alloc")]
pub(crate) use overlap::bytes_before;
pub(crate) use overlap::{bytes_of, overlap, row_bytes};
pub use quantization::Quantization;
pub(crate) use quantization::{Blend, MAX_SHIFT, Ratio, requantize, rescale, round_half_up, saturate};
pub use shape::{MAX_RANK, Shape, ShapeError};
