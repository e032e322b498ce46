//! Any bytes: they are refused, or every graph in them runs, in the memory that it said before. `./test fuzz` runs it.
#![no_main]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use libfuzzer_sys::{Corpus, fuzz_target};
use sextant_runtime::graph::DataType;
use sextant_runtime::memory::AlignedVec;
use sextant_runtime::model::{GraphView, Model};
use sextant_runtime::session::{Input, Prepared, Session};

const MAX_ARENA_BYTES: usize = 1 << 20;
const MAX_OPERATIONS: u64 = 1 << 20;
/// More than what graphs within the other limits mostly need, so that packing is tried with files that ask for much.
const MAX_PREPARED_BYTES: u64 = 1 << 26;
/// As `docs/model-format.md` has them.
const CHECKSUM: usize = 12;
const CHECKED_FROM: usize = 16;
const LENGTH: usize = 16;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, which counts the most that was allocated at any time.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: every request goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(now, Relaxed);
        // SAFETY: as the caller keeps it.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller keeps it.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let mut file = AlignedVec::copy_of(bytes);
    let _ = Model::parse(&file);
    repair(&mut file);
    let Ok(model) = Model::parse(&file) else { return Corpus::Keep };
    for graph in model.graphs() {
        if graph.prepared_bytes() <= MAX_PREPARED_BYTES {
            prepare(&model, &graph);
        }
        // What a program should check of a file that it does not trust.
        if graph.arena_bytes() <= MAX_ARENA_BYTES
            && graph.operations() <= MAX_OPERATIONS
            && graph.prepared_bytes() <= MAX_PREPARED_BYTES
        {
            run(&model, &graph);
        }
    }
    Corpus::Keep
});

/// Makes length and checksum right, so that the checks behind them are reached.
fn repair(file: &mut [u8]) {
    if file.len() >= LENGTH + 4 {
        let length = file.len() as u32;
        file[LENGTH..LENGTH + 4].copy_from_slice(&length.to_le_bytes());
        let checksum = crc32fast::hash(&file[CHECKED_FROM..]);
        file[CHECKSUM..CHECKSUM + 4].copy_from_slice(&checksum.to_le_bytes());
    }
}

/// Panics when it takes more memory than the graph says.
fn prepare(model: &Model<'_>, graph: &GraphView<'_>) {
    let before = NOW.load(Relaxed);
    MOST.store(before, Relaxed);
    drop(Prepared::new(model, graph.name()).unwrap());
    let peak = (MOST.load(Relaxed) - before) as u64;
    assert!(peak <= graph.prepared_bytes(), "{peak} bytes for {}", graph.prepared_bytes());
}

fn run(model: &Model<'_>, graph: &GraphView<'_>) {
    let values: Vec<_> = graph.inputs().map(|id| graph.value(id).unwrap()).collect();
    let images: Vec<Vec<u8>> =
        values.iter().map(|value| (0..value.shape.elements()).map(|i| i as u8).collect()).collect();
    let numbers: Vec<Vec<f32>> = values.iter().map(|value| vec![-1.5; value.shape.elements()]).collect();
    let inputs: Vec<Input<'_>> = values
        .iter()
        .zip(images.iter().zip(&numbers))
        .map(|(value, (image, numbers))| match value.data_type {
            DataType::U8 => Input::U8(image),
            _ => Input::F32(numbers),
        })
        .collect();
    let mut outputs: Vec<Vec<f32>> =
        graph.outputs().map(|(_, id)| vec![0.0; graph.value(id).unwrap().shape.elements()]).collect();
    let mut slices: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    let mut arena = AlignedVec::zeroed(graph.arena_bytes());
    Session::new(model, graph.name(), &mut arena).unwrap().run(&inputs, &mut slices).unwrap();
    let mut prepared = Prepared::new(model, graph.name()).unwrap();
    let mut session = Session::with_prepared(model, graph.name(), &mut arena, &mut prepared).unwrap();
    session.run(&inputs, &mut slices).unwrap();
}
