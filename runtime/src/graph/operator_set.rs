//! Which operators a program links, so that a microcontroller's holds no kernel that its model does not use.

use super::{DataType, Op, Shape, is_depthwise};

/// Every operator.
pub const ALL_OPERATORS: u64 = u64::MAX;

/// An operator without its parameters; the numbers are those of the model file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum OperatorKind {
    Normalize = 1,
    Conv2d = 2,
    Linear = 3,
    Add = 4,
    Relu = 5,
    MaxPool2d = 6,
    GlobalAveragePool = 7,
    Slice = 8,
    Concat = 9,
    ApplyPredictor = 10,
    NearestRotation = 11,
    Mul = 12,
    AveragePool2d = 13,
    Clamp = 14,
    Sigmoid = 15,
    Softmax = 16,
    Reshape = 17,
    Transpose = 18,
    ReduceMean = 19,
    ReduceMax = 20,
    QuantizeImage = 21,
    Quantize = 22,
    Dequantize = 23,
    SliceRows = 24,
    ConcatRows = 25,
    // In a file these two are what they are a case of.
    /// A [`OperatorKind::QuantizeImage`] of some rows of the image.
    QuantizeRows = 30,
    /// An int8 [`OperatorKind::Conv2d`] with one filter per channel.
    Depthwise = 31,
}

impl Op {
    /// The operator without its parameters.
    pub(crate) fn kind(&self) -> OperatorKind {
        match self {
            Self::Normalize { .. } => OperatorKind::Normalize,
            Self::Conv2d { .. } => OperatorKind::Conv2d,
            Self::Linear { .. } => OperatorKind::Linear,
            Self::Add { .. } => OperatorKind::Add,
            Self::Relu => OperatorKind::Relu,
            Self::MaxPool2d { .. } => OperatorKind::MaxPool2d,
            Self::GlobalAveragePool => OperatorKind::GlobalAveragePool,
            Self::Slice { .. } => OperatorKind::Slice,
            Self::Concat => OperatorKind::Concat,
            Self::ApplyPredictor { .. } => OperatorKind::ApplyPredictor,
            Self::NearestRotation => OperatorKind::NearestRotation,
            Self::Mul { .. } => OperatorKind::Mul,
            Self::AveragePool2d { .. } => OperatorKind::AveragePool2d,
            Self::Clamp { .. } => OperatorKind::Clamp,
            Self::Sigmoid => OperatorKind::Sigmoid,
            Self::Softmax => OperatorKind::Softmax,
            Self::Reshape { .. } => OperatorKind::Reshape,
            Self::Transpose { .. } => OperatorKind::Transpose,
            Self::ReduceMean { .. } => OperatorKind::ReduceMean,
            Self::ReduceMax { .. } => OperatorKind::ReduceMax,
            Self::QuantizeImage { .. } => OperatorKind::QuantizeImage,
            Self::Quantize => OperatorKind::Quantize,
            Self::Dequantize => OperatorKind::Dequantize,
            Self::SliceRows { .. } => OperatorKind::SliceRows,
            Self::ConcatRows => OperatorKind::ConcatRows,
        }
    }
}

/// The bit of an operator that makes numbers of that type: int8 in the upper half, float32 in the lower one.
const fn bit(kind: OperatorKind, makes: DataType) -> u64 {
    let half = if matches!(makes, DataType::I8) { 32 } else { 0 };
    1 << (half + kind as u32)
}

/// The bit of a node's operator; `weight` is the shape of its weight, if it has one.
pub(crate) fn operator_bit(op: &Op, makes: DataType, weight: Option<Shape>) -> u64 {
    let kind = match op {
        Op::Conv2d { .. } if makes == DataType::I8 && weight.is_some_and(|weight| is_depthwise(op, weight)) => {
            OperatorKind::Depthwise
        }
        Op::QuantizeImage { rows: Some(_), .. } => OperatorKind::QuantizeRows,
        op => op.kind(),
    };
    bit(kind, makes)
}

/// Whether a program with those operators runs this one on numbers of that type.
#[inline(always)]
pub(crate) const fn is_linked(operators: u64, kind: OperatorKind, makes: DataType) -> bool {
    operators & bit(kind, makes) != 0
}

/// Whether it runs it on numbers of any type.
#[inline(always)]
pub(crate) const fn is_known(operators: u64, kind: OperatorKind) -> bool {
    let depthwise = matches!(kind, OperatorKind::Conv2d) && is_linked(operators, OperatorKind::Depthwise, DataType::I8);
    depthwise || is_linked(operators, kind, DataType::F32) || is_linked(operators, kind, DataType::I8)
}
