//! The `trainer` command with what this crate adds.

use std::process::ExitCode;

use clap::Parser;
use sextant_trainer::cli::{Command, report, run};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let registry = sextant_extension::registry().expect("names that nobody else has");
    run(Arguments::parse().command, &registry).unwrap_or_else(|error| report(&error))
}
