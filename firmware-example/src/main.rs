//! Runs a model on golden frames and compares every bit of the answers with those of the host's engine; exit status 0
//! when all are the same.
//!
//! It prints what the model needs: memory, multiplications, and instructions (in QEMU) or clock ticks (on a board); and of
//! the first frame what was done to the picture, where the model tells that.
#![no_std]
#![no_main]

mod console;
mod counter;
mod semihosting;
mod stack;

/// Constants of the model: what it is called, what it takes and gives.
mod model {
    include!(concat!(env!("SEXTANT_MODEL_FOLDER"), "/description.rs"));

    /// Memory that the graph needs.
    pub const ARENA_BYTES: usize =
        sextant_runtime::model::arena_bytes(include_bytes!(concat!(env!("SEXTANT_MODEL_FOLDER"), "/model.sxt")), GRAPH);

    /// The model file, in flash.
    pub fn file() -> &'static [u8] {
        sextant_runtime::include_aligned!(concat!(env!("SEXTANT_MODEL_FOLDER"), "/model.sxt"))
    }

    /// Images, then the host's answers to them.
    pub static GOLDEN: &[u8] = include_bytes!(concat!(env!("SEXTANT_MODEL_FOLDER"), "/golden.bin"));
}

use core::panic::PanicInfo;

use console::{line, text, word};
use cortex_m_rt::{entry, exception};
use counter::{Counter, Moment, frame_begins, frame_ends};
use sextant_runtime::memory::Aligned;
use sextant_runtime::model::LimitedModel;
use sextant_runtime::pose::{EncoderOutputs, TransformationLogits};
use sextant_runtime::session::{Input, Session};

/// Runs the model's operators and no others.
type Engine<'m, 'a> = Session<'m, 'a, { model::OPERATORS }>;

const OUTPUT_COUNT: usize = model::OUTPUT_LENGTHS.len();
/// Bytes of one frame: its image and the answers.
const FRAME_BYTES: usize = model::IMAGE_BYTES + 4 * model::OUTPUT_VALUES;

#[entry]
fn main() -> ! {
    static mut ARENA: Aligned<{ model::ARENA_BYTES }> = Aligned([0; model::ARENA_BYTES]);
    static mut OUTPUTS: [f32; model::OUTPUT_VALUES] = [0.0; model::OUTPUT_VALUES];
    word("board", env!("SEXTANT_BOARD_NAME"));
    word("model", model::NAME);
    let top = stack::top();
    let filled = stack::fill();
    let matches = self_test(ARENA, OUTPUTS).unwrap_or(false);
    line("stack_bytes", stack::used_bytes(filled, top) as u64);
    word("matches_golden", if matches { "true" } else { "false" });
    semihosting::exit(matches)
}

/// Whether every answer to every golden frame is right; `None` when the model does not run.
#[inline(never)]
fn self_test(arena: &mut [u8], outputs: &mut [f32; model::OUTPUT_VALUES]) -> Option<bool> {
    let counter = Counter::start();
    let started = counter.now();
    let model = LimitedModel::<{ model::OPERATORS }>::parse(model::file()).ok()?;
    line("parse_instructions", counter.instructions(started, counter.now()));
    let mut session = Session::limited(&model, model::GRAPH, arena).ok()?;
    line("arena_bytes", session.graph().arena_bytes() as u64);
    line("frame_bytes", model::IMAGE_BYTES as u64);
    line("model_bytes", model.file_bytes() as u64);
    line("macs", model::MACS);

    let mut all_right = true;
    for (index, frame) in model::GOLDEN.chunks_exact(FRAME_BYTES).enumerate() {
        let (image, expected) = frame.split_at_checked(model::IMAGE_BYTES)?;
        frame_begins();
        let started = counter.now();
        session.run(&[Input::U8(image)], &mut split(outputs)).ok()?;
        let ended = counter.now();
        frame_ends();
        if index == 0 {
            line("ticks", counter.ticks(started, ended));
            line("instructions", counter.instructions(started, ended));
            layers(&mut session, &counter, image, outputs)?;
            // A model without them links no code for them.
            if !model::TRANSFORMATIONS.is_empty() {
                transformations(outputs)?;
            }
        }
        let right = same_bits(outputs, expected);
        line(if right { "frame_right" } else { "frame_wrong" }, index as u64);
        all_right &= right;
    }
    Some(all_right)
}

/// The outputs' parts of one array.
fn split(outputs: &mut [f32; model::OUTPUT_VALUES]) -> [&mut [f32]; OUTPUT_COUNT] {
    let mut rest = outputs.as_mut_slice();
    model::OUTPUT_LENGTHS.map(|length| {
        let (output, after) = core::mem::take(&mut rest).split_at_mut_checked(length).unwrap_or_default();
        rest = after;
        output
    })
}

/// One line for each transformation: its name, the most probable class and that class's probability.
fn transformations(outputs: &mut [f32; model::OUTPUT_VALUES]) -> Option<()> {
    let named = model::OUTPUT_NAMES.into_iter().zip(split(outputs)).map(|(name, values)| (name, &*values));
    let read = EncoderOutputs::read(named).ok()?;
    for (logits, (_, classes)) in read.transformations().zip(model::TRANSFORMATIONS) {
        transformation(logits, classes)?;
    }
    Some(())
}

fn transformation(logits: TransformationLogits<'_>, classes: &[&str]) -> Option<()> {
    let (class, probability) = logits.most_probable();
    text("transformation ");
    text(logits.name());
    text(" ");
    text(classes.get(class)?);
    text(" ");
    console::thousandths((1000.0 * probability + 0.5) as u64);
    text("\n");
    Some(())
}

fn same_bits(outputs: &[f32], expected: &[u8]) -> bool {
    let (expected, rest) = expected.as_chunks::<4>();
    rest.is_empty()
        && outputs.len() == expected.len()
        && outputs.iter().zip(expected).all(|(found, expected)| found.to_bits() == u32::from_le_bytes(*expected))
}

/// One line for each layer that multiplies: its name, multiplications and instructions.
fn layers(
    session: &mut Engine<'_, '_>,
    counter: &Counter,
    image: &[u8],
    outputs: &mut [f32; model::OUTPUT_VALUES],
) -> Option<()> {
    let mut ends = [None::<Moment>; model::LAYERS.len()];
    let mut last = ends.iter_mut();
    let started = counter.now();
    let watch = &mut |_: &_| {
        if let Some(end) = last.next() {
            *end = Some(counter.now());
        }
    };
    session.run_watched(&[Input::U8(image)], &mut split(outputs), watch).ok()?;
    let mut before = started;
    for ((name, macs), end) in model::LAYERS.iter().zip(ends) {
        let end = end?;
        text("layer ");
        text(name);
        text(" ");
        console::number(*macs);
        text(" ");
        console::number(counter.instructions(before, end));
        text("\n");
        before = end;
    }
    Some(())
}

/// Never called: nothing in this program panics, and `run-in-qemu` checks that no such code is linked.
#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    panicked()
}

/// Not inlined: its name in the program tells that something can panic, even where the compiler inlined the rest.
#[inline(never)]
fn panicked() -> ! {
    text("panicked\n");
    semihosting::exit(false)
}

#[exception]
unsafe fn HardFault(_: &cortex_m_rt::ExceptionFrame) -> ! {
    text("hard fault\n");
    semihosting::exit(false)
}
