use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::graph::Op;
use crate::graph::arbitrary::{Choices, arbitrary_maps};
use crate::memory::AlignedVec;
use crate::model::{Model, planned_arena_bytes, write};
use crate::session::{Input, Session};

const STRIPES: core::ops::RangeInclusive<usize> = 2..=8;

/// All outputs, and the arena that they took.
fn run(graph: &Graph, image: &[u8]) -> (Vec<Vec<f32>>, usize) {
    let bytes = AlignedVec::copy_of(&write(&Default::default(), core::slice::from_ref(graph)).unwrap());
    let model = Model::parse(&bytes).unwrap();
    let arena_bytes = model.graph(&graph.name).unwrap().arena_bytes();
    let elements = |id: ValueId| graph.value(id).shape.iter().product::<usize>();
    let outputs = || graph.outputs.iter().map(|(_, id)| vec![f32::NAN; elements(*id)]).collect::<Vec<_>>();
    let run = |session: &mut Session<'_, '_>, outputs: &mut Vec<Vec<f32>>| {
        let mut results: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        session.run(&[Input::U8(image)], &mut results).unwrap();
    };
    // What was in the arena before must not matter.
    let mut arena = AlignedVec::copy_of(&vec![0xA5; arena_bytes]);
    let mut plain = outputs();
    run(&mut Session::new(&model, &graph.name, &mut arena).unwrap(), &mut plain);
    #[cfg(feature = "std")]
    {
        let mut prepared = crate::session::Prepared::new(&model, &graph.name).unwrap();
        let mut packed = outputs();
        let mut session = Session::with_prepared(&model, &graph.name, &mut arena, &mut prepared).unwrap();
        run(&mut session, &mut packed);
        assert_eq!(plain, packed);
    }
    (plain, arena_bytes)
}

/// Chains and blocks of random layers, every stage of them in every number of stripes, with packed filters and without.
#[test]
fn stripes_change_no_bit_of_the_results() {
    let (mut striped, mut with_slices, mut smaller) = (0, 0, 0);
    for seed in 0..if cfg!(miri) { 2 } else { 300u64 } {
        let mut random = numbers(seed);
        let mut choices = Choices((0..200).map(|_| random()).collect());
        let graph = arbitrary_maps(1 + choices.below(6), &mut choices);
        let image: Vec<u8> = (0..graph.value(graph.inputs[0]).shape.iter().product()).map(|_| random() as u8).collect();
        let (expected, whole_arena) = run(&graph, &image);
        for stage in stages(&graph) {
            for graph in STRIPES.filter_map(|stripes| stage.in_stripes(&graph, stripes)) {
                let (found, arena) = run(&graph, &image);
                assert_eq!(found, expected, "seed {seed}, {stage:?}");
                assert_eq!(planned_arena_bytes(&graph), Ok(arena));
                striped += 1;
                smaller += usize::from(arena < whole_arena);
                with_slices += usize::from(graph.nodes.iter().any(|node| matches!(node.op, Op::SliceRows { .. })));
            }
        }
    }
    assert!(cfg!(miri) || (striped > 500 && with_slices > 50 && smaller > 200), "{striped} {with_slices} {smaller}");
}

/// Numbers of Knuth's MMIX generator.
fn numbers(seed: u64) -> impl FnMut() -> u32 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32
    }
}
