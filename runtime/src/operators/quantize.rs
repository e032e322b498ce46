//! From float32 to int8 and back.

use super::operator::Types;
use super::{Dequantize, NodeInputs, Operand, Operator, Quantize};
use crate::kernels::elementwise;
use crate::tensor::Quantization;

impl Operator for Quantize {
    const TYPES: Types = Types::FloatToInt8;

    fn run_int8<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        to: Quantization,
        output: &mut [i8],
    ) -> Option<()> {
        elementwise::map(inputs.floats(0)?, output, |value| to.quantize(value));
        Some(())
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(_: &[usize], _: &mut super::Choices) -> Option<Self> {
        Some(Self {})
    }
}

impl Operator for Dequantize {
    const TYPES: Types = Types::Int8ToFloat;

    fn run_float<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        output: &mut [f32],
    ) -> Option<()> {
        let quantization = inputs.quantization(0)?;
        elementwise::map(inputs.numbers(0)?, output, |number| quantization.dequantize(number));
        Some(())
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(_: &[usize], _: &mut super::Choices) -> Option<Self> {
        Some(Self {})
    }
}
