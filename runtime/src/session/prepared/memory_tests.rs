//! Memory is known before it is allocated, and is not much more than activations and filters.

use std::format;
use std::vec;
use std::vec::Vec;

use super::Prepared;
use crate::allocated::peak_bytes;
use crate::graph::{Activation, DataType, Graph, GraphBuilder, Op, Padding, Quantization, ValueId, WeightData};
use crate::memory::AlignedVec;
use crate::model::{Model, write};
use crate::session::{Input, Session, SessionError};

const TO: Quantization = Quantization { scale: 0.02, zero_point: -3 };

/// A convolution of a square map.
#[derive(Clone, Copy, Debug)]
struct Layer {
    size: usize,
    /// Read and made.
    channels: [usize; 2],
    kernel: usize,
    stride: u16,
    /// On all sides.
    padding: u16,
    groups: usize,
}

impl Layer {
    fn op(&self, weight: crate::graph::WeightId, bias: crate::graph::WeightId) -> Op {
        let Self { stride, padding: p, groups, .. } = *self;
        let padding = Padding { top: p, left: p, bottom: p, right: p };
        Op::Conv2d {
            weight,
            bias,
            stride: [stride; 2],
            padding,
            groups: groups as u32,
            activation: Activation::Identity,
        }
    }

    fn filter(&self) -> [usize; 4] {
        let Self { channels: [cin, cout], kernel, groups, .. } = *self;
        [cout, kernel, kernel, cin / groups]
    }

    /// A map that the caller gives as one number for each pixel, in all channels, through the layer `times` times.
    fn graph(&self, is_int8: bool, times: usize) -> Graph {
        let mut builder = GraphBuilder::new("encode");
        let given = builder.input("x", &[self.size, self.size, self.channels[0]], DataType::F32);
        let map = match is_int8 {
            true => builder.quantized_node("q", Op::Quantize, &[given], TO).unwrap(),
            false => given,
        };
        for time in 0..times {
            let made = self.node(&mut builder, &format!("conv{time}"), map, is_int8);
            let name = format!("y{time}");
            let mean = builder.node(&name, Op::GlobalAveragePool, &[made]).unwrap();
            let real = match is_int8 {
                true => builder.node(&format!("real{time}"), Op::Dequantize, &[mean]).unwrap(),
                false => mean,
            };
            builder.output(&name, real);
        }
        builder.finish()
    }

    fn node(&self, builder: &mut GraphBuilder, name: &str, map: ValueId, is_int8: bool) -> ValueId {
        let (shape, channels) = (self.filter(), self.channels[1]);
        let count: usize = shape.iter().product();
        if !is_int8 {
            let numbers = (0..count).map(|index| (index % 7) as f32 - 3.0).collect();
            let weight = builder.weight(&format!("{name}.w"), &shape, numbers).unwrap();
            let bias = builder.weight(&format!("{name}.b"), &[channels], vec![0.5; channels]).unwrap();
            return builder.node(name, self.op(weight, bias), &[map]).unwrap();
        }
        let is_depthwise = self.groups > 1 && self.channels == [self.groups; 2];
        let shape = if is_depthwise { [1, self.kernel, self.kernel, channels] } else { shape };
        let values = (0..count).map(|index| (index % 251) as u8 as i8).collect();
        let data = WeightData::I8 { values, multipliers: vec![1 << 29; channels], shift: 6 };
        let weight = builder.constant(&format!("{name}.w"), &shape, data).unwrap();
        let bias = builder.constant(&format!("{name}.b"), &[channels], WeightData::I32(vec![100; channels])).unwrap();
        builder.quantized_node(name, self.op(weight, bias), &[map], TO).unwrap()
    }
}

/// Layers as they are used.
const USUAL: [Layer; 6] = [
    Layer { size: 24, channels: [3, 16], kernel: 3, stride: 2, padding: 1, groups: 1 },
    Layer { size: 8, channels: [32, 32], kernel: 3, stride: 1, padding: 1, groups: 1 },
    Layer { size: 1, channels: [64, 64], kernel: 3, stride: 1, padding: 1, groups: 1 },
    Layer { size: 12, channels: [24, 24], kernel: 3, stride: 1, padding: 1, groups: 24 },
    Layer { size: 6, channels: [16, 24], kernel: 1, stride: 1, padding: 0, groups: 1 },
    Layer { size: 9, channels: [12, 8], kernel: 3, stride: 1, padding: 0, groups: 4 },
];

/// Layers that ask for as much as they can: mostly padding, and filters that fill few lanes of registers.
const EXCESSIVE: [Layer; 8] = [
    Layer { size: 1, channels: [2000, 1], kernel: 1, stride: 4, padding: 400, groups: 1 },
    Layer { size: 1, channels: [500, 1], kernel: 2, stride: 8, padding: 800, groups: 1 },
    Layer { size: 1, channels: [1, 1], kernel: 1, stride: 60_000, padding: 60_000, groups: 1 },
    Layer { size: 1, channels: [64, 2], kernel: 40, stride: 1, padding: 39, groups: 2 },
    Layer { size: 2, channels: [40, 40], kernel: 1, stride: 4, padding: 300, groups: 40 },
    Layer { size: 2, channels: [2, 2], kernel: 5, stride: 2, padding: 300, groups: 2 },
    Layer { size: 40, channels: [1, 1], kernel: 1, stride: 1, padding: 0, groups: 1 },
    Layer { size: 3, channels: [60, 60], kernel: 1, stride: 1, padding: 0, groups: 30 },
];

fn every_case() -> impl Iterator<Item = (Layer, bool)> {
    USUAL.into_iter().chain(EXCESSIVE).flat_map(|layer| [(layer, false), (layer, true)])
}

#[test]
fn preparing_takes_no_more_than_the_graph_says_and_little_less() {
    for (layer, is_int8) in every_case() {
        let file = AlignedVec::copy_of(&write(&Default::default(), &[layer.graph(is_int8, 2)]).unwrap());
        let model = Model::parse(&file).unwrap();
        let said = model.graph("encode").unwrap().prepared_bytes();
        let (prepared, peak) = peak_bytes(|| Prepared::new(&model, "encode").unwrap());
        assert!(peak <= said, "{layer:?}, int8: {is_int8}: {peak} bytes for {said}");
        assert!(said <= peak + peak / 8 + 20_000, "{layer:?}, int8: {is_int8}: {peak} bytes for {said}");
        drop(prepared);
    }
}

/// Packed filters are at most 32 times as large as stored ones, places take eight bytes a window, and scratch memory is a
/// few times a map.
#[test]
fn no_layer_takes_more_than_a_multiple_of_file_and_arena() {
    for (layer, is_int8) in every_case() {
        let file = AlignedVec::copy_of(&write(&Default::default(), &[layer.graph(is_int8, 1)]).unwrap());
        let model = Model::parse(&file).unwrap();
        let graph = model.graph("encode").unwrap();
        let most = 32 * (file.len() + graph.arena_bytes()) as u64 + (1 << 20);
        assert!(graph.prepared_bytes() <= most, "{layer:?}, int8: {is_int8}: {} of {most}", graph.prepared_bytes());
    }
}

/// Where a frame would be large, the kernels for every host compute the same.
#[test]
fn results_do_not_depend_on_which_kernel_is_taken() {
    for (layer, is_int8) in every_case() {
        let graph = layer.graph(is_int8, 1);
        let file = AlignedVec::copy_of(&write(&Default::default(), core::slice::from_ref(&graph)).unwrap());
        let model = Model::parse(&file).unwrap();
        let mut arena = AlignedVec::zeroed(model.graph("encode").unwrap().arena_bytes());
        let count = graph.value(graph.inputs[0]).shape.iter().product();
        let given: Vec<f32> = (0..count).map(|index: usize| (index % 11) as f32 * 0.1 - 0.4).collect();
        let (mut plain, mut packed) = (vec![0.0; layer.channels[1]], vec![0.0; layer.channels[1]]);
        let inputs = [Input::F32(&given)];
        Session::new(&model, "encode", &mut arena).unwrap().run(&inputs, &mut [&mut plain]).unwrap();
        let mut prepared = Prepared::new(&model, "encode").unwrap();
        let mut session = Session::with_prepared(&model, "encode", &mut arena, &mut prepared).unwrap();
        session.run(&inputs, &mut [&mut packed]).unwrap();
        let most = plain.iter().fold(1.0f32, |most, number| most.max(number.abs()));
        for (a, b) in plain.iter().zip(&packed) {
            let same = if is_int8 { a == b } else { (a - b).abs() <= 1e-4 * most };
            assert!(same, "{layer:?}, int8: {is_int8}: {a} and {b}");
        }
    }
}

/// A file stores equal constants once, and a small one can name them from thousands of nodes.
#[test]
fn constants_that_many_nodes_share_count_for_each() {
    let layer = Layer { size: 1, channels: [64, 64], kernel: 1, stride: 1, padding: 0, groups: 1 };
    let said = |times| {
        let file = AlignedVec::copy_of(&write(&Default::default(), &[layer.graph(false, times)]).unwrap());
        let model = Model::parse(&file).unwrap();
        (file.len(), model.graph("encode").unwrap().prepared_bytes())
    };
    let ((small, one), (large, sixty)) = (said(1), said(60));
    assert!(large < 3 * small, "{small} and {large}");
    if one > 0 {
        assert!(sixty > 50 * 64 * 64 * 4, "{one} and {sixty}");
    }
}

#[test]
fn what_was_prepared_for_another_model_or_graph_is_refused() {
    let layer = |seed| Layer { size: seed, channels: [3, 4], kernel: 1, stride: 1, padding: 0, groups: 1 };
    let named = |name: &str, mut graph: Graph| {
        graph.name = name.into();
        graph
    };
    let file = |size| {
        let graphs = [named("encode", layer(size).graph(false, 1)), named("other", layer(size).graph(false, 1))];
        AlignedVec::copy_of(&write(&Default::default(), &graphs).unwrap())
    };
    let (one, copy, two) = (file(4), file(4), file(5));
    let [one, copy, two] = [&one, &copy, &two].map(|file| Model::parse(file).unwrap());
    let mut arena = AlignedVec::zeroed(two.graph("encode").unwrap().arena_bytes());
    let mut prepared = Prepared::new(&one, "encode").unwrap();
    for (model, graph, expected) in [
        (&one, "encode", None),
        (&copy, "encode", None),
        (&one, "other", Some(SessionError::PreparedForAnother)),
        (&two, "encode", Some(SessionError::PreparedForAnother)),
        (&two, "none", Some(SessionError::NoSuchGraph)),
    ] {
        let session = Session::with_prepared(model, graph, &mut arena, &mut prepared);
        assert_eq!(session.err(), expected, "{graph}");
    }
}
