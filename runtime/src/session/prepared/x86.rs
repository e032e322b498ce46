use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use super::operands::{Addends, Operands, Place, Source};
use crate::graph::{ALL_OPERATORS, Activation, DataType, Op};
use crate::kernels::convolution::Convolution;
use crate::kernels::int8::{self, expanded::ExpandedConvolution};
use crate::kernels::pooling::Pooling;
use crate::kernels::x86::elementwise::{
    ImageQuantization, Normalization, add_floats, add_numbers, max_pool_floats, max_pool_numbers,
};
use crate::kernels::x86::{
    FloatConvolution, FloatDepthwise, FloatWinograd, Footprint, Int8Convolution, Int8Depthwise, is_available,
};
use crate::memory::{as_f32_mut, as_i8_mut};
use crate::model::{GraphView, NodeView, ValueView};
use crate::operators::{Conv2d, Linear, PoolingWindow, QuantizeImage, Windows};
use crate::plane_group::FilterExpansion;
use crate::session::{Input, arena_range};
use crate::tensor::Blend;

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

/// Bytes of the largest kernel's own fields, which stand alone.
const MOST_KERNEL_BYTES: usize = {
    let sizes = [
        size_of::<FloatConvolution>(),
        size_of::<FloatDepthwise>(),
        size_of::<FloatWinograd>(),
        size_of::<Int8Convolution>(),
        size_of::<Int8Depthwise>(),
        size_of::<Normalization>(),
        size_of::<ImageQuantization>(),
    ];
    let (mut most, mut index) = (0, 0);
    while index < sizes.len() {
        most = if sizes[index] > most { sizes[index] } else { most };
        index += 1;
    }
    most
};

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
        let (from, to) = (Source::of(graph, node.inputs().next()?)?, arena_range(&graph.value(node.output)?)?);
        Some(Self { from, to, kernel: Choice::of(graph, node)?.pack()? })
    }

    /// The most bytes that all steps of a graph allocate, with the scratch memory that they share.
    pub fn peak_bytes(graph: &GraphView<'_>) -> u64 {
        let footprint = |node: NodeView<'_>| Choice::of(graph, &node)?.footprint();
        let all = graph.nodes().filter_map(footprint).fold(Footprint::default(), Footprint::and);
        let fields = graph.nodes().len() as u64 * (size_of::<Option<Self>>() + MOST_KERNEL_BYTES) as u64;
        all.peak_bytes().saturating_add(fields)
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

/// What a node's kernel will be made of.
enum Choice<'m> {
    /// A convolution or a linear operator: its options, the height of its result, weight and bias.
    Float(Convolution, usize, [&'m [f32]; 2]),
    /// A convolution whose base filters and their biases are stored.
    FloatExpanded(Convolution, usize, [&'m [f32]; 2], FilterExpansion),
    Integer(int8::convolution::Convolution<'m>),
    IntegerExpanded(ExpandedConvolution<'m>),
    IntegerDepthwise(int8::depthwise::Depthwise<'m>),
    /// One that allocates little.
    Small(Kernel),
}

impl<'m> Choice<'m> {
    /// `None` for operators that have no kernel here, and on processors without the instructions.
    fn of(graph: &GraphView<'m>, node: &NodeView<'m>) -> Option<Self> {
        if !is_available() {
            return None;
        }
        let (read, made) = (graph.value(node.inputs().next()?)?, graph.value(node.output)?);
        match made.data_type {
            DataType::F32 => Self::of_floats(graph, node, &read, &made),
            DataType::I8 => Self::of_integers(graph, node, &read, &made),
            _ => None,
        }
    }

    fn of_floats(
        graph: &GraphView<'m>,
        node: &NodeView<'m>,
        read: &ValueView<'_>,
        made: &ValueView<'_>,
    ) -> Option<Self> {
        let (weight, bias, options) = match &node.op {
            Op::Normalize { mean, std } => {
                return Some(Self::Small(Kernel::Normalization(Box::new(Normalization::new(mean, std)?))));
            }
            Op::Add { activation } => {
                let addends = Addends::of(graph, node, arena_range(made)?)?;
                return Some(Self::Small(Kernel::FloatAdd { addends, activation: *activation }));
            }
            &Op::MaxPool2d { kernel, stride, padding } => {
                let options = PoolingWindow { kernel, stride, padding }.options(read.shape, made.shape)?;
                return Some(Self::Small(Kernel::FloatMaxPool(options)));
            }
            &Op::Conv2d { weight, bias, stride, padding, groups, activation } => {
                let layer = Conv2d { weight, bias, stride, padding, groups, activation };
                (weight, bias, layer.float_convolution(read.shape, graph.weight(weight)?.shape, made.shape)?)
            }
            &Op::Linear { weight, bias, activation } => {
                let layer = Linear { weight, bias, activation };
                (weight, bias, layer.float_convolution(read.shape, made.shape))
            }
            _ => return None,
        };
        let height = match made.shape.extents() {
            &[height, _, _] => height,
            _ => 1,
        };
        let (weight, bias) = (graph.weight(weight)?, graph.weight(bias)?);
        let constants = [weight.data.floats(), bias.data.floats()];
        Some(match weight.expansion {
            Some(expansion) => Self::FloatExpanded(options, height, constants, expansion),
            None => Self::Float(options, height, constants),
        })
    }

    fn of_integers(
        graph: &GraphView<'m>,
        node: &NodeView<'m>,
        read: &ValueView<'_>,
        made: &ValueView<'_>,
    ) -> Option<Self> {
        let to = made.quantization?;
        Some(match &node.op {
            &Op::QuantizeImage { mean, std, rows } => {
                let layer = Box::new(ImageQuantization::new(&mean, &std, to)?);
                let first = QuantizeImage { mean, std, rows }.bytes_above(made.shape)?;
                Self::Small(Kernel::ImageQuantization(layer, first))
            }
            Op::Add { activation } => {
                let addends = Addends::of(graph, node, arena_range(made)?)?;
                let mut inputs = node.inputs();
                let (a, b) = (graph.value(inputs.next()?)?.quantization?, graph.value(inputs.next()?)?.quantization?);
                let mut blend = Blend::of([a, b], to)?;
                if addends.swapped {
                    blend.multipliers.reverse();
                }
                Self::Small(Kernel::Int8Add { addends, blend, bounds: to.bounds(*activation) })
            }
            &Op::MaxPool2d { kernel, stride, padding } => {
                let options = PoolingWindow { kernel, stride, padding }.options(read.shape, made.shape)?;
                Self::Small(Kernel::Int8MaxPool { options, height: *made.shape.extents().first()? })
            }
            &Op::Conv2d { weight, bias, stride, padding, groups, activation } => {
                let layer = Conv2d { weight, bias, stride, padding, groups, activation };
                layer.windows::<ALL_OPERATORS>(graph, &read.operand(), &made.operand())?.into()
            }
            &Op::Linear { weight, bias, activation } => {
                let layer = Linear { weight, bias, activation };
                layer.windows(graph, &read.operand(), &made.operand())?.into()
            }
            _ => return None,
        })
    }

    /// What [`Self::pack`] will allocate, but for the kernel's own fields; `None` where it gives nothing.
    fn footprint(&self) -> Option<Footprint> {
        match self {
            Self::Float(options, height, _) => {
                FloatWinograd::footprint(options, *height).or_else(|| match options.is_depthwise() {
                    true => FloatDepthwise::footprint(options, *height),
                    false => FloatConvolution::footprint(options, *height),
                })
            }
            Self::FloatExpanded(options, height, [weight, bias], expansion) => {
                let bytes = (size_of_val(*weight) + size_of_val(*bias)) as u64;
                let all = bytes.saturating_mul(expansion.group.order() as u64);
                Self::Float(*options, *height, [&[], &[]]).footprint().map(|needed| needed.with_packing(all))
            }
            Self::Integer(options) => Int8Convolution::footprint(options),
            Self::IntegerExpanded(options) => {
                Int8Convolution::footprint(&options.base).map(|needed| needed.with_packing(options.all_filters_bytes()))
            }
            Self::IntegerDepthwise(options) => Int8Depthwise::footprint(options),
            Self::Small(_) => Some(Footprint::default()),
        }
    }

    fn pack(self) -> Option<Kernel> {
        Some(match self {
            Self::Float(options, height, [weight, bias]) => {
                if let Some(layer) = FloatWinograd::new(&options, height, weight, bias) {
                    Kernel::FloatWinograd(Box::new(layer))
                } else if options.is_depthwise() {
                    Kernel::FloatDepthwise(Box::new(FloatDepthwise::new(&options, height, weight, bias)?))
                } else {
                    Kernel::FloatConvolution(Box::new(FloatConvolution::new(&options, height, weight, bias)?))
                }
            }
            Self::FloatExpanded(options, height, [weight, bias], expansion) => {
                let shape = [
                    options.output_channels,
                    options.vertical.kernel,
                    options.horizontal.kernel,
                    options.input_channels,
                ];
                let mut all = Vec::with_capacity(shape.iter().product());
                all.extend(expansion.base_indices(shape).filter_map(|place| weight.get(place)));
                let bias = bias.repeat(expansion.group.order());
                return Choice::Float(options, height, [&all, &bias]).pack();
            }
            Self::Integer(options) => Kernel::Int8Convolution(Box::new(Int8Convolution::new(&options)?)),
            Self::IntegerExpanded(options) => {
                let all = options.all_filters();
                return Choice::Integer(options.with(&all)).pack();
            }
            Self::IntegerDepthwise(options) => Kernel::Int8Depthwise(Box::new(Int8Depthwise::new(&options)?)),
            Self::Small(kernel) => kernel,
        })
    }
}

impl<'m> From<Windows<'m>> for Choice<'m> {
    fn from(windows: Windows<'m>) -> Self {
        match windows {
            Windows::Convolution(options) => Self::Integer(options),
            Windows::Expanded(options) => Self::IntegerExpanded(options),
            Windows::Depthwise(options) => Self::IntegerDepthwise(options),
        }
    }
}
