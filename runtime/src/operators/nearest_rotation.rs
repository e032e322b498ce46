use super::operator::Types;
use super::{NearestRotation, NodeInputs, Operand, Operands, Operator, ShapeError};
use crate::rotation::{UnitQuaternion, unique_nearest_rotation};
use crate::tensor::Shape;

/// More than what the nearest rotation of one matrix takes.
const OPERATIONS: u64 = 4096;

impl Operator for NearestRotation {
    const TYPES: Types = Types::Float;

    fn shape(&self, first: Operand, _: &impl Operands) -> Result<Shape, ShapeError> {
        if first.shape.extents() != [9] {
            return Err(ShapeError::Inputs);
        }
        Shape::new(&[4]).ok_or(ShapeError::Size)
    }

    fn operations(&self, _: &impl Operands, _: Shape) -> u64 {
        OPERATIONS
    }

    fn run_float<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        _: &Operand,
        output: &mut [f32],
    ) -> Option<()> {
        let rows = inputs.floats(0)?.first_chunk::<9>()?;
        // NaN, so that whoever checks for finite outputs sees an answer that means nothing.
        *output.first_chunk_mut::<4>()? = unique_nearest_rotation(rows).map_or([f32::NAN; 4], UnitQuaternion::wxyz);
        Some(())
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(extents: &[usize], _: &mut super::Choices) -> Option<Self> {
        (extents == [9]).then_some(Self {})
    }
}
