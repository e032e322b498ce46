//! The same integers on every target: each firmware's golden frames, byte for byte, by whatever kernels this target has.

#![cfg(feature = "alloc")]
use sextant_runtime::memory::AlignedVec;
use sextant_runtime::model::Model;
use sextant_runtime::session::{Input, Session};

/// Runs all frames: each is an image and then the outputs' values.
fn repeats_golden_frames(file: &[u8], golden: &[u8]) {
    let bytes = AlignedVec::copy_of(file);
    let model = Model::parse(&bytes).unwrap();
    let graph = model.graphs().next().unwrap();
    let elements = |id| graph.value(id).unwrap().shape.elements();
    let image_bytes = elements(graph.inputs().next().unwrap());
    let lengths: Vec<usize> = graph.outputs().map(|(_, id)| elements(id)).collect();
    let frame_bytes = image_bytes + 4 * lengths.iter().sum::<usize>();
    assert!(!golden.is_empty() && golden.len().is_multiple_of(frame_bytes), "no whole frames");
    let mut arena = AlignedVec::zeroed(graph.arena_bytes());
    let mut session = Session::new(&model, graph.name(), &mut arena).unwrap();
    for (index, frame) in golden.chunks_exact(frame_bytes).enumerate() {
        let (image, expected) = frame.split_at(image_bytes);
        let mut outputs: Vec<Vec<f32>> = lengths.iter().map(|length| vec![f32::NAN; *length]).collect();
        let mut slices: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
        session.run(&[Input::U8(image)], &mut slices).unwrap();
        let found: Vec<u8> = outputs.iter().flatten().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(found, expected, "frame {index}");
    }
}

macro_rules! firmware {
    ($name:ident, $folder:literal) => {
        #[test]
        fn $name() {
            let file = include_bytes!(concat!("../../firmware-example/", $folder, "/model.sxt"));
            let golden = include_bytes!(concat!("../../firmware-example/", $folder, "/golden.bin"));
            repeats_golden_frames(file, golden);
        }
    };
}

firmware!(pose_model, "model");
firmware!(small_model, "model-small");
firmware!(odd_model, "model-odd");
