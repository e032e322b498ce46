//! Sound files to damage: arbitrary graphs of float32 and int8 nodes, every operator in both, and firmware's models.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::random::Random;
use crate::graph::arbitrary::{Choices, arbitrary_graph};
use crate::graph::{Activation, DataType, Graph, GraphBuilder, Op, Padding, Quantization, ValueId, WeightData};
use crate::model::write;
use crate::operators::ARBITRARY;
use crate::patchwise::stages;
use crate::plane_group::{Fibre, FilterExpansion, PlaneGroup};

/// A few files of two graphs and metadata, those with the fewest bytes first: bits of small files matter more often.
pub(super) fn files() -> Vec<Vec<u8>> {
    let file = |seed: u64| {
        let mut random = Random(seed);
        let mut choices = Choices((0..300).map(|_| random.next() as u32).collect());
        let nodes = 1 + choices.below(10);
        let graphs = [arbitrary_graph("encode", nodes, &mut choices), arbitrary_graph("b", 1, &mut choices)];
        write(&metadata(), &graphs).unwrap()
    };
    // Miri takes a minute for one.
    let mut files: Vec<Vec<u8>> = (0..if cfg!(miri) { 1 } else { 40 }).map(file).collect();
    files.sort_by_key(Vec::len);
    files.truncate(22);
    files.push(write(&BTreeMap::new(), &[every_float_operator()]).unwrap());
    files.push(write(&BTreeMap::new(), &[every_int8_operator()]).unwrap());
    files.push(write(&BTreeMap::new(), &[maps_in_stripes()]).unwrap());
    files.push(write(&BTreeMap::new(), &[every_drawn_operator()]).unwrap());
    files
}

/// Models of firmware: real ones, and larger.
pub(super) fn firmware_files() -> [&'static [u8]; 2] {
    [
        include_bytes!("../../../../firmware-example/model-small/model.sxt"),
        include_bytes!("../../../../firmware-example/model-odd/model.sxt"),
    ]
}

fn metadata() -> BTreeMap<String, String> {
    [("class_names", "[\"Tür\"]"), ("name", "tiny")].map(|(key, value)| (key.to_string(), value.to_string())).into()
}

const WINDOW: ([u16; 2], [u16; 2], Padding) = ([2, 2], [1, 1], Padding { top: 1, left: 0, bottom: 0, right: 1 });
const MEAN: [f32; 3] = [0.5, 0.25, 0.0];
const STD: [f32; 3] = [0.25, 0.5, 1.0];

fn every_float_operator() -> Graph {
    let mut builder = GraphBuilder::new("encode");
    let image = builder.input("image", &[3, 3, 3], DataType::U8);
    let condition = builder.input("condition", &[2], DataType::F32);
    let normalized = builder.node("normalize", Op::Normalize { mean: MEAN, std: STD }, &[image]).unwrap();
    let numbers = |count: usize| (0..count).map(|i| (i * 37 % 19) as f32 / 9.0 - 1.0).collect::<Vec<f32>>();
    let weight = builder.weight("conv.weight", &[9, 2, 2, 3], numbers(108)).unwrap();
    let bias = builder.weight("conv.bias", &[9], numbers(9)).unwrap();
    let (_, stride, padding) = WINDOW;
    let activation = Activation::Clamp { low: -2.0, high: 2.0 };
    let mut map = normalized;
    for (name, shape, reads) in [("lifted", [1, 2, 2, 3], Fibre::Trivial), ("regular", [1, 2, 2, 4], Fibre::Regular)] {
        let expansion = FilterExpansion { group: PlaneGroup::QuarterTurns, reads };
        let base = numbers(shape.iter().product());
        let weight = builder.expanded_weight(&(name.to_string() + ".weight"), &shape, base, expansion).unwrap();
        let bias = builder.weight(&(name.to_string() + ".bias"), &[1], numbers(1)).unwrap();
        let conv = Op::Conv2d { weight, bias, stride, padding, groups: 1, activation };
        map = builder.node(name, conv, &[map]).unwrap();
    }
    let map = builder.node("three", Op::Slice { start: 0, end: 3 }, &[map]).unwrap();
    let conv = Op::Conv2d { weight, bias, stride, padding, groups: 1, activation };
    let map = builder.node("conv", conv, &[map]).unwrap();
    let map = shared_operators(&mut builder, map);
    let sigmoid = builder.node("sigmoid", Op::Sigmoid, &[map]).unwrap();
    let vector = builder.node("softmax", Op::Softmax, &[sigmoid]).unwrap();
    let weight = builder.weight("fc.weight", &[9, 9], numbers(81)).unwrap();
    let bias = builder.weight("fc.bias", &[9], numbers(9)).unwrap();
    let linear = Op::Linear { weight, bias, activation: Activation::Relu6 };
    let vector = builder.node("fc", linear, &[vector]).unwrap();
    let weight = builder.weight("predictor", &[2, 9, 9], numbers(162)).unwrap();
    let vector = builder.node("predict", Op::ApplyPredictor { weight }, &[vector, condition]).unwrap();
    let rotation = builder.node("rotation", Op::NearestRotation, &[vector]).unwrap();
    builder.output("rotation_wxyz", rotation);
    builder.finish()
}

fn every_int8_operator() -> Graph {
    let mut builder = GraphBuilder::new("encode");
    let image = builder.input("image", &[3, 3, 3], DataType::U8);
    let given = builder.input("map", &[3, 3, 3], DataType::F32);
    let to = Quantization { scale: 0.02, zero_point: -3 };
    let image =
        builder.quantized_node("image8", Op::QuantizeImage { mean: MEAN, std: STD, rows: None }, &[image], to).unwrap();
    let given = builder.quantized_node("map8", Op::Quantize, &[given], to).unwrap();
    let bytes = |count: usize| (0..count).map(|i| (i * 7919 % 251) as u8 as i8).collect::<Vec<i8>>();
    let constants = |builder: &mut GraphBuilder, name: &str, shape: &[usize], channels: usize| {
        let data =
            WeightData::I8 { values: bytes(shape.iter().product()), multipliers: vec![1 << 29; channels], shift: 6 };
        let weight = builder.constant(&(name.to_string() + ".weight"), shape, data).unwrap();
        let bias = builder.constant(&(name.to_string() + ".bias"), &[channels], WeightData::I32(vec![100; channels]));
        (weight, bias.unwrap())
    };
    let (_, stride, padding) = WINDOW;
    let mut map = builder.quantized_node("sum", Op::Add { activation: Activation::Relu }, &[image, given], to).unwrap();
    for (name, shape, reads) in [("lifted", [2, 2, 2, 3], Fibre::Trivial), ("regular", [1, 2, 2, 16], Fibre::Regular)] {
        let data =
            WeightData::I8 { values: bytes(shape.iter().product()), multipliers: vec![1 << 29; shape[0]], shift: 6 };
        let expansion = FilterExpansion { group: PlaneGroup::TurnsAndMirrors, reads };
        let weight = builder.expanded_constant(&(name.to_string() + ".weight"), &shape, data, expansion).unwrap();
        let bias = WeightData::I32(vec![100; shape[0]]);
        let bias = builder.constant(&(name.to_string() + ".bias"), &[shape[0]], bias).unwrap();
        let op = Op::Conv2d { weight, bias, stride, padding, groups: 1, activation: Activation::Relu6 };
        map = builder.quantized_node(name, op, &[map], to).unwrap();
    }
    map = builder.node("three", Op::Slice { start: 0, end: 3 }, &[map]).unwrap();
    for (name, shape, channels, groups) in
        [("conv", [9, 2, 2, 3], 9, 1), ("grouped", [9, 2, 2, 3], 9, 3), ("depthwise", [1, 2, 2, 9], 9, 9)]
    {
        let (weight, bias) = constants(&mut builder, name, &shape, channels);
        let op = Op::Conv2d { weight, bias, stride, padding, groups, activation: Activation::Relu6 };
        map = builder.quantized_node(name, op, &[map], to).unwrap();
    }
    let vector = shared_operators(&mut builder, map);
    let (weight, bias) = constants(&mut builder, "fc", &[5, 9], 5);
    let linear = Op::Linear { weight, bias, activation: Activation::Identity };
    let vector = builder.quantized_node("fc", linear, &[vector], to).unwrap();
    let real = builder.node("real", Op::Dequantize, &[vector]).unwrap();
    builder.output("y", real);
    builder.finish()
}

/// Each operator of the table that draws its parameters, on all that it takes.
fn every_drawn_operator() -> Graph {
    let mut builder = GraphBuilder::new("encode");
    let image = builder.input("image", &[3, 3, 3], DataType::U8);
    let map = builder.input("map", &[3, 3, 3], DataType::F32);
    let numbers = builder.input("numbers", &[9], DataType::F32);
    let to = Quantization { scale: 0.02, zero_point: -3 };
    let mut given = vec![image, map, numbers];
    for value in [map, numbers] {
        given.push(builder.quantized_node("eight_bits", Op::Quantize, &[value], to).unwrap());
    }
    for arbitrary in ARBITRARY {
        for value in &given {
            let drawn = arbitrary(builder.shape(*value), &mut Choices(vec![]));
            let takes = |op: &Op| op.result_type(builder.data_type(*value)).is_some();
            let Some(op) = drawn.filter(takes) else { continue };
            let made = builder.quantized_node("drawn", op, &vec![*value; op.input_count()], to).unwrap();
            if op == Op::NearestRotation {
                builder.output("rotation_wxyz", made);
            }
        }
    }
    builder.finish()
}

/// Two layers in two stripes each of which is made where it is joined, and a sum with rows that are read where they lie.
pub(super) fn maps_in_stripes() -> Graph {
    let mut builder = GraphBuilder::new("encode");
    let image = builder.input("image", &[4, 8, 3], DataType::U8);
    let to = Quantization { scale: 0.02, zero_point: -3 };
    let op = Op::QuantizeImage { mean: MEAN, std: STD, rows: None };
    let image = builder.quantized_node("image8", op, &[image], to).unwrap();
    let map = builder.node("cut", Op::Slice { start: 0, end: 2 }, &[image]).unwrap();
    let padding = Padding { top: 1, left: 1, bottom: 1, right: 1 };
    let op = Op::MaxPool2d { kernel: [3, 3], stride: [1, 1], padding };
    let largest = builder.node("max", op, &[map]).unwrap();
    let sum = builder.node("sum", Op::Add { activation: Activation::Identity }, &[largest, map]).unwrap();
    let mean = builder.node("mean", Op::GlobalAveragePool, &[sum]).unwrap();
    let real = builder.node("real", Op::Dequantize, &[mean]).unwrap();
    builder.output("y", real);
    let graph = builder.finish();
    stages(&graph).last().unwrap().in_stripes(&graph, 2).unwrap()
}

/// Those that take either element type, from a map of nine channels to nine numbers.
fn shared_operators(builder: &mut GraphBuilder, map: ValueId) -> ValueId {
    let (kernel, stride, padding) = WINDOW;
    let activation = Activation::Identity;
    let mut next = |name: &str, op: Op, inputs: &[ValueId]| builder.node(name, op, inputs).unwrap();
    let largest = next("max", Op::MaxPool2d { kernel, stride, padding }, &[map]);
    let mean = next("mean", Op::AveragePool2d { kernel, stride, padding }, &[map]);
    let product = next("mul", Op::Mul { activation }, &[largest, mean]);
    let sum = next("add", Op::Add { activation }, &[product, largest]);
    // Apart, one above the other, and joined again in the other order; the lower rows alone.
    let rows = |start, end| Op::SliceRows { start, end };
    let (upper, lower) = (next("upper", rows(0, 2), &[sum]), next("lower", rows(1, 3), &[sum]));
    let stacked = next("stacked", Op::ConcatRows, &[lower, upper, lower]);
    let sum = next("middle", rows(2, 5), &[stacked]);
    let turned = next("transpose", Op::Transpose { axes: [1, 0, 2, 3] }, &[sum]);
    let relu = next("relu", Op::Relu, &[turned]);
    let joined = next("concat", Op::Concat, &[relu, mean]);
    let part = next("slice", Op::Slice { start: 4, end: 13 }, &[joined]);
    let clamped = next("clamp", Op::Clamp { low: -1.0, high: 1.0 }, &[part]);
    let rows = next("rows", Op::ReduceMean { axis: 0 }, &[clamped]);
    let most = next("most", Op::ReduceMax { axis: 0 }, &[rows]);
    let pooled = next("pool", Op::GlobalAveragePool, &[clamped]);
    let both = next("both", Op::Add { activation }, &[most, pooled]);
    next("reshape", Op::Reshape { shape: [9, 0, 0, 0] }, &[both])
}
