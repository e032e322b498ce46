use super::{Input, arena_range};
use crate::graph::{Op, Padding, Shape, ValueId};
use crate::kernels::convolution::{Convolution, convolve};
use crate::kernels::pooling::{MaxPooling, global_average_pool, max_pool};
use crate::kernels::window::WindowAxis;
use crate::kernels::{channels, elementwise, linear, predictor};
use crate::memory::{as_f32, as_f32_mut};
use crate::model::{GraphView, NodeView, ValueView};
use crate::rotation::nearest_rotation;

/// Runs one node. `None` cannot be for a model that is still as it was when it was checked.
pub(super) fn run(graph: &GraphView<'_>, node: &NodeView<'_>, inputs: &[Input<'_>], arena: &mut [u8]) -> Option<()> {
    let made = graph.value(node.output)?;
    let (start, end) = arena_range(&made)?;
    let (before, rest) = arena.split_at_mut_checked(start)?;
    let (output, after) = rest.split_at_mut_checked(end.checked_sub(start)?)?;
    let operands = Operands { graph, node, inputs, before, after, after_start: end };
    run_op(&operands, &made, as_f32_mut(output)?)
}

fn run_op(operands: &Operands<'_>, made: &ValueView<'_>, output: &mut [f32]) -> Option<()> {
    let weight = |id| operands.graph.weight(id);
    let first = operands.value(0)?;
    match &operands.node.op {
        Op::Normalize { mean, std } => elementwise::normalize(mean, std, operands.image(0)?, output),
        op @ Op::Conv2d { weight: filters, bias, .. } => {
            let filters = weight(*filters)?;
            let options = convolution(op, first.shape, filters.shape, made.shape)?;
            convolve(&options, operands.floats(0)?, filters.data, weight(*bias)?.data, output);
        }
        Op::Linear { weight: matrix, bias, activation } => {
            linear::linear(*activation, operands.floats(0)?, weight(*matrix)?.data, weight(*bias)?.data, output);
        }
        Op::Add { activation } => elementwise::add(*activation, operands.floats(0)?, operands.floats(1)?, output),
        Op::Relu => elementwise::relu(operands.floats(0)?, output),
        Op::MaxPool2d { kernel, stride, padding } => {
            let options = pooling(first.shape, made.shape, *kernel, *stride, *padding)?;
            max_pool(&options, operands.floats(0)?, output);
        }
        Op::GlobalAveragePool => global_average_pool(operands.floats(0)?, output),
        Op::Slice { start, .. } => {
            let (from, to) = (first.shape.split_channels().1, made.shape.split_channels().1);
            channels::slice_channels(*start as usize, from, to, operands.floats(0)?, output);
        }
        Op::Concat => concat(operands, made.shape.split_channels().1, output)?,
        Op::ApplyPredictor { weight: matrices } => {
            predictor::apply_predictor(operands.floats(0)?, operands.floats(1)?, weight(*matrices)?.data, output);
        }
        Op::NearestRotation => {
            let rows = operands.floats(0)?.first_chunk::<9>()?;
            *output.first_chunk_mut::<4>()? = nearest_rotation(rows).wxyz();
        }
    }
    Some(())
}

fn concat(operands: &Operands<'_>, output_channels: usize, output: &mut [f32]) -> Option<()> {
    let mut start = 0;
    for index in 0..operands.node.inputs().len() {
        let input_channels = operands.value(index)?.shape.split_channels().1;
        channels::place_channels(start, input_channels, output_channels, operands.floats(index)?, output);
        start += input_channels;
    }
    Some(())
}

fn convolution(op: &Op, input: Shape, weight: Shape, output: Shape) -> Option<Convolution> {
    let Op::Conv2d { stride, padding, groups, activation, .. } = op else { return None };
    let (&[height, width, input_channels], &[_, kernel_height, kernel_width, _], &[_, output_width, output_channels]) =
        (input.extents(), weight.extents(), output.extents())
    else {
        return None;
    };
    let [vertical, horizontal] = window([height, width], [kernel_height, kernel_width], *stride, *padding);
    Some(Convolution {
        vertical,
        horizontal,
        input_channels,
        output_width,
        output_channels,
        groups: *groups as usize,
        activation: *activation,
    })
}

fn pooling(input: Shape, output: Shape, kernel: [u16; 2], stride: [u16; 2], padding: Padding) -> Option<MaxPooling> {
    let (&[height, width, channels], &[_, output_width, _]) = (input.extents(), output.extents()) else {
        return None;
    };
    let [vertical, horizontal] = window([height, width], kernel.map(usize::from), stride, padding);
    Some(MaxPooling { vertical, horizontal, channels, output_width })
}

fn window(size: [usize; 2], kernel: [usize; 2], stride: [u16; 2], padding: Padding) -> [WindowAxis; 2] {
    let [height, width] = size;
    let [kernel_height, kernel_width] = kernel;
    let [stride_y, stride_x] = stride.map(usize::from);
    [
        WindowAxis { size: height, kernel: kernel_height, stride: stride_y, padding_before: padding.top.into() },
        WindowAxis { size: width, kernel: kernel_width, stride: stride_x, padding_before: padding.left.into() },
    ]
}

/// What a node reads: the caller's inputs, and the arena before and after the node's own output.
struct Operands<'a> {
    graph: &'a GraphView<'a>,
    node: &'a NodeView<'a>,
    inputs: &'a [Input<'a>],
    before: &'a [u8],
    after: &'a [u8],
    after_start: usize,
}

impl<'a> Operands<'a> {
    fn id(&self, index: usize) -> Option<ValueId> {
        self.node.inputs().nth(index)
    }

    fn value(&self, index: usize) -> Option<ValueView<'a>> {
        self.graph.value(self.id(index)?)
    }

    /// The caller's input that the node reads, if it is one.
    fn given(&self, index: usize) -> Option<&'a Input<'a>> {
        let id = self.id(index)?;
        self.inputs.get(self.graph.inputs().position(|input| input == id)?)
    }

    fn image(&self, index: usize) -> Option<&'a [u8]> {
        match self.given(index)? {
            Input::U8(image) => Some(image),
            Input::F32(_) => None,
        }
    }

    fn floats(&self, index: usize) -> Option<&'a [f32]> {
        if let Some(Input::F32(values)) = self.given(index) {
            return Some(values);
        }
        let (start, end) = arena_range(&self.value(index)?)?;
        let bytes = match start.checked_sub(self.after_start) {
            Some(start) => self.after.get(start..end.checked_sub(self.after_start)?)?,
            None => self.before.get(start..end)?,
        };
        as_f32(bytes)
    }
}
