use super::operator::{InputCount, Types};
use super::{ApplyPredictor, NodeInputs, Operand, Operands, Operator, ShapeError, filters};
use crate::kernels::predictor::apply_predictor;
use crate::tensor::{DataType, Shape};

impl Operator for ApplyPredictor {
    const INPUTS: InputCount = InputCount::Two;
    const TYPES: Types = Types::Float;

    fn shape(&self, first: Operand, operands: &impl Operands) -> Result<Shape, ShapeError> {
        let condition = operands.input(1).ok_or(ShapeError::Inputs)?.shape;
        let (&[d], &[k]) = (first.shape.extents(), condition.extents()) else { return Err(ShapeError::Inputs) };
        match operands.weight(self.weight) {
            Some(weight) if weight.shape.extents() == [k, d, d] && weight.data_type == DataType::F32 => Ok(first.shape),
            _ => Err(ShapeError::Weight),
        }
    }

    fn products(&self, operands: &impl Operands, _: Shape) -> u64 {
        operands.weight(self.weight).map_or(0, |weight| weight.elements())
    }

    fn operations(&self, operands: &impl Operands, _: Shape) -> u64 {
        filters::stored_numbers(operands, self.weight)
    }

    fn run_float<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        output: &mut [f32],
    ) -> Option<()> {
        let matrices = inputs.constant(self.weight)?.data.floats();
        apply_predictor(inputs.floats(0)?, inputs.floats(1)?, matrices, output);
        Some(())
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(_: &[usize], _: &mut super::Choices) -> Option<Self> {
        None
    }
}
