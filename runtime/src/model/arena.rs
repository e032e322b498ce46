//! The size of an arena where it is needed first: when a program is compiled.

use super::layout::{
    self, GRAPH_BYTES, HEADER_BYTES, LENGTH_OFFSET, MAGIC, SECTION_TABLE_OFFSET, SECTIONS, Section, VERSION,
};

/// Bytes of memory that a graph of a model file needs, as a constant: what [`super::GraphView::arena_bytes`] says when the
/// program runs. It looks at nothing else; [`super::Model::parse`] checks the file.
///
/// # Panics
/// When the bytes are no model file of this version, or there is no such graph. In a constant that is an error of the
/// compiler, and the program has no code for it; a program that runs takes [`super::GraphView::arena_bytes`].
///
/// # Example
/// ```
/// use sextant_runtime::memory::Aligned;
/// use sextant_runtime::model::arena_bytes;
///
/// const FILE: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../firmware-example/model-small/model.sxt"));
/// const ARENA_BYTES: usize = arena_bytes(FILE, "encode");
/// static ARENA: Aligned<ARENA_BYTES> = Aligned([0; ARENA_BYTES]);
/// assert_eq!(ARENA.len(), 2080);
/// ```
///
/// A graph that the file does not have is found when the program is compiled:
/// ```compile_fail
/// # use sextant_runtime::model::arena_bytes;
/// # const FILE: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../firmware-example/model-small/model.sxt"));
/// const ARENA_BYTES: usize = arena_bytes(FILE, "decode");
/// # assert_eq!(ARENA_BYTES, 0);
/// ```
pub const fn arena_bytes(file: &[u8], graph: &str) -> usize {
    if !is_model(file) {
        panic!("these bytes are no model file of this version: write one with `cargo export sxt RUN`");
    }
    let [(graphs, length), (strings, _)] = [section(file, Section::Graphs), section(file, Section::Strings)];
    let mut record = graphs;
    while record < graphs + length {
        let name = strings + u32_at(file, record + layout::NAME);
        let name_bytes = u32_at(file, record + layout::NAME + 4);
        if are_at(file, name, name_bytes, graph.as_bytes()) {
            return u32_at(file, record + layout::graph::ARENA_BYTES);
        }
        record += GRAPH_BYTES;
    }
    panic!("the model file has no graph of that name: `cargo export inspect FILE` lists them")
}

/// A constant cannot compute the checksum of a large file in the time that the compiler allows it.
const fn is_model(file: &[u8]) -> bool {
    file.len() >= HEADER_BYTES
        && are_at(file, 0, MAGIC.len(), &MAGIC)
        && u32_at(file, MAGIC.len()) == VERSION as usize
        && u32_at(file, LENGTH_OFFSET) == file.len()
}

/// First byte of a section, and its length.
const fn section(file: &[u8], section: Section) -> (usize, usize) {
    let mut index = 0;
    while SECTIONS[index] as usize != section as usize {
        index += 1;
    }
    let entry = SECTION_TABLE_OFFSET + 8 * index;
    (u32_at(file, entry), u32_at(file, entry + 4))
}

/// Whether `length` bytes from `at` on are those wanted.
const fn are_at(file: &[u8], at: usize, length: usize, wanted: &[u8]) -> bool {
    let mut index = 0;
    while index < length && index < wanted.len() && file[at + index] == wanted[index] {
        index += 1;
    }
    index == length && index == wanted.len()
}

const fn u32_at(file: &[u8], at: usize) -> usize {
    u32::from_le_bytes([file[at], file[at + 1], file[at + 2], file[at + 3]]) as usize
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use alloc::vec::Vec;
    #[cfg(panic = "unwind")]
    use std::panic::catch_unwind;

    use super::*;
    use crate::graph::{DataType, GraphBuilder, Op};
    use crate::memory::AlignedVec;
    use crate::model::{Model, write};

    /// Graphs that need memory for as many numbers as their names say.
    fn file() -> Vec<u8> {
        let graph = |name: &str, count: usize| {
            let mut builder = GraphBuilder::new(name);
            let x = builder.input("x", &[count], DataType::F32);
            let y = builder.node("y", Op::Relu, &[x]).unwrap();
            builder.output("y", y);
            builder.finish()
        };
        write(&Default::default(), &[graph("three", 3), graph("thirty", 30), graph("thir", 7)]).unwrap()
    }

    #[test]
    fn every_graph_needs_what_its_view_says() {
        let file = AlignedVec::copy_of(&file());
        let model = Model::parse(&file).unwrap();
        for (name, bytes) in [("three", 12), ("thirty", 120), ("thir", 28)] {
            assert_eq!(model.graph(name).unwrap().arena_bytes(), bytes);
            assert_eq!(arena_bytes(&file, name), bytes);
        }
    }

    // A panic ends a program for WebAssembly.
    #[cfg(panic = "unwind")]
    #[test]
    fn what_is_no_model_or_has_no_such_graph_is_refused() {
        let file = file();
        let refused = |file: &[u8], graph: &str| {
            let message = catch_unwind(|| arena_bytes(file, graph)).unwrap_err();
            message.downcast_ref::<&str>().is_some_and(|message| message.contains("cargo export"))
        };
        assert!(refused(&file, "thirt") && refused(&file, "thirty ") && refused(&file, ""));
        assert!(refused(b"", "three") && refused(&file[..file.len() - 1], "three") && refused(&[0; 200], "three"));
        let mut newer = file.clone();
        newer[MAGIC.len()] += 1;
        assert!(refused(&newer, "three"));
    }
}
