//! Running any operator of those that a program links.

use super::{ArenaNode, NodeInputs, Op, Operand, Operator, is_linked, is_linked_in_any_case};
use crate::tensor::{DataType, Quantization};

/// Makes float32 numbers beside what is read, or exactly where an input is. `None` cannot be for a checked model.
pub(crate) fn run_float<'a, const OPERATORS: u64>(
    op: &Op,
    inputs: &impl NodeInputs<'a>,
    made: &Operand,
    output: &mut [f32],
) -> Option<()> {
    each_operator!(op, |operator| run_float_of::<OPERATORS, _>(operator, inputs, made, output))
}

#[inline(always)]
fn run_float_of<'a, const OPERATORS: u64, O: Operator>(
    operator: O,
    inputs: &impl NodeInputs<'a>,
    made: &Operand,
    output: &mut [f32],
) -> Option<()> {
    let linked = const { is_linked_in_any_case(OPERATORS, O::KIND, DataType::F32) };
    if linked { operator.run_float::<OPERATORS>(inputs, made, output) } else { None }
}

/// Makes int8 numbers as [`run_float`] makes float32 ones.
pub(crate) fn run_int8<'a, const OPERATORS: u64>(
    op: &Op,
    inputs: &impl NodeInputs<'a>,
    made: &Operand,
    output: &mut [i8],
) -> Option<()> {
    let to = made.quantization?;
    each_operator!(op, |operator| run_int8_of::<OPERATORS, _>(operator, inputs, made, to, output))
}

#[inline(always)]
fn run_int8_of<'a, const OPERATORS: u64, O: Operator>(
    operator: O,
    inputs: &impl NodeInputs<'a>,
    made: &Operand,
    to: Quantization,
    output: &mut [i8],
) -> Option<()> {
    let linked = const { is_linked_in_any_case(OPERATORS, O::KIND, DataType::I8) };
    if linked { operator.run_int8::<OPERATORS>(inputs, made, to, output) } else { None }
}

/// Runs an operator of which [`super::runs_on_arena`] says so.
pub(crate) fn run_on_arena<'m, const OPERATORS: u64>(op: &Op, node: &mut impl ArenaNode<'m>) -> Option<()> {
    each_operator!(op, |operator| run_on_arena_of::<OPERATORS, _>(operator, node))
}

#[inline(always)]
fn run_on_arena_of<'m, const OPERATORS: u64, O: Operator>(operator: O, node: &mut impl ArenaNode<'m>) -> Option<()> {
    let linked = const {
        let of_int8 = is_linked_in_any_case(OPERATORS, O::KIND, DataType::I8);
        let of_float = is_linked(OPERATORS, O::KIND, DataType::F32);
        O::ON_ARENA.when_making(DataType::I8) && of_int8 || O::ON_ARENA.when_making(DataType::F32) && of_float
    };
    if linked { operator.run_on_arena::<OPERATORS>(node) } else { None }
}
