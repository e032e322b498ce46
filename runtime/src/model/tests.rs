use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::graph::arbitrary::{Choices, arbitrary_graph};
use crate::graph::{
    Activation, DataType, Graph, GraphBuilder, Op, Padding, Quantization, ValueId, WeightData, WeightId,
};
use crate::memory::AlignedVec;
use crate::session::{Input, Session};

fn metadata(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

fn aligned(metadata: &BTreeMap<String, String>, graphs: &[Graph]) -> AlignedVec {
    AlignedVec::copy_of(&write(metadata, graphs).unwrap())
}

fn linear_graph(name: &str, weights: [f32; 2]) -> Graph {
    let mut builder = GraphBuilder::new(name);
    let x = builder.input("x", &[2], DataType::F32);
    let weight = builder.weight("fc.weight", &[1, 2], weights.to_vec()).unwrap();
    let bias = builder.weight("fc.bias", &[1], vec![0.5]).unwrap();
    let y = builder.node("fc", Op::Linear { weight, bias, activation: Activation::Relu }, &[x]).unwrap();
    builder.output("y", y);
    builder.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_written_is_read_back(
        choices in prop::collection::vec(any::<u32>(), 0..200),
        nodes in 0usize..20,
        entries in prop::collection::btree_map("[a-z_]{1,12}", ".{0,20}", 0..5),
    ) {
        let mut choices = Choices(choices);
        let graphs = [arbitrary_graph("encode", nodes, &mut choices), arbitrary_graph("predict_latent", 2, &mut choices)];
        let bytes = aligned(&entries, &graphs);
        let model = Model::parse(&bytes).unwrap();
        for graph in &graphs {
            let read = Graph::from_model(&model, &graph.name);
            prop_assert_eq!(read.as_ref(), Some(graph));
        }
        let read: BTreeMap<String, String> =
            model.metadata_entries().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        prop_assert_eq!(read, entries);
    }
}

/// The bytes of a listing in `docs/model-format.md`.
fn golden(name: &str) -> Vec<u8> {
    let document = include_str!("../../../docs/model-format.md");
    let (_, listing) = document.split_once(&alloc::format!("```{name}\n")).unwrap();
    listing
        .lines()
        .take_while(|line| !line.starts_with("```"))
        .map(|line| line.split('#').next().unwrap_or(""))
        .flat_map(|line| line.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()))
        .collect()
}

#[test]
fn golden_bytes_of_a_tiny_model() {
    let written = write(&metadata(&[("name", "tiny")]), &[linear_graph("encode", [1.0, -2.0])]).unwrap();
    assert_eq!(written, golden("golden"));
}

#[test]
fn golden_bytes_of_a_tiny_int8_model() {
    let mut builder = GraphBuilder::new("encode");
    let x = builder.input("x", &[2], DataType::F32);
    let to = Quantization { scale: 0.5, zero_point: -1 };
    let q = builder.quantized_node("q", Op::Quantize, &[x], to).unwrap();
    let (values, multipliers) = (vec![1, 2, -3, 4, 127, -128], vec![1 << 30, 1 << 29, 1 << 28]);
    let weight = builder.constant("fc.weight", &[3, 2], WeightData::I8 { values, multipliers, shift: 3 }).unwrap();
    let bias = builder.constant("fc.bias", &[3], WeightData::I32(vec![3, 65, -1])).unwrap();
    let op = Op::Linear { weight, bias, activation: Activation::Relu };
    let fc = builder.quantized_node("fc", op, &[q], Quantization { scale: 0.25, zero_point: 2 }).unwrap();
    let y = builder.node("y", Op::Dequantize, &[fc]).unwrap();
    builder.output("y", y);
    let written = aligned(&BTreeMap::new(), &[builder.finish()]);
    assert_eq!(written[..], golden("golden-int8"));
    let model = Model::parse(&written).unwrap();
    let mut arena = AlignedVec::zeroed(model.graph("encode").unwrap().arena_bytes());
    let mut found = [f32::NAN; 3];
    let mut session = Session::new(&model, "encode", &mut arena).unwrap();
    session.run(&[Input::F32(&[1.0, -2.0])], &mut [&mut found]).unwrap();
    assert_eq!(found, [0.0, 0.25, 1.5]);
}

#[test]
fn weights_of_equal_content_are_stored_once() {
    let one = write(&BTreeMap::new(), &[linear_graph("a", [1.0, 2.0])]).unwrap();
    let both = |second| aligned(&BTreeMap::new(), &[linear_graph("a", [1.0, 2.0]), linear_graph("b", second)]);
    let (equal, different) = (both([1.0, 2.0]), both([1.0, -2.0]));
    // One tensor record of 48 bytes and 16 bytes of aligned data more.
    assert_eq!(different.len(), equal.len() + 64);
    assert!(equal.len() > one.len());
    let model = Model::parse(&equal).unwrap();
    let place = |graph| model.graph(graph).unwrap().weight(WeightId(0)).unwrap().data.floats().as_ptr();
    assert_eq!(place("a"), place("b"));
}

/// Arena of a chain of ten operators on 100 numbers.
fn chain_arena_bytes(op: Op) -> usize {
    let mut builder = GraphBuilder::new("chain");
    let mut value = builder.input("x", &[100], DataType::F32);
    for index in 0..10 {
        value = builder.node(&alloc::format!("node{index}"), op, &[value]).unwrap();
    }
    builder.output("y", value);
    let bytes = aligned(&BTreeMap::new(), &[builder.finish()]);
    Model::parse(&bytes).unwrap().graph("chain").unwrap().arena_bytes()
}

#[test]
fn values_share_memory_when_they_can() {
    assert_eq!(chain_arena_bytes(Op::Softmax), 2 * 400);
    assert_eq!(chain_arena_bytes(Op::Relu), 400);
}

/// Three convolutions and a residual sum on one 8x8x16 map of eight bits.
#[test]
fn eight_bit_maps_overlap_row_by_row() {
    let mut builder = GraphBuilder::new("encode");
    let image = builder.input("image", &[8, 8, 3], DataType::U8);
    let to = Quantization { scale: 0.05, zero_point: 3 };
    let normalize = Op::QuantizeImage { mean: [0.5; 3], std: [0.5; 3], rows: None };
    let mut value = builder.quantized_node("quantize", normalize, &[image], to).unwrap();
    let mut skipped = value;
    for index in 0..3 {
        let cin = builder.shape(value)[2];
        let data = WeightData::I8 { values: vec![1; 16 * 9 * cin], multipliers: vec![1 << 30; 16], shift: 7 };
        let weight = builder.constant(&alloc::format!("w{index}"), &[16, 3, 3, cin], data).unwrap();
        let bias = builder.constant(&alloc::format!("b{index}"), &[16], WeightData::I32(vec![0; 16])).unwrap();
        let (padding, activation) = (Padding { top: 1, left: 1, bottom: 1, right: 1 }, Activation::Relu);
        let op = Op::Conv2d { weight, bias, stride: [1, 1], padding, groups: 1, activation };
        value = builder.quantized_node(&alloc::format!("conv{index}"), op, &[value], to).unwrap();
        if index == 0 {
            skipped = value;
        }
    }
    value = builder.quantized_node("sum", Op::Add { activation: Activation::Relu }, &[value, skipped], to).unwrap();
    let real = builder.node("pool", Op::GlobalAveragePool, &[value]).unwrap();
    let real = builder.node("real", Op::Dequantize, &[real]).unwrap();
    builder.output("y", real);
    let bytes = aligned(&BTreeMap::new(), &[builder.finish()]);
    let model = Model::parse(&bytes).unwrap();
    let (map, row, scratch) = (8 * 8 * 16, 8 * 16, 8 * 144);
    // The sum's two inputs, and the second convolution two rows before its input.
    assert_eq!(model.graph("encode").unwrap().arena_bytes(), 2 * map + 2 * row + scratch);
}

/// Upper and lower rows of a map, each changed and then joined.
#[test]
fn rows_are_made_where_they_are_joined_and_read_where_they_lie() {
    let mut builder = GraphBuilder::new("encode");
    let x = builder.input("x", &[4, 2, 8], DataType::F32);
    // Not in place, as softmax never is.
    let map = builder.node("map", Op::Softmax, &[x]).unwrap();
    let half = |builder: &mut GraphBuilder, name: &str, start, end| {
        let rows = builder.node(&alloc::format!("{name}.rows"), Op::SliceRows { start, end }, &[map]).unwrap();
        builder.node(name, Op::Softmax, &[rows]).unwrap()
    };
    let (upper, lower) = (half(&mut builder, "upper", 0, 2), half(&mut builder, "lower", 2, 4));
    let joined = builder.node("joined", Op::ConcatRows, &[lower, upper]).unwrap();
    builder.output("y", joined);
    let graph = builder.finish();
    let whole = 4 * 2 * 8 * 4;
    assert_eq!(planned_arena_bytes(&graph), Ok(2 * whole));
    let bytes = aligned(&BTreeMap::new(), &[graph]);
    let model = Model::parse(&bytes).unwrap();
    let graph = model.graph("encode").unwrap();
    assert_eq!(graph.arena_bytes(), 2 * whole);
    let mut arena = AlignedVec::zeroed(2 * whole);
    let (x, mut y): (Vec<f32>, _) = ((0..64).map(|i| (i % 11) as f32 / 4.0).collect(), [0.0; 64]);
    Session::new(&model, "encode", &mut arena).unwrap().run(&[Input::F32(&x)], &mut [&mut y]).unwrap();
    let softmax = |row: &[f32]| {
        let powers: Vec<f32> = row.iter().map(|value| value.exp()).collect();
        powers.iter().map(|power| power / powers.iter().sum::<f32>()).collect::<Vec<f32>>()
    };
    let expected = x[32..].chunks(8).chain(x[..32].chunks(8)).flat_map(|pixel| softmax(&softmax(pixel)));
    assert!(y.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{y:?}");
}

/// Maps that shrink, grow to twice their size and shrink again, as the first ones of MobileNet do. All but the largest two
/// have room beside these, but each fixed order puts another one in their way.
#[test]
fn what_reaches_highest_is_placed_anew() {
    let mut builder = GraphBuilder::new("encode");
    let image = builder.input("image", &[24, 24, 3], DataType::U8);
    let to = Quantization { scale: 0.05, zero_point: 3 };
    let op = Op::QuantizeImage { mean: [0.5; 3], std: [0.5; 3], rows: None };
    let mut value = builder.quantized_node("quantize", op, &[image], to).unwrap();
    for (name, channels, size, stride, groups) in
        [("stem", 8, 3, 2, 1), ("depthwise0", 8, 3, 1, 8), ("pointwise0", 16, 1, 1, 1), ("depthwise1", 16, 3, 2, 16)]
    {
        let shape =
            if groups > 1 { [1, size, size, channels] } else { [channels, size, size, builder.shape(value)[2]] };
        let values = vec![1; shape.iter().product()];
        let data = WeightData::I8 { values, multipliers: vec![1 << 30; channels], shift: 7 };
        let weight = builder.constant(&alloc::format!("{name}.weight"), &shape, data).unwrap();
        let bias = WeightData::I32(vec![0; channels]);
        let bias = builder.constant(&alloc::format!("{name}.bias"), &[channels], bias).unwrap();
        let half = size as u16 / 2;
        let padding = Padding { top: half, left: half, bottom: half, right: half };
        let op = Op::Conv2d { weight, bias, stride: [stride; 2], padding, groups, activation: Activation::Relu };
        value = builder.quantized_node(name, op, &[value], to).unwrap();
    }
    let mean = builder.node("mean", Op::GlobalAveragePool, &[value]).unwrap();
    let real = builder.node("real", Op::Dequantize, &[mean]).unwrap();
    builder.output("y", real);
    // The result of the pointwise convolution starts 1248 bytes before its input, and that of the depthwise one after it a
    // row, 96 bytes, before its.
    let (rows_before, input, scratch) = (96 + 1248, 12 * 12 * 8, 8 * 32);
    assert_eq!(planned_arena_bytes(&builder.finish()), Ok(rows_before + input + scratch));
}

/// Relu after relu.
fn chain(nodes: usize) -> Graph {
    let mut builder = GraphBuilder::new("chain");
    let mut value = builder.input("x", &[3], DataType::F32);
    for _ in 0..nodes {
        value = builder.node("r", Op::Relu, &[value]).unwrap();
    }
    builder.output("y", value);
    builder.finish()
}

#[test]
fn graphs_have_as_many_nodes_as_the_format_allows() {
    let bytes = aligned(&BTreeMap::new(), &[chain(MAX_NODES)]);
    let graph = Model::parse(&bytes).unwrap().graph("chain").unwrap();
    assert_eq!((graph.nodes().len(), graph.arena_bytes()), (MAX_NODES, 12));
    let fault = write(&BTreeMap::new(), &[chain(MAX_NODES + 1)]).unwrap_err();
    let (section, index, fault_of_graph) = (Section::Graphs, 0, Fault::TooMany);
    assert_eq!(fault, WriteError::Invalid(ParseError::Record { section, index, fault: fault_of_graph }));
}

#[test]
fn damage_is_named() {
    let bytes = aligned(&metadata(&[("name", "tiny")]), &[linear_graph("encode", [1.0, -2.0])]);
    let parse = |bytes: &[u8]| Model::parse(&AlignedVec::copy_of(bytes)).unwrap_err();
    assert_eq!(parse(&[]), ParseError::TooShort { found_bytes: 0 });
    assert_eq!(parse(&bytes[..50]), ParseError::TooShort { found_bytes: 50 });
    assert_eq!(parse(b"PK\x03\x04 not a model at all"), ParseError::Magic);
    for length in 96..bytes.len() {
        let declared_bytes = bytes.len() as u32;
        assert_eq!(parse(&bytes[..length]), ParseError::Length { declared_bytes, found_bytes: length });
    }
    let mut newer = bytes.to_vec();
    newer[8] = 2;
    assert_eq!(parse(&newer), ParseError::Version { found: 2 });
    let mut flipped = bytes.to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    assert!(matches!(parse(&flipped), ParseError::Checksum { .. }));
    let mut shifted = AlignedVec::zeroed(bytes.len() + 1);
    shifted[1..].copy_from_slice(&bytes);
    assert_eq!(Model::parse(&shifted[1..]).unwrap_err(), ParseError::Misaligned);
}

/// Names that would be code of a firmware or would steer a terminal, in every place that has a name.
#[test]
fn names_with_hidden_characters_are_refused() {
    let good = aligned(&metadata(&[("key", "may have\nlines")]), &[linear_graph("encode", [1.0, 2.0])]);
    assert!(Model::parse(&good).is_ok());
    let strings = [
        ("key", Section::Metadata),
        ("encode", Section::Graphs),
        ("x", Section::Values),
        ("fc.bias", Section::Weights),
    ];
    for (name, section) in strings {
        let start = good.windows(name.len()).rposition(|bytes| bytes == name.as_bytes()).unwrap();
        for hidden in [b'\n', b'\r', b'\t', 0, 0x1B, 0x7F] {
            let mut file = AlignedVec::copy_of(&good);
            file[start] = hidden;
            let checksum = super::checksum::crc32(&file[16..]);
            file[12..16].copy_from_slice(&checksum.to_le_bytes());
            let refused = Model::parse(&file).unwrap_err();
            let expected =
                ParseError::Record { section, index: usize::from(name == "fc.bias"), fault: Fault::NameCharacter };
            assert_eq!(refused, expected, "{name} with {hidden}");
        }
    }
    let named = |change: fn(&mut Graph, String), name: &str| {
        let mut graph = linear_graph("encode", [1.0, 2.0]);
        change(&mut graph, name.to_string());
        write(&BTreeMap::new(), &[graph]).unwrap_err()
    };
    let changes: [fn(&mut Graph, String); 5] = [
        |g, name| g.name = name,
        |g, name| g.values[1].name = name,
        |g, name| g.nodes[0].name = name,
        |g, name| g.weights[0].name = name,
        |g, name| g.outputs[0].0 = name,
    ];
    for name in ["x\nconst _: () = panic!();\n//", "\u{202E}txs", "a\u{200B}", "\u{1B}[2J"] {
        for change in changes {
            assert_eq!(named(change, name), WriteError::Name { name: name.to_string() });
        }
        assert_eq!(write(&metadata(&[(name, "")]), &[]).unwrap_err(), WriteError::Name { name: name.to_string() });
    }
}

#[test]
fn writing_refuses_what_reading_would() {
    let refuse = |change: fn(&mut Graph)| {
        let mut graph = linear_graph("encode", [1.0, 2.0]);
        change(&mut graph);
        write(&BTreeMap::new(), &[graph]).unwrap_err()
    };
    let at = |section, index, fault| WriteError::Invalid(ParseError::Record { section, index, fault });
    assert_eq!(refuse(|g| g.name = String::new()), WriteError::Name { name: String::new() });
    assert_eq!(refuse(|g| g.nodes[0].name = "n".repeat(256)), WriteError::Name { name: "n".repeat(256) });
    assert_eq!(refuse(|g| g.outputs[0].1 = ValueId(9)), WriteError::Reference { graph: "encode".into() });
    assert_eq!(refuse(|g| g.outputs[0].1 = ValueId(0)), at(Section::Outputs, 0, Fault::Reference));
    assert_eq!(
        refuse(|g| g.weights[0].data = WeightData::F32(vec![1.0, f32::NAN])),
        at(Section::Tensors, 0, Fault::NotFinite { element: 1 })
    );
    assert_eq!(refuse(|g| g.weights[0].shape = vec![1, 3]), at(Section::Tensors, 0, Fault::DataLength));
    assert_eq!(refuse(|g| g.values[1].shape = vec![7]), at(Section::Nodes, 0, Fault::ShapeMismatch));
    assert_eq!(refuse(|g| g.values[0].shape = vec![0]), WriteError::Reference { graph: "encode".into() });
    assert_eq!(refuse(|g| g.outputs.push(g.outputs[0].clone())), at(Section::Outputs, 1, Fault::NameOrder));
    let twice = [linear_graph("a", [1.0, 2.0]), linear_graph("a", [1.0, 2.0])];
    assert_eq!(write(&BTreeMap::new(), &twice).unwrap_err(), at(Section::Graphs, 1, Fault::NameOrder));
}
