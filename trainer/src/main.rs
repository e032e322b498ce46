//! The `trainer` command.

#![deny(unsafe_code)]
#![warn(clippy::undocumented_unsafe_blocks)]

use std::process::ExitCode;

use clap::Parser;
use sextant_runtime::typed_command::Program;
use sextant_trainer::cli::{self, Command};
use sextant_trainer::memory;
use sextant_trainer::registry::Registry;

const EXIT_STATUS: &str = "Exit status: 0 fine, 2 an error, 130 stopped by Ctrl-C or SIGTERM.";

/// Learns equivariant image encoders from rendered objects.
#[derive(Parser)]
#[command(name = Program::Trainer.name(), bin_name = Program::Trainer.invocation(), version, propagate_version = true, after_help = EXIT_STATUS)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    memory::keep_freed_memory();
    keep_candle_to_one_thread();
    match cli::run(Arguments::parse().command, &Registry::default()) {
        Ok(code) => code,
        Err(error) => cli::report(&error),
    }
}

/// candle's own threads spin while they wait, which takes the cores from our kernels and from the renderer.
#[allow(unsafe_code)]
fn keep_candle_to_one_thread() {
    const THREADS: &str = "CANDLE_NUM_THREADS";
    if std::env::var_os(THREADS).is_none() {
        // SAFETY: the first statement of `main`: no other thread reads the environment yet.
        unsafe { std::env::set_var(THREADS, "1") };
    }
}
