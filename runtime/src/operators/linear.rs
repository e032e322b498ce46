use super::filters::{self, Windows};
use super::operator::OnArena;
use super::window::POINT;
use super::{ArenaNode, Constants, Linear, NodeInputs, Operand, Operands, Operator, ShapeError};
use crate::kernels::{int8, linear};
use crate::tensor::Shape;

impl Operator for Linear {
    const ON_ARENA: OnArena = OnArena::OfInt8;

    fn shape(&self, first: Operand, operands: &impl Operands) -> Result<Shape, ShapeError> {
        let &[cin] = first.shape.extents() else { return Err(ShapeError::Inputs) };
        let weight = operands.weight(self.weight).ok_or(ShapeError::Weight)?;
        let &[cout, inner] = weight.shape.extents() else { return Err(ShapeError::Weight) };
        if inner != cin {
            return Err(ShapeError::Weight);
        }
        filters::check_types(first.data_type, weight, operands.weight(self.bias), cout)?;
        Shape::new(&[cout]).ok_or(ShapeError::Size)
    }

    fn scratch_bytes(&self, operands: &impl Operands) -> usize {
        filters::scratch_bytes(operands.weight(self.weight))
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
        let (matrix, bias) = (inputs.constant(self.weight)?.data.floats(), inputs.constant(self.bias)?.data.floats());
        linear::linear(self.activation, inputs.floats(0)?, matrix, bias, output);
        Some(())
    }

    #[inline(always)]
    fn run_on_arena<'m, const OPERATORS: u64>(&self, node: &mut impl ArenaNode<'m>) -> Option<()> {
        let ((read, from), made) = (node.input(0)?, *node.made());
        self.windows(&*node, &read, &made)?.run(node, from?)
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(_: &[usize], _: &mut super::Choices) -> Option<Self> {
        None
    }
}

impl Linear {
    /// What the kernels of int8 get: a convolution of a map of one pixel.
    #[inline(always)]
    pub fn windows<'m>(&self, constants: &impl Constants<'m>, input: &Operand, made: &Operand) -> Option<Windows<'m>> {
        let (filters, scale) =
            filters::filters(constants, self.weight, self.bias, self.activation, made.quantization?)?;
        Some(Windows::Convolution(int8::convolution::Convolution {
            vertical: POINT,
            horizontal: POINT,
            input_channels: input.shape.elements(),
            output: [1, 1, made.shape.elements()],
            groups: 1,
            filters: filters.rows,
            row_bytes: filters.row_bytes,
            padding_value: 0,
            scale,
        }))
    }

    /// What kernels of float32 convolutions get.
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    pub fn float_convolution(&self, input: Shape, output: Shape) -> crate::kernels::convolution::Convolution {
        crate::kernels::convolution::Convolution {
            vertical: POINT,
            horizontal: POINT,
            input_channels: input.elements(),
            output_width: 1,
            output_channels: output.elements(),
            groups: 1,
            activation: self.activation,
        }
    }
}
