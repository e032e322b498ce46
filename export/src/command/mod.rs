//! Arguments, and what is printed. Data goes to stdout, everything else to stderr.

mod firmware;
mod inspect;
mod int8;
mod onnx;
mod operators;
mod quantizer;
mod sxt;
mod verify;

use std::error::Error;
use std::path::Path;

use clap::{Parser, Subcommand};
use serde::Serialize;
use sextant_export::onnx::Batch;
use sextant_export::{QuantizationReport, RunFolder};
use sextant_runtime::command_line::{print, print_json_line};
use sextant_runtime::typed_command::{Program, TypedCommand};

/// Turn a trained run into deployable files, and check them.
///
/// Exit status: 0 done, 1 an engine's answers are not right or a limit is not kept, 2 an error.
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
    /// Run the suite of operator cases in every engine that is there.
    Operators(operators::OperatorsArguments),
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
        Batch::Dynamic | Batch::Fixed(1) => (vec![], Some(Program::predict(file))),
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
        Command::Operators(arguments) => arguments.run(),
        Command::Inspect(arguments) => arguments.run(),
    }
}

/// What to try against one cause of an error.
pub fn hint(cause: &(dyn Error + 'static)) -> Option<String> {
    cause.downcast_ref::<sextant_export::Error>().map(sextant_export::Error::hint)
}

/// A failure, and what was therefore not written.
fn not_written(failure: Option<String>, out: &Path) -> Option<String> {
    failure.map(|message| format!("{message}; {} was not written", out.display()))
}

/// What a report says of its file.
fn wrote(written: bool) -> &'static str {
    if written { "wrote" } else { "did not write" }
}

/// Prints a report: one JSON object in a line, or its text.
fn print_report(json: bool, report: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<()> {
    match json {
        true => print_json_line(report)?,
        false => print(&format!("{}\n", text().trim_end()))?,
    };
    Ok(())
}
