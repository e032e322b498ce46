//! Data on stdout, everything else on stderr; exit 0 fine, 2 an error.

mod backends;
mod bench;
mod compare;
mod images;
mod limits;
mod names;
mod pose;
mod predict;
mod sources;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Parser, Subcommand, ValueEnum};
use sextant_runtime::backend::{BackendError, BackendKind, BackendOptions, Encoder, RequestedProvider, nodes_text};
use sextant_runtime::command_line::{report, tell};
use sextant_runtime::picture::PictureLimits;
use sextant_runtime::typed_command::Program;

/// Runs image encoders on this machine.
#[derive(Parser)]
#[command(name = Program::Runtime.name(), bin_name = Program::Runtime.invocation(), version, after_help = "Exit status: 0 fine, 2 an error.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Predict(predict::Arguments),
    /// Prints the rotation between two views of an object and how similar their invariant features are.
    Compare(compare::Arguments),
    /// Measures the latency of one image on one thread.
    Bench(bench::Arguments),
    Backends(backends::Arguments),
}

/// What all commands that run a model take.
#[derive(Args)]
struct ModelArguments {
    /// Model file: .sxt or .onnx.
    model: PathBuf,
    /// What computes the model [default: native for .sxt, tract for .onnx].
    #[arg(long, value_enum)]
    backend: Option<BackendName>,
    /// Shared library of ONNX Runtime for --backend ort [default: $ORT_DYLIB_PATH].
    #[arg(long, value_name = "FILE")]
    ort_library: Option<PathBuf>,
    /// Execution provider of ONNX Runtime that has to compute, or it is an error: openvino, cuda, tensorrt, coreml, qnn,
    /// nnapi, xnnpack, acl or cann; of a device, as openvino:GPU, openvino:NPU or cuda:1. Stands for --backend ort.
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<RequestedProvider>,
    #[command(flatten)]
    limits: limits::LimitArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum BackendName {
    /// This program's own kernels, for .sxt.
    Native,
    /// tract, for .onnx.
    Tract,
    /// ONNX Runtime, for .onnx.
    Ort,
}

/// What all commands take that look at pictures.
#[derive(Args)]
struct PictureArguments {
    /// Memory that reading and decoding one picture may take, in MiB; larger ones are refused before they are decoded.
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    max_picture_memory: u32,
}

impl PictureArguments {
    fn limits(&self) -> PictureLimits {
        PictureLimits { memory_bytes: u64::from(self.max_picture_memory) << 20, ..PictureLimits::default() }
    }
}

impl ModelArguments {
    fn open(&self) -> anyhow::Result<Encoder> {
        let is_ort = matches!(self.backend, Some(BackendName::Ort)) || self.provider.is_some();
        if self.ort_library.is_some() && !is_ort {
            bail!("--ort-library is for --backend ort, and would not be used: add --backend ort, or leave it away");
        }
        let kind = self.backend.map(|name| match name {
            BackendName::Native => BackendKind::Native,
            BackendName::Tract => BackendKind::Tract,
            BackendName::Ort => BackendKind::Ort,
        });
        let (ort_library, provider) = (self.ort_library.clone(), self.provider.clone());
        let options = BackendOptions { kind, ort_library, provider, limits: self.limits.limits() };
        let encoder = Encoder::open(&self.model, &options)?;
        if let Some(nodes) = encoder.nodes_by_provider() {
            tell("nodes", nodes_text(nodes));
        }
        Ok(encoder)
    }
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Backends(arguments) => backends::run(&arguments),
    };
    done.unwrap_or_else(|error| report(&error, hint_of))
}

/// What to try against one cause of an error.
fn hint_of(cause: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = cause.downcast_ref::<BackendError>() {
        return error.hint().map(String::from);
    }
    cause.downcast_ref::<images::ImageError>().map(|error| error.hint().into())
}
