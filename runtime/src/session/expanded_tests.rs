//! Networks of which only base filters are stored compute the bits of those with all filters.

use alloc::vec;
use alloc::vec::Vec;

use super::{Input, Session};
use crate::graph::{Activation, DataType, Graph, GraphBuilder, Op, Padding, Quantization, ValueId, WeightData};
use crate::memory::AlignedVec;
use crate::model::{Model, write};
use crate::plane_group::{Fibre, FilterExpansion, PlaneGroup};

const SCALE: Quantization = Quantization { scale: 0.03, zero_point: -5 };

#[derive(Clone, Copy, Debug)]
struct Case {
    size: [usize; 2],
    group: PlaneGroup,
    is_int8: bool,
    /// Of all layers.
    kernel: usize,
    /// Of the layer that lifts the picture, and of the two after it.
    fields: [usize; 3],
    strides: [u16; 3],
}

/// A picture lifted to the group, two convolutions over it, the largest number over all orientations, and the mean.
struct Network {
    builder: GraphBuilder,
    case: Case,
}

impl Network {
    fn of(case: Case) -> Graph {
        let mut builder = GraphBuilder::new("encode");
        let image = builder.input("image", &[case.size[0], case.size[1], 3], DataType::U8);
        let (mean, std) = ([0.5; 3], [0.25; 3]);
        let op = if case.is_int8 { Op::QuantizeImage { mean, std, rows: None } } else { Op::Normalize { mean, std } };
        let mut map = builder.quantized_node("normalize", op, &[image], SCALE).unwrap();
        let mut network = Self { builder, case };
        for (index, name) in ["lifted", "second", "third"].into_iter().enumerate() {
            map = network.layer(name, index, map);
        }
        network.finish(map)
    }

    fn layer(&mut self, name: &str, index: usize, map: ValueId) -> ValueId {
        let Case { group, kernel, fields, strides, .. } = self.case;
        let shape = [fields[index], kernel, kernel, self.builder.shape(map)[2]];
        let reads = if index == 0 { Fibre::Trivial } else { Fibre::Regular };
        let names = [".weight", ".bias"].map(|part| alloc::format!("{name}{part}"));
        let count: usize = shape.iter().product();
        let expansion = FilterExpansion { group, reads };
        let (weight, bias) = if self.case.is_int8 {
            let values = (0..count).map(|i| ((i * 7919 + index * 31 + i * i % 97) % 251) as u8 as i8).collect();
            let data = WeightData::I8 { values, multipliers: vec![1 << 29; fields[index]], shift: 6 };
            let biases = WeightData::I32((0..fields[index]).map(|field| 100 * field as i32 - 70).collect());
            let weight = self.builder.expanded_constant(&names[0], &shape, data, expansion).unwrap();
            (weight, self.builder.constant(&names[1], &[fields[index]], biases).unwrap())
        } else {
            // Sums that do not fit 24 bits: their order matters.
            let values = (0..count).map(|i| ((i * 7919 + index) % 1009) as f32 / 977.0 - 0.5).collect();
            let biases = (0..fields[index]).map(|field| field as f32 * 0.03 - 0.05).collect();
            let weight = self.builder.expanded_weight(&names[0], &shape, values, expansion).unwrap();
            (weight, self.builder.weight(&names[1], &[fields[index]], biases).unwrap())
        };
        let [before, after] = [kernel / 2, (kernel - 1) / 2].map(|padding| padding as u16);
        let padding = Padding { top: before, left: before, bottom: after, right: after };
        let stride = [strides[index]; 2];
        let op = Op::Conv2d { weight, bias, stride, padding, groups: 1, activation: Activation::Relu };
        self.builder.quantized_node(name, op, &[map], SCALE).unwrap()
    }

    fn finish(mut self, map: ValueId) -> Graph {
        let &[height, width, channels] = self.builder.shape(map) else { panic!() };
        let order = self.case.group.order();
        let shape = [height, width * order, channels / order, 0].map(|extent| extent as u32);
        let side_by_side = self.builder.node("side_by_side", Op::Reshape { shape }, &[map]).unwrap();
        let window = [1, order as u16];
        let op = Op::MaxPool2d { kernel: window, stride: window, padding: Padding::default() };
        let invariant = self.builder.node("invariant", op, &[side_by_side]).unwrap();
        for (name, value) in [("map", map), ("mean", invariant)] {
            let pooled = match name {
                "mean" => self.builder.node("pooled", Op::GlobalAveragePool, &[value]).unwrap(),
                _ => value,
            };
            let real = match self.case.is_int8 {
                true => self.builder.node(&alloc::format!("{name}.real"), Op::Dequantize, &[pooled]).unwrap(),
                false => pooled,
            };
            self.builder.output(name, real);
        }
        self.builder.finish()
    }
}

/// The bits of all outputs, by the kernels for every host or by those of a prepared session, and the bytes of the file.
fn bits(graph: &Graph, is_prepared: bool) -> (Vec<u32>, usize) {
    let bytes = AlignedVec::copy_of(&write(&Default::default(), core::slice::from_ref(graph)).unwrap());
    let model = Model::parse(&bytes).unwrap();
    let mut arena = AlignedVec::copy_of(&vec![0xA5; model.graph("encode").unwrap().arena_bytes()]);
    let elements = |id| graph.value(id).shape.iter().product::<usize>();
    let image: Vec<u8> = (0..elements(graph.inputs[0])).map(|index| (index * index * 37 % 256) as u8).collect();
    let mut outputs: Vec<Vec<f32>> = graph.outputs.iter().map(|(_, id)| vec![f32::NAN; elements(*id)]).collect();
    let mut results: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    let inputs = [Input::U8(&image)];
    #[cfg(feature = "std")]
    if is_prepared {
        let mut prepared = super::Prepared::new(&model, "encode").unwrap();
        let mut session = Session::with_prepared(&model, "encode", &mut arena, &mut prepared).unwrap();
        session.run(&inputs, &mut results).unwrap();
        return (outputs.concat().iter().map(|number| number.to_bits()).collect(), bytes.len());
    }
    let _ = is_prepared;
    Session::new(&model, "encode", &mut arena).unwrap().run(&inputs, &mut results).unwrap();
    (outputs.concat().iter().map(|number| number.to_bits()).collect(), bytes.len())
}

fn cases() -> impl Iterator<Item = Case> {
    let shapes = [
        ([12, 12], 3, [8, 8, 4], [1, 1, 2]),
        ([11, 9], 3, [3, 5, 2], [2, 1, 1]),
        ([9, 10], 5, [2, 3, 1], [1, 2, 1]),
        ([10, 7], 2, [4, 1, 3], [2, 1, 1]),
        ([6, 6], 1, [2, 16, 5], [1, 1, 1]),
    ];
    let groups = [PlaneGroup::QuarterTurns, PlaneGroup::TurnsAndMirrors];
    shapes.into_iter().flat_map(move |(size, kernel, fields, strides)| {
        groups
            .into_iter()
            .flat_map(move |group| [false, true].map(|is_int8| Case { size, group, is_int8, kernel, fields, strides }))
    })
}

#[test]
fn base_filters_compute_the_bits_of_all_filters() {
    for case in cases() {
        let graph = Network::of(case);
        let all = graph.with_expanded_filters();
        assert!(graph.has_base_filters() && !all.has_base_filters());
        for is_prepared in [false, true] {
            let ((found, size), (expected, whole_size)) = (bits(&graph, is_prepared), bits(&all, is_prepared));
            assert!(expected.iter().any(|number| *number != expected[0]), "{case:?} tests nothing");
            assert_eq!(found, expected, "{case:?}, prepared: {is_prepared}");
            assert!(size < whole_size, "{case:?}: {size} of {whole_size} bytes");
        }
    }
}

#[test]
fn filters_that_are_stored_take_a_part_of_the_file_for_each_element_of_the_group() {
    for case in cases() {
        let graph = Network::of(case);
        let bytes = |graph: &Graph| graph.weights.iter().map(|weight| weight.data.elements()).sum::<usize>();
        assert_eq!(bytes(&graph.with_expanded_filters()), case.group.order() * bytes(&graph), "{case:?}");
        let macs = |graph: &Graph| graph.nodes.iter().map(|node| graph.macs(node)).sum::<u64>();
        assert_eq!(macs(&graph), macs(&graph.with_expanded_filters()));
    }
}
