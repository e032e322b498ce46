//! Operators on one number, or on one number of each of two values.

use super::operator::{InputCount, Types};
use super::{Add, Clamp, Mul, NodeInputs, Operand, Operands, Operator, Pair, Relu, ShapeError, Sigmoid};
use crate::kernels::elementwise::{self, activate, clamp};
use crate::kernels::int8::quantize::{limit, multiply};
use crate::tensor::{Activation, Blend, Quantization, Ratio, Shape};

impl Operator for Add {
    const INPUTS: InputCount = InputCount::Two;
    const IN_PLACE: bool = true;
    const KEEPS_ROWS: bool = true;

    fn shape(&self, first: Operand, operands: &impl Operands) -> Result<Shape, ShapeError> {
        same_shapes(first, operands)
    }

    fn check_scales(&self, operands: &impl Operands, output: Quantization) -> Result<(), ShapeError> {
        Blend::of(two_quantizations(operands)?, output).map(|_| ()).ok_or(ShapeError::Scales)
    }

    fn run_float<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        output: &mut [f32],
    ) -> Option<()> {
        combine_floats(inputs, output, |a, b| activate(self.activation, a + b))
    }

    fn run_int8<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        to: Quantization,
        output: &mut [i8],
    ) -> Option<()> {
        let blend = Blend::of([inputs.quantization(0)?, inputs.quantization(1)?], to)?;
        let bounds = to.bounds(self.activation);
        combine_numbers(inputs, output, |swapped| {
            let blend = if swapped { blend.swapped() } else { blend };
            move |a, b| limit(blend.apply(a, b), bounds)
        })
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(_: &[usize], choices: &mut super::Choices) -> Option<Self> {
        Some(Self { activation: choices.activation() })
    }
}

impl Operator for Mul {
    const INPUTS: InputCount = InputCount::Two;
    const IN_PLACE: bool = true;
    const KEEPS_ROWS: bool = true;

    fn shape(&self, first: Operand, operands: &impl Operands) -> Result<Shape, ShapeError> {
        same_shapes(first, operands)
    }

    fn check_scales(&self, operands: &impl Operands, output: Quantization) -> Result<(), ShapeError> {
        let [a, b] = two_quantizations(operands)?;
        Ratio::of(a.scale * b.scale / output.scale).map(|_| ()).ok_or(ShapeError::Scales)
    }

    fn run_float<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        output: &mut [f32],
    ) -> Option<()> {
        combine_floats(inputs, output, |a, b| activate(self.activation, a * b))
    }

    fn run_int8<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        to: Quantization,
        output: &mut [i8],
    ) -> Option<()> {
        let read = [inputs.quantization(0)?, inputs.quantization(1)?];
        let ratio = Ratio::of(read[0].scale * read[1].scale / to.scale)?;
        let zero_points = [read[0], read[1], to].map(|quantization| i32::from(quantization.zero_point));
        let bounds = to.bounds(self.activation);
        combine_numbers(inputs, output, |swapped| {
            let [za, zb, zo] = zero_points;
            let zero_points = if swapped { [zb, za, zo] } else { zero_points };
            move |a, b| limit(multiply(a, b, zero_points, ratio), bounds)
        })
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(_: &[usize], choices: &mut super::Choices) -> Option<Self> {
        Some(Self { activation: choices.activation() })
    }
}

impl Operator for Relu {
    const KEEPS_QUANTIZATION: bool = true;
    const IN_PLACE: bool = true;
    const KEEPS_ROWS: bool = true;

    fn run_float<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        output: &mut [f32],
    ) -> Option<()> {
        map_floats(inputs, output, |value| value.max(0.0))
    }

    fn run_int8<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        to: Quantization,
        output: &mut [i8],
    ) -> Option<()> {
        limit_numbers(inputs, output, to.bounds(Activation::Relu))
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(_: &[usize], _: &mut super::Choices) -> Option<Self> {
        Some(Self {})
    }
}

impl Operator for Clamp {
    const KEEPS_QUANTIZATION: bool = true;
    const IN_PLACE: bool = true;
    const KEEPS_ROWS: bool = true;

    fn shape(&self, first: Operand, _: &impl Operands) -> Result<Shape, ShapeError> {
        if self.bounds().is_valid() { Ok(first.shape) } else { Err(ShapeError::Activation) }
    }

    fn run_float<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        output: &mut [f32],
    ) -> Option<()> {
        map_floats(inputs, output, |value| clamp(value, self.low, self.high))
    }

    fn run_int8<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        to: Quantization,
        output: &mut [i8],
    ) -> Option<()> {
        limit_numbers(inputs, output, to.bounds(self.bounds()))
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(_: &[usize], _: &mut super::Choices) -> Option<Self> {
        Some(Self { low: -1.0, high: 1.0 })
    }
}

impl Clamp {
    fn bounds(&self) -> Activation {
        Activation::Clamp { low: self.low, high: self.high }
    }
}

impl Operator for Sigmoid {
    const TYPES: Types = Types::Float;
    const IN_PLACE: bool = true;

    fn run_float<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        output: &mut [f32],
    ) -> Option<()> {
        map_floats(inputs, output, elementwise::sigmoid)
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(_: &[usize], _: &mut super::Choices) -> Option<Self> {
        Some(Self {})
    }
}

fn same_shapes(first: Operand, operands: &impl Operands) -> Result<Shape, ShapeError> {
    let second = operands.input(1).map(|operand| operand.shape);
    if second == Some(first.shape) { Ok(first.shape) } else { Err(ShapeError::Inputs) }
}

fn two_quantizations(operands: &impl Operands) -> Result<[Quantization; 2], ShapeError> {
    let input = |index| operands.input(index).and_then(|operand| operand.quantization).ok_or(ShapeError::Scales);
    Ok([input(0)?, input(1)?])
}

#[inline(always)]
pub(super) fn map_floats<'a>(inputs: &impl NodeInputs<'a>, output: &mut [f32], f: impl Fn(f32) -> f32) -> Option<()> {
    if inputs.is_in_place(0) {
        output.iter_mut().for_each(|value| *value = f(*value));
    } else {
        elementwise::map(inputs.floats(0)?, output, f);
    }
    Some(())
}

/// The numbers within these bounds.
pub(super) fn limit_numbers<'a>(inputs: &impl NodeInputs<'a>, output: &mut [i8], bounds: [i32; 2]) -> Option<()> {
    map_numbers(inputs, output, |number| limit(number.into(), bounds))
}

#[inline(always)]
fn map_numbers<'a>(inputs: &impl NodeInputs<'a>, output: &mut [i8], f: impl Fn(i8) -> i8) -> Option<()> {
    if inputs.is_in_place(0) {
        output.iter_mut().for_each(|number| *number = f(*number));
    } else {
        elementwise::map(inputs.numbers(0)?, output, f);
    }
    Some(())
}

fn combine_floats<'a>(inputs: &impl NodeInputs<'a>, output: &mut [f32], f: impl Fn(f32, f32) -> f32) -> Option<()> {
    match inputs.float_pair()? {
        Pair::Apart(a, b) => elementwise::combine(a, b, output, f),
        Pair::FirstInPlace(b) => elementwise::combine_in_place(output, b, f),
        Pair::SecondInPlace(a) => elementwise::combine_in_place(output, a, |second, first| f(first, second)),
        Pair::Same => output.iter_mut().for_each(|value| *value = f(*value, *value)),
    }
    Some(())
}

/// The first operand is brought to where the output goes, or the second if it is there already: one loop does for all.
/// `make` makes what combines two numbers, of which the first may be the second operand's.
fn combine_numbers<'a, F: Fn(i8, i8) -> i8>(
    inputs: &impl NodeInputs<'a>,
    output: &mut [i8],
    make: impl Fn(bool) -> F,
) -> Option<()> {
    let (others, swapped) = match inputs.number_pair()? {
        Pair::Apart(a, b) => {
            elementwise::map(a, output, |number| number);
            (b, false)
        }
        Pair::FirstInPlace(b) => (b, false),
        Pair::SecondInPlace(a) => (a, true),
        Pair::Same => {
            let f = make(false);
            output.iter_mut().for_each(|number| *number = f(*number, *number));
            return Some(());
        }
    };
    elementwise::combine_in_place(output, others, make(swapped));
    Some(())
}
