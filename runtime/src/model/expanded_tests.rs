//! Tensors of which only base filters are stored.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use super::checksum::crc32;
use super::layout::{CHECKED_FROM, CHECKSUM_OFFSET, TENSOR_BYTES, tensor};
use super::*;
use crate::graph::{Activation, DataType, Graph, GraphBuilder, Op, Padding, Quantization, ShapeError, WeightData};
use crate::memory::AlignedVec;
use crate::plane_group::{Fibre, FilterExpansion, PlaneGroup};

const LIFTED: FilterExpansion = FilterExpansion { group: PlaneGroup::QuarterTurns, reads: Fibre::Trivial };
const REGULAR: FilterExpansion = FilterExpansion { group: PlaneGroup::QuarterTurns, reads: Fibre::Regular };

/// Two base filters `[2, 1, 1, 4]` over a map of one pixel.
fn graph(expansion: FilterExpansion, is_int8: bool) -> Graph {
    let mut builder = GraphBuilder::new("encode");
    let x = builder.input("x", &[1, 1, 4], DataType::F32);
    let to = Quantization { scale: 0.5, zero_point: -1 };
    let (data, bias, x) = match is_int8 {
        true => (
            WeightData::I8 { values: vec![1, 2, 3, 4, 5, 6, 7, 8], multipliers: vec![1 << 30, 1 << 29], shift: 3 },
            WeightData::I32(vec![3, 65]),
            builder.quantized_node("q", Op::Quantize, &[x], to).unwrap(),
        ),
        false => (WeightData::F32(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]), WeightData::F32(vec![0.5, -1.0]), x),
    };
    let weight = builder.expanded_constant("conv.weight", &[2, 1, 1, 4], data, expansion).unwrap();
    let bias = builder.constant("conv.bias", &[2], bias).unwrap();
    let (stride, padding, activation) = ([1, 1], Padding::default(), Activation::Identity);
    let conv = Op::Conv2d { weight, bias, stride, padding, groups: 1, activation };
    let mut y = builder.quantized_node("conv", conv, &[x], to).unwrap();
    if is_int8 {
        y = builder.node("real", Op::Dequantize, &[y]).unwrap();
    }
    builder.output("y", y);
    builder.finish()
}

fn file(graph: Graph) -> Vec<u8> {
    write(&BTreeMap::new(), &[graph]).unwrap()
}

/// Where the record of the first tensor starts: there is no metadata before it.
const RECORD: usize = layout::HEADER_BYTES;

#[test]
fn the_record_tells_group_and_reads_and_the_data_are_the_base_filters() {
    for (expansion, codes) in [
        (LIFTED, [1, 1, 0, 0]),
        (REGULAR, [1, 2, 0, 0]),
        (FilterExpansion { group: PlaneGroup::TurnsAndMirrors, ..LIFTED }, [2, 1, 0, 0]),
    ] {
        for is_int8 in [false, true] {
            let written = file(graph(expansion, is_int8));
            let record = &written[RECORD..RECORD + TENSOR_BYTES];
            assert_eq!(record[tensor::GROUP..tensor::GROUP + 4], codes);
            // Two filters of four numbers; each filled up to 16 bytes in int8.
            assert_eq!(record[tensor::SHAPE..tensor::SHAPE + 8], [2, 0, 0, 0, 1, 0, 0, 0]);
            assert_eq!(record[tensor::DATA_BYTES], 32);
            assert_eq!(record[tensor::CHANNELS], if is_int8 { 2 } else { 0 });
        }
    }
}

#[test]
fn what_is_read_is_what_was_written() {
    for (expansion, is_int8) in [(LIFTED, false), (REGULAR, false), (LIFTED, true), (REGULAR, true)] {
        let graph = graph(expansion, is_int8);
        let bytes = AlignedVec::copy_of(&file(graph.clone()));
        let model = Model::parse(&bytes).unwrap();
        assert_eq!(Graph::from_model(&model, "encode").unwrap(), graph);
        assert_eq!(
            model.graph("encode").unwrap().operators() & ALL_CONVOLUTIONS,
            if is_int8 { 1 << 61 } else { 1 << 29 }
        );
    }
}

/// Plain, depthwise and expanded convolutions, of float32 and int8.
const ALL_CONVOLUTIONS: u64 = 1 << 2 | 1 << 34 | 1 << 63 | 1 << 29 | 1 << 61;

#[test]
fn a_program_that_links_no_expanded_convolution_refuses_one() {
    let bytes = AlignedVec::copy_of(&file(graph(LIFTED, false)));
    let fault = LimitedModel::<{ 1 << 2 }>::parse(&bytes).unwrap_err();
    assert!(matches!(fault, ParseError::Record { fault: Fault::OperatorNotLinked, .. }), "{fault}");
    assert!(LimitedModel::<{ 1 << 29 }>::parse(&bytes).is_ok());
}

#[test]
fn equal_filters_of_different_expansions_are_stored_apart() {
    let mut both = graph(LIFTED, false);
    both.name = "other".into();
    let one = file(graph(LIFTED, false)).len();
    let twice = |second: Graph| write(&BTreeMap::new(), &[graph(LIFTED, false), second]).unwrap().len();
    let (same, other) = (twice(both.clone()), twice(Graph { name: "other".into(), ..graph(REGULAR, false) }));
    assert!(one < same && other == same + TENSOR_BYTES + 32, "{one} {same} {other}");
}

/// The first tensor's record with that byte, in a file whose checksum is right.
fn with_byte(file: &[u8], offset: usize, value: u8) -> AlignedVec {
    let mut changed = file.to_vec();
    changed[RECORD + offset] = value;
    let checksum = crc32(&changed[CHECKED_FROM..]);
    changed[CHECKSUM_OFFSET..CHECKSUM_OFFSET + 4].copy_from_slice(&checksum.to_le_bytes());
    AlignedVec::copy_of(&changed)
}

#[test]
fn impossible_expansions_are_refused() {
    let faults = [
        (tensor::GROUP, 0, Fault::Expansion),
        (tensor::GROUP, 3, Fault::Expansion),
        (tensor::GROUP, 255, Fault::Expansion),
        (tensor::READS, 0, Fault::Expansion),
        (tensor::READS, 3, Fault::Expansion),
        (tensor::AFTER_EXPANSION.start, 1, Fault::ReservedNotZero),
        (tensor::AFTER_EXPANSION.start + 1, 1, Fault::ReservedNotZero),
        // Four channels are no eight orientations.
        (tensor::GROUP, 2, Fault::Expansion),
        // Not square.
        (tensor::SHAPE + 4, 2, Fault::Expansion),
        // All filters would have more numbers than 32 bits count.
        (tensor::SHAPE + 3, 0x20, Fault::Expansion),
    ];
    for is_int8 in [false, true] {
        let file = file(graph(REGULAR, is_int8));
        for (offset, value, expected) in faults {
            let found = Model::parse(&with_byte(&file, offset, value)).unwrap_err();
            let expected = ParseError::Record { section: Section::Tensors, index: 0, fault: expected };
            assert_eq!(found, expected, "byte {offset} of {value}, int8: {is_int8}");
        }
    }
    // A bias or a matrix is never expanded.
    let mut refused = graph(LIFTED, true);
    refused.weights[1].expansion = Some(LIFTED);
    let error = write(&BTreeMap::new(), &[refused]).unwrap_err();
    assert!(
        matches!(error, WriteError::Invalid(ParseError::Record { fault: Fault::Expansion, index: 1, .. })),
        "{error}"
    );
}

#[test]
fn nodes_that_cannot_expand_are_refused() {
    let refused = |change: fn(&mut Graph)| {
        let mut graph = graph(LIFTED, false);
        change(&mut graph);
        match write(&BTreeMap::new(), &[graph]) {
            Err(WriteError::Invalid(ParseError::Record { fault: Fault::Operands(error), .. })) => error,
            other => panic!("{other:?}"),
        }
    };
    let set_groups = |graph: &mut Graph| {
        let Op::Conv2d { groups, .. } = &mut graph.nodes[0].op else { panic!() };
        *groups = 4;
    };
    assert_eq!(refused(set_groups), ShapeError::Expansion);
    let give_all_biases = |graph: &mut Graph| {
        graph.weights[1].shape = vec![8];
        graph.weights[1].data = WeightData::F32(vec![0.0; 8]);
    };
    assert_eq!(refused(give_all_biases), ShapeError::Bias);
}
