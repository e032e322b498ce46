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
use sextant_export::onnx::Batch;
use sextant_export::{QuantizationReport, RunFolder};
use sextant_runtime::typed_command::{Program, TypedCommand};

/// Turn a trained run into deployable files, and check them.
///
/// Exit status: 0 done, 1 an engine's answers differ from the trainer's or a limit is not kept, 2 an error.
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
    /// What the user should know of what was done.
    pub warnings: Vec<String>,
    /// The command to go on with.
    pub next: Option<TypedCommand>,
}

/// That a file of a fixed batch cannot be predicted from, or what can.
fn predict_or_inspect(file: &Path, batch: Batch) -> (Vec<String>, Option<TypedCommand>) {
    match batch {
        Batch::Dynamic | Batch::Fixed(1) => (vec![], Some(predict_with(file))),
        Batch::Fixed(samples) => {
            let warning = format!(
                "{}: takes {samples} samples at a time, for other programs; `{} predict` wants --batch dynamic or 1",
                file.display(),
                Program::Runtime.invocation()
            );
            (vec![warning], Some(Program::Export.command("inspect").path(file)))
        }
    }
}

/// What speaks against a quantised network, and the command that shows where it comes from.
fn doubts(report: Option<&QuantizationReport>, run: &RunFolder) -> (Vec<String>, Option<TypedCommand>) {
    let warnings = report.map_or_else(Vec::new, |report| report.warnings.clone());
    let layers = || Program::Export.command("sxt").path(run.path()).words("--int8 --layers");
    let next = (!warnings.is_empty()).then(layers);
    (warnings, next)
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
