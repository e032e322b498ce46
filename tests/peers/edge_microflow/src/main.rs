//! Runs a network on each image and prints what it makes of it, as the bits of float32 numbers; and, as the firmware of
//! `firmware-example` does, the instructions and the stack of a run.
#![no_std]
#![no_main]

#[allow(dead_code)] // a self-test says more
#[path = "../../../../firmware-example/src/console.rs"]
mod console;
#[path = "../../../../firmware-example/src/counter.rs"]
mod counter;
#[path = "../../../../firmware-example/src/semihosting.rs"]
mod semihosting;
#[path = "../../../../firmware-example/src/stack.rs"]
mod stack;

use core::array;
use core::panic::PanicInfo;

use console::{line, text};
use cortex_m_rt::{entry, exception};
use counter::Counter;
use microflow::buffer::{Buffer2D, Buffer4D};

include!(concat!(env!("OUT_DIR"), "/network.rs"));

#[entry]
fn main() -> ! {
    let top = stack::top();
    let filled = stack::fill();
    run();
    line("stack_bytes", stack::used_bytes(filled, top) as u64);
    semihosting::exit(true)
}

#[inline(never)]
fn run() {
    let counter = Counter::start();
    let mut images = IMAGES;
    while !images.is_empty() {
        let (image, rest) = first_image(images);
        images = rest;
        let started = counter.now();
        let outputs = Network::predict_quantized(image);
        line("instructions", counter.instructions(started, counter.now()));
        for value in outputs.iter() {
            line("output", value.to_bits().into());
        }
    }
}

/// The first image, as large as the network wants it, and those after it.
fn first_image<const ROWS: usize, const COLUMNS: usize, const CHANNELS: usize>(
    images: &[u8],
) -> (Buffer4D<i8, 1, ROWS, COLUMNS, CHANNELS>, &[u8]) {
    let (image, rest) = images.split_at(ROWS * COLUMNS * CHANNELS);
    let at = |row, column, channel| image[(row * COLUMNS + column) * CHANNELS + channel] as i8;
    let image = Buffer2D::from_fn(|row, column| array::from_fn(|channel| at(row, column, channel)));
    ([image], rest)
}

#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    text("panicked\n");
    semihosting::exit(false)
}

#[exception]
unsafe fn HardFault(_: &cortex_m_rt::ExceptionFrame) -> ! {
    text("hard fault\n");
    semihosting::exit(false)
}
