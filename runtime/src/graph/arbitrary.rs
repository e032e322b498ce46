//! Graphs for property tests, grown from a list of choices so that failures shrink.

use alloc::vec::Vec;
use alloc::{format, vec};

use super::{DataType, Graph, GraphBuilder, Op, Padding, Quantization, ValueId, WeightData};
use crate::operators::ARBITRARY;
pub(crate) use crate::operators::Choices;
use crate::plane_group::{Fibre, FilterExpansion, PlaneGroup};

/// A graph of that many nodes or somewhat more, with an image, a vector and a condition as inputs.
pub(crate) fn arbitrary_graph(name: &str, nodes: usize, choices: &mut Choices) -> Graph {
    let mut builder = GraphBuilder::new(name);
    let size = [choices.between(1, 7), choices.between(1, 7)];
    let image = builder.input("image", &[size[0], size[1], 3], DataType::U8);
    let condition = builder.input("condition", &[2], DataType::F32);
    let normalize = Op::Normalize { mean: [0.5, 0.25, 0.0], std: [0.25, 0.5, 1.0] };
    let normalized = builder.node("normalize", normalize, &[image]).unwrap();
    let to = Quantization { scale: 0.03, zero_point: -20 };
    let first_row = choices.below(size[0] + 1);
    let rows = (first_row < size[0]).then_some([first_row, size[0]].map(|row| row as u16));
    let quantize = Op::QuantizeImage { mean: [0.5, 0.25, 0.0], std: [0.25, 0.5, 1.0], rows };
    let quantized = builder.quantized_node("quantize", quantize, &[image], to).unwrap();
    let mut values = vec![condition, normalized, quantized];
    let mut made = vec![normalized];
    for index in 0..nodes {
        let value = grow(&mut builder, &format!("node{index}"), &values, condition, choices);
        values.push(value);
        made.push(value);
    }
    // Only float32 values are outputs.
    for (index, value) in made.iter_mut().enumerate() {
        if builder.quantization(*value).is_some() {
            *value = builder.node(&format!("real{index}"), Op::Dequantize, &[*value]).unwrap();
        }
    }
    let outputs = choices.between(1, made.len().min(3));
    for index in 0..outputs {
        let value = made[made.len() - 1 - choices.below(made.len())];
        builder.output(&format!("output{index}"), value);
    }
    builder.finish()
}

/// A graph of int8 maps, each made of earlier ones row by row, that ends in the mean of the last.
pub(crate) fn arbitrary_maps(layers: usize, choices: &mut Choices) -> Graph {
    let mut builder = GraphBuilder::new("encode");
    let image = builder.input("image", &[choices.between(5, 24), choices.between(2, 8), 3], DataType::U8);
    let op = Op::QuantizeImage { mean: [0.5, 0.25, 0.0], std: [0.25, 0.5, 1.0], rows: None };
    let mut values = vec![builder.quantized_node("quantize", op, &[image], choices.quantization()).unwrap()];
    for index in 0..layers {
        let name = format!("map{index}");
        // Mostly the last one.
        let input = values[values.len() - 1 - choices.below(6).saturating_sub(3).min(values.len() - 1)];
        let shape = builder.shape(input).to_vec();
        let &[height, width, channels] = shape.as_slice() else { unreachable!() };
        let kernel = [height, width].map(|size| choices.between(1, size.min(3)) as u16);
        let stride = [1, 1].map(|least| choices.between(least, 2) as u16);
        let padding =
            Padding { top: kernel[0] / 2, bottom: choices.below(kernel[0].into()) as u16, ..Padding::default() };
        let (op, inputs) = match choices.below(14) {
            0 => (Op::Relu, vec![input]),
            1 => (Op::Add { activation: choices.activation() }, pair(&builder, input, &values, choices)),
            2 => (Op::Mul { activation: choices.activation() }, pair(&builder, input, &values, choices)),
            3 => (Op::Concat, pair(&builder, input, &values, choices)),
            4 => (Op::Slice { start: 0, end: channels.div_ceil(2) as u32 }, vec![input]),
            5 => (Op::MaxPool2d { kernel, stride, padding }, vec![input]),
            6 => (Op::AveragePool2d { kernel, stride, padding }, vec![input]),
            7 | 8 => {
                let rows = height.min(3) as u16;
                let padding = Padding { top: rows / 2, left: 1, bottom: (rows - 1) / 2, right: 1 };
                let op = Op::MaxPool2d { kernel: [rows, 3], stride: [1, 1], padding };
                let inner = builder.node(&format!("{name}.inner"), op, &[input]).unwrap();
                (Op::Add { activation: choices.activation() }, vec![inner, input])
            }
            _ => (convolution(&mut builder, &name, &shape, true, choices), vec![input]),
        };
        let to = if op.keeps_quantization() { builder.quantization(input).unwrap() } else { choices.quantization() };
        values.push(builder.quantized_node(&name, op, &inputs, to).unwrap());
    }
    let mean = builder.node("mean", Op::GlobalAveragePool, &values[values.len() - 1..]).unwrap();
    let mean = builder.node("real", Op::Dequantize, &[mean]).unwrap();
    builder.output("mean", mean);
    builder.finish()
}

/// One more node: one in four of an operator with constants, else of any that draws parameters for what it gets.
fn grow(
    builder: &mut GraphBuilder,
    name: &str,
    values: &[ValueId],
    condition: ValueId,
    choices: &mut Choices,
) -> ValueId {
    let input = values[values.len() - 1 - choices.below(values.len())];
    let shape = builder.shape(input).to_vec();
    let quantized = builder.quantization(input).is_some();
    let (op, inputs) = match (shape.as_slice(), choices.below(4)) {
        (&[_, _, _], 0) => (convolution(builder, name, &shape, quantized, choices), vec![input]),
        (&[d], 0) if !quantized && d < 40 && choices.below(3) == 0 => {
            let numbers = choices.numbers(2 * d * d);
            let weight = builder.weight(&format!("{name}.predictor"), &[2, d, d], numbers).unwrap();
            (Op::ApplyPredictor { weight }, vec![input, condition])
        }
        (&[cin], 0) => {
            let cout = [9, 2, 1, 13][choices.below(4)];
            let (weight, bias) = constants(builder, name, &[cout, cin], cout, quantized, None, choices);
            (Op::Linear { weight, bias, activation: choices.activation() }, vec![input])
        }
        _ => drawn(builder, input, values, choices),
    };
    let to = match builder.quantization(input) {
        Some(kept) if op.keeps_quantization() => kept,
        _ => choices.quantization(),
    };
    builder.quantized_node(name, op, &inputs, to).unwrap()
}

/// An operator of the table that takes a value, and the values that it reads.
fn drawn(builder: &GraphBuilder, input: ValueId, values: &[ValueId], choices: &mut Choices) -> (Op, Vec<ValueId>) {
    let reads = if builder.quantization(input).is_some() { DataType::I8 } else { DataType::F32 };
    let takes = |op: &Op| op.result_type(reads).is_some();
    // A few tries, since not every operator takes every shape.
    let drawn = (0..8).find_map(|_| {
        let arbitrary = ARBITRARY[choices.below(ARBITRARY.len())];
        arbitrary(builder.shape(input), choices).filter(takes)
    });
    let op = drawn.unwrap_or(Op::Relu);
    let inputs = match op {
        _ if op.input_count() == 1 => vec![input],
        _ if op.keeps_quantization() => {
            let alike = |other: &ValueId| {
                builder.shape(*other) == builder.shape(input)
                    && builder.quantization(*other) == builder.quantization(input)
            };
            let alike: Vec<ValueId> = values.iter().copied().filter(alike).collect();
            (0..choices.between(2, 4)).map(|_| alike[choices.below(alike.len())]).collect()
        }
        _ => pair(builder, input, values, choices),
    };
    (op, inputs)
}

/// A value and another one of its shape and type, often itself.
fn pair(builder: &GraphBuilder, input: ValueId, values: &[ValueId], choices: &mut Choices) -> Vec<ValueId> {
    let fits = |other: &ValueId| {
        builder.shape(*other) == builder.shape(input)
            && builder.quantization(*other).is_some() == builder.quantization(input).is_some()
    };
    let fitting: Vec<ValueId> = values.iter().copied().filter(fits).collect();
    let other = fitting[choices.below(fitting.len())];
    if choices.below(2) == 0 { vec![input, other] } else { vec![other, input] }
}

/// A weight of that shape, which is that of base filters where there is an expansion, and a bias, both of the element types
/// that go together.
fn constants(
    builder: &mut GraphBuilder,
    name: &str,
    shape: &[usize],
    channels: usize,
    quantized: bool,
    expansion: Option<FilterExpansion>,
    choices: &mut Choices,
) -> (super::WeightId, super::WeightId) {
    let elements = shape.iter().product();
    // Of the group that moves nothing it is a constant as any other.
    let expansion = expansion.unwrap_or(FilterExpansion { group: PlaneGroup::Identity, reads: Fibre::Trivial });
    let (weight_name, bias_name) = (format!("{name}.weight"), format!("{name}.bias"));
    if !quantized {
        let weight = choices.numbers(elements);
        let bias = choices.numbers(channels);
        let weight = builder.expanded_weight(&weight_name, shape, weight, expansion).unwrap();
        return (weight, builder.weight(&bias_name, &[channels], bias).unwrap());
    }
    let multipliers = (0..channels).map(|channel| (1 << 30) - 77_777_777 * (channel % 9) as i32).collect();
    let data = WeightData::I8 { values: choices.bytes(elements), multipliers, shift: choices.between(0, 8) as u32 };
    let bias = (0..channels).map(|channel| 1000 * channel as i32 - 2500).collect();
    let weight = builder.expanded_constant(&weight_name, shape, data, expansion).unwrap();
    (weight, builder.constant(&bias_name, &[channels], WeightData::I32(bias)).unwrap())
}

fn convolution(builder: &mut GraphBuilder, name: &str, shape: &[usize], quantized: bool, choices: &mut Choices) -> Op {
    let [height, width, cin] = [shape[0], shape[1], shape[2]];
    let groups = if choices.below(3) == 0 { cin } else { 1 };
    let cout = groups * choices.between(1, if groups == 1 { 6 } else { 2 });
    let kernel = [choices.between(1, height.min(3)), choices.between(1, width.min(3))];
    let depthwise = quantized && groups > 1 && cout == groups;
    let shape = match depthwise {
        true => [1, kernel[0], kernel[1], cin],
        false => [cout, kernel[0], kernel[1], cin / groups],
    };
    // One in three of those that can be.
    let expansion = (groups == 1 && kernel[0] == kernel[1]).then(|| expansion(cin, choices)).flatten();
    let (weight, bias) = constants(builder, name, &shape, cout, quantized, expansion, choices);
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

/// How filters that read so many channels may come of base filters.
fn expansion(channels: usize, choices: &mut Choices) -> Option<FilterExpansion> {
    let group = [PlaneGroup::QuarterTurns, PlaneGroup::TurnsAndMirrors].get(choices.below(6)).copied()?;
    let reads = if channels.is_multiple_of(group.order()) { Fibre::Regular } else { Fibre::Trivial };
    Some(FilterExpansion { group, reads })
}
