//! The subcommands: each file holds one, its arguments and what it prints.
//!
//! Data goes to standard output, everything else to standard error. Exit codes: 0 fine, 2 an error, 130 stopped by
//! Ctrl-C or SIGTERM.

mod advise;
mod bench;
mod class_counts;
mod contact_sheet;
mod data;
mod encoder;
mod encoders;
mod equivariance;
mod eval;
mod fit;
mod hint;
mod interrupt;
mod listed;
mod mesh_info;
mod methods;
mod output;
mod render;
mod report;
mod resume;
mod sources;
mod split_args;
mod study;
mod transformation_sheet;
mod transformations;

use std::process::ExitCode;

use clap::Subcommand;

use crate::registry::Registry;

pub use hint::report;
pub use interrupt::stop_on_interrupt;

/// What the `trainer` command can do.
#[derive(Subcommand)]
pub enum Command {
    /// Train a network; without arguments, the quickstart on built-in objects.
    Fit(fit::FitArgs),
    /// Measure a trained run on held-out objects.
    Eval(eval::EvalArgs),
    /// Write the encoder of a finished run as one small file that other runs begin with.
    Encoder(encoder::EncoderArgs),
    /// Measure what features do when pictures are turned and mirrored.
    Equivariance(equivariance::EquivarianceArgs),
    /// Render a data set with known poses.
    Render(render::RenderArgs),
    /// Prepare and inspect data.
    Data(data::DataArgs),
    /// Measure training steps on this machine.
    Bench(bench::BenchArgs),
    /// List the self-supervised methods.
    Methods(methods::MethodsArgs),
    /// List the encoders.
    Encoders(encoders::EncodersArgs),
    /// List the sources of objects and images.
    Sources(sources::SourcesArgs),
    /// List the transformations of pictures, and draw what they do
    Transformations(transformations::TransformationsArgs),
    /// Write one HTML file about finished runs: curves, tables, pictures.
    Report(report::ReportArgs),
    /// Train a table of methods under one budget, and write down what came of it.
    Study(study::StudyArgs),
    /// Ask the data to which transformations features should be invariant, and to which equivariant.
    Advise(advise::AdviseArgs),
}

/// Runs one subcommand, with what there is to choose from.
///
/// # Errors
/// Whatever stopped it, with the file or key at fault.
pub fn run(command: Command, registry: &Registry) -> anyhow::Result<ExitCode> {
    match command {
        Command::Fit(args) => fit::run(args, registry),
        Command::Eval(args) => eval::run(args, registry),
        Command::Encoder(args) => encoder::run(args, registry),
        Command::Equivariance(args) => equivariance::run(args, registry),
        Command::Render(args) => render::run(args, registry).map(|()| ExitCode::SUCCESS),
        Command::Data(args) => data::run(args).map(|()| ExitCode::SUCCESS),
        Command::Bench(args) => bench::run(args, registry),
        Command::Methods(args) => methods::run(args, registry),
        Command::Encoders(args) => encoders::run(args, registry),
        Command::Sources(args) => sources::run(args, registry),
        Command::Transformations(args) => transformations::run(args, registry),
        Command::Report(args) => report::run(args, registry),
        Command::Study(args) => study::run(args, registry),
        Command::Advise(args) => advise::run(args, registry),
    }
}
