//! Operators: each has a line in the table below, and an implementation of [`Operator`] in a file beside it.
//!
//! What a node computes is an [`Op`]. Whoever asks it something (how it is stored, what it makes of which shapes, what it may
//! write over, how it runs) asks its implementation, by `each_operator`. `docs/adding-an-operator.md` adds one.

#[macro_use]
mod table;

mod code;
mod error;
mod filters;
mod operands;
mod operator;
mod operator_set;
mod overlap;
mod parameter;
#[cfg(feature = "alloc")]
mod rows;
mod window;

#[cfg(all(test, feature = "alloc"))]
mod choices;

#[cfg(feature = "alloc")]
pub(crate) use code::OpCode;
pub(crate) use code::{CodeError, decode};
pub use error::ShapeError;
#[cfg(all(target_arch = "x86_64", feature = "std"))]
pub(crate) use filters::Windows;
pub(crate) use filters::is_depthwise;
pub(crate) use operands::{ArenaNode, Constants, NodeInputs, Operand, Operands, Pair, WeightInfo};
use operator::Entry;
pub(crate) use operator::Operator;
pub use operator_set::ALL_OPERATORS;
pub(crate) use operator_set::{is_known, is_linked, is_linked_in_any_case, operator_bit};
pub(crate) use overlap::Overlap;
#[cfg(feature = "alloc")]
pub(crate) use overlap::bytes_before;
#[cfg(feature = "alloc")]
use parameter::NewParameters;
pub(crate) use parameter::PARAMETER_BYTES;
pub use parameter::{Padding, WeightId};
use parameter::{Parameter, Parameters, Places};
#[cfg(feature = "alloc")]
pub(crate) use rows::Rows;
#[cfg(all(target_arch = "x86_64", feature = "std"))]
pub(crate) use window::PoolingWindow;

#[cfg(all(test, feature = "alloc"))]
pub(crate) use choices::Choices;

use crate::tensor::Activation;

/// In the table: an activation has a place of its own in a node's record.
const IN_THE_RECORD: usize = 0;

// A code, a name, and the parameters with their types and their places in a node's record (`docs/model-format.md`).
operators! {
    $
    /// What a node computes. Inputs are listed in the order of [`Node::inputs`](crate::graph::Node::inputs).
    ///
    /// Operators on float32 values make float32 values. Those with a row in `docs/model-format.md`, "Eight bits", also take
    /// int8 values with int8 weights and int32 biases, and make int8 values then.
    pub enum Op;

    /// `u8 [h, w, c]` to `f32 [h, w, c]`: `(x / 255 - mean[c]) / std[c]`.
    1 => Normalize {
        /// Mean of each channel, in [0, 1].
        mean: [f32; 3] = 0,
        /// Standard deviation of each channel.
        std: [f32; 3] = 12,
    },
    /// `[h, w, cin]` to `[oh, ow, cout]`, cross-correlation with zero padding.
    2 => Conv2d {
        /// `[cout, kh, kw, cin / groups]`.
        weight: WeightId = 0,
        /// `[cout]`.
        bias: WeightId = 4,
        /// Vertical and horizontal step.
        stride: [u16; 2] = 8,
        /// Zeros around the input.
        padding: Padding = 12,
        /// Channel groups; `cin` of them is a depthwise convolution.
        groups: u32 = 20,
        /// Applied to the result.
        activation: Activation = IN_THE_RECORD,
    },
    /// `[cin]` to `[cout]`: `weight x + bias`.
    3 => Linear {
        /// `[cout, cin]`.
        weight: WeightId = 0,
        /// `[cout]`.
        bias: WeightId = 4,
        /// Applied to the result.
        activation: Activation = IN_THE_RECORD,
    },
    /// Element-wise sum of two values of one shape.
    4 => Add {
        /// Applied to the result.
        activation: Activation = IN_THE_RECORD,
    },
    /// `max(0, x)`.
    5 => Relu,
    /// Largest value under the window; padding never wins.
    6 => MaxPool2d {
        /// Height and width of the window.
        kernel: [u16; 2] = 0,
        /// Vertical and horizontal step.
        stride: [u16; 2] = 8,
        /// Positions outside the map that a window may cover.
        padding: Padding = 12,
    },
    /// `[h, w, c]` to `[c]`: the mean over all positions.
    7 => GlobalAveragePool,
    /// `[.., c]` to `[.., end - start]`: channels `start..end`.
    8 => Slice {
        /// First channel.
        start: u32 = 0,
        /// One past the last channel.
        end: u32 = 4,
    },
    /// Two or more values joined along their last axis.
    9 => Concat,
    /// `z [d]` and `condition [k]` to `[d]`: `sum_i condition[i] * weight[i] z`, the linear hypernetwork predictor.
    10 => ApplyPredictor {
        /// `[k, d, d]`.
        weight: WeightId = 0,
    },
    /// `[9]` (a 3x3 matrix, rows first) to `[4]`: the nearest rotation as `wxyz`, `w >= 0`.
    11 => NearestRotation,
    /// Element-wise product of two values of one shape.
    12 => Mul {
        /// Applied to the result.
        activation: Activation = IN_THE_RECORD,
    },
    /// Mean under the window; padding does not count.
    13 => AveragePool2d {
        /// Height and width of the window.
        kernel: [u16; 2] = 0,
        /// Vertical and horizontal step.
        stride: [u16; 2] = 8,
        /// Positions outside the map that a window may cover.
        padding: Padding = 12,
    },
    /// `min(high, max(low, x))`.
    14 => Clamp {
        /// Least value, finite.
        low: f32 = 0,
        /// Largest value, finite, not below the least.
        high: f32 = 4,
    },
    /// `1 / (1 + e^-x)`.
    15 => Sigmoid,
    /// `e^x / sum e^x` over the last axis.
    16 => Softmax,
    /// The same numbers in another shape.
    17 => Reshape {
        /// Extents, zero after the last axis.
        shape: [u32; 4] = 0,
    },
    /// Axis `i` of the result is axis `axes[i]` of the input.
    18 => Transpose {
        /// A permutation of the input's axes; those past its rank stay where they are.
        axes: [u8; 4] = 0,
    },
    /// Mean over one axis, which goes away; of a vector to `[1]`.
    19 => ReduceMean {
        /// Counted from the first.
        axis: u8 = 0,
    },
    /// Largest value along one axis, which goes away; of a vector to `[1]`.
    20 => ReduceMax {
        /// Counted from the first.
        axis: u8 = 0,
    },
    /// `u8 [h, w, 3]` to `i8 [h, w, 3]`: [`Op::Normalize`] and [`Op::Quantize`] in one step of integers.
    21 => QuantizeImage {
        /// Mean of each channel, in [0, 1].
        mean: [f32; 3] = 0,
        /// Standard deviation of each channel.
        std: [f32; 3] = 12,
        /// The first row that is taken, and the one after the last; all of them without.
        rows: Option<[u16; 2]> = 24,
    },
    /// float32 to int8 of any shape.
    22 => Quantize,
    /// int8 to float32 of any shape.
    23 => Dequantize,
    /// `[h, w, c]` to `[end - start, w, c]`: rows `start..end` of a map.
    24 => SliceRows {
        /// First row.
        start: u32 = 0,
        /// One past the last row.
        end: u32 = 4,
    },
    /// Two or more maps of one width and one number of channels, one below the other.
    25 => ConcatRows,
}

mod apply_predictor;
mod axes;
mod channels;
mod conv2d;
mod elementwise;
mod image;
mod infer;
mod linear;
mod map_rows;
mod nearest_rotation;
mod pooling;
mod quantize;
mod run;
mod softmax;

pub(crate) use infer::{check_scales, infer, joins, overlap, runs_on_arena, scratch_bytes};
pub(crate) use run::{run_float, run_int8, run_on_arena};
