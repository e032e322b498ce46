#[cfg(feature = "alloc")]
use core::ops::Range;

use super::filters::{self, Windows};
use super::operator::OnArena;
use super::{
    ArenaNode, Constants, Conv2d, NodeInputs, Operand, Operands, Operator, OperatorKind as Kind, Overlap, ShapeError,
    WeightInfo, is_depthwise, is_linked, window,
};
#[cfg(feature = "alloc")]
use super::{Padding, Rows};
use crate::kernels::convolution::{Convolution, convolve, convolve_expanded};
use crate::kernels::int8::{self, expanded::ExpandedConvolution};
use crate::tensor::{Constant, DataType, Shape};

impl Operator for Conv2d {
    const ON_ARENA: OnArena = OnArena::OfInt8;

    fn shape(&self, first: Operand, operands: &impl Operands) -> Result<Shape, ShapeError> {
        let &[height, width, cin] = first.shape.extents() else { return Err(ShapeError::Inputs) };
        let weight = operands.weight(self.weight).ok_or(ShapeError::Weight)?;
        let &[rows, kernel_height, kernel_width, group_cin] = weight.shape.extents() else {
            return Err(ShapeError::Weight);
        };
        let groups = self.groups as usize;
        if weight.expansion.is_some() && groups != 1 {
            return Err(ShapeError::Expansion);
        }
        let depthwise = self.is_depthwise(weight);
        let cout = if depthwise { groups } else { rows };
        if groups == 0 || !cout.is_multiple_of(groups) || !cin.is_multiple_of(groups) {
            return Err(ShapeError::Groups);
        }
        if if depthwise { cin != groups } else { cin / groups != group_cin } {
            return Err(ShapeError::Weight);
        }
        filters::check_types(first.data_type, weight, operands.weight(self.bias), cout)?;
        let kernel = [kernel_height, kernel_width];
        let [out_height, out_width] = window::output_size([height, width], kernel, self.stride, self.padding)?;
        Shape::new(&[out_height, out_width, cout]).ok_or(ShapeError::Size)
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

    fn scratch_bytes(&self, operands: &impl Operands) -> usize {
        filters::scratch_bytes(operands.weight(self.weight).filter(|weight| !is_depthwise(self.groups, weight.shape)))
    }

    fn products(&self, operands: &impl Operands, output: Shape) -> u64 {
        let numbers = operands.weight(self.weight).map_or(0, |weight| weight.elements());
        window::places(output).saturating_mul(numbers)
    }

    fn operations(&self, operands: &impl Operands, output: Shape) -> u64 {
        window::places(output).saturating_mul(filters::stored_numbers(operands, self.weight))
    }

    #[cfg(feature = "alloc")]
    fn rows(&self, operands: &impl Operands) -> Rows {
        let [step, _] = self.stride.map(usize::from);
        let kernel = operands.weight(self.weight).and_then(|weight| weight.shape.extents().get(1).copied());
        kernel.map_or(Rows::All, |kernel| Rows::Window { kernel, step, padding_top: self.padding.top.into() })
    }

    #[cfg(feature = "alloc")]
    fn of_rows(self, _: &Range<usize>, [top, bottom]: [u16; 2]) -> Option<Self> {
        Some(Self { padding: Padding { top, bottom, ..self.padding }, ..self })
    }

    fn run_float<'a, const OPERATORS: u64>(
        &self,
        inputs: &impl NodeInputs<'a>,
        made: &Operand,
        output: &mut [f32],
    ) -> Option<()> {
        let linked = |kind| is_linked(OPERATORS, kind, DataType::F32);
        let filters = inputs.constant(self.weight)?;
        let options = self.float_convolution(inputs.operand(0)?.shape, filters.shape, made.shape)?;
        let bias = inputs.constant(self.bias)?.data.floats();
        let (input, weight) = (inputs.floats(0)?, filters.data.floats());
        match filters.expansion {
            Some(expansion) if linked(Kind::ExpandedConv2d) => {
                convolve_expanded(&options, expansion, input, weight, bias, output);
            }
            None if linked(Kind::Conv2d) => convolve(&options, input, weight, bias, output),
            _ => return None,
        }
        Some(())
    }

    #[inline(always)]
    fn run_on_arena<'m, const OPERATORS: u64>(&self, node: &mut impl ArenaNode<'m>) -> Option<()> {
        let ((read, from), made) = (node.input(0)?, *node.made());
        self.windows::<OPERATORS>(&*node, &read, &made)?.run(node, from?)
    }

    #[cfg(all(test, feature = "alloc"))]
    fn arbitrary(_: &[usize], _: &mut super::Choices) -> Option<Self> {
        None
    }
}

impl Conv2d {
    fn is_depthwise(&self, weight: WeightInfo) -> bool {
        weight.data_type == DataType::I8 && is_depthwise(self.groups, weight.shape)
    }

    /// What the kernel of float32 gets; `None` when a value is no map.
    pub fn float_convolution(&self, input: Shape, weight: Shape, output: Shape) -> Option<Convolution> {
        let (
            &[height, width, input_channels],
            &[_, kernel_height, kernel_width, _],
            &[_, output_width, output_channels],
        ) = (input.extents(), weight.extents(), output.extents())
        else {
            return None;
        };
        let kernel = [kernel_height, kernel_width];
        let [vertical, horizontal] = window::axes([height, width], kernel, self.stride, self.padding);
        Some(Convolution {
            vertical,
            horizontal,
            input_channels,
            output_width,
            output_channels,
            groups: self.groups as usize,
            activation: self.activation,
        })
    }

    /// What the kernels of int8 get.
    #[inline(always)]
    pub fn windows<'m, const OPERATORS: u64>(
        &self,
        constants: &impl Constants<'m>,
        input: &Operand,
        made: &Operand,
    ) -> Option<Windows<'m>> {
        let linked = |kind| is_linked(OPERATORS, kind, DataType::I8);
        let Constant { shape, expansion, .. } = constants.constant(self.weight)?;
        let (filters, scale) =
            filters::filters(constants, self.weight, self.bias, self.activation, made.quantization?)?;
        let (&[height, width, input_channels], &[_, kernel_height, kernel_width, _], &[rows, columns, channels]) =
            (input.shape.extents(), shape.extents(), made.shape.extents())
        else {
            return None;
        };
        let kernel = [kernel_height, kernel_width];
        let [vertical, horizontal] = window::axes([height, width], kernel, self.stride, self.padding);
        let padding_value = input.quantization?.zero_point;
        if linked(Kind::Depthwise) && is_depthwise(self.groups, shape) {
            return Some(Windows::Depthwise(int8::depthwise::Depthwise {
                vertical,
                horizontal,
                channels,
                output: [rows, columns],
                filters: filters.rows,
                padding_value,
                scale,
            }));
        }
        let convolution = int8::convolution::Convolution {
            vertical,
            horizontal,
            input_channels,
            output: [rows, columns, channels],
            groups: self.groups as usize,
            filters: filters.rows,
            row_bytes: filters.row_bytes,
            padding_value,
            scale,
        };
        match expansion {
            Some(expansion) if linked(Kind::ExpandedConv2d) => {
                Some(Windows::Expanded(ExpandedConvolution { base: convolution, expansion }))
            }
            None if linked(Kind::Conv2d) => Some(Windows::Convolution(convolution)),
            _ => None,
        }
    }
}
