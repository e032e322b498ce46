//! Which operators a program links, so that a microcontroller's holds no kernel that its model does not use.

use super::filters::is_depthwise;
use super::{Op, OperatorKind};
use crate::plane_group::FilterExpansion;
use crate::tensor::{DataType, Shape};

/// Every operator.
pub const ALL_OPERATORS: u64 = u64::MAX;

/// The bit of an operator that makes numbers of that type: int8 in the upper half, float32 in the lower one.
const fn bit(kind: OperatorKind, makes: DataType) -> u64 {
    let half = if matches!(makes, DataType::I8) { 32 } else { 0 };
    1 << (half + kind as u32)
}

/// The bit of a node's operator; `weight` is the stored shape and the expansion of its weight, if it has one.
pub(crate) fn operator_bit(op: &Op, makes: DataType, weight: Option<(Shape, Option<FilterExpansion>)>) -> u64 {
    let kind = match op {
        Op::Conv2d { .. } if weight.is_some_and(|(_, expansion)| expansion.is_some()) => OperatorKind::ExpandedConv2d,
        Op::Conv2d { groups, .. }
            if makes == DataType::I8 && weight.is_some_and(|(shape, _)| is_depthwise(*groups, shape)) =>
        {
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

/// Whether it runs this one, or what is a case of it in a file, on numbers of that type.
#[inline(always)]
pub(crate) const fn is_linked_in_any_case(operators: u64, kind: OperatorKind, makes: DataType) -> bool {
    let [case, other] = match kind {
        OperatorKind::Conv2d => [OperatorKind::Depthwise, OperatorKind::ExpandedConv2d],
        OperatorKind::QuantizeImage => [OperatorKind::QuantizeRows; 2],
        kind => [kind; 2],
    };
    let any = bit(kind, makes) | bit(case, makes) | bit(other, makes);
    operators & any != 0
}

/// Whether it runs it on numbers of any type.
#[inline(always)]
pub(crate) const fn is_known(operators: u64, kind: OperatorKind) -> bool {
    is_linked_in_any_case(operators, kind, DataType::F32) || is_linked_in_any_case(operators, kind, DataType::I8)
}
