//! Cutting and joining rows of maps, which are one run of bytes. What the memory plan has put into its place already stays
//! there.

use core::ops::Range;

use super::operator::{InputCount, OnArena};
use super::overlap::row_bytes;
use super::{
    ArenaNode, ConcatRows, Operand, Operands, Operator, OperatorKind as Kind, Overlap, ShapeError, SliceRows, is_linked,
};
use crate::kernels::elementwise;
use crate::memory::as_f32_mut;
use crate::tensor::{DataType, Shape};

impl Operator for SliceRows {
    const KEEPS_QUANTIZATION: bool = true;
    const ON_ARENA: OnArena = OnArena::Always;

    fn shape(&self, first: Operand, _: &impl Operands) -> Result<Shape, ShapeError> {
        sliced(first.shape, self.start as usize, self.end as usize)
    }

    fn overlap(
        &self,
        input: (Shape, DataType),
        _: (Shape, DataType),
        _: impl FnOnce() -> Option<usize>,
    ) -> Option<Overlap> {
        row_bytes(input)?.checked_mul(self.start as usize).map(Overlap::Within)
    }

    fn run_on_arena<'m, const OPERATORS: u64>(&self, node: &mut impl ArenaNode<'m>) -> Option<()> {
        let made = *node.made();
        let skipped = row_bytes((made.shape, made.data_type))?.checked_mul(self.start as usize)?;
        let to = node.place();
        bring::<OPERATORS>(node, 0, skipped, to)
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(extents: &[usize], choices: &mut super::Choices) -> Option<Self> {
        let &[height, _, _] = extents else { return None };
        let start = choices.below(height);
        Some(Self { start: start as u32, end: choices.between(start + 1, height) as u32 })
    }
}

impl Operator for ConcatRows {
    const INPUTS: InputCount = InputCount::TwoOrMore;
    const KEEPS_QUANTIZATION: bool = true;
    const JOINS: bool = true;
    const ON_ARENA: OnArena = OnArena::Always;

    fn shape(&self, first: Operand, operands: &impl Operands) -> Result<Shape, ShapeError> {
        let &[mut height, width, channels] = first.shape.extents() else { return Err(ShapeError::Inputs) };
        for index in 1..operands.input_count() {
            match operands.input(index).ok_or(ShapeError::Inputs)?.shape.extents() {
                &[rows, w, c] if [w, c] == [width, channels] => {
                    height = height.checked_add(rows).ok_or(ShapeError::Size)?;
                }
                _ => return Err(ShapeError::Inputs),
            }
        }
        Shape::new(&[height, width, channels]).ok_or(ShapeError::Size)
    }

    fn overlap(
        &self,
        _: (Shape, DataType),
        _: (Shape, DataType),
        before: impl FnOnce() -> Option<usize>,
    ) -> Option<Overlap> {
        before().map(Overlap::Holds)
    }

    fn run_on_arena<'m, const OPERATORS: u64>(&self, node: &mut impl ArenaNode<'m>) -> Option<()> {
        let mut start = node.place().start;
        for index in 0..node.count() {
            let end = start.checked_add(node.input(index)?.0.bytes()?)?;
            bring::<OPERATORS>(node, index, 0, start..end)?;
            start = end;
        }
        Some(())
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(extents: &[usize], _: &mut super::Choices) -> Option<Self> {
        (extents.len() == 3).then_some(Self {})
    }
}

/// The shape of rows `start..end` of a map.
pub(super) fn sliced(map: Shape, start: usize, end: usize) -> Result<Shape, ShapeError> {
    let &[height, width, channels] = map.extents() else { return Err(ShapeError::Inputs) };
    if start >= end || end > height {
        return Err(ShapeError::Rows);
    }
    Shape::new(&[end - start, width, channels]).ok_or(ShapeError::Size)
}

/// Brings a part of an input, all bytes after those that are skipped or as many as there is room for, to that place.
fn bring<'m, const OPERATORS: u64>(
    node: &mut impl ArenaNode<'m>,
    index: usize,
    skipped: usize,
    to: Range<usize>,
) -> Option<()> {
    let takes_floats = |kind| is_linked(OPERATORS, kind, DataType::F32);
    if (takes_floats(Kind::SliceRows) || takes_floats(Kind::ConcatRows))
        && let Some(given) = node.given_floats(index)
    {
        let values = given?.get(skipped / DataType::F32.bytes()..)?;
        let (activations, _) = node.memory()?;
        elementwise::map(values, as_f32_mut(activations.get_mut(to)?)?, |value| value);
        return Some(());
    }
    let from = node.input(index)?.1?.checked_add(skipped)?;
    if from == to.start {
        return Some(());
    }
    let length = to.end.checked_sub(to.start)?;
    let (activations, _) = node.memory()?;
    let [from, to] = activations.get_disjoint_mut([from..from.checked_add(length)?, to]).ok()?;
    elementwise::map(from, to, |byte| byte);
    Some(())
}
