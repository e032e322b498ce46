//! Moving and reducing axes.

use super::elementwise::{limit_numbers, map_floats};
use super::pooling::check_mean_of_all;
use super::{NodeInputs, Operand, Operands, Operator, ReduceMax, ReduceMean, Reshape, ShapeError, Transpose};
use crate::kernels::axes::{AroundAxis, transpose};
use crate::kernels::int8::pooling::Mean;
use crate::tensor::{Quantization, Shape};

impl Operator for Reshape {
    const KEEPS_QUANTIZATION: bool = true;
    const IN_PLACE: bool = true;

    fn shape(&self, first: Operand, _: &impl Operands) -> Result<Shape, ShapeError> {
        let extents = self.shape.map(|extent| extent as usize);
        let rank = extents.iter().position(|extent| *extent == 0).unwrap_or(extents.len());
        let (used, unused) = extents.split_at_checked(rank).ok_or(ShapeError::Size)?;
        let shape = Shape::new(used).ok_or(ShapeError::Size)?;
        let fits = unused.iter().all(|extent| *extent == 0) && shape.elements() == first.shape.elements();
        if fits { Ok(shape) } else { Err(ShapeError::Size) }
    }

    fn run_float<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        output: &mut [f32],
    ) -> Option<()> {
        map_floats(inputs, output, |value| value)
    }

    fn run_int8<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        _: Quantization,
        output: &mut [i8],
    ) -> Option<()> {
        limit_numbers(inputs, output, [-128, 127])
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(extents: &[usize], _: &mut super::Choices) -> Option<Self> {
        Some(Self { shape: [1, extents.iter().product::<usize>() as u32, 0, 0] })
    }
}

impl Operator for Transpose {
    const KEEPS_QUANTIZATION: bool = true;

    fn shape(&self, first: Operand, _: &impl Operands) -> Result<Shape, ShapeError> {
        let (axes, extents) = (self.axes.map(usize::from), first.shape.extents());
        let mut moved = [1; 4];
        for (position, axis) in axes.iter().enumerate() {
            let twice = axes.iter().take(position).any(|other| other == axis);
            let past_rank = position >= extents.len() && *axis != position;
            if twice || past_rank || *axis >= axes.len() {
                return Err(ShapeError::Axes);
            }
            if let (Some(to), Some(extent)) = (moved.get_mut(position), extents.get(*axis)) {
                *to = *extent;
            }
        }
        Shape::new(moved.get(..extents.len()).unwrap_or(&[])).ok_or(ShapeError::Axes)
    }

    fn run_float<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        output: &mut [f32],
    ) -> Option<()> {
        transpose(inputs.operand(0)?.shape, self.axes, inputs.floats(0)?, output);
        Some(())
    }

    fn run_int8<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        _: Quantization,
        output: &mut [i8],
    ) -> Option<()> {
        transpose(inputs.operand(0)?.shape, self.axes, inputs.numbers(0)?, output);
        Some(())
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(extents: &[usize], choices: &mut super::Choices) -> Option<Self> {
        let turned = [[0, 1, 2, 3], [1, 0, 2, 3], [2, 0, 1, 3]];
        Some(Self { axes: turned[choices.below(extents.len().min(turned.len()))] })
    }
}

impl Operator for ReduceMean {
    fn shape(&self, first: Operand, _: &impl Operands) -> Result<Shape, ShapeError> {
        reduced(first.shape, self.axis.into())
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
        let around = AroundAxis::of(inputs.operand(0)?.shape, self.axis)?;
        let count = around.length as f32;
        around.reduce(inputs.floats(0)?, output, |sum: Option<f32>, v| sum.unwrap_or(0.0) + v, |sum| sum / count);
        Some(())
    }

    fn run_int8<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        to: Quantization,
        output: &mut [i8],
    ) -> Option<()> {
        let read = inputs.operand(0)?;
        let around = AroundAxis::of(read.shape, self.axis)?;
        let finish = Mean::new(read.quantization?, to).of(around.length)?;
        let sum = |sum: Option<i32>, value: i8| sum.unwrap_or(0).wrapping_add(value.into());
        around.reduce(inputs.numbers(0)?, output, sum, finish);
        Some(())
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(extents: &[usize], choices: &mut super::Choices) -> Option<Self> {
        Some(Self { axis: choices.below(extents.len()) as u8 })
    }
}

impl Operator for ReduceMax {
    const KEEPS_QUANTIZATION: bool = true;

    fn shape(&self, first: Operand, _: &impl Operands) -> Result<Shape, ShapeError> {
        reduced(first.shape, self.axis.into())
    }

    fn run_float<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        output: &mut [f32],
    ) -> Option<()> {
        let around = AroundAxis::of(inputs.operand(0)?.shape, self.axis)?;
        let larger = |most: Option<f32>, v: f32| most.map_or(v, |m| m.max(v));
        around.reduce(inputs.floats(0)?, output, larger, |most| most);
        Some(())
    }

    fn run_int8<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        _: Quantization,
        output: &mut [i8],
    ) -> Option<()> {
        let around = AroundAxis::of(inputs.operand(0)?.shape, self.axis)?;
        let larger = |most: Option<i8>, v: i8| most.map_or(v, |m| m.max(v));
        around.reduce(inputs.numbers(0)?, output, larger, |most| most);
        Some(())
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(extents: &[usize], choices: &mut super::Choices) -> Option<Self> {
        Some(Self { axis: choices.below(extents.len()) as u8 })
    }
}

fn reduced(input: Shape, axis: usize) -> Result<Shape, ShapeError> {
    let extents = input.extents();
    let (before, rest) = extents.split_at_checked(axis).ok_or(ShapeError::Axes)?;
    let [_, after @ ..] = rest else { return Err(ShapeError::Axes) };
    let mut kept = [1; 4];
    for (to, extent) in kept.iter_mut().zip(before.iter().chain(after)) {
        *to = *extent;
    }
    let rank = extents.len().saturating_sub(1).max(1);
    Shape::new(kept.get(..rank).unwrap_or(&[])).ok_or(ShapeError::Size)
}
