use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::Prepared;
use crate::graph::arbitrary::{Choices, arbitrary_graph};
use crate::graph::{DataType, Graph, Op};
use crate::memory::AlignedVec;
use crate::model::{Model, write};
use crate::session::{Input, Session};

/// Values of all outputs of the graph's second run, with packed filters or without.
fn run(graph: &Graph, packed: bool) -> Vec<Vec<f32>> {
    let bytes = AlignedVec::copy_of(&write(&Default::default(), core::slice::from_ref(graph)).unwrap());
    let model = Model::parse(&bytes).unwrap();
    let mut arena = AlignedVec::copy_of(&vec![0xFF; model.graph(&graph.name).unwrap().arena_bytes()]);
    let mut prepared = Prepared::new(&model, &graph.name).unwrap();
    let mut session = match packed {
        true => Session::with_prepared(&model, &graph.name, &mut arena, &mut prepared),
        false => Session::new(&model, &graph.name, &mut arena),
    }
    .unwrap();
    let elements = |id| graph.value(id).shape.iter().product::<usize>();
    let image: Vec<u8> = (0..elements(graph.inputs[0])).map(|index| (index * 37 % 256) as u8).collect();
    let mut outputs: Vec<Vec<f32>> = graph.outputs.iter().map(|(_, id)| vec![f32::NAN; elements(*id)]).collect();
    for _ in 0..2 {
        let mut results: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        session.run(&[Input::U8(&image), Input::F32(&[0.75, -1.25])], &mut results).unwrap();
    }
    outputs
}

/// How far the two kinds of sessions may be apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Apart {
    /// Same bits.
    Not,
    /// Sums of float32 in another order.
    ByRounding,
    /// A rounding error has decided a whole step of an int8 value, or which rotation is the nearest.
    Anyhow,
}

/// For each value of the graph.
fn apart(graph: &Graph) -> Vec<Apart> {
    let mut apart = vec![Apart::Not; graph.values.len()];
    for node in &graph.nodes {
        let inputs = node.inputs.iter().map(|id| apart[id.0 as usize]).max().unwrap_or(Apart::Not);
        let makes_float = graph.value(node.output).data_type == DataType::F32;
        let reads_float = node.inputs.iter().any(|id| graph.value(*id).data_type == DataType::F32);
        apart[node.output.0 as usize] = match node.op {
            Op::Quantize | Op::NearestRotation if inputs > Apart::Not => Apart::Anyhow,
            _ if makes_float && reads_float => inputs.max(Apart::ByRounding),
            _ => inputs,
        };
    }
    apart
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// int8 values are the same bits, as long as no rounding error of float32 decides between two of them.
    #[test]
    fn prepared_sessions_repeat_plain_ones(choices in prop::collection::vec(any::<u32>(), 0..300), nodes in 0usize..30) {
        let graph = arbitrary_graph("encode", nodes, &mut Choices(choices));
        let (plain, packed) = (run(&graph, false), run(&graph, true));
        let apart = apart(&graph);
        for ((plain, packed), (_, id)) in plain.iter().zip(&packed).zip(&graph.outputs) {
            let apart = apart[id.0 as usize];
            let size = plain.iter().fold(1.0f32, |most, value| most.max(value.abs()));
            for (a, b) in plain.iter().zip(packed) {
                let same = a.to_bits() == b.to_bits() || match apart {
                    Apart::Not => false,
                    Apart::ByRounding => (a - b).abs() <= 1e-4 * size || !size.is_finite() || (a.is_nan() && b.is_nan()),
                    Apart::Anyhow => true,
                };
                prop_assert!(same, "{a} and {b}");
            }
        }
    }
}
