//! The `export` command.

mod command;

use std::process::ExitCode;

use clap::Parser;
use command::{Arguments, Outcome};

fn main() -> ExitCode {
    match command::run(Arguments::parse()) {
        Ok(Outcome { failure: None, next }) => {
            eprintln!("next: {next}");
            ExitCode::SUCCESS
        }
        Ok(Outcome { failure: Some(failure), next }) => {
            eprintln!("failed: {failure}");
            eprintln!("next: {next}");
            ExitCode::from(1)
        }
        Err(error) => {
            eprintln!("error: {}", command::message(&error));
            if let Some(hint) = command::hint(&error) {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(2)
        }
    }
}
