use super::operator::Types;
use super::{NodeInputs, Operand, Operator, Softmax};
use crate::kernels::elementwise;

impl Operator for Softmax {
    const TYPES: Types = Types::Float;

    fn run_float<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        made: &Operand,
        output: &mut [f32],
    ) -> Option<()> {
        elementwise::softmax(made.channels(), inputs.floats(0)?, output);
        Some(())
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(_: &[usize], _: &mut super::Choices) -> Option<Self> {
        Some(Self {})
    }
}
