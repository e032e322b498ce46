//! Operators that move whole rows of maps, which are one run of bytes. What the memory plan has put into its place already
//! stays there.

use core::ops::Range;

use super::{Input, arena_range};
use crate::graph::{DataType, Op, OperatorKind as Kind, ValueId, is_known, is_linked, row_bytes};
use crate::kernels::elementwise;
use crate::memory::as_f32_mut;
use crate::model::{GraphView, NodeView, ValueView};

/// Whether the node is one of these operators.
#[inline(always)]
pub(super) fn moves_rows<const OPERATORS: u64>(op: &Op) -> bool {
    match op {
        Op::SliceRows { .. } => is_known(OPERATORS, Kind::SliceRows),
        Op::ConcatRows => is_known(OPERATORS, Kind::ConcatRows),
        _ => false,
    }
}

pub(super) fn run<const OPERATORS: u64>(
    graph: &GraphView<'_>,
    node: &NodeView<'_>,
    made: &ValueView<'_>,
    inputs: &[Input<'_>],
    arena: &mut [u8],
) -> Option<()> {
    let (start, end) = arena_range(made)?;
    match node.op {
        Op::SliceRows { start: row, .. } if is_known(OPERATORS, Kind::SliceRows) => {
            let id = node.inputs().next()?;
            let skipped = row_bytes((made.shape, made.data_type))?.checked_mul(row as usize)?;
            bring::<OPERATORS>(graph, inputs, id, skipped, start..end, arena)
        }
        Op::ConcatRows if is_known(OPERATORS, Kind::ConcatRows) => {
            let mut start = start;
            for id in node.inputs() {
                let end = start.checked_add(graph.value(id)?.bytes()?)?;
                bring::<OPERATORS>(graph, inputs, id, 0, start..end, arena)?;
                start = end;
            }
            Some(())
        }
        _ => None,
    }
}

/// Brings a part of a value, all bytes after those that are skipped or as many as there is room for, to that place.
fn bring<const OPERATORS: u64>(
    graph: &GraphView<'_>,
    inputs: &[Input<'_>],
    id: ValueId,
    skipped: usize,
    to: Range<usize>,
    arena: &mut [u8],
) -> Option<()> {
    let takes_floats = |kind| is_linked(OPERATORS, kind, DataType::F32);
    if (takes_floats(Kind::SliceRows) || takes_floats(Kind::ConcatRows))
        && let Some(position) = graph.inputs().position(|input| input == id)
    {
        let Input::F32(values) = inputs.get(position)? else { return None };
        let values = values.get(skipped / DataType::F32.bytes()..)?;
        elementwise::map(values, as_f32_mut(arena.get_mut(to)?)?, |value| value);
        return Some(());
    }
    let (start, _) = arena_range(&graph.value(id)?)?;
    let from = start.checked_add(skipped)?;
    if from == to.start {
        return Some(());
    }
    let length = to.end.checked_sub(to.start)?;
    let [from, to] = arena.get_disjoint_mut([from..from.checked_add(length)?, to]).ok()?;
    elementwise::map(from, to, |byte| byte);
    Some(())
}
