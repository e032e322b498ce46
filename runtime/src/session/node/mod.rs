//! Runs one node: finds what it reads and writes in the arena, and calls the kernel.

pub(super) mod float;
pub(super) mod int8;
mod operands;
mod rows;

use operands::Operands;

use super::{Input, arena_range};
use crate::graph::{DataType, Op, Padding, Shape};
use crate::kernels::pooling::Pooling;
use crate::kernels::window::WindowAxis;
use crate::model::{GraphView, NodeView};

/// Runs one node. `None` cannot be for a model that is still as it was when it was checked.
pub(super) fn run<const OPERATORS: u64>(
    graph: &GraphView<'_>,
    node: &NodeView<'_>,
    inputs: &[Input<'_>],
    arena: &mut [u8],
) -> Option<()> {
    let made = graph.value(node.output)?;
    if rows::moves_rows::<OPERATORS>(&node.op) {
        return rows::run::<OPERATORS>(graph, node, &made, inputs, arena);
    }
    let reads_map_of_bytes =
        matches!(node.op, Op::Conv2d { .. } | Op::Linear { .. } | Op::MaxPool2d { .. } | Op::AveragePool2d { .. });
    if made.data_type == DataType::I8 && reads_map_of_bytes {
        // The result may overlap the input: these kernels work on the arena as a whole.
        return int8::run_in_arena::<OPERATORS>(graph, node, &made, arena);
    }
    let (start, end) = arena_range(&made)?;
    let (before, rest) = arena.split_at_mut_checked(start)?;
    let (output, after) = rest.split_at_mut_checked(end.checked_sub(start)?)?;
    let operands = Operands { graph, node, inputs, before, after, output: start..end };
    match made.data_type {
        DataType::I8 => int8::run::<OPERATORS>(&operands, &made, output),
        _ => float::run::<OPERATORS>(&operands, &made, output),
    }
}

pub(super) fn pooling(
    input: Shape,
    output: Shape,
    kernel: [u16; 2],
    stride: [u16; 2],
    padding: Padding,
) -> Option<Pooling> {
    let (&[height, width, channels], &[_, output_width, _]) = (input.extents(), output.extents()) else {
        return None;
    };
    let [vertical, horizontal] = window([height, width], kernel.map(usize::from), stride, padding);
    Some(Pooling { vertical, horizontal, channels, output_width })
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
