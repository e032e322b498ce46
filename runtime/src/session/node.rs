//! Runs one node: finds what it reads and writes in the arena, and asks its operator.

use core::ops::Range;

use super::node_inputs::InputsBeside;
use super::{Input, arena_range};
use crate::graph::{DataType, ValueId, WeightId};
use crate::memory::{as_f32_mut, as_i8_mut};
use crate::model::{GraphView, NodeView};
use crate::operators::{self, ArenaNode, Constants, Operand};
use crate::tensor::Constant;

/// Runs one node. `None` cannot be for a model that is still as it was when it was checked.
pub(super) fn run<const OPERATORS: u64>(
    graph: &GraphView<'_>,
    node: &NodeView<'_>,
    inputs: &[Input<'_>],
    arena: &mut [u8],
) -> Option<()> {
    let value = graph.value(node.output)?;
    let (made, (start, end)) = (value.operand(), arena_range(&value)?);
    if operators::runs_on_arena::<OPERATORS>(&node.op, made.data_type) {
        let mut whole = WholeArena { graph, node, inputs, arena, made, place: start..end };
        return operators::run_on_arena::<OPERATORS>(&node.op, &mut whole);
    }
    let (before, rest) = arena.split_at_mut_checked(start)?;
    let (output, after) = rest.split_at_mut_checked(end.checked_sub(start)?)?;
    let beside = InputsBeside { graph, node, inputs, before, after, output: start..end };
    match made.data_type {
        DataType::I8 => operators::run_int8::<OPERATORS>(&node.op, &beside, &made, as_i8_mut(output)),
        _ => operators::run_float::<OPERATORS>(&node.op, &beside, &made, as_f32_mut(output)?),
    }
}

impl<'m> Constants<'m> for GraphView<'m> {
    fn constant(&self, id: WeightId) -> Option<Constant<'m>> {
        let weight = self.weight(id)?;
        Some(Constant { shape: weight.shape, data: weight.data, expansion: weight.expansion })
    }
}

/// Position among the caller's inputs, if a value is one.
pub(super) fn position_of_input(graph: &GraphView<'_>, id: ValueId) -> Option<usize> {
    graph.inputs().position(|input| input == id)
}

/// A node whose operator works on the whole arena.
struct WholeArena<'a, 'm> {
    graph: &'a GraphView<'m>,
    node: &'a NodeView<'m>,
    inputs: &'a [Input<'a>],
    arena: &'a mut [u8],
    made: Operand,
    place: Range<usize>,
}

impl WholeArena<'_, '_> {
    fn id(&self, index: usize) -> Option<ValueId> {
        self.node.inputs().nth(index)
    }
}

impl<'a, 'm: 'a> Constants<'a> for WholeArena<'a, 'm> {
    fn constant(&self, id: WeightId) -> Option<Constant<'a>> {
        self.graph.constant(id)
    }
}

impl<'a, 'm: 'a> ArenaNode<'a> for WholeArena<'a, 'm> {
    fn count(&self) -> usize {
        self.node.inputs().len()
    }

    fn input(&self, index: usize) -> Option<(Operand, Option<usize>)> {
        let value = self.graph.value(self.id(index)?)?;
        Some((value.operand(), value.arena_offset.map(|start| start as usize)))
    }

    fn made(&self) -> &Operand {
        &self.made
    }

    fn given_floats(&self, index: usize) -> Option<Option<&'a [f32]>> {
        let position = position_of_input(self.graph, self.id(index)?)?;
        Some(match self.inputs.get(position) {
            Some(Input::F32(values)) => Some(values),
            _ => None,
        })
    }

    fn place(&self) -> Range<usize> {
        self.place.clone()
    }

    fn memory(&mut self) -> Option<(&mut [u8], &mut [u8])> {
        self.arena.split_at_mut_checked(self.graph.activation_bytes())
    }
}
