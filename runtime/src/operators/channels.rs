//! Cutting and joining channels.

use super::operator::InputCount;
use super::{Concat, NodeInputs, Operand, Operands, Operator, ShapeError, Slice};
use crate::kernels::channels::{place_channels, slice_channels};
use crate::tensor::{Quantization, Shape, rescale, saturate};

impl Operator for Slice {
    const KEEPS_QUANTIZATION: bool = true;
    const KEEPS_ROWS: bool = true;

    fn shape(&self, first: Operand, _: &impl Operands) -> Result<Shape, ShapeError> {
        let (start, end) = (self.start as usize, self.end as usize);
        if start >= end || end > first.channels() {
            return Err(ShapeError::Channels);
        }
        first.shape.with_channels(end - start).ok_or(ShapeError::Size)
    }

    fn run_float<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        made: &Operand,
        output: &mut [f32],
    ) -> Option<()> {
        let (from, to) = (inputs.operand(0)?.channels(), made.channels());
        slice_channels(self.start as usize, from, to, inputs.floats(0)?, output);
        Some(())
    }

    fn run_int8<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        made: &Operand,
        _: Quantization,
        output: &mut [i8],
    ) -> Option<()> {
        let (from, to) = (inputs.operand(0)?.channels(), made.channels());
        slice_channels(self.start as usize, from, to, inputs.numbers(0)?, output);
        Some(())
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(extents: &[usize], choices: &mut super::Choices) -> Option<Self> {
        let channels = *extents.last()?;
        let start = choices.below(channels);
        Some(Self { start: start as u32, end: choices.between(start + 1, channels) as u32 })
    }
}

impl Operator for Concat {
    const INPUTS: InputCount = InputCount::TwoOrMore;
    const KEEPS_ROWS: bool = true;

    fn shape(&self, first: Operand, operands: &impl Operands) -> Result<Shape, ShapeError> {
        let (outer, mut channels) = first.shape.split_channels();
        for index in 1..operands.input_count() {
            let other = operands.input(index).ok_or(ShapeError::Inputs)?.shape;
            let (other_outer, other_channels) = other.split_channels();
            if outer != other_outer {
                return Err(ShapeError::Inputs);
            }
            channels = channels.checked_add(other_channels).ok_or(ShapeError::Size)?;
        }
        first.shape.with_channels(channels).ok_or(ShapeError::Size)
    }

    fn check_scales(&self, operands: &impl Operands, output: Quantization) -> Result<(), ShapeError> {
        for index in 0..operands.input_count() {
            let input = operands.input(index).and_then(|operand| operand.quantization);
            input.and_then(|input| rescale(input, output)).ok_or(ShapeError::Scales)?;
        }
        Ok(())
    }

    fn run_float<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        made: &Operand,
        output: &mut [f32],
    ) -> Option<()> {
        let mut start = 0;
        for index in 0..inputs.count() {
            let channels = inputs.operand(index)?.channels();
            place_channels(start, channels, made.channels(), inputs.floats(index)?, output, |value| value);
            start += channels;
        }
        Some(())
    }

    fn run_int8<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        made: &Operand,
        to: Quantization,
        output: &mut [i8],
    ) -> Option<()> {
        let mut start = 0;
        for index in 0..inputs.count() {
            let read = inputs.operand(index)?;
            let (from, channels) = (read.quantization?, read.channels());
            let numbers = inputs.numbers(index)?;
            if from == to {
                place_channels(start, channels, made.channels(), numbers, output, |number| number);
            } else {
                let rescaled = rescale(from, to)?;
                let place = |number| saturate(rescaled.apply(number, 0));
                place_channels(start, channels, made.channels(), numbers, output, place);
            }
            start += channels;
        }
        Some(())
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(_: &[usize], _: &mut super::Choices) -> Option<Self> {
        Some(Self {})
    }
}
