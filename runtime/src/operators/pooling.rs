//! Largest values and means under a window, or over a whole map.

#[cfg(feature = "alloc")]
use core::ops::Range;

use super::operator::OnArena;
use super::{
    ArenaNode, AveragePool2d, GlobalAveragePool, MaxPool2d, NodeInputs, Operand, Operands, Operator, Overlap,
    ShapeError, window,
};
#[cfg(feature = "alloc")]
use super::{Padding, Rows};
use crate::kernels::int8::pooling::Mean;
use crate::kernels::{int8, pooling};
use crate::memory::as_i8_mut;
use crate::tensor::{DataType, Quantization, Ratio, Shape};

impl Operator for MaxPool2d {
    const KEEPS_QUANTIZATION: bool = true;
    const ON_ARENA: OnArena = OnArena::OfInt8;

    fn shape(&self, first: Operand, _: &impl Operands) -> Result<Shape, ShapeError> {
        window::pooled(first.shape, self.kernel, self.stride, self.padding)
    }

    fn overlap(
        &self,
        input: (Shape, DataType),
        output: (Shape, DataType),
        _: impl FnOnce() -> Option<usize>,
    ) -> Option<Overlap> {
        let [step, _] = self.stride;
        Overlap::of_window(input, output, step, self.padding.top)
    }

    fn operations(&self, operands: &impl Operands, output: Shape) -> u64 {
        window::pooling_operations(operands.input(0), output, self.kernel)
    }

    #[cfg(feature = "alloc")]
    fn rows(&self, _: &impl Operands) -> Rows {
        window::pooling_rows(self.kernel, self.stride, self.padding)
    }

    #[cfg(feature = "alloc")]
    fn of_rows(self, _: &Range<usize>, [top, bottom]: [u16; 2]) -> Option<Self> {
        Some(Self { padding: Padding { top, bottom, ..self.padding }, ..self })
    }

    fn run_float<'a>(&self, inputs: &impl NodeInputs<'a>, made: &Operand, output: &mut [f32]) -> Option<()> {
        let read = inputs.operand(0)?;
        let options = window::pooling_options(read.shape, made.shape, self.kernel, self.stride, self.padding)?;
        pooling::max_pool(&options, inputs.floats(0)?, output);
        Some(())
    }

    fn run_on_arena<'m, const OPERATORS: u64>(&self, node: &mut impl ArenaNode<'m>) -> Option<()> {
        let ((read, from), made) = (node.input(0)?, *node.made());
        let options = window::pooling_options(read.shape, made.shape, self.kernel, self.stride, self.padding)?;
        let (from, to) = (from?, node.place().start);
        let (activations, _) = node.memory()?;
        int8::pooling::max_pool(&options, *made.shape.extents().first()?, as_i8_mut(activations), from, to)
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(extents: &[usize], choices: &mut super::Choices) -> Option<Self> {
        let (kernel, stride, padding) = arbitrary_window(extents, choices)?;
        Some(Self { kernel, stride, padding })
    }
}

impl Operator for AveragePool2d {
    const ON_ARENA: OnArena = OnArena::OfInt8;

    fn shape(&self, first: Operand, _: &impl Operands) -> Result<Shape, ShapeError> {
        window::pooled(first.shape, self.kernel, self.stride, self.padding)
    }

    fn check_scales(&self, operands: &impl Operands, output: Quantization) -> Result<(), ShapeError> {
        let [height, width] = self.kernel.map(f32::from);
        check_mean(operands, output, height * width)
    }

    fn overlap(
        &self,
        input: (Shape, DataType),
        output: (Shape, DataType),
        _: impl FnOnce() -> Option<usize>,
    ) -> Option<Overlap> {
        let [step, _] = self.stride;
        Overlap::of_window(input, output, step, self.padding.top)
    }

    fn operations(&self, operands: &impl Operands, output: Shape) -> u64 {
        window::pooling_operations(operands.input(0), output, self.kernel)
    }

    #[cfg(feature = "alloc")]
    fn rows(&self, _: &impl Operands) -> Rows {
        window::pooling_rows(self.kernel, self.stride, self.padding)
    }

    #[cfg(feature = "alloc")]
    fn of_rows(self, _: &Range<usize>, [top, bottom]: [u16; 2]) -> Option<Self> {
        Some(Self { padding: Padding { top, bottom, ..self.padding }, ..self })
    }

    fn run_float<'a>(&self, inputs: &impl NodeInputs<'a>, made: &Operand, output: &mut [f32]) -> Option<()> {
        let read = inputs.operand(0)?;
        let options = window::pooling_options(read.shape, made.shape, self.kernel, self.stride, self.padding)?;
        pooling::average_pool(&options, inputs.floats(0)?, output);
        Some(())
    }

    fn run_on_arena<'m, const OPERATORS: u64>(&self, node: &mut impl ArenaNode<'m>) -> Option<()> {
        let ((read, from), made) = (node.input(0)?, *node.made());
        let options = window::pooling_options(read.shape, made.shape, self.kernel, self.stride, self.padding)?;
        let mean = Mean::new(read.quantization?, made.quantization?);
        let (from, to) = (from?, node.place().start);
        let (activations, _) = node.memory()?;
        int8::pooling::average_pool(&options, *made.shape.extents().first()?, mean, as_i8_mut(activations), from, to)
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(extents: &[usize], choices: &mut super::Choices) -> Option<Self> {
        let (kernel, stride, padding) = arbitrary_window(extents, choices)?;
        Some(Self { kernel, stride, padding })
    }
}

impl Operator for GlobalAveragePool {
    fn shape(&self, first: Operand, _: &impl Operands) -> Result<Shape, ShapeError> {
        let &[_, _, channels] = first.shape.extents() else { return Err(ShapeError::Inputs) };
        Shape::new(&[channels]).ok_or(ShapeError::Size)
    }

    fn check_scales(&self, operands: &impl Operands, output: Quantization) -> Result<(), ShapeError> {
        check_mean_of_all(operands, output)
    }

    fn run_float<'a>(&self, inputs: &impl NodeInputs<'a>, _: &Operand, output: &mut [f32]) -> Option<()> {
        pooling::global_average_pool(inputs.floats(0)?, output);
        Some(())
    }

    fn run_int8<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        to: Quantization,
        output: &mut [i8],
    ) -> Option<()> {
        let mean = Mean::new(inputs.quantization(0)?, to);
        int8::pooling::global_average_pool(mean, inputs.numbers(0)?, output)
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(extents: &[usize], _: &mut super::Choices) -> Option<Self> {
        (extents.len() == 3).then_some(Self {})
    }
}

/// Whether the mean of one number, and of as many as are summed, can be brought to the output's scale.
pub(super) fn check_mean(operands: &impl Operands, output: Quantization, averaged: f32) -> Result<(), ShapeError> {
    let input = operands.input(0).and_then(|operand| operand.quantization).ok_or(ShapeError::Scales)?;
    let quotient = input.scale / output.scale;
    Ratio::of(quotient).and(Ratio::of(quotient / averaged)).map(|_| ()).ok_or(ShapeError::Scales)
}

/// The same for as many numbers as the input has.
pub(super) fn check_mean_of_all(operands: &impl Operands, output: Quantization) -> Result<(), ShapeError> {
    let averaged = operands.input(0).map_or(1, |operand| operand.shape.elements());
    check_mean(operands, output, averaged as f32)
}

#[cfg(test)]
fn arbitrary_window(extents: &[usize], choices: &mut super::Choices) -> Option<([u16; 2], [u16; 2], Padding)> {
    let &[height, width, _] = extents else { return None };
    let kernel = [choices.between(1, height), choices.between(1, width)];
    let padding = Padding { top: choices.below(kernel[0]) as u16, ..Padding::default() };
    let stride = [choices.between(1, 3) as u16, choices.between(1, 3) as u16];
    Some((kernel.map(|extent| extent as u16), stride, padding))
}
