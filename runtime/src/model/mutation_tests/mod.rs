//! Damaged files: no panic, no endless loop, and what is still accepted still runs.
//!
//! `SEXTANT_MUTATIONS` sets how many files are tried; `./test mutations` tries ten million.

mod corpus;
mod damage;
mod parts;
mod random;
mod rebuild;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use std::time::{Duration, Instant};

use super::layout::{VALUE_BYTES, value};
use super::*;
use crate::graph::{DataType, Graph, GraphBuilder, Op, ValueId};
use crate::memory::AlignedVec;
use crate::operators::KINDS;
use crate::session::{Input, Session};
use parts::{Parts, repair};
use random::Random;

const QUICK_MUTATIONS: usize = 60_000;
/// Files that one stream of random numbers makes, whatever thread takes it.
const STREAM: usize = 10_000;
const MAX_ARENA_BYTES: usize = 1 << 16;
const MAX_OPERATIONS: u64 = 1 << 18;
/// Packing is quick: graphs that take too long to run are prepared as long as that is enough.
#[cfg(feature = "std")]
const MAX_PREPARED_BYTES: u64 = 1 << 23;
/// Much more than a file takes on a slow machine. One that seems to take longer is tried again: the machine may have been
/// busy with other things.
const MAX_TIME: Duration = Duration::from_secs(2);
const TRIES: usize = 5;

/// A sound file, as all that is damaged in different ways.
struct Sound {
    bytes: Vec<u8>,
    parts: Parts,
    graphs: Vec<Graph>,
}

impl Sound {
    fn of(bytes: Vec<u8>) -> Self {
        let model = AlignedVec::copy_of(&bytes);
        let graphs = Model::parse(&model).unwrap().graphs().map(|graph| graph.to_graph()).collect();
        Self { parts: Parts::of(&bytes), graphs, bytes }
    }

    fn all() -> Vec<Self> {
        let firmware = corpus::firmware_files().map(Vec::from);
        corpus::files().into_iter().chain(firmware).map(Self::of).collect()
    }
}

/// What became of the files.
#[derive(Debug, Default)]
struct Tally {
    files: usize,
    accepted: usize,
    graphs_run: usize,
    /// Graphs that were too large or too slow to run here.
    graphs_over_limits: usize,
    /// Graphs that were prepared, within the memory that they said.
    graphs_prepared: usize,
    faults: BTreeMap<String, usize>,
    operators_run: BTreeSet<String>,
    longest: Duration,
}

impl Tally {
    fn add(mut self, other: Self) -> Self {
        self.files += other.files;
        self.accepted += other.accepted;
        self.graphs_run += other.graphs_run;
        self.graphs_over_limits += other.graphs_over_limits;
        self.graphs_prepared += other.graphs_prepared;
        other.faults.into_iter().for_each(|(fault, count)| *self.faults.entry(fault).or_default() += count);
        self.operators_run.extend(other.operators_run);
        self.longest = self.longest.max(other.longest);
        self
    }

    fn try_file(&mut self, file: &[u8], random: &mut Random) {
        match Model::parse(&AlignedVec::copy_of(file)) {
            Ok(model) => {
                self.accepted += 1;
                run_all(&model, random, self);
            }
            Err(error) => self.refused(&error),
        }
    }

    fn refused(&mut self, error: &ParseError) {
        let text = match error {
            ParseError::Record { fault, .. } => alloc::format!("{fault:?}"),
            other => alloc::format!("{other:?}"),
        };
        let name = text.split([' ', '{']).next().unwrap_or_default();
        *self.faults.entry(name.to_string()).or_default() += 1;
    }
}

fn damaged(sound: &[Sound], random: &mut Random) -> Vec<u8> {
    let chosen = &sound[random.below(sound.len())];
    match random.below(32) {
        0 => {
            let mut graphs = chosen.graphs.clone();
            let count = graphs.len();
            for _ in 0..=random.below(3) {
                damage::graph(&mut graphs[random.below(count)], random);
            }
            let graphs = graphs.into_iter().map(|graph| rebuild::rebuilt(&graph).unwrap_or(graph)).collect::<Vec<_>>();
            write(&BTreeMap::new(), &graphs).unwrap_or_default()
        }
        1..16 => {
            let mut file = chosen.bytes.clone();
            for _ in 0..=random.below(3) {
                damage::bytes(&mut file, random);
            }
            if random.below(16) != 0 {
                repair(&mut file);
            }
            file
        }
        _ => {
            let mut parts = Parts { sections: chosen.parts.sections.clone(), data: chosen.parts.data.clone() };
            let other = &sound[random.below(sound.len())].parts;
            for _ in 0..=random.below(2) {
                damage::records(&mut parts, other, random);
            }
            parts.joined()
        }
    }
}

fn stream(sound: &[Sound], index: usize, count: usize) -> Tally {
    let mut random = Random(20_240_229 + index as u64);
    let mut tally = Tally { files: count, ..Tally::default() };
    for _ in 0..count {
        let seed = random.0;
        let file = damaged(sound, &mut random);
        let mut time = time_of(|| tally.try_file(&file, &mut random));
        for _ in 1..TRIES {
            if time > MAX_TIME {
                time = time.min(time_of(|| Tally::default().try_file(&file, &mut random)));
            }
        }
        assert!(time < MAX_TIME, "the file from seed {seed} took {time:?}");
        tally.longest = tally.longest.max(time);
    }
    tally
}

fn time_of(work: impl FnOnce()) -> Duration {
    let started = Instant::now();
    work();
    started.elapsed()
}

fn run_all(model: &Model<'_>, random: &mut Random, tally: &mut Tally) {
    for graph in model.graphs() {
        #[cfg(feature = "std")]
        if graph.prepared_bytes() <= MAX_PREPARED_BYTES {
            assert_prepared_within_its_figure(model, &graph);
            tally.graphs_prepared += 1;
        }
        if graph.arena_bytes() > MAX_ARENA_BYTES || graph.operations() > MAX_OPERATIONS {
            tally.graphs_over_limits += 1;
            continue;
        }
        run(model, &graph, random);
        tally.graphs_run += 1;
        if tally.graphs_run % 64 == 1 {
            let name = |text: String| text.split([' ', '{']).next().unwrap_or_default().to_string();
            let eight_bits = |node: &NodeView<'_>| graph.value(node.output).unwrap().data_type == DataType::I8;
            let of_node =
                |node: NodeView<'_>| name(alloc::format!("{:?}", node.op)) + if eight_bits(&node) { "8" } else { "" };
            tally.operators_run.extend(graph.nodes().map(of_node));
        }
    }
}

/// A file may ask for much memory, but not for more than it says before.
#[cfg(feature = "std")]
fn assert_prepared_within_its_figure(model: &Model<'_>, graph: &GraphView<'_>) {
    let (prepared, peak) = crate::allocated::peak_bytes(|| crate::session::Prepared::new(model, graph.name()));
    drop(prepared.unwrap());
    assert!(peak <= graph.prepared_bytes(), "{peak} bytes for {}", graph.prepared_bytes());
}

fn run(model: &Model<'_>, graph: &GraphView<'_>, random: &mut Random) {
    let inputs: Vec<_> = graph.inputs().map(|id| graph.value(id).unwrap()).collect();
    let number = if random.below(4) == 0 { random.one_of(&damage::FLOATS) } else { 0.5 };
    let images: Vec<Vec<u8>> = inputs.iter().map(|value| vec![100; value.shape.elements()]).collect();
    let numbers: Vec<Vec<f32>> = inputs.iter().map(|value| vec![number; value.shape.elements()]).collect();
    let given: Vec<Input<'_>> = inputs
        .iter()
        .zip(images.iter().zip(&numbers))
        .map(|(value, (image, numbers))| match value.data_type {
            DataType::U8 => Input::U8(image),
            _ => Input::F32(numbers),
        })
        .collect();
    let mut outputs: Vec<Vec<f32>> =
        graph.outputs().map(|(_, id)| vec![0.0; graph.value(id).unwrap().shape.elements()]).collect();
    let mut results: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    let mut arena = AlignedVec::copy_of(&vec![0xFF; graph.arena_bytes()]);
    Session::new(model, graph.name(), &mut arena).unwrap().run(&given, &mut results).unwrap();
    #[cfg(feature = "std")]
    {
        let mut prepared = crate::session::Prepared::new(model, graph.name()).unwrap();
        let mut session = Session::with_prepared(model, graph.name(), &mut arena, &mut prepared).unwrap();
        session.run(&given, &mut results).unwrap();
    }
}

/// Every stream on as many threads as there are.
fn tried(count: usize) -> Tally {
    let sound = Sound::all();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let mut tally = Tally::default();
        loop {
            let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let start = index * STREAM;
            if start >= count {
                return tally;
            }
            tally = tally.add(stream(&sound, index, STREAM.min(count - start)));
            if index % 50 == 49 {
                std::eprintln!("about {} files of {count}", start + STREAM);
            }
        }
    };
    if threads == 1 {
        // WebAssembly has no others.
        return work();
    }
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).fold(Tally::default(), Tally::add)
    })
}

#[test]
fn damaged_files_neither_panic_nor_hang() {
    let count = std::env::var("SEXTANT_MUTATIONS").map_or(QUICK_MUTATIONS, |count| count.parse().unwrap());
    let started = Instant::now();
    let tally = tried(count);
    std::eprintln!("{tally:#?}\nin {:?}", started.elapsed());
    // The test reaches what it is for: nearly all checks, and running what passes them.
    assert_eq!(tally.files, count);
    assert!(tally.accepted > count / 100 && tally.graphs_run > count / 100, "{tally:?}");
    #[cfg(feature = "std")]
    assert!(tally.graphs_prepared > tally.graphs_run, "{tally:?}");
    assert!(tally.faults.len() >= 28, "{tally:?}");
    assert!(tally.operators_run.len() >= 36, "{tally:?}");
}

/// Parts of a map may lie in it, but only where they belong.
#[test]
fn rows_anywhere_but_in_their_place_are_refused() {
    let sound = Sound::of(write(&BTreeMap::new(), &[corpus::maps_in_stripes()]).unwrap());
    let model = AlignedVec::copy_of(&sound.bytes);
    let graph = Model::parse(&model).unwrap().graphs().next().unwrap();
    let place = |id| {
        let value = graph.value(id).unwrap();
        let start = value.arena_offset.unwrap() as usize;
        start..start + value.shape.elements()
    };
    let mut moved = 0;
    for node in graph.nodes() {
        let map = match node.op {
            Op::ConcatRows => node.output,
            Op::SliceRows { .. } => node.inputs().next().unwrap(),
            _ => continue,
        };
        let parts = if node.output == map { node.inputs().collect() } else { vec![node.output] };
        let inside = |id: &ValueId| place(map).start <= place(*id).start && place(*id).end <= place(map).end;
        for part in parts.into_iter().filter(inside) {
            for start in (place(map).start..place(map).end).step_by(16).filter(|start| *start != place(part).start) {
                let mut parts = Parts { sections: sound.parts.sections.clone(), data: sound.parts.data.clone() };
                let record = part.0 as usize * VALUE_BYTES;
                parts::put(&mut parts.sections[Section::Values as usize], record + value::ARENA_OFFSET, start as u32);
                let refused = Model::parse(&AlignedVec::copy_of(&parts.joined())).unwrap_err();
                assert!(matches!(refused, ParseError::Record { fault: Fault::Overlap { .. }, .. }), "{refused}");
                moved += 1;
            }
        }
    }
    assert!(moved >= 6, "{moved}");
}

/// A part that 256 inputs name is found at its last place as fast as at its first.
#[test]
fn checking_does_not_depend_on_which_of_many_inputs_a_part_is() {
    let mut builder = GraphBuilder::new("encode");
    let pixel = builder.input("pixel", &[1, 1, 4], DataType::F32);
    let mut last = pixel;
    for index in 0..30 {
        let part = builder.node(&alloc::format!("part{index}"), Op::Relu, &[pixel]).unwrap();
        let joined = builder.node(&alloc::format!("joined{index}"), Op::ConcatRows, &vec![part; MAX_NODE_INPUTS]);
        last = builder.node(&alloc::format!("mean{index}"), Op::GlobalAveragePool, &[joined.unwrap()]).unwrap();
    }
    builder.output("y", last);
    let graph = builder.finish();
    let file = write(&BTreeMap::new(), core::slice::from_ref(&graph)).unwrap();
    let mut parts = Parts::of(&file);
    for node in graph.nodes.iter().filter(|node| node.op == Op::ConcatRows) {
        let field = |id: ValueId| id.0 as usize * VALUE_BYTES + value::ARENA_OFFSET;
        let values = &mut parts.sections[Section::Values as usize];
        let last_place = parts::word_at(values, field(node.output)) + 16 * (MAX_NODE_INPUTS as u32 - 1);
        parts::put(values, field(node.inputs[0]), last_place);
    }
    let [first, last] = [file, parts.joined()].map(|file| {
        let file = AlignedVec::copy_of(&file);
        (0..TRIES).map(|_| time_of(|| assert!(Model::parse(&file).is_ok()))).min().unwrap()
    });
    assert!(last < 8 * first, "{last:?} and {first:?}");
}

/// A new operator is damaged as the others are.
#[test]
fn every_operator_of_the_table_is_in_a_sound_file() {
    let sound = Sound::all();
    let ops = || sound.iter().flat_map(|file| &file.graphs).flat_map(|graph| &graph.nodes).map(|node| node.op.kind());
    let missing: Vec<_> = KINDS.iter().filter(|kind| ops().all(|found| found != **kind)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Small enough for Miri, which sees what no test sees: reads and writes where none are allowed.
#[test]
fn sound_files_run() {
    let mut tally = Tally::default();
    corpus::files().iter().for_each(|file| tally.try_file(file, &mut Random(1)));
    assert_eq!((tally.accepted, tally.graphs_over_limits), (corpus::files().len(), 0), "{tally:?}");
}

/// Writes the sound files for `cargo fuzz`, into the folder that `SEXTANT_FUZZ_CORPUS` names.
#[test]
#[ignore = "writes files"]
fn write_the_fuzz_corpus() {
    let folder = std::path::PathBuf::from(std::env::var("SEXTANT_FUZZ_CORPUS").unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    for (index, file) in Sound::all().iter().enumerate() {
        std::fs::write(folder.join(std::format!("sound{index}.sxt")), &file.bytes).unwrap();
    }
}
