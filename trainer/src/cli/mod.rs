//! The subcommands: each file holds one, its arguments and what it prints.
//!
//! Data goes to standard output, everything else to standard error. Exit codes: 0 fine, 2 an error, 130 stopped by
//! Ctrl-C or SIGTERM.

mod bench;
mod class_counts;
mod data;
mod eval;
mod fit;
mod hint;
mod interrupt;
mod mesh_info;
mod methods;
mod output;
mod progress;
mod render;
mod report;
mod resume;
mod study;

use std::process::ExitCode;

use clap::Subcommand;

pub use hint::report;
pub use interrupt::stop_on_interrupt;

/// What the `trainer` command can do.
#[derive(Subcommand)]
pub enum Command {
    /// Train a network; without arguments, the quickstart on built-in objects.
    Fit(fit::FitArgs),
    /// Measure a trained run on held-out objects.
    Eval(eval::EvalArgs),
    /// Render a data set with known poses.
    Render(render::RenderArgs),
    /// Prepare and inspect data.
    Data(data::DataArgs),
    /// Measure training steps on this machine.
    Bench(bench::BenchArgs),
    /// List the self-supervised methods.
    Methods(methods::MethodsArgs),
    /// Write one HTML file about finished runs: curves, tables, pictures.
    Report(report::ReportArgs),
    /// Train a table of methods under one budget, and write down what came of it.
    Study(study::StudyArgs),
}

/// Runs one subcommand.
///
/// # Errors
/// Whatever stopped it, with the file or key at fault.
pub fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Fit(args) => fit::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Render(args) => render::run(args).map(|()| ExitCode::SUCCESS),
        Command::Data(args) => data::run(args).map(|()| ExitCode::SUCCESS),
        Command::Bench(args) => bench::run(args),
        Command::Methods(args) => methods::run(args),
        Command::Report(args) => report::run(args),
        Command::Study(args) => study::run(args),
    }
}
