//! The `export` command.

mod command;

use std::process::ExitCode;

use clap::Parser;
use command::Arguments;
use sextant_runtime::command_line::{next, report, tell, warn};

fn main() -> ExitCode {
    match command::run(Arguments::parse()) {
        Ok(outcome) => {
            outcome.warnings.iter().for_each(warn);
            outcome.failure.iter().for_each(|failure| tell("failed", failure));
            outcome.next.iter().for_each(next);
            ExitCode::from(u8::from(outcome.failure.is_some()))
        }
        Err(error) => report(&error, command::hint),
    }
}
