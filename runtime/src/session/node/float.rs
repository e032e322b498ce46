//! Operators that make float32 values.

use super::operands::{Operands, Pair};
use super::{pooling, window};
#[cfg(all(target_arch = "x86_64", feature = "std"))]
use crate::graph::Activation;
use crate::graph::{Op, Shape};
use crate::kernels::axes::{AroundAxis, transpose};
use crate::kernels::convolution::{Convolution, convolve};
use crate::kernels::elementwise::{self, activate, clamp};
use crate::kernels::pooling::{average_pool, global_average_pool, max_pool};
#[cfg(all(target_arch = "x86_64", feature = "std"))]
use crate::kernels::window::WindowAxis;
use crate::kernels::{channels, linear, predictor};
use crate::memory::as_f32_mut;
use crate::model::ValueView;
use crate::rotation::nearest_rotation;

pub(super) fn run(operands: &Operands<'_>, made: &ValueView<'_>, output: &mut [u8]) -> Option<()> {
    let output = as_f32_mut(output)?;
    let weight = |id| operands.graph.weight(id);
    let first = operands.value(0)?;
    match &operands.node.op {
        Op::Normalize { mean, std } => elementwise::normalize(mean, std, operands.image(0)?, output),
        op @ Op::Conv2d { weight: filters, bias, .. } => {
            let filters = weight(*filters)?;
            let options = convolution(op, first.shape, filters.shape, made.shape)?;
            let bias = weight(*bias)?.data.floats();
            convolve(&options, operands.floats(0)?, filters.data.floats(), bias, output);
        }
        Op::Linear { weight: matrix, bias, activation } => {
            let (matrix, bias) = (weight(*matrix)?.data.floats(), weight(*bias)?.data.floats());
            linear::linear(*activation, operands.floats(0)?, matrix, bias, output);
        }
        Op::Add { activation } => combine(operands, output, |a, b| activate(*activation, a + b))?,
        Op::Mul { activation } => combine(operands, output, |a, b| activate(*activation, a * b))?,
        Op::Relu => map(operands, output, |value| value.max(0.0))?,
        Op::Clamp { low, high } => map(operands, output, |value| clamp(value, *low, *high))?,
        Op::Sigmoid => map(operands, output, elementwise::sigmoid)?,
        Op::Softmax => elementwise::softmax(first.shape.split_channels().1, operands.floats(0)?, output),
        Op::MaxPool2d { kernel, stride, padding } => {
            max_pool(&pooling(first.shape, made.shape, *kernel, *stride, *padding)?, operands.floats(0)?, output);
        }
        Op::AveragePool2d { kernel, stride, padding } => {
            average_pool(&pooling(first.shape, made.shape, *kernel, *stride, *padding)?, operands.floats(0)?, output);
        }
        Op::GlobalAveragePool => global_average_pool(operands.floats(0)?, output),
        Op::Slice { start, .. } => {
            let (from, to) = (first.shape.split_channels().1, made.shape.split_channels().1);
            channels::slice_channels(*start as usize, from, to, operands.floats(0)?, output);
        }
        Op::Concat => concat(operands, made.shape.split_channels().1, output)?,
        Op::ApplyPredictor { weight: matrices } => {
            let matrices = weight(*matrices)?.data.floats();
            predictor::apply_predictor(operands.floats(0)?, operands.floats(1)?, matrices, output);
        }
        Op::NearestRotation => {
            let rows = operands.floats(0)?.first_chunk::<9>()?;
            *output.first_chunk_mut::<4>()? = nearest_rotation(rows).wxyz();
        }
        Op::Reshape { .. } => map(operands, output, |value| value)?,
        Op::Transpose { axes } => transpose(first.shape, *axes, operands.floats(0)?, output),
        Op::ReduceMean { axis } => {
            let around = AroundAxis::of(first.shape, *axis)?;
            let count = around.length as f32;
            around.reduce(operands.floats(0)?, output, |sum: Option<f32>, v| sum.unwrap_or(0.0) + v, |sum| sum / count);
        }
        Op::ReduceMax { axis } => {
            let around = AroundAxis::of(first.shape, *axis)?;
            around.reduce(
                operands.floats(0)?,
                output,
                |most: Option<f32>, v| most.map_or(v, |m| m.max(v)),
                |most| most,
            );
        }
        Op::Dequantize => {
            let quantization = operands.quantization(0)?;
            elementwise::map(operands.numbers(0)?, output, |number| quantization.dequantize(number));
        }
        Op::Quantize | Op::QuantizeImage { .. } => return None,
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
