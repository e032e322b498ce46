//! Operators that make float32 values.

use super::operands::{Operands, Pair};
use super::{pooling, window};
#[cfg(all(target_arch = "x86_64", feature = "std"))]
use crate::graph::Activation;
use crate::graph::{DataType, Op, OperatorKind as Kind, Shape, is_linked};
use crate::kernels::axes::{AroundAxis, transpose};
use crate::kernels::convolution::{Convolution, convolve};
use crate::kernels::elementwise::{self, activate, clamp};
use crate::kernels::pooling::{average_pool, global_average_pool, max_pool};
#[cfg(all(target_arch = "x86_64", feature = "std"))]
use crate::kernels::window::WindowAxis;
use crate::kernels::{channels, linear, predictor};
use crate::memory::as_f32_mut;
use crate::model::ValueView;
use crate::rotation::{UnitQuaternion, unique_nearest_rotation};

pub(super) fn run<const OPERATORS: u64>(
    operands: &Operands<'_>,
    made: &ValueView<'_>,
    output: &mut [u8],
) -> Option<()> {
    let output = as_f32_mut(output)?;
    let weight = |id| operands.graph.weight(id);
    let first = operands.value(0)?;
    let linked = |kind| is_linked(OPERATORS, kind, DataType::F32);
    match &operands.node.op {
        Op::Normalize { mean, std } if linked(Kind::Normalize) => {
            elementwise::normalize(mean, std, operands.image(0)?, output)
        }
        op @ Op::Conv2d { weight: filters, bias, .. } if linked(Kind::Conv2d) => {
            let filters = weight(*filters)?;
            let options = convolution(op, first.shape, filters.shape, made.shape)?;
            let bias = weight(*bias)?.data.floats();
            convolve(&options, operands.floats(0)?, filters.data.floats(), bias, output);
        }
        Op::Linear { weight: matrix, bias, activation } if linked(Kind::Linear) => {
            let (matrix, bias) = (weight(*matrix)?.data.floats(), weight(*bias)?.data.floats());
            linear::linear(*activation, operands.floats(0)?, matrix, bias, output);
        }
        Op::Add { activation } if linked(Kind::Add) => combine(operands, output, |a, b| activate(*activation, a + b))?,
        Op::Mul { activation } if linked(Kind::Mul) => combine(operands, output, |a, b| activate(*activation, a * b))?,
        Op::Relu if linked(Kind::Relu) => map(operands, output, |value| value.max(0.0))?,
        Op::Clamp { low, high } if linked(Kind::Clamp) => map(operands, output, |value| clamp(value, *low, *high))?,
        Op::Sigmoid if linked(Kind::Sigmoid) => map(operands, output, elementwise::sigmoid)?,
        Op::Softmax if linked(Kind::Softmax) => {
            elementwise::softmax(first.shape.split_channels().1, operands.floats(0)?, output)
        }
        Op::MaxPool2d { kernel, stride, padding } if linked(Kind::MaxPool2d) => {
            max_pool(&pooling(first.shape, made.shape, *kernel, *stride, *padding)?, operands.floats(0)?, output);
        }
        Op::AveragePool2d { kernel, stride, padding } if linked(Kind::AveragePool2d) => {
            average_pool(&pooling(first.shape, made.shape, *kernel, *stride, *padding)?, operands.floats(0)?, output);
        }
        Op::GlobalAveragePool if linked(Kind::GlobalAveragePool) => global_average_pool(operands.floats(0)?, output),
        Op::Slice { start, .. } if linked(Kind::Slice) => {
            let (from, to) = (first.shape.split_channels().1, made.shape.split_channels().1);
            channels::slice_channels(*start as usize, from, to, operands.floats(0)?, output);
        }
        Op::Concat if linked(Kind::Concat) => concat(operands, made.shape.split_channels().1, output)?,
        Op::ApplyPredictor { weight: matrices } if linked(Kind::ApplyPredictor) => {
            let matrices = weight(*matrices)?.data.floats();
            predictor::apply_predictor(operands.floats(0)?, operands.floats(1)?, matrices, output);
        }
        Op::NearestRotation if linked(Kind::NearestRotation) => {
            let rows = operands.floats(0)?.first_chunk::<9>()?;
            // NaN, so that whoever checks for finite outputs sees an answer that means nothing.
            *output.first_chunk_mut::<4>()? = unique_nearest_rotation(rows).map_or([f32::NAN; 4], UnitQuaternion::wxyz);
        }
        Op::Reshape { .. } if linked(Kind::Reshape) => map(operands, output, |value| value)?,
        Op::Transpose { axes } if linked(Kind::Transpose) => transpose(first.shape, *axes, operands.floats(0)?, output),
        Op::ReduceMean { axis } if linked(Kind::ReduceMean) => {
            let around = AroundAxis::of(first.shape, *axis)?;
            let count = around.length as f32;
            around.reduce(operands.floats(0)?, output, |sum: Option<f32>, v| sum.unwrap_or(0.0) + v, |sum| sum / count);
        }
        Op::ReduceMax { axis } if linked(Kind::ReduceMax) => {
            let around = AroundAxis::of(first.shape, *axis)?;
            around.reduce(
                operands.floats(0)?,
                output,
                |most: Option<f32>, v| most.map_or(v, |m| m.max(v)),
                |most| most,
            );
        }
        Op::Dequantize if linked(Kind::Dequantize) => {
            let quantization = operands.quantization(0)?;
            elementwise::map(operands.numbers(0)?, output, |number| quantization.dequantize(number));
        }
        _ => return None,
    }
    Some(())
}

fn map(operands: &Operands<'_>, output: &mut [f32], f: impl Fn(f32) -> f32) -> Option<()> {
    if operands.is_in_place(0) {
        output.iter_mut().for_each(|value| *value = f(*value));
    } else {
        elementwise::map(operands.floats(0)?, output, f);
    }
    Some(())
}

fn combine(operands: &Operands<'_>, output: &mut [f32], f: impl Fn(f32, f32) -> f32) -> Option<()> {
    match operands.float_pair()? {
        Pair::Apart(a, b) => elementwise::combine(a, b, output, f),
        Pair::FirstInPlace(b) => elementwise::combine_in_place(output, b, f),
        Pair::SecondInPlace(a) => elementwise::combine_in_place(output, a, |second, first| f(first, second)),
        Pair::Same => output.iter_mut().for_each(|value| *value = f(*value, *value)),
    }
    Some(())
}

fn concat(operands: &Operands<'_>, output_channels: usize, output: &mut [f32]) -> Option<()> {
    let mut start = 0;
    for index in 0..operands.node.inputs().len() {
        let input_channels = operands.value(index)?.shape.split_channels().1;
        let input = operands.floats(index)?;
        channels::place_channels(start, input_channels, output_channels, input, output, |value| value);
        start += input_channels;
    }
    Some(())
}

/// A linear operator as a convolution of a 1x1 map.
#[cfg(all(target_arch = "x86_64", feature = "std"))]
pub(in crate::session) fn linear(input: Shape, output: Shape, activation: Activation) -> Convolution {
    let point = WindowAxis { size: 1, kernel: 1, stride: 1, padding_before: 0 };
    Convolution {
        vertical: point,
        horizontal: point,
        input_channels: input.elements(),
        output_width: 1,
        output_channels: output.elements(),
        groups: 1,
        activation,
    }
}

pub(in crate::session) fn convolution(op: &Op, input: Shape, weight: Shape, output: Shape) -> Option<Convolution> {
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
