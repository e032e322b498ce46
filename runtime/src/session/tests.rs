use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::graph::arbitrary::{Choices, arbitrary_graph};
use crate::graph::{Activation, Graph, GraphBuilder, Node, Op, Padding, Quantization, ValueInfo};
use crate::memory::AlignedVec;
use crate::model::write;

/// Values of all outputs of the graph's one run.
fn run(graph: &Graph) -> Vec<Vec<f32>> {
    let bytes = AlignedVec::copy_of(&write(&Default::default(), core::slice::from_ref(graph)).unwrap());
    let model = Model::parse(&bytes).unwrap();
    // What was in the arena before must not matter.
    let mut arena = AlignedVec::copy_of(&vec![0xFF; model.graph(&graph.name).unwrap().arena_bytes()]);
    let mut session = Session::new(&model, &graph.name, &mut arena).unwrap();
    let image_length = graph.value(graph.inputs[0]).shape.iter().product::<usize>();
    let image: Vec<u8> = (0..image_length).map(|index| (index * 37 % 256) as u8).collect();
    let elements = |id: &ValueId| graph.value(*id).shape.iter().product::<usize>();
    let mut outputs: Vec<Vec<f32>> = graph.outputs.iter().map(|(_, id)| vec![f32::NAN; elements(id)]).collect();
    let mut results: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    session.run(&[Input::U8(&image), Input::F32(&[0.75, -1.25])], &mut results).unwrap();
    outputs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// With every value an output, none can share memory: results must be the same bits.
    #[test]
    fn sharing_memory_does_not_change_results(
        choices in prop::collection::vec(any::<u32>(), 0..300),
        nodes in 0usize..30,
    ) {
        let mut graph = arbitrary_graph("encode", nodes, &mut Choices(choices));
        let mut unshared = graph.clone();
        for node in &graph.nodes {
            let kept = keep_to_the_end(&mut unshared, node.output);
            unshared.outputs.push((node.name.clone(), kept));
        }
        unshared.outputs.truncate(64);
        graph.outputs.truncate(64);
        let (expected, found) = (run(&unshared), run(&graph));
        for (expected, found) in expected.iter().zip(&found) {
            prop_assert!(expected.iter().zip(found).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }
}

/// A float32 value that stays as long as the graph runs, and keeps `id` so long.
fn keep_to_the_end(graph: &mut Graph, id: ValueId) -> ValueId {
    let value = graph.value(id).clone();
    if value.data_type == DataType::F32 {
        return id;
    }
    let (name, output) = (alloc::format!("{}/kept", value.name), ValueId(graph.values.len() as u32));
    let (data_type, quantization) = (DataType::F32, None);
    graph.values.push(ValueInfo { name: name.clone(), shape: value.shape, data_type, quantization });
    graph.nodes.push(Node { name, op: Op::Dequantize, inputs: vec![id], output });
    output
}

#[test]
fn new_operators_do_what_they_say() {
    let map: (&[usize], &[f32]) = (&[2, 2, 1], &[1.0, 2.0, 3.0, 4.0]);
    let close = |found: Vec<f32>, expected: &[f32]| {
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} for {expected:?}");
    };
    let (kernel, stride, padding) = ([2, 2], [1, 1], Padding { top: 1, ..Padding::default() });
    close(operator(|_| Op::AveragePool2d { kernel, stride, padding }, &[map]), &[1.5, 2.5]);
    close(operator(|_| Op::Mul { activation: Activation::Relu6 }, &[map, map]), &[1.0, 4.0, 6.0, 6.0]);
    close(operator(|_| Op::Clamp { low: 1.5, high: 3.5 }, &[map]), &[1.5, 2.0, 3.0, 3.5]);
    close(operator(|_| Op::Sigmoid, &[(&[2], &[0.0, 2.0])]), &[0.5, 0.880_797]);
    close(operator(|_| Op::Softmax, &[(&[2, 2], &[0.0, 0.0, 0.0, 1.0])]), &[0.5, 0.5, 0.268_941_4, 0.731_058_6]);
    close(operator(|_| Op::Reshape { shape: [4, 0, 0, 0] }, &[map]), map.1);
    close(operator(|_| Op::Transpose { axes: [1, 0, 2, 3] }, &[map]), &[1.0, 3.0, 2.0, 4.0]);
    close(operator(|_| Op::ReduceMean { axis: 0 }, &[map]), &[2.0, 3.0]);
    close(operator(|_| Op::ReduceMax { axis: 1 }, &[map]), &[2.0, 4.0]);
    close(operator(|_| Op::ReduceMax { axis: 0 }, &[(&[3], &[1.0, 9.0, -1.0])]), &[9.0]);
}

fn operator(op: impl FnOnce(&mut GraphBuilder) -> Op, inputs: &[(&[usize], &[f32])]) -> Vec<f32> {
    let mut builder = GraphBuilder::new("g");
    let ids: Vec<ValueId> = inputs.iter().map(|(shape, _)| builder.input("input", shape, DataType::F32)).collect();
    let op = op(&mut builder);
    let made = builder.node("node", op, &ids).unwrap();
    builder.output("output", made);
    let graph = builder.finish();
    let bytes = AlignedVec::copy_of(&write(&Default::default(), core::slice::from_ref(&graph)).unwrap());
    let model = Model::parse(&bytes).unwrap();
    let mut arena = AlignedVec::zeroed(model.graph("g").unwrap().arena_bytes());
    let mut output = vec![f32::NAN; graph.value(made).shape.iter().product()];
    let given: Vec<Input<'_>> = inputs.iter().map(|(_, values)| Input::F32(values)).collect();
    Session::new(&model, "g", &mut arena).unwrap().run(&given, &mut [&mut output]).unwrap();
    output
}

#[test]
fn operators_read_their_parameters() {
    let relu = Activation::Relu;
    let window = Padding { top: 1, left: 0, bottom: 0, right: 1 };
    let conv = |builder: &mut GraphBuilder| Op::Conv2d {
        weight: builder.weight("w", &[1, 2, 2, 1], vec![1.0, 2.0, 3.0, 4.0]).unwrap(),
        bias: builder.weight("b", &[1], vec![-10.0]).unwrap(),
        stride: [2, 1],
        padding: window,
        groups: 1,
        activation: relu,
    };
    let map: (&[usize], &[f32]) = (&[2, 2, 1], &[1.0, 2.0, 3.0, 4.0]);
    // Rows 1..2 of the padded map [[0 0 0] [1 2 0] [3 4 0]], two columns.
    assert_eq!(operator(conv, &[map]), [1.0, 0.0]);
    let pool = |_: &mut GraphBuilder| Op::MaxPool2d { kernel: [2, 2], stride: [1, 2], padding: window };
    assert_eq!(operator(pool, &[map]), [2.0, 4.0]);
    assert_eq!(operator(|_| Op::Slice { start: 1, end: 3 }, &[(&[4], &[1.0, 2.0, 3.0, 4.0])]), [2.0, 3.0]);
    assert_eq!(operator(|_| Op::Concat, &[map, map]), [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]);
    assert_eq!(operator(|_| Op::ConcatRows, &[map, map]), [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0]);
    assert_eq!(operator(|_| Op::SliceRows { start: 1, end: 2 }, &[map]), [3.0, 4.0]);
    assert_eq!(operator(|_| Op::GlobalAveragePool, &[map]), [2.5]);
    assert_eq!(operator(|_| Op::Add { activation: relu }, &[(&[2], &[1.0, -3.0]), (&[2], &[1.0, 1.0])]), [2.0, 0.0]);
    let turned = operator(|_| Op::NearestRotation, &[(&[9], &[0.0, -2.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 2.0])]);
    let half = core::f32::consts::FRAC_1_SQRT_2;
    for (found, expected) in turned.iter().zip([half, 0.0, 0.0, half]) {
        assert!((found - expected).abs() < 1e-5, "{turned:?}");
    }
}

#[test]
fn misuse_is_named() {
    let mut builder = GraphBuilder::new("g");
    let x = builder.input("x", &[2], DataType::F32);
    let y = builder.node("y", Op::Relu, &[x]).unwrap();
    builder.output("y", y);
    let bytes = AlignedVec::copy_of(&write(&Default::default(), &[builder.finish()]).unwrap());
    let model = Model::parse(&bytes).unwrap();
    let mut arena = AlignedVec::zeroed(17);
    assert_eq!(Session::new(&model, "f", &mut arena).unwrap_err(), SessionError::NoSuchGraph);
    assert_eq!(Session::new(&model, "g", &mut arena[1..]).unwrap_err(), SessionError::ArenaMisaligned);
    let too_small = SessionError::ArenaTooSmall { required_bytes: 8, found_bytes: 7 };
    assert_eq!(Session::new(&model, "g", &mut arena[..7]).unwrap_err(), too_small);
    let mut session = Session::new(&model, "g", &mut arena).unwrap();
    let (x, mut y, mut long) = (Input::F32(&[1.0, 2.0]), [0.0; 2], [0.0; 3]);
    let cases = [
        (session.run(&[], &mut [&mut y]), RunError::InputCount { expected: 1, found: 0 }),
        (session.run(&[Input::U8(&[1, 2])], &mut [&mut y]), RunError::InputType { index: 0 }),
        (session.run(&[Input::F32(&[1.0])], &mut [&mut y]), RunError::InputLength { index: 0, expected: 2, found: 1 }),
        (session.run(&[x], &mut []), RunError::OutputCount { expected: 1, found: 0 }),
        (session.run(&[x], &mut [&mut long]), RunError::OutputLength { index: 0, expected: 2, found: 3 }),
    ];
    for (done, expected) in cases {
        assert_eq!(done, Err(expected));
    }
    assert_eq!(session.run(&[x], &mut [&mut y]), Ok(()));
}

/// Numbers that are not finite go through every operator as `docs/model-format.md` has it.
#[test]
fn numbers_that_are_not_finite_have_a_meaning() {
    const NAN: f32 = f32::NAN;
    const INFINITY: f32 = f32::INFINITY;
    let same = |found: Vec<f32>, expected: &[f32]| {
        let equal = |(a, b): (&f32, &f32)| a == b || (a.is_nan() && b.is_nan());
        assert!(found.len() == expected.len() && found.iter().zip(expected).all(equal), "{found:?} for {expected:?}");
    };
    let mixed: &[f32] = &[NAN, INFINITY, -INFINITY, 3.0];
    let vector: (&[usize], &[f32]) = (&[4], mixed);
    let map: (&[usize], &[f32]) = (&[2, 2, 1], mixed);
    let (kernel, stride, padding) = ([2, 1], [1, 1], Padding::default());
    same(operator(|_| Op::Relu, &[vector]), &[0.0, INFINITY, 0.0, 3.0]);
    same(operator(|_| Op::Clamp { low: -1.0, high: 2.0 }, &[vector]), &[-1.0, 2.0, -1.0, 2.0]);
    same(operator(|_| Op::Add { activation: Activation::Relu6 }, &[vector, vector]), &[0.0, 6.0, 0.0, 6.0]);
    same(
        operator(|_| Op::Mul { activation: Activation::Identity }, &[vector, vector]),
        &[NAN, INFINITY, INFINITY, 9.0],
    );
    same(operator(|_| Op::Sigmoid, &[vector]), &[NAN, 1.0, 0.0, 0.952_574_13]);
    same(operator(|_| Op::Softmax, &[vector]), &[NAN; 4]);
    same(operator(|_| Op::MaxPool2d { kernel, stride, padding }, &[map]), &[-INFINITY, INFINITY]);
    same(operator(|_| Op::AveragePool2d { kernel, stride, padding }, &[map]), &[NAN, INFINITY]);
    same(operator(|_| Op::ReduceMax { axis: 0 }, &[vector]), &[INFINITY]);
    same(operator(|_| Op::ReduceMean { axis: 0 }, &[vector]), &[NAN]);
    let infinite = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, INFINITY];
    for nothing in [&[NAN; 9], &[INFINITY; 9], &infinite, &[0.0; 9], &[-3.0; 9]] {
        same(operator(|_| Op::NearestRotation, &[(&[9], nothing)]), &[NAN; 4]);
    }
    // Finite weights whose products are beyond the largest number.
    let large = |builder: &mut GraphBuilder| Op::Linear {
        weight: builder.weight("w", &[3, 2], vec![f32::MAX, 0.0, f32::MAX, f32::MIN, -2.0, 0.0]).unwrap(),
        bias: builder.weight("b", &[3], vec![0.0; 3]).unwrap(),
        activation: Activation::Identity,
    };
    same(operator(large, &[(&[2], &[f32::MAX, f32::MAX])]), &[INFINITY, NAN, -INFINITY]);
}

#[test]
fn int8_makes_the_ends_of_its_range_of_infinities_and_the_zero_point_of_nan() {
    let mut builder = GraphBuilder::new("g");
    let input = builder.input("x", &[5], DataType::F32);
    let to = Quantization { scale: 0.5, zero_point: 7 };
    let made = builder.quantized_node("q", Op::Quantize, &[input], to).unwrap();
    let real = builder.node("y", Op::Dequantize, &[made]).unwrap();
    builder.output("y", real);
    let bytes = AlignedVec::copy_of(&write(&Default::default(), &[builder.finish()]).unwrap());
    let model = Model::parse(&bytes).unwrap();
    let mut arena = AlignedVec::zeroed(model.graph("g").unwrap().arena_bytes());
    let mut found = [f32::NAN; 5];
    let given = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 1e-45];
    Session::new(&model, "g", &mut arena).unwrap().run(&[Input::F32(&given)], &mut [&mut found]).unwrap();
    assert_eq!(found, [0.0, 60.0, -67.5, 60.0, 0.0]);
}
