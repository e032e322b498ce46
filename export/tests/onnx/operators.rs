//! Every operator through tract against its definition.

use proptest::prelude::*;
use sextant_export::onnx::Batch;
use sextant_runtime::graph::{Activation, DataType, Graph, GraphBuilder, Op, Padding};

use crate::{networks, networks::Random, reference, tract};

/// Largest difference on values of unit scale.
const CLOSE: f32 = 1e-4;

#[test]
fn a_residual_network_computes_the_same_at_any_batch_size() {
    let graph = networks::encoder(1);
    let mut random = Random::seeded(2);
    for (batch, samples) in [(Batch::Dynamic, 1), (Batch::Dynamic, 3), (Batch::Fixed(1), 1), (Batch::Fixed(5), 5)] {
        let images: Vec<Vec<f32>> = (0..samples).map(|_| random.bytes(networks::IMAGE_SIZE.pow(2) * 3)).collect();
        assert_agreement(&graph, batch, &[images]);
    }
}

#[test]
fn the_predictor_computes_the_same() {
    let mut random = Random::seeded(3);
    let z = (0..4).map(|_| random.floats(16, 1.0)).collect();
    let rotations = (0..4).map(|_| random.floats(4, 1.0)).collect();
    assert_agreement(&networks::predictor(4), Batch::Dynamic, &[z, rotations]);
}

fn assert_agreement(graph: &Graph, batch: Batch, inputs: &[Vec<Vec<f32>>]) {
    let outputs = tract::run(graph, batch, inputs);
    for sample in 0..inputs[0].len() {
        let one: Vec<Vec<f32>> = inputs.iter().map(|input| input[sample].clone()).collect();
        let expected = reference::evaluate(graph, &one);
        for (i, (name, _)) in graph.outputs.iter().enumerate() {
            let difference = largest_difference(&outputs[i][sample], &expected[i]);
            assert!(difference <= CLOSE, "{batch:?}, sample {sample}, {name}: {difference}");
        }
    }
}

/// Infinite when the lengths differ or a number is NaN.
fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    if a.len() != b.len() {
        return f32::INFINITY;
    }
    let differences = a.iter().zip(b).map(|(x, y)| (x - y).abs());
    differences.fold(0.0, |largest, d| if d.is_nan() { f32::INFINITY } else { d.max(largest) })
}

/// A window operator's geometry that fits its map.
#[derive(Clone, Debug)]
struct Geometry {
    size: [usize; 2],
    kernel: [u16; 2],
    stride: [u16; 2],
    padding: Padding,
}

fn geometry() -> impl Strategy<Value = Geometry> {
    ([1usize..9, 1usize..9], [1u16..6, 1u16..6], [1u16..4, 1u16..4], prop::array::uniform4(0u16..3))
        .prop_map(|(size, kernel, stride, [top, left, bottom, right])| Geometry {
            size,
            kernel,
            stride,
            padding: Padding { top, left, bottom, right },
        })
        .prop_filter("the window must fit", |g| {
            let [height, width] = [0, 1].map(|axis| g.size[axis] as u16);
            height + g.padding.top + g.padding.bottom >= g.kernel[0]
                && width + g.padding.left + g.padding.right >= g.kernel[1]
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn convolutions_of_any_geometry_compute_the_same(
        g in geometry(), groups in 1usize..4, group_cin in 1usize..4, group_cout in 1usize..4, relu: bool, seed: u64,
    ) {
        let mut random = Random::seeded(seed);
        let mut b = GraphBuilder::new("encode");
        let (cin, cout) = (groups * group_cin, groups * group_cout);
        let map = b.input("map", &[g.size[0], g.size[1], cin], DataType::F32);
        let [height, width] = g.kernel.map(usize::from);
        let weight = random.weight(&mut b, "weight", &[cout, height, width, group_cin]);
        let bias = random.bias(&mut b, "bias", cout);
        let activation = if relu { Activation::Relu } else { Activation::Identity };
        let op = Op::Conv2d { weight, bias, stride: g.stride, padding: g.padding, groups: groups as u32, activation };
        let output = b.node("conv", op, &[map]).unwrap();
        b.output("output", output);
        let maps = (0..2).map(|_| random.floats(g.size[0] * g.size[1] * cin, 1.0)).collect();
        assert_agreement(&b.finish(), Batch::Dynamic, &[maps]);
    }

    #[test]
    fn pools_of_any_geometry_compute_the_same(g in geometry(), channels in 1usize..4, seed: u64) {
        prop_assume!(g.padding.top.max(g.padding.bottom) < g.kernel[0]);
        prop_assume!(g.padding.left.max(g.padding.right) < g.kernel[1]);
        let mut random = Random::seeded(seed);
        let mut b = GraphBuilder::new("encode");
        let map = b.input("map", &[g.size[0], g.size[1], channels], DataType::F32);
        let op = Op::MaxPool2d { kernel: g.kernel, stride: g.stride, padding: g.padding };
        let pooled = b.node("pool", op, &[map]).unwrap();
        let mean = b.node("mean", Op::GlobalAveragePool, &[pooled]).unwrap();
        b.output("pooled", pooled);
        b.output("mean", mean);
        let maps = (0..2).map(|_| random.floats(g.size[0] * g.size[1] * channels, 1.0)).collect();
        assert_agreement(&b.finish(), Batch::Dynamic, &[maps]);
    }

    #[test]
    fn rows_are_cut_and_joined_alike(cuts in prop::collection::vec((0usize..6, 1usize..6), 2..4), seed: u64) {
        let mut random = Random::seeded(seed);
        let mut b = GraphBuilder::new("encode");
        let shape = [11, 2, 3];
        let x = b.input("x", &shape, DataType::F32);
        let parts: Vec<_> = cuts.iter().enumerate().map(|(i, (start, length))| {
            let op = Op::SliceRows { start: *start as u32, end: (start + length) as u32 };
            b.node(&format!("part{i}"), op, &[x]).unwrap()
        }).collect();
        let joined = b.node("joined", Op::ConcatRows, &parts).unwrap();
        b.output("joined", joined);
        let xs = (0..3).map(|_| random.floats(shape.iter().product(), 1.0)).collect();
        assert_agreement(&b.finish(), Batch::Dynamic, &[xs]);
    }

    #[test]
    fn channels_are_cut_and_joined_alike_in_maps_and_vectors(
        is_map: bool, cuts in prop::collection::vec((0usize..6, 1usize..6), 2..4), seed: u64,
    ) {
        let mut random = Random::seeded(seed);
        let mut b = GraphBuilder::new("encode");
        let shape: &[usize] = if is_map { &[3, 2, 11] } else { &[11] };
        let x = b.input("x", shape, DataType::F32);
        let parts: Vec<_> = cuts.iter().enumerate().map(|(i, (start, length))| {
            let op = Op::Slice { start: *start as u32, end: (start + length) as u32 };
            b.node(&format!("part{i}"), op, &[x]).unwrap()
        }).collect();
        let joined = b.node("joined", Op::Concat, &parts).unwrap();
        let doubled = b.node("doubled", Op::Add { activation: Activation::Relu }, &[joined, joined]).unwrap();
        b.output("joined", joined);
        b.output("doubled", doubled);
        let xs = (0..3).map(|_| random.floats(shape.iter().product(), 1.0)).collect();
        assert_agreement(&b.finish(), Batch::Dynamic, &[xs]);
    }
}
