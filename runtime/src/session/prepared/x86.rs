use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use crate::graph::{DataType, Op};
use crate::kernels::x86::{FloatConvolution, FloatDepthwise, Int8Convolution, Int8Depthwise, is_available};
use crate::memory::{as_f32, as_f32_mut, as_i8_mut};
use crate::model::{GraphView, NodeView, ValueView};
use crate::session::{Input, arena_range, node};

/// A node whose operands have been looked up and whose filters have been packed.
#[derive(Debug)]
pub(super) struct Step {
    /// Of the first input.
    from: Source,
    /// Of the result in the arena.
    to: Place,
    kernel: Kernel,
}

/// First byte and end.
type Place = (usize, usize);

#[derive(Debug)]
enum Source {
    /// One of the caller's inputs.
    Given(usize),
    Arena(Place),
}

#[derive(Debug)]
enum Kernel {
    FloatConvolution(Box<FloatConvolution>),
    FloatDepthwise(Box<FloatDepthwise>),
    Int8Convolution(Box<Int8Convolution>),
    Int8Depthwise(Box<Int8Depthwise>),
}

/// Memory that all steps share.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    floats: Vec<f32>,
    numbers: Vec<i16>,
    bytes: Vec<i8>,
}

impl Scratch {
    pub fn of<'s>(steps: impl Iterator<Item = &'s Step>) -> Self {
        let (mut floats, mut numbers, mut bytes) = (0, 0, 0);
        for step in steps {
            match &step.kernel {
                Kernel::FloatConvolution(layer) => floats = floats.max(layer.scratch()),
                Kernel::FloatDepthwise(layer) => floats = floats.max(layer.scratch()),
                Kernel::Int8Convolution(layer) => numbers = numbers.max(layer.scratch()),
                Kernel::Int8Depthwise(layer) => {
                    numbers = numbers.max(layer.scratch());
                    bytes = bytes.max(layer.scratch_bytes());
                }
            }
        }
        Self { floats: vec![0.0; floats], numbers: vec![0; numbers], bytes: vec![0; bytes] }
    }
}

impl Step {
    /// `None` for operators that have no kernel here, and on processors without the instructions.
    pub fn of(graph: &GraphView<'_>, node: &NodeView<'_>) -> Option<Self> {
        if !is_available() {
            return None;
        }
        let first = node.inputs().next()?;
        let (read, made) = (graph.value(first)?, graph.value(node.output)?);
        let from = match graph.inputs().position(|input| input == first) {
            Some(index) => Source::Given(index),
            None => Source::Arena(arena_range(&read)?),
        };
        let kernel = match made.data_type {
            DataType::F32 => float(graph, node, &read, &made),
            DataType::I8 => integer(graph, node, &read, &made),
            _ => None,
        };
        Some(Self { from, to: arena_range(&made)?, kernel: kernel? })
    }

    pub fn run(&self, inputs: &[Input<'_>], arena: &mut [u8], scratch: &mut Scratch) -> Option<()> {
        match &self.kernel {
            Kernel::FloatConvolution(layer) => {
                let (input, output) = self.floats(inputs, arena)?;
                layer.run(input, output, &mut scratch.floats)
            }
            Kernel::FloatDepthwise(layer) => {
                let (input, output) = self.floats(inputs, arena)?;
                layer.run(input, output, &mut scratch.floats)
            }
            Kernel::Int8Convolution(layer) => {
                layer.run(as_i8_mut(arena), self.arena_start()?, self.to.0, &mut scratch.numbers)
            }
            Kernel::Int8Depthwise(layer) => {
                let (from, to) = (self.arena_start()?, self.to.0);
                layer.run(as_i8_mut(arena), from, to, &mut scratch.numbers, &mut scratch.bytes)
            }
        }
    }

    fn arena_start(&self) -> Option<usize> {
        match self.from {
            Source::Arena((start, _)) => Some(start),
            Source::Given(_) => None,
        }
    }

    /// Input and output, which do not overlap.
    fn floats<'a>(&self, inputs: &[Input<'a>], arena: &'a mut [u8]) -> Option<(&'a [f32], &'a mut [f32])> {
        let (start, end) = self.to;
        let (before, rest) = arena.split_at_mut_checked(start)?;
        let (output, after) = rest.split_at_mut_checked(end.checked_sub(start)?)?;
        let input = match self.from {
            Source::Given(index) => match *inputs.get(index)? {
                Input::F32(values) => values,
                Input::U8(_) => return None,
            },
            Source::Arena((from, to)) => as_f32(match from.checked_sub(end) {
                Some(from) => after.get(from..to.checked_sub(end)?)?,
                None => before.get(from..to)?,
            })?,
        };
        Some((input, as_f32_mut(output)?))
    }
}

fn float(graph: &GraphView<'_>, node: &NodeView<'_>, read: &ValueView<'_>, made: &ValueView<'_>) -> Option<Kernel> {
    let (weight, bias, options) = match &node.op {
        op @ Op::Conv2d { weight, bias, .. } => {
            let shape = graph.weight(*weight)?.shape;
            (*weight, *bias, node::float::convolution(op, read.shape, shape, made.shape)?)
        }
        Op::Linear { weight, bias, activation } => {
            (*weight, *bias, node::float::linear(read.shape, made.shape, *activation))
        }
        _ => return None,
    };
    let (weight, bias) = (graph.weight(weight)?.data.floats(), graph.weight(bias)?.data.floats());
    let height = match made.shape.extents() {
        &[height, _, _] => height,
        _ => 1,
    };
    let packed = if options.is_depthwise() {
        Kernel::FloatDepthwise(Box::new(FloatDepthwise::new(&options, height, weight, bias)?))
    } else {
        Kernel::FloatConvolution(Box::new(FloatConvolution::new(&options, height, weight, bias)?))
    };
    Some(packed)
}

fn integer(graph: &GraphView<'_>, node: &NodeView<'_>, read: &ValueView<'_>, made: &ValueView<'_>) -> Option<Kernel> {
    Some(match node::int8::windows(graph, node, read, made)? {
        node::int8::Windows::Convolution(options) => Kernel::Int8Convolution(Box::new(Int8Convolution::new(&options)?)),
        node::int8::Windows::Depthwise(options) => Kernel::Int8Depthwise(Box::new(Int8Depthwise::new(&options)?)),
    })
}
