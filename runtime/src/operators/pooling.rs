//! Largest values and means under a window, or over a whole map.

#[cfg(feature = "alloc")]
use core::ops::Range;

#[cfg(feature = "alloc")]
use super::Rows;
use super::operator::{Entry, OnArena};
use super::window::PoolingWindow;
use super::{
    ArenaNode, AveragePool2d, GlobalAveragePool, MaxPool2d, NodeInputs, Operand, Operands, Operator, Overlap,
    ShapeError,
};
use crate::kernels::int8::pooling::Mean;
use crate::kernels::pooling::Pooling;
use crate::kernels::{int8, pooling};
use crate::memory::as_i8_mut;
use crate::tensor::{DataType, Quantization, Ratio, Shape};

/// An operator that makes one number of those under a window, in each channel.
trait Pool2d: Entry {
    /// As [`Operator::KEEPS_QUANTIZATION`].
    const KEEPS_QUANTIZATION: bool;

    fn window(self) -> PoolingWindow;

    #[cfg(feature = "alloc")]
    fn with_window(window: PoolingWindow) -> Self;

    /// As [`Operator::check_scales`].
    fn check_scales(self, operands: &impl Operands, output: Quantization) -> Result<(), ShapeError>;

    fn pool_floats(options: &Pooling, input: &[f32], output: &mut [f32]);

    /// Makes int8 numbers from byte `to` on of those from byte `from` on, which may overlap as [`Operator::overlap`] allows.
    /// Inlined, it leaves a microcontroller no code between the operator and its kernel.
    fn pool_numbers(options: &Pooling, operands: [&Operand; 2], arena: &mut [i8], places: [usize; 2]) -> Option<()>;
}

impl<P: Pool2d> Operator for P {
    const KEEPS_QUANTIZATION: bool = <P as Pool2d>::KEEPS_QUANTIZATION;
    const ON_ARENA: OnArena = OnArena::OfInt8;

    fn shape(&self, first: Operand, _: &impl Operands) -> Result<Shape, ShapeError> {
        self.window().pooled(first.shape)
    }

    fn check_scales(&self, operands: &impl Operands, output: Quantization) -> Result<(), ShapeError> {
        Pool2d::check_scales(*self, operands, output)
    }

    fn overlap(
        &self,
        input: (Shape, DataType),
        output: (Shape, DataType),
        _: impl FnOnce() -> Option<usize>,
    ) -> Option<Overlap> {
        let PoolingWindow { stride: [step, _], padding, .. } = self.window();
        Overlap::of_window(input, output, step, padding.top)
    }

    fn operations(&self, operands: &impl Operands, output: Shape) -> u64 {
        self.window().operations(operands.input(0), output)
    }

    #[cfg(feature = "alloc")]
    fn rows(&self, _: &impl Operands) -> Rows {
        self.window().rows()
    }

    #[cfg(feature = "alloc")]
    fn of_rows(self, _: &Range<usize>, padding: [u16; 2]) -> Option<Self> {
        Some(P::with_window(self.window().padded(padding)))
    }

    fn run_float<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        made: &Operand,
        output: &mut [f32],
    ) -> Option<()> {
        let options = self.window().options(inputs.operand(0)?.shape, made.shape)?;
        P::pool_floats(&options, inputs.floats(0)?, output);
        Some(())
    }

    fn run_on_arena<'m, const OPERATORS: u64>(&self, node: &mut impl ArenaNode<'m>) -> Option<()> {
        let ((read, from), made) = (node.input(0)?, *node.made());
        let options = self.window().options(read.shape, made.shape)?;
        let places = [from?, node.place().start];
        let (activations, _) = node.memory()?;
        P::pool_numbers(&options, [&read, &made], as_i8_mut(activations), places)
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(extents: &[usize], choices: &mut super::Choices) -> Option<Self> {
        PoolingWindow::arbitrary(extents, choices).map(P::with_window)
    }
}

impl Pool2d for MaxPool2d {
    const KEEPS_QUANTIZATION: bool = true;

    fn window(self) -> PoolingWindow {
        let Self { kernel, stride, padding } = self;
        PoolingWindow { kernel, stride, padding }
    }

    #[cfg(feature = "alloc")]
    fn with_window(PoolingWindow { kernel, stride, padding }: PoolingWindow) -> Self {
        Self { kernel, stride, padding }
    }

    fn check_scales(self, _: &impl Operands, _: Quantization) -> Result<(), ShapeError> {
        Ok(())
    }

    fn pool_floats(options: &Pooling, input: &[f32], output: &mut [f32]) {
        pooling::max_pool(options, input, output);
    }

    #[inline(always)]
    fn pool_numbers(
        options: &Pooling,
        [_, made]: [&Operand; 2],
        arena: &mut [i8],
        [from, to]: [usize; 2],
    ) -> Option<()> {
        int8::pooling::max_pool(options, *made.shape.extents().first()?, arena, from, to)
    }
}

impl Pool2d for AveragePool2d {
    const KEEPS_QUANTIZATION: bool = false;

    fn window(self) -> PoolingWindow {
        let Self { kernel, stride, padding } = self;
        PoolingWindow { kernel, stride, padding }
    }

    #[cfg(feature = "alloc")]
    fn with_window(PoolingWindow { kernel, stride, padding }: PoolingWindow) -> Self {
        Self { kernel, stride, padding }
    }

    fn check_scales(self, operands: &impl Operands, output: Quantization) -> Result<(), ShapeError> {
        let [height, width] = self.kernel.map(f32::from);
        check_mean(operands, output, height * width)
    }

    fn pool_floats(options: &Pooling, input: &[f32], output: &mut [f32]) {
        pooling::average_pool(options, input, output);
    }

    #[inline(always)]
    fn pool_numbers(
        options: &Pooling,
        [read, made]: [&Operand; 2],
        arena: &mut [i8],
        [from, to]: [usize; 2],
    ) -> Option<()> {
        let mean = Mean::new(read.quantization?, made.quantization?);
        int8::pooling::average_pool(options, *made.shape.extents().first()?, mean, arena, from, to)
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

    fn run_float<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        output: &mut [f32],
    ) -> Option<()> {
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
