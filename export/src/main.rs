//! The `export` command.

mod command;

use std::process::ExitCode;

use clap::Parser;
use command::{Arguments, Outcome};

fn main() -> ExitCode {
    match command::run(Arguments::parse()) {
        Ok(Outcome { failure, warnings, next }) => {
            warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
            failure.iter().for_each(|failure| eprintln!("failed: {failure}"));
            next.iter().for_each(|next| eprintln!("next: {next}"));
            ExitCode::from(u8::from(failure.is_some()))
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
