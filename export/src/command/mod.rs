//! Arguments, and what is printed. Data goes to stdout, everything else to stderr.

mod firmware;
mod inspect;
mod int8;
mod onnx;
mod quantizer;
mod sxt;
mod verify;

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use clap::{Parser, Subcommand};
use serde::Serialize;
use sextant_runtime::typed_command::{Program, TypedCommand};

/// Turn a trained run into deployable files, and check them.
///
/// Exit status: 0 done, 1 an engine's answers differ from the trainer's, 2 an error.
#[derive(Debug, Parser)]
#[command(name = Program::Export.name(), bin_name = Program::Export.invocation(), version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a self-contained ONNX file that has repeated the trainer's golden vectors.
    Onnx(onnx::OnnxArguments),
    /// Write an eight-bit ONNX file (QDQ) that has repeated our own engine's answers.
    Int8(int8::Int8Arguments),
    /// Write a .sxt file, in eight bits when asked, and print what that cost.
    Sxt(sxt::SxtArguments),
    /// Write a Cargo project that runs the model in eight bits on a Cortex-M.
    Firmware(firmware::FirmwareArguments),
    /// Compare every engine that is there with the trainer's golden vectors.
    Verify(verify::VerifyArguments),
    /// Show what is in a .sxt or .onnx file.
    Inspect(inspect::InspectArguments),
}

/// How a command ended without an error.
pub struct Outcome {
    /// What did not agree.
    pub failure: Option<String>,
    /// The command to go on with.
    pub next: TypedCommand,
}

pub fn run(arguments: Arguments) -> anyhow::Result<Outcome> {
    match arguments.command {
        Command::Onnx(arguments) => arguments.run(),
        Command::Int8(arguments) => arguments.run(),
        Command::Sxt(arguments) => arguments.run(),
        Command::Firmware(arguments) => arguments.run(),
        Command::Verify(arguments) => arguments.run(),
        Command::Inspect(arguments) => arguments.run(),
    }
}

/// The error and its causes, without those that the message before has told already.
pub fn message(error: &anyhow::Error) -> String {
    let mut shown = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !shown.ends_with(&cause) {
            shown = format!("{shown}: {cause}");
        }
    }
    shown
}

/// What to try after an error.
pub fn hint(error: &anyhow::Error) -> Option<String> {
    error.downcast_ref::<sextant_export::Error>().map(sextant_export::Error::hint)
}

/// The command that tries a model file.
fn predict_with(model: &Path) -> TypedCommand {
    Program::Runtime.command("predict").path(model).words("IMAGE.png")
}

/// Writes to stdout; a reader that went away (`| head`) is no error.
fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{}", text.trim_end()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error).context("cannot write to stdout"),
        _ => Ok(()),
    }
}

fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&serde_json::to_string(value).context("cannot express the result as JSON")?)
}
