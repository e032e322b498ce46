//! Operators that make int8 values.

use super::operands::{Operands, Pair};
use super::{arena_range, pooling, window};
use crate::graph::{
    Activation, Blend, DataType, Op, OperatorKind as Kind, Quantization, Ratio, WeightId, is_depthwise, is_linked,
    rescale, row_bytes, saturate,
};
use crate::kernels::axes::{AroundAxis, transpose};
use crate::kernels::int8::OutputScale;
use crate::kernels::int8::convolution::{Convolution, convolve};
use crate::kernels::int8::depthwise::{Depthwise, convolve_depthwise};
use crate::kernels::int8::pooling::{Mean, average_pool, global_average_pool, max_pool};
use crate::kernels::int8::quantize::{limit, multiply, quantize_image};
use crate::kernels::window::WindowAxis;
use crate::kernels::{channels, elementwise};
use crate::memory::{as_i8_mut, as_i16_mut};
use crate::model::{GraphView, NodeView, QuantizedFilters, TensorData, ValueView};

/// Operators whose inputs are beside their output, or exactly where it is.
pub(super) fn run<const OPERATORS: u64>(
    operands: &Operands<'_>,
    made: &ValueView<'_>,
    output: &mut [u8],
) -> Option<()> {
    let output = as_i8_mut(output);
    let to = made.quantization?;
    let first = operands.value(0)?;
    let linked = |kind| is_linked(OPERATORS, kind, DataType::I8);
    match &operands.node.op {
        Op::QuantizeImage { mean, std, rows } if linked(Kind::QuantizeImage) || linked(Kind::QuantizeRows) => {
            let image = operands.image(0)?;
            let first = if linked(Kind::QuantizeRows) { bytes_above(made, *rows)? } else { 0 };
            quantize_image(mean, std, to, image.get(first..)?, output)
        }
        Op::Quantize if linked(Kind::Quantize) => {
            elementwise::map(operands.floats(0)?, output, |value| to.quantize(value))
        }
        Op::Add { activation } if linked(Kind::Add) => {
            let blend = Blend::of([operands.quantization(0)?, operands.quantization(1)?], to)?;
            let bounds = to.bounds(*activation);
            combine(operands, output, |swapped| {
                let blend = if swapped { blend.swapped() } else { blend };
                move |a, b| limit(blend.apply(a, b), bounds)
            })?;
        }
        Op::Mul { activation } if linked(Kind::Mul) => {
            let inputs = [operands.quantization(0)?, operands.quantization(1)?];
            let ratio = Ratio::of(inputs[0].scale * inputs[1].scale / to.scale)?;
            let zero_points = [inputs[0], inputs[1], to].map(|quantization| i32::from(quantization.zero_point));
            let bounds = to.bounds(*activation);
            combine(operands, output, |swapped| {
                let [za, zb, zo] = zero_points;
                let zero_points = if swapped { [zb, za, zo] } else { zero_points };
                move |a, b| limit(multiply(a, b, zero_points, ratio), bounds)
            })?;
        }
        Op::Relu if linked(Kind::Relu) => map(operands, output, to.bounds(Activation::Relu))?,
        Op::Clamp { low, high } if linked(Kind::Clamp) => {
            map(operands, output, to.bounds(Activation::Clamp { low: *low, high: *high }))?
        }
        Op::Reshape { .. } if linked(Kind::Reshape) => map(operands, output, [-128, 127])?,
        Op::GlobalAveragePool if linked(Kind::GlobalAveragePool) => {
            global_average_pool(Mean::new(first.quantization?, to), operands.numbers(0)?, output)?;
        }
        Op::Slice { start, .. } if linked(Kind::Slice) => {
            let (from, to) = (first.shape.split_channels().1, made.shape.split_channels().1);
            channels::slice_channels(*start as usize, from, to, operands.numbers(0)?, output);
        }
        Op::Concat if linked(Kind::Concat) => concat(operands, made.shape.split_channels().1, to, output)?,
        Op::Transpose { axes } if linked(Kind::Transpose) => {
            transpose(first.shape, *axes, operands.numbers(0)?, output)
        }
        Op::ReduceMean { axis } if linked(Kind::ReduceMean) => {
            let around = AroundAxis::of(first.shape, *axis)?;
            let finish = Mean::new(first.quantization?, to).of(around.length)?;
            let sum = |sum: Option<i32>, value: i8| sum.unwrap_or(0).wrapping_add(value.into());
            around.reduce(operands.numbers(0)?, output, sum, finish);
        }
        Op::ReduceMax { axis } if linked(Kind::ReduceMax) => {
            let around = AroundAxis::of(first.shape, *axis)?;
            around.reduce(
                operands.numbers(0)?,
                output,
                |most: Option<i8>, v| most.map_or(v, |m| m.max(v)),
                |most| most,
            );
        }
        _ => return None,
    }
    Some(())
}

/// Sliding windows and linear operators: the output may lie over parts of the input that are done with.
pub(super) fn run_in_arena<const OPERATORS: u64>(
    graph: &GraphView<'_>,
    node: &NodeView<'_>,
    made: &ValueView<'_>,
    arena: &mut [u8],
) -> Option<()> {
    let input = graph.value(node.inputs().next()?)?;
    let ((from, _), (to, _)) = (arena_range(&input)?, arena_range(made)?);
    let (activations, scratch) = arena.split_at_mut_checked(graph.activation_bytes())?;
    let activations = as_i8_mut(activations);
    let quantization = made.quantization?;
    let linked = |kind| is_linked(OPERATORS, kind, DataType::I8);
    match &node.op {
        Op::MaxPool2d { kernel, stride, padding } if linked(Kind::MaxPool2d) => {
            let options = pooling(input.shape, made.shape, *kernel, *stride, *padding)?;
            max_pool(&options, *made.shape.extents().first()?, activations, from, to)
        }
        Op::AveragePool2d { kernel, stride, padding } if linked(Kind::AveragePool2d) => {
            let options = pooling(input.shape, made.shape, *kernel, *stride, *padding)?;
            let mean = Mean::new(input.quantization?, quantization);
            average_pool(&options, *made.shape.extents().first()?, mean, activations, from, to)
        }
        _ => {
            match windows::<OPERATORS>(graph, node, &input, made)? {
                Windows::Convolution(options) if linked(Kind::Conv2d) || linked(Kind::Linear) => {
                    convolve(&options, activations, from, to, as_i16_mut(scratch)?);
                }
                Windows::Depthwise(options) if linked(Kind::Depthwise) => {
                    convolve_depthwise(&options, activations, from, to);
                }
                _ => return None,
            }
            Some(())
        }
    }
}

/// A product of windows with filters.
pub(in crate::session) enum Windows<'m> {
    Convolution(Convolution<'m>),
    Depthwise(Depthwise<'m>),
}

/// What a convolution or a linear operator multiplies; `None` for other operators.
#[inline(always)]
pub(in crate::session) fn windows<'m, const OPERATORS: u64>(
    graph: &GraphView<'m>,
    node: &NodeView<'_>,
    input: &ValueView<'_>,
    made: &ValueView<'_>,
) -> Option<Windows<'m>> {
    let quantization = made.quantization?;
    let linked = |kind| is_linked(OPERATORS, kind, DataType::I8);
    match &node.op {
        Op::Linear { weight, bias, activation } if linked(Kind::Linear) => {
            let (filters, scale) = filters(graph, *weight, *bias, *activation, quantization)?;
            let point = WindowAxis { size: 1, kernel: 1, stride: 1, padding_before: 0 };
            Some(Windows::Convolution(Convolution {
                vertical: point,
                horizontal: point,
                input_channels: input.shape.elements(),
                output: [1, 1, made.shape.elements()],
                groups: 1,
                filters: filters.rows,
                row_bytes: filters.row_bytes,
                padding_value: 0,
                scale,
            }))
        }
        Op::Conv2d { weight, bias, stride, padding, groups, activation }
            if linked(Kind::Conv2d) || linked(Kind::Depthwise) =>
        {
            let shape = graph.weight(*weight)?.shape;
            let (filters, scale) = filters(graph, *weight, *bias, *activation, quantization)?;
            let (&[height, width, input_channels], &[_, kernel_height, kernel_width, _], &[rows, columns, channels]) =
                (input.shape.extents(), shape.extents(), made.shape.extents())
            else {
                return None;
            };
            let [vertical, horizontal] = window([height, width], [kernel_height, kernel_width], *stride, *padding);
            let padding_value = input.quantization?.zero_point;
            if linked(Kind::Depthwise) && is_depthwise(&node.op, shape) {
                let output = [rows, columns];
                let filters = filters.rows;
                return Some(Windows::Depthwise(Depthwise {
                    vertical,
                    horizontal,
                    channels,
                    output,
                    filters,
                    padding_value,
                    scale,
                }));
            }
            if !linked(Kind::Conv2d) {
                return None;
            }
            Some(Windows::Convolution(Convolution {
                vertical,
                horizontal,
                input_channels,
                output: [rows, columns, channels],
                groups: *groups as usize,
                filters: filters.rows,
                row_bytes: filters.row_bytes,
                padding_value,
                scale,
            }))
        }
        _ => None,
    }
}

fn filters<'m>(
    graph: &GraphView<'m>,
    weight: WeightId,
    bias: WeightId,
    activation: Activation,
    output: Quantization,
) -> Option<(QuantizedFilters<'m>, OutputScale<'m>)> {
    let TensorData::I8(filters) = graph.weight(weight)?.data else { return None };
    let TensorData::I32(bias) = graph.weight(bias)?.data else { return None };
    let QuantizedFilters { multipliers, shift, .. } = filters;
    let (zero_point, bounds) = (output.zero_point.into(), output.bounds(activation));
    Some((filters, OutputScale { bias, multipliers, shift, zero_point, bounds }))
}

/// Bytes of an image above the rows that are taken of it.
pub(in crate::session) fn bytes_above(made: &ValueView<'_>, rows: Option<[u16; 2]>) -> Option<usize> {
    let [first, _] = rows.unwrap_or_default();
    row_bytes((made.shape, DataType::U8))?.checked_mul(first.into())
}

fn map(operands: &Operands<'_>, output: &mut [i8], bounds: [i32; 2]) -> Option<()> {
    let limited = |number: i8| limit(number.into(), bounds);
    if operands.is_in_place(0) {
        output.iter_mut().for_each(|number| *number = limited(*number));
    } else {
        elementwise::map(operands.numbers(0)?, output, limited);
    }
    Some(())
}

/// The first operand is brought to where the output goes, or the second if it is there already: one loop does for all.
/// `make` makes what combines two numbers, of which the first may be the second operand's.
fn combine<F: Fn(i8, i8) -> i8>(operands: &Operands<'_>, output: &mut [i8], make: impl Fn(bool) -> F) -> Option<()> {
    let (others, swapped) = match operands.number_pair()? {
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

fn concat(operands: &Operands<'_>, output_channels: usize, to: Quantization, output: &mut [i8]) -> Option<()> {
    let mut start = 0;
    for index in 0..operands.node.inputs().len() {
        let value = operands.value(index)?;
        let (from, input_channels) = (value.quantization?, value.shape.split_channels().1);
        let numbers = operands.numbers(index)?;
        if from == to {
            channels::place_channels(start, input_channels, output_channels, numbers, output, |number| number);
        } else {
            let rescaled = rescale(from, to)?;
            let place = |number| saturate(rescaled.apply(number, 0));
            channels::place_channels(start, input_channels, output_channels, numbers, output, place);
        }
        start += input_channels;
    }
    Some(())
}
