//! What is done to files: blindly to their bytes, to fields and records of a section, and to whole graphs.

use alloc::vec::Vec;

use super::super::layout::{SECTIONS, Section};
use super::parts::{Parts, put, word_at};
use super::random::Random;
use crate::graph::{Graph, Op, WeightData};
use crate::operators::{OpCode, decode};
use crate::plane_group::{Fibre, FilterExpansion, PlaneGroup};

/// Numbers at which something changes: as an offset, a count, an extent, a stride or a code.
const EDGES: [u32; 20] = [
    0,
    1,
    2,
    3,
    4,
    15,
    16,
    17,
    127,
    128,
    255,
    256,
    4095,
    4096,
    65_535,
    0x7FFF_FFFF,
    0x8000_0000,
    u32::MAX - 15,
    u32::MAX - 1,
    u32::MAX,
];

/// Not numbers, infinite, too large to add or to multiply, too small, and nothing.
pub(super) const FLOATS: [f32; 16] = [
    f32::NAN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::MAX,
    f32::MIN,
    1e30,
    -1e30,
    1e9,
    1e-9,
    1.1e-9,
    f32::MIN_POSITIVE,
    1e-45,
    0.0,
    -0.0,
    1.0,
    -1.0,
];

/// Changes bytes without a thought for what they mean.
pub(super) fn bytes(file: &mut Vec<u8>, random: &mut Random) {
    let position = random.below(file.len());
    let word = position & !3;
    match random.below(6) {
        0 => file.iter_mut().skip(position).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
        1 => file.iter_mut().skip(position).take(1).for_each(|byte| *byte = random.next() as u8),
        2 => put(file, word, random.one_of(&EDGES)),
        3 => {
            // One 16-byte piece over another.
            let (from, to) = (random.below(file.len()) & !15, position & !15);
            let piece: Vec<u8> = file.iter().skip(from).take(16).copied().collect();
            file.iter_mut().skip(to).zip(piece).for_each(|(to, from)| *to = from);
        }
        4 => {
            let rotated = word_at(file, word).rotate_left(8 * random.below(4) as u32);
            put(file, word, rotated);
        }
        _ => file.truncate(position),
    }
}

/// Changes one field, or the order or number of one section's records; `other` lends records.
pub(super) fn records(parts: &mut Parts, other: &Parts, random: &mut Random) {
    if random.below(8) == 0 {
        return numbers(&mut parts.data, random);
    }
    let index = random.below(SECTIONS.len());
    let size = SECTIONS[index].record_bytes();
    let section = &mut parts.sections[index];
    let count = section.len() / size;
    let start = size * random.below(count);
    match random.below(10) {
        0 => {
            section.drain(start.min(section.len())..(start + size).min(section.len()));
        }
        1 => {
            let record: Vec<u8> = section.iter().skip(start).take(size).copied().collect();
            section.extend(record);
        }
        2 => {
            let from = &other.sections[index];
            let lent = size * random.below(from.len() / size);
            let record: Vec<u8> = from.iter().skip(lent).take(size).copied().collect();
            section.splice(start..start, record);
        }
        3 => section.truncate(start),
        4 => {
            let second = size * random.below(count);
            for offset in 0..size.min(section.len()) {
                section.swap(start + offset, second + offset);
            }
        }
        _ if SECTIONS[index] == Section::Strings => bytes(section, random),
        _ => field(section, start, size, random),
    }
}

fn field(section: &mut [u8], start: usize, size: usize, random: &mut Random) {
    let offset = start + random.below(size);
    let word = offset & !3;
    match random.below(8) {
        0 => section.iter_mut().skip(offset).take(1).for_each(|byte| *byte = random.next() as u8 % 32),
        1 => section.iter_mut().skip(offset).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
        2 => put(section, word, random.one_of(&EDGES)),
        3 => put(section, word, random.one_of(&FLOATS).to_bits()),
        4 => {
            // The same field of another record.
            let other = size * random.below(section.len() / size) + (word - start);
            let value = word_at(section, other);
            put(section, word, value);
        }
        5 => {
            let half = offset & !1;
            let value = random.one_of(&EDGES).to_le_bytes();
            section.iter_mut().skip(half).zip(value).take(2).for_each(|(to, from)| *to = from);
        }
        6 => {
            let sum = word_at(section, word).wrapping_add(random.one_of(&EDGES));
            put(section, word, sum);
        }
        _ => {
            let near = word_at(section, word).wrapping_add(random.below(5) as u32).wrapping_sub(2);
            put(section, word, near);
        }
    }
}

fn numbers(data: &mut Vec<u8>, random: &mut Random) {
    let word = random.below(data.len()) & !3;
    match random.below(4) {
        0 => put(data, word, random.one_of(&FLOATS).to_bits()),
        1 => put(data, word, random.one_of(&EDGES)),
        2 => data.truncate(word),
        _ => bytes(data, random),
    }
}

/// Changes a graph as no file can be changed without being refused: shapes, and the memory plan that follows from them.
/// It may be none that can be written.
pub(super) fn graph(graph: &mut Graph, random: &mut Random) {
    match random.below(6) {
        0 => {
            let index = random.below(graph.values.len());
            let shape = &mut graph.values[index].shape;
            let axis = random.below(shape.len());
            shape[axis] = random.below(9);
        }
        1 => {
            let index = random.below(graph.values.len());
            if let Some(quantization) = &mut graph.values[index].quantization {
                quantization.scale = random.one_of(&FLOATS);
                quantization.zero_point = random.next() as i8;
            }
        }
        2 if !graph.weights.is_empty() => {
            let index = random.below(graph.weights.len());
            let weight = &mut graph.weights[index];
            match random.below(3) {
                0 => weight.expansion = expansion(random),
                _ => constant(&mut weight.data, random),
            }
        }
        3 => {
            let index = random.below(graph.nodes.len());
            operator(&mut graph.nodes[index].op, random);
        }
        4 => {
            let (to, from) = (random.below(graph.nodes.len()), random.below(graph.nodes.len()));
            graph.nodes[to].op = graph.nodes[from].op;
        }
        _ => {
            let (index, value) = (random.below(graph.nodes.len()), random.below(graph.values.len()));
            let inputs = &mut graph.nodes[index].inputs;
            let input = random.below(inputs.len());
            inputs[input].0 = value as u32;
        }
    }
}

fn expansion(random: &mut Random) -> Option<FilterExpansion> {
    let group = random.one_of(&PlaneGroup::ALL);
    let reads = random.one_of(&[Fibre::Trivial, Fibre::Regular]);
    (random.below(4) > 0).then_some(FilterExpansion { group, reads })
}

/// The largest and smallest numbers that a constant can hold.
fn constant(data: &mut WeightData, random: &mut Random) {
    match data {
        WeightData::F32(values) => {
            let index = random.below(values.len());
            values[index] = random.one_of(&FLOATS);
        }
        WeightData::I32(values) => {
            let index = random.below(values.len());
            values[index] = random.one_of(&[i32::MIN, i32::MAX, 0, -1]);
        }
        WeightData::I8 { values, multipliers, shift } => {
            *shift = random.below(33) as u32;
            let index = random.below(multipliers.len());
            multipliers[index] = random.one_of(&[i32::MIN, -1, 0, 1, i32::MAX]);
            values.fill(random.one_of(&[-128, 127, 0]));
        }
    }
}

/// Changes one or two fields of an operator, where that makes one that a file can hold.
fn operator(op: &mut Op, random: &mut Random) {
    let sound = OpCode::of(op);
    // Most bytes mean nothing, and no operator has them.
    for _ in 0..32 {
        let mut code = sound;
        for _ in 0..=random.below(2) {
            let place = random.below(code.parameters.len()) & !1;
            match random.below(4) {
                0 => put(&mut code.parameters, place & !3, random.one_of(&EDGES)),
                1 => put(&mut code.parameters, place & !3, random.one_of(&FLOATS).to_bits()),
                2 => {
                    let half = (random.one_of(&EDGES) as u16).to_le_bytes();
                    code.parameters.iter_mut().skip(place).zip(half).for_each(|(to, from)| *to = from);
                }
                _ => code.activation = random.below(4) as u8,
            }
        }
        if let Ok(damaged) = decode(code.operator, code.activation, &code.parameters)
            && code != sound
        {
            *op = damaged;
            return;
        }
    }
    *op = random.one_of(&[Op::Relu, Op::Softmax, Op::Quantize, Op::Dequantize, Op::GlobalAveragePool]);
}
