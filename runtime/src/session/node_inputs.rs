use core::ops::Range;

use super::node::position_of_input;
use super::{Input, arena_range};
use crate::graph::{ValueId, WeightId};
use crate::memory::{as_f32, as_i8};
use crate::model::{GraphView, NodeView, ValueView};
use crate::operators::{Constants, NodeInputs, Operand};
use crate::tensor::Constant;

/// What a node reads: the caller's inputs, and the arena before and after the node's own output.
pub(super) struct InputsBeside<'a> {
    pub graph: &'a GraphView<'a>,
    pub node: &'a NodeView<'a>,
    pub inputs: &'a [Input<'a>],
    pub before: &'a [u8],
    pub after: &'a [u8],
    pub output: Range<usize>,
}

impl<'a> InputsBeside<'a> {
    fn id(&self, index: usize) -> Option<ValueId> {
        self.node.inputs().nth(index)
    }

    fn value(&self, index: usize) -> Option<ValueView<'a>> {
        self.graph.value(self.id(index)?)
    }

    /// The caller's input that the node reads, if it is one.
    fn given(&self, index: usize) -> Option<&'a Input<'a>> {
        self.inputs.get(position_of_input(self.graph, self.id(index)?)?)
    }

    /// The bytes of a value beside the output.
    fn bytes(&self, index: usize) -> Option<&'a [u8]> {
        let (start, end) = arena_range(&self.value(index)?)?;
        match start.checked_sub(self.output.end) {
            Some(start) => self.after.get(start..end.checked_sub(self.output.end)?),
            None => self.before.get(start..end),
        }
    }
}

impl<'a> Constants<'a> for InputsBeside<'a> {
    fn constant(&self, id: WeightId) -> Option<Constant<'a>> {
        self.graph.constant(id)
    }
}

impl<'a> NodeInputs<'a> for InputsBeside<'a> {
    fn count(&self) -> usize {
        self.node.inputs().len()
    }

    fn operand(&self, index: usize) -> Option<Operand> {
        Some(self.value(index)?.operand())
    }

    fn image(&self, index: usize) -> Option<&'a [u8]> {
        match self.given(index)? {
            Input::U8(image) => Some(image),
            Input::F32(_) => None,
        }
    }

    fn floats(&self, index: usize) -> Option<&'a [f32]> {
        if let Some(Input::F32(values)) = self.given(index) {
            return Some(values);
        }
        as_f32(self.bytes(index)?)
    }

    fn numbers(&self, index: usize) -> Option<&'a [i8]> {
        Some(as_i8(self.bytes(index)?))
    }

    fn is_in_place(&self, index: usize) -> bool {
        self.value(index).and_then(|value| value.arena_offset).is_some_and(|start| start as usize == self.output.start)
    }
}
