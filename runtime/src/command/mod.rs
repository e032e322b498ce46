//! Data on stdout, everything else on stderr; exit 0 fine, 2 an error.

mod answer;
mod backends;
mod bench;
mod compare;
mod images;
mod limits;
mod names;
mod predict;
mod search;
mod sources;

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Parser, Subcommand, ValueEnum};
use sextant_runtime::backend::{BackendKind, BackendOptions, RequestedProvider, nodes_text};
use sextant_runtime::command_line::{report, tell};
use sextant_runtime::picture::PictureLimits;
use sextant_runtime::pose::{CropBox, PoseError, Predictor, PredictorOptions};
use sextant_runtime::typed_command::Program;

use answer::Look;

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
    /// Prints the rotation between two views of an object and how similar their invariant features are; both halves of the
    /// features where the model tells no rotation.
    Compare(compare::Arguments),
    /// Measures the latency of one image on one thread.
    Bench(bench::Arguments),
    Search(search::Arguments),
    Backends(backends::Arguments),
}

/// What all commands that run a model take.
#[derive(Args)]
struct ModelArguments {
    /// Model file: .sxt or .onnx.
    model: PathBuf,
    #[command(flatten)]
    engine: EngineArguments,
}

/// What computes a model, and what it may cost.
#[derive(Args)]
struct EngineArguments {
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
    /// Looks only at that part of each picture: columns left of it, rows above it, its width and its height, in pixels.
    #[arg(long, value_name = "LEFT,TOP,WIDTH,HEIGHT", value_parser = crop_box)]
    crop: Option<CropBox>,
}

impl PictureArguments {
    fn look(&self, features: bool) -> Look {
        let memory_bytes = u64::from(self.max_picture_memory) << 20;
        Look { limits: PictureLimits { memory_bytes, ..PictureLimits::default() }, crop: self.crop, features }
    }
}

/// Four numbers with commas.
fn crop_box(text: &str) -> Result<CropBox, String> {
    let numbers: Result<Vec<usize>, _> = text.split(',').map(|number| number.trim().parse()).collect();
    match numbers.as_deref() {
        Ok(&[left, top, width, height]) => Ok(CropBox { left, top, width, height }),
        _ => Err("expected four whole numbers with commas, such as 100,50,320,320".to_string()),
    }
}

impl ModelArguments {
    fn predictor(&self) -> anyhow::Result<Predictor> {
        self.predictor_of(NonZeroUsize::MIN)
    }

    fn predictor_of(&self, threads: NonZeroUsize) -> anyhow::Result<Predictor> {
        self.engine.predictor(&self.model, threads)
    }
}

impl EngineArguments {
    /// Tells on stderr what each execution provider ran, where one was asked for.
    fn predictor(&self, model: &Path, threads: NonZeroUsize) -> anyhow::Result<Predictor> {
        let predictor = Predictor::open_with(model, &self.options(threads)?)?;
        if let Some(nodes) = predictor.encoder().nodes_by_provider() {
            tell("nodes", nodes_text(nodes));
        }
        Ok(predictor)
    }

    fn options(&self, threads: NonZeroUsize) -> anyhow::Result<PredictorOptions> {
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
        let backend = BackendOptions { kind, ort_library, provider, limits: self.limits.limits() };
        Ok(PredictorOptions { backend, threads, ..PredictorOptions::default() })
    }
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Predict(arguments) => predict::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Search(arguments) => search::run(&arguments),
        Command::Backends(arguments) => backends::run(&arguments),
    };
    done.unwrap_or_else(|error| report(&error, hint_of))
}

/// What to try against one cause of an error.
fn hint_of(cause: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = cause.downcast_ref::<PoseError>() {
        return error.hint().map(String::from);
    }
    if let Some(refused) = cause.downcast_ref::<search::Refused>() {
        return Some(refused.hint.clone());
    }
    cause.downcast_ref::<images::ImageError>().map(|error| error.hint().into())
}
