use core::ops::Range;

use super::{Input, arena_range};
use crate::graph::{Quantization, ValueId};
use crate::memory::{as_f32, as_i8};
use crate::model::{GraphView, NodeView, ValueView};

/// What a node reads: the caller's inputs, and the arena before and after the node's own output.
pub(super) struct Operands<'a> {
    pub graph: &'a GraphView<'a>,
    pub node: &'a NodeView<'a>,
    pub inputs: &'a [Input<'a>],
    pub before: &'a [u8],
    pub after: &'a [u8],
    pub output: Range<usize>,
}

/// Where the two operands of an element-wise operator are.
pub(super) enum Pair<'a, T> {
    /// Both beside the output.
    Apart(&'a [T], &'a [T]),
    /// The first is where the output goes.
    FirstInPlace(&'a [T]),
    /// The second is where the output goes.
    SecondInPlace(&'a [T]),
    /// Both are, since they are one value.
    Same,
}

impl<'a> Operands<'a> {
    fn id(&self, index: usize) -> Option<ValueId> {
        self.node.inputs().nth(index)
    }

    pub fn value(&self, index: usize) -> Option<ValueView<'a>> {
        self.graph.value(self.id(index)?)
    }

    pub fn quantization(&self, index: usize) -> Option<Quantization> {
        self.value(index)?.quantization
    }

    /// The caller's input that the node reads, if it is one.
    fn given(&self, index: usize) -> Option<&'a Input<'a>> {
        let id = self.id(index)?;
        self.inputs.get(self.graph.inputs().position(|input| input == id)?)
    }

    pub fn image(&self, index: usize) -> Option<&'a [u8]> {
        match self.given(index)? {
            Input::U8(image) => Some(image),
            Input::F32(_) => None,
        }
    }

    pub fn floats(&self, index: usize) -> Option<&'a [f32]> {
        if let Some(Input::F32(values)) = self.given(index) {
            return Some(values);
        }
        as_f32(self.bytes(index)?)
    }

    pub fn numbers(&self, index: usize) -> Option<&'a [i8]> {
        Some(as_i8(self.bytes(index)?))
    }

    /// Whether an input is where the output goes.
    pub fn is_in_place(&self, index: usize) -> bool {
        self.value(index).and_then(|value| value.arena_offset).is_some_and(|start| start as usize == self.output.start)
    }

    pub fn float_pair(&self) -> Option<Pair<'a, f32>> {
        self.pair(Self::floats)
    }

    pub fn number_pair(&self) -> Option<Pair<'a, i8>> {
        self.pair(Self::numbers)
    }

    fn pair<T>(&self, read: impl Fn(&Self, usize) -> Option<&'a [T]>) -> Option<Pair<'a, T>> {
        Some(match [self.is_in_place(0), self.is_in_place(1)] {
            [false, false] => Pair::Apart(read(self, 0)?, read(self, 1)?),
            [true, false] => Pair::FirstInPlace(read(self, 1)?),
            [false, true] => Pair::SecondInPlace(read(self, 0)?),
            [true, true] => Pair::Same,
        })
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
