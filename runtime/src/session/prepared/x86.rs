use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use super::operands::{Addends, Operands, Place, Source};
use crate::graph::{ALL_OPERATORS, Activation, Blend, DataType, Op};
use crate::kernels::pooling::Pooling;
use crate::kernels::x86::elementwise::{
    ImageQuantization, Normalization, add_floats, add_numbers, max_pool_floats, max_pool_numbers,
};
use crate::kernels::x86::{
    FloatConvolution, FloatDepthwise, FloatWinograd, Int8Convolution, Int8Depthwise, is_available,
};
use crate::memory::{as_f32_mut, as_i8_mut};
use crate::model::{GraphView, NodeView, ValueView};
use crate::session::{Input, arena_range, node};

/// A node whose operands have been looked up and whose filters have been packed.
#[derive(Debug)]
pub(super) struct Step {
    /// The first input.
    from: Source,
    /// The result in the arena.
    to: Place,
    kernel: Kernel,
}

#[derive(Debug)]
enum Kernel {
    FloatConvolution(Box<FloatConvolution>),
    FloatDepthwise(Box<FloatDepthwise>),
    FloatWinograd(Box<FloatWinograd>),
    Int8Convolution(Box<Int8Convolution>),
    Int8Depthwise(Box<Int8Depthwise>),
    Normalization(Box<Normalization>),
    /// Of the image from that byte on.
    ImageQuantization(Box<ImageQuantization>, usize),
    FloatAdd {
        addends: Addends,
        activation: Activation,
    },
    Int8Add {
        addends: Addends,
        blend: Blend,
        bounds: [i32; 2],
    },
    FloatMaxPool(Pooling),
    Int8MaxPool {
        options: Pooling,
        height: usize,
    },
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
                Kernel::FloatWinograd(layer) => floats = floats.max(layer.scratch()),
                Kernel::Int8Convolution(layer) => {
                    let [wide, narrow] = layer.scratch();
                    (numbers, bytes) = (numbers.max(wide), bytes.max(narrow));
                }
                Kernel::Int8Depthwise(layer) => {
                    numbers = numbers.max(layer.scratch());
                    bytes = bytes.max(layer.scratch_bytes());
                }
                _ => {}
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
        let kernel = match made.data_type {
            DataType::F32 => float(graph, node, &read, &made),
            DataType::I8 => integer(graph, node, &read, &made),
            _ => None,
        };
        Some(Self { from: Source::of(graph, first)?, to: arena_range(&made)?, kernel: kernel? })
    }

    pub fn run(&self, inputs: &[Input<'_>], arena: &mut [u8], scratch: &mut Scratch) -> Option<()> {
        // These read and write the arena as a whole: the result may lie over the input.
        match &self.kernel {
            Kernel::Int8Convolution(layer) => {
                let (from, to) = (self.from.start()?, self.to.0);
                return layer.run(as_i8_mut(arena), from, to, &mut scratch.numbers, &mut scratch.bytes);
            }
            Kernel::Int8Depthwise(layer) => {
                let (from, to) = (self.from.start()?, self.to.0);
                return layer.run(as_i8_mut(arena), from, to, &mut scratch.numbers, &mut scratch.bytes);
            }
            Kernel::Int8MaxPool { options, height } => {
                return max_pool_numbers(options, *height, as_i8_mut(arena), self.from.start()?, self.to.0);
            }
            _ => {}
        }
        let (operands, output) = Operands::around(inputs, arena, self.to)?;
        match &self.kernel {
            Kernel::FloatConvolution(layer) => {
                layer.run(operands.floats(self.from)?, as_f32_mut(output)?, &mut scratch.floats)?;
            }
            Kernel::FloatDepthwise(layer) => {
                layer.run(operands.floats(self.from)?, as_f32_mut(output)?, &mut scratch.floats)?;
            }
            Kernel::FloatWinograd(layer) => {
                layer.run(operands.floats(self.from)?, as_f32_mut(output)?, &mut scratch.floats)?;
            }
            Kernel::Normalization(layer) => layer.run(operands.image(self.from)?, as_f32_mut(output)?),
            Kernel::ImageQuantization(layer, first) => {
                layer.run(operands.image(self.from)?.get(*first..)?, as_i8_mut(output));
            }
            Kernel::FloatMaxPool(options) => max_pool_floats(options, operands.floats(self.from)?, as_f32_mut(output)?),
            Kernel::FloatAdd { addends, activation } => {
                let (first, second) = addends.read(|source| operands.floats(source))?;
                add_floats(*activation, first, second, as_f32_mut(output)?);
            }
            Kernel::Int8Add { addends, blend, bounds } => {
                let (first, second) = addends.read(|source| operands.numbers(source))?;
                add_numbers(blend, *bounds, first, second, as_i8_mut(output));
            }
            Kernel::Int8Convolution(_) | Kernel::Int8Depthwise(_) | Kernel::Int8MaxPool { .. } => return None,
        }
        Some(())
    }
}

fn float(graph: &GraphView<'_>, node: &NodeView<'_>, read: &ValueView<'_>, made: &ValueView<'_>) -> Option<Kernel> {
    let (weight, bias, options) = match &node.op {
        Op::Normalize { mean, std } => return Some(Kernel::Normalization(Box::new(Normalization::new(mean, std)?))),
        Op::Add { activation } => {
            let addends = Addends::of(graph, node, arena_range(made)?)?;
            return Some(Kernel::FloatAdd { addends, activation: *activation });
        }
        Op::MaxPool2d { kernel, stride, padding } => {
            return node::pooling(read.shape, made.shape, *kernel, *stride, *padding).map(Kernel::FloatMaxPool);
        }
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
    if let Some(layer) = FloatWinograd::new(&options, height, weight, bias) {
        return Some(Kernel::FloatWinograd(Box::new(layer)));
    }
    Some(if options.is_depthwise() {
        Kernel::FloatDepthwise(Box::new(FloatDepthwise::new(&options, height, weight, bias)?))
    } else {
        Kernel::FloatConvolution(Box::new(FloatConvolution::new(&options, height, weight, bias)?))
    })
}

fn integer(graph: &GraphView<'_>, node: &NodeView<'_>, read: &ValueView<'_>, made: &ValueView<'_>) -> Option<Kernel> {
    let to = made.quantization?;
    Some(match &node.op {
        Op::QuantizeImage { mean, std, rows } => {
            let layer = Box::new(ImageQuantization::new(mean, std, to)?);
            Kernel::ImageQuantization(layer, node::int8::bytes_above(made, *rows)?)
        }
        Op::Add { activation } => {
            let addends = Addends::of(graph, node, arena_range(made)?)?;
            let mut inputs = node.inputs();
            let (a, b) = (graph.value(inputs.next()?)?.quantization?, graph.value(inputs.next()?)?.quantization?);
            let mut blend = Blend::of([a, b], to)?;
            if addends.swapped {
                blend.multipliers.reverse();
            }
            Kernel::Int8Add { addends, blend, bounds: to.bounds(*activation) }
        }
        Op::MaxPool2d { kernel, stride, padding } => {
            let options = node::pooling(read.shape, made.shape, *kernel, *stride, *padding)?;
            Kernel::Int8MaxPool { options, height: *made.shape.extents().first()? }
        }
        _ => match node::int8::windows::<ALL_OPERATORS>(graph, node, read, made)? {
            node::int8::Windows::Convolution(options) => {
                Kernel::Int8Convolution(Box::new(Int8Convolution::new(&options)?))
            }
            node::int8::Windows::Depthwise(options) => Kernel::Int8Depthwise(Box::new(Int8Depthwise::new(&options)?)),
        },
    })
}
