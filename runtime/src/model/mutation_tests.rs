//! Damaged files: no panic, no endless loop, and what is still accepted still runs.
//!
//! `SEXTANT_MUTATIONS` sets how many files are tried.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::checksum::crc32;
use super::layout::{CHECKED_FROM, CHECKSUM_OFFSET, LENGTH_OFFSET};
use super::*;
use crate::graph::arbitrary::{Choices, arbitrary_graph};
use crate::graph::{DataType, Op};
use crate::memory::AlignedVec;
use crate::session::{Input, Session};

const QUICK_MUTATIONS: usize = 100_000;
const MAX_ARENA_BYTES: usize = 1 << 16;
const MAX_WORK: usize = 1 << 18;

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

fn corpus() -> Vec<Vec<u8>> {
    let metadata: BTreeMap<String, String> =
        [("class_names", "[\"Tür\"]"), ("name", "tiny")].map(|(k, v)| (k.to_string(), v.to_string())).into();
    let file = |seed: u64| {
        let mut random = Random(seed);
        let mut choices = Choices((0..300).map(|_| random.next() as u32).collect());
        let nodes = 1 + choices.below(10);
        let graphs = [arbitrary_graph("encode", nodes, &mut choices), arbitrary_graph("b", 1, &mut choices)];
        write(&metadata, &graphs).unwrap()
    };
    let mut files: Vec<Vec<u8>> = (0..40).map(file).collect();
    // Bits of small files matter more often.
    files.sort_by_key(Vec::len);
    files.truncate(24);
    files
}

fn mutate(file: &mut Vec<u8>, random: &mut Random) {
    let position = random.below(file.len());
    let word = position & !3;
    let interesting = [0, 1, 2, 3, 16, 255, 256, 4096, 0x7FFF_FFFF, 0x8000_0000, u32::MAX - 15, u32::MAX];
    match random.below(8) {
        0 => file[position] ^= 1 << random.below(8),
        1 => file[position] = random.next() as u8,
        2 => put(file, word, interesting[random.below(interesting.len())]),
        3 => {
            let near = word_at(file, word).wrapping_add(random.below(5) as u32).wrapping_sub(2);
            put(file, word, near);
        }
        4 => {
            let other = random.below(file.len()) & !3;
            let copied = word_at(file, other);
            put(file, word, copied);
        }
        5 => {
            // One 16-byte piece of a record over another.
            let (from, to) = (random.below(file.len()) & !15, position & !15);
            let piece: Vec<u8> = file[from..].iter().take(16).copied().collect();
            file[to..].iter_mut().zip(piece).for_each(|(to, from)| *to = from);
        }
        6 => {
            let rotated = word_at(file, word).rotate_left(8 * random.below(4) as u32);
            put(file, word, rotated);
        }
        _ => file.truncate(position),
    }
}

fn word_at(file: &[u8], offset: usize) -> u32 {
    file[offset..].first_chunk::<4>().map_or(0, |word| u32::from_le_bytes(*word))
}

fn put(file: &mut [u8], offset: usize, value: u32) {
    file[offset..].iter_mut().zip(value.to_le_bytes()).for_each(|(to, from)| *to = from);
}

/// Makes header and checksum right again, so that the deeper checks are reached.
fn repair(file: &mut [u8]) {
    if file.len() > LENGTH_OFFSET + 4 {
        put(file, LENGTH_OFFSET, file.len() as u32);
        put(file, CHECKSUM_OFFSET, crc32(&file[CHECKED_FROM..]));
    }
}

fn run_all(model: &Model<'_>) -> usize {
    let graphs = model.graphs().filter(|graph| graph.arena_bytes() <= MAX_ARENA_BYTES && work(graph) <= MAX_WORK);
    graphs.map(|graph| run(model, &graph)).count()
}

fn run(model: &Model<'_>, graph: &GraphView<'_>) {
    let inputs: Vec<_> = graph.inputs().map(|id| graph.value(id).unwrap()).collect();
    let images: Vec<Vec<u8>> = inputs.iter().map(|value| vec![100; value.shape.elements()]).collect();
    let numbers: Vec<Vec<f32>> = inputs.iter().map(|value| vec![0.5; value.shape.elements()]).collect();
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
    let mut arena = AlignedVec::zeroed(graph.arena_bytes());
    Session::new(model, graph.name(), &mut arena).unwrap().run(&given, &mut results).unwrap();
}

/// At least as many as the graph's multiply-adds and comparisons.
fn work(graph: &GraphView<'_>) -> usize {
    let inputs = graph.inputs().filter_map(|id| graph.value(id)).map(|value| value.shape.elements());
    let nodes = graph.nodes().map(|node| {
        let output = graph.value(node.output).map_or(0, |value| value.shape.elements());
        let window = match node.op {
            Op::Conv2d { weight, .. } | Op::Linear { weight, .. } | Op::ApplyPredictor { weight } => {
                graph.weight(weight).map_or(0, |weight| weight.shape.elements())
            }
            Op::MaxPool2d { kernel: [height, width], .. } => usize::from(height) * usize::from(width),
            // Reductions read more than they make.
            _ => 1 + node.inputs().filter_map(|id| graph.value(id)).map(|value| value.shape.elements()).sum::<usize>(),
        };
        let output = if matches!(node.op, Op::Conv2d { .. } | Op::MaxPool2d { .. } | Op::AveragePool2d { .. }) {
            output
        } else {
            1
        };
        output.saturating_mul(window)
    });
    inputs.chain(nodes).fold(0, usize::saturating_add)
}

#[test]
fn damaged_files_neither_panic_nor_hang() {
    let count = std::env::var("SEXTANT_MUTATIONS").map_or(QUICK_MUTATIONS, |count| count.parse().unwrap());
    let corpus = corpus();
    let mut random = Random(20_240_229);
    let mut faults = BTreeSet::new();
    let (mut accepted, mut run) = (0, 0);
    for _ in 0..count {
        let mut file = corpus[random.below(corpus.len())].clone();
        for _ in 0..=random.below(3) {
            if !file.is_empty() {
                mutate(&mut file, &mut random);
            }
        }
        if random.below(16) != 0 {
            repair(&mut file);
        }
        match Model::parse(&AlignedVec::copy_of(&file)) {
            Ok(model) => {
                accepted += 1;
                run += run_all(&model);
            }
            Err(ParseError::Record { fault, .. }) => {
                let name = alloc::format!("{fault:?}");
                faults.insert(name.split([' ', '{']).next().unwrap_or("").to_string());
            }
            Err(_) => {}
        }
    }
    // The test reaches what it is for: nearly all checks, and running what passes them.
    std::eprintln!("{count} files, {accepted} accepted, {run} graphs run, faults {faults:?}");
    assert!(accepted > count / 100 && run > count / 100, "{accepted} accepted, {run} run");
    assert!(faults.len() >= 24, "{faults:?}");
}
