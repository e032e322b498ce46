//! Graphs for property tests, grown from a list of choices so that failures shrink.

use alloc::vec::Vec;
use alloc::{format, vec};

use super::{Activation, DataType, Graph, GraphBuilder, Op, Padding, ValueId};

/// Numbers that decide; all zero once they are used up.
pub(crate) struct Choices(pub Vec<u32>);

impl Choices {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.pop().unwrap_or(0) as usize % bound.max(1)
    }

    fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    fn activation(&mut self) -> Activation {
        [Activation::Identity, Activation::Relu][self.below(2)]
    }

    fn numbers(&mut self, count: usize) -> Vec<f32> {
        let seed = self.below(1000);
        (0..count).map(|index| ((index * 7919 + seed * 104_729) % 2003) as f32 / 1001.0 - 1.0).collect()
    }
}

/// A graph of that many nodes or somewhat more, with an image, a vector and a condition as inputs.
pub(crate) fn arbitrary_graph(name: &str, nodes: usize, choices: &mut Choices) -> Graph {
    let mut builder = GraphBuilder::new(name);
    let size = [choices.between(1, 7), choices.between(1, 7)];
    let image = builder.input("image", &[size[0], size[1], 3], DataType::U8);
    let condition = builder.input("condition", &[2], DataType::F32);
    let normalize = Op::Normalize { mean: [0.5, 0.25, 0.0], std: [0.25, 0.5, 1.0] };
    let normalized = builder.node("normalize", normalize, &[image]).unwrap();
    let mut values = vec![condition, normalized];
    let mut made = vec![normalized];
    for index in 0..nodes {
        let value = grow(&mut builder, &format!("node{index}"), &values, condition, choices);
        values.push(value);
        made.push(value);
    }
    let outputs = choices.between(1, made.len().min(3));
    for index in 0..outputs {
        let value = made[made.len() - 1 - choices.below(made.len())];
        builder.output(&format!("output{index}"), value);
    }
    builder.finish()
}

fn grow(
    builder: &mut GraphBuilder,
    name: &str,
    values: &[ValueId],
    condition: ValueId,
    choices: &mut Choices,
) -> ValueId {
    let input = values[values.len() - 1 - choices.below(values.len())];
    let shape = builder.shape(input).to_vec();
    let (op, inputs) = match (shape.as_slice(), choices.below(8)) {
        (_, 0) => (Op::Relu, vec![input]),
        (_, 1) => (Op::Add { activation: choices.activation() }, vec![input, input]),
        (_, 2) => (Op::Concat, vec![input, input]),
        ([.., channels], 3) => {
            let start = choices.below(*channels);
            let end = choices.between(start + 1, *channels);
            (Op::Slice { start: start as u32, end: end as u32 }, vec![input])
        }
        (&[_, _, _], 4) => (Op::GlobalAveragePool, vec![input]),
        (&[height, width, _], 5) => {
            let kernel = [choices.between(1, height), choices.between(1, width)];
            let padding = Padding { top: choices.below(kernel[0]) as u16, ..Padding::default() };
            let stride = [choices.between(1, 3) as u16, choices.between(1, 3) as u16];
            (Op::MaxPool2d { kernel: kernel.map(|k| k as u16), stride, padding }, vec![input])
        }
        (&[_, _, _], _) => (convolution(builder, name, &shape, choices), vec![input]),
        (&[9], 4 | 5) => (Op::NearestRotation, vec![input]),
        (&[d], 6) => {
            let numbers = choices.numbers(2 * d * d);
            let weight = builder.weight(&format!("{name}.predictor"), &[2, d, d], numbers).unwrap();
            (Op::ApplyPredictor { weight }, vec![input, condition])
        }
        (&[cin], _) => {
            let cout = [9, 2, 1, 13][choices.below(4)];
            let numbers = choices.numbers(cout * cin);
            let weight = builder.weight(&format!("{name}.weight"), &[cout, cin], numbers).unwrap();
            let numbers = choices.numbers(cout);
            let bias = builder.weight(&format!("{name}.bias"), &[cout], numbers).unwrap();
            (Op::Linear { weight, bias, activation: choices.activation() }, vec![input])
        }
        _ => (Op::Relu, vec![input]),
    };
    builder.node(name, op, &inputs).unwrap()
}

fn convolution(builder: &mut GraphBuilder, name: &str, shape: &[usize], choices: &mut Choices) -> Op {
    let [height, width, cin] = [shape[0], shape[1], shape[2]];
    let groups = if choices.below(3) == 0 { cin } else { 1 };
    let cout = groups * choices.between(1, if groups == 1 { 6 } else { 2 });
    let kernel = [choices.between(1, height.min(3)), choices.between(1, width.min(3))];
    let numbers = choices.numbers(cout * kernel[0] * kernel[1] * (cin / groups));
    let weight =
        builder.weight(&format!("{name}.weight"), &[cout, kernel[0], kernel[1], cin / groups], numbers).unwrap();
    let numbers = choices.numbers(cout);
    let bias = builder.weight(&format!("{name}.bias"), &[cout], numbers).unwrap();
    Op::Conv2d {
        weight,
        bias,
        stride: [choices.between(1, 2) as u16, choices.between(1, 2) as u16],
        padding: Padding {
            top: choices.below(3) as u16,
            left: choices.below(3) as u16,
            bottom: choices.below(3) as u16,
            right: choices.below(3) as u16,
        },
        groups: groups as u32,
        activation: choices.activation(),
    }
}
