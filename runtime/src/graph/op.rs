/// Names a value (an input or the output of a node) of one graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub u32);

/// Names a weight of one graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WeightId(pub u32);

/// The type of a value's or weight's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataType {
    /// Unsigned bytes: images.
    U8,
    /// 32-bit floating point.
    F32,
    /// Signed bytes that stand for real numbers, see [`super::Quantization`].
    I8,
    /// 32-bit integers: biases of quantised operators.
    I32,
}

impl DataType {
    /// Bytes of one element.
    pub fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::F32 | Self::I32 => 4,
        }
    }
}

/// What a node applies to its result before it is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// Nothing.
    Identity,
    /// `max(0, x)`.
    Relu,
    /// `min(6, max(0, x))`.
    Relu6,
    /// `min(high, max(low, x))`.
    Clamp {
        /// Least value, finite.
        low: f32,
        /// Largest value, finite, not below the least.
        high: f32,
    },
}

impl Activation {
    pub(crate) fn is_valid(self) -> bool {
        match self {
            Self::Clamp { low, high } => low.is_finite() && high.is_finite() && low <= high,
            _ => true,
        }
    }
}

/// Zero padding in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Padding {
    /// Rows above.
    pub top: u16,
    /// Columns to the left.
    pub left: u16,
    /// Rows below.
    pub bottom: u16,
    /// Columns to the right.
    pub right: u16,
}

/// What a node computes. Inputs are listed in the order of [`Node::inputs`](super::Node::inputs).
///
/// Operators on float32 values make float32 values. Those with a row in `docs/model-format.md`, "Eight bits", also take
/// int8 values with int8 weights and int32 biases, and make int8 values then.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Op {
    /// `u8 [h, w, c]` to `f32 [h, w, c]`: `(x / 255 - mean[c]) / std[c]`.
    Normalize {
        /// Mean of each channel, in [0, 1].
        mean: [f32; 3],
        /// Standard deviation of each channel.
        std: [f32; 3],
    },
    /// `[h, w, cin]` to `[oh, ow, cout]`, cross-correlation with zero padding.
    Conv2d {
        /// `[cout, kh, kw, cin / groups]`.
        weight: WeightId,
        /// `[cout]`.
        bias: WeightId,
        /// Vertical and horizontal step.
        stride: [u16; 2],
        /// Zeros around the input.
        padding: Padding,
        /// Channel groups; `cin` of them is a depthwise convolution.
        groups: u32,
        /// Applied to the result.
        activation: Activation,
    },
    /// `[cin]` to `[cout]`: `weight x + bias`.
    Linear {
        /// `[cout, cin]`.
        weight: WeightId,
        /// `[cout]`.
        bias: WeightId,
        /// Applied to the result.
        activation: Activation,
    },
    /// Element-wise sum of two values of one shape.
    Add {
        /// Applied to the result.
        activation: Activation,
    },
    /// `max(0, x)`.
    Relu,
    /// Largest value under the window; padding never wins.
    MaxPool2d {
        /// Height and width of the window.
        kernel: [u16; 2],
        /// Vertical and horizontal step.
        stride: [u16; 2],
        /// Positions outside the map that a window may cover.
        padding: Padding,
    },
    /// `[h, w, c]` to `[c]`: the mean over all positions.
    GlobalAveragePool,
    /// `[.., c]` to `[.., end - start]`: channels `start..end`.
    Slice {
        /// First channel.
        start: u32,
        /// One past the last channel.
        end: u32,
    },
    /// Two or more values joined along their last axis.
    Concat,
    /// `z [d]` and `condition [k]` to `[d]`: `sum_i condition[i] * weight[i] z`, the linear hypernetwork predictor.
    ApplyPredictor {
        /// `[k, d, d]`.
        weight: WeightId,
    },
    /// `[9]` (a 3x3 matrix, rows first) to `[4]`: the nearest rotation as `wxyz`, `w >= 0`.
    NearestRotation,
    /// Element-wise product of two values of one shape.
    Mul {
        /// Applied to the result.
        activation: Activation,
    },
    /// Mean under the window; padding does not count.
    AveragePool2d {
        /// Height and width of the window.
        kernel: [u16; 2],
        /// Vertical and horizontal step.
        stride: [u16; 2],
        /// Positions outside the map that a window may cover.
        padding: Padding,
    },
    /// `min(high, max(low, x))`.
    Clamp {
        /// Least value, finite.
        low: f32,
        /// Largest value, finite, not below the least.
        high: f32,
    },
    /// `1 / (1 + e^-x)`.
    Sigmoid,
    /// `e^x / sum e^x` over the last axis.
    Softmax,
    /// The same numbers in another shape.
    Reshape {
        /// Extents, zero after the last axis.
        shape: [u32; 4],
    },
    /// Axis `i` of the result is axis `axes[i]` of the input.
    Transpose {
        /// A permutation of the input's axes; those past its rank stay where they are.
        axes: [u8; 4],
    },
    /// Mean over one axis, which goes away; of a vector to `[1]`.
    ReduceMean {
        /// Counted from the first.
        axis: u8,
    },
    /// Largest value along one axis, which goes away; of a vector to `[1]`.
    ReduceMax {
        /// Counted from the first.
        axis: u8,
    },
    /// `u8 [h, w, 3]` to `i8 [h, w, 3]`: [`Op::Normalize`] and [`Op::Quantize`] in one step of integers.
    QuantizeImage {
        /// Mean of each channel, in [0, 1].
        mean: [f32; 3],
        /// Standard deviation of each channel.
        std: [f32; 3],
        /// The first row that is taken, and the one after the last; all of them without.
        rows: Option<[u16; 2]>,
    },
    /// float32 to int8 of any shape.
    Quantize,
    /// int8 to float32 of any shape.
    Dequantize,
    /// `[h, w, c]` to `[end - start, w, c]`: rows `start..end` of a map.
    SliceRows {
        /// First row.
        start: u32,
        /// One past the last row.
        end: u32,
    },
    /// Two or more maps of one width and one number of channels, one below the other.
    ConcatRows,
}

impl Op {
    /// How many inputs the operator reads; for [`Op::Concat`] and [`Op::ConcatRows`] the least number.
    pub fn input_count(&self) -> usize {
        match self {
            Self::Add { .. } | Self::Mul { .. } | Self::Concat | Self::ConcatRows | Self::ApplyPredictor { .. } => 2,
            _ => 1,
        }
    }

    /// Whether an int8 result has the scale and zero point of its inputs: numbers are only chosen or moved.
    pub fn keeps_quantization(&self) -> bool {
        matches!(
            self,
            Self::Relu
                | Self::Clamp { .. }
                | Self::MaxPool2d { .. }
                | Self::Slice { .. }
                | Self::Reshape { .. }
                | Self::Transpose { .. }
                | Self::ReduceMax { .. }
                | Self::SliceRows { .. }
                | Self::ConcatRows
        )
    }
}
