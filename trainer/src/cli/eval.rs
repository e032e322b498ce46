use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use sextant_runtime::contract::run_folder::MODEL;
use sextant_runtime::typed_command::{Program, TypedCommand};

use super::output::{print, print_json};
use crate::config::Config;
use crate::data;
use crate::evaluate::{compare_deployed, evaluate};
use crate::fit::TrainedRun;
use crate::run::{CONFIG_FILE, CheckpointSlot, RunFolder};

/// Arguments of `trainer eval`.
#[derive(Args)]
pub struct EvalArgs {
    /// Folder of a run, such as runs/quickstart.
    run: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Measure a deployed file, such as RUN/model-int8.sxt, beside RUN/model.sxt: rotations and classes only.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["checkpoint", "device"])]
    model: Option<PathBuf>,
    /// Checkpoint to measure.
    #[arg(long, value_enum, default_value_t = Slot::Last)]
    checkpoint: Slot,
    /// Change a key of the run's configuration, such as evaluation.pairs=500.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Where to compute: auto, cpu or cuda:N (compiled, not run).
    #[arg(long, default_value = "auto")]
    device: String,
}

/// Checkpoints by their names on the command line.
#[derive(Clone, Copy, ValueEnum)]
enum Slot {
    /// The newest.
    Last,
    /// The one with the best online probes.
    Best,
}

impl From<Slot> for CheckpointSlot {
    fn from(slot: Slot) -> Self {
        match slot {
            Slot::Last => Self::Last,
            Slot::Best => Self::Best,
        }
    }
}

/// Prints the figures of a run on held-out objects.
pub fn run(args: EvalArgs) -> anyhow::Result<ExitCode> {
    if let Some(model) = &args.model {
        return run_deployed(&args, model);
    }
    let mut trained = TrainedRun::open(&args.run, args.checkpoint.into(), &args.sets, &args.device)?;
    for warning in trained.source.warnings() {
        eprintln!("warning: {warning}");
    }
    let (source, config) = (trained.source.clone(), trained.config.clone());
    let figures = trained
        .with_deployed_weights(|model| Ok(evaluate(model, &source, &config)?))
        .with_context(|| format!("evaluating {}", args.run.display()))?;
    if args.json {
        print_json(&figures)?
    } else {
        print(&figures.to_string())?
    }
    eprintln!("next: {}", next_command(&args.run));
    Ok(ExitCode::SUCCESS)
}

fn run_deployed(args: &EvalArgs, model: &Path) -> anyhow::Result<ExitCode> {
    let folder = RunFolder::open_to_read(&args.run)?;
    let config = Config::resolve(None, Some(&folder.file(CONFIG_FILE)), &args.sets)?;
    let source = data::open(&config.data)?;
    let comparison = compare_deployed(model, &args.run.join(MODEL), &source, &config)?;
    if args.json {
        print_json(&comparison)?
    } else {
        print(&comparison.to_string())?
    }
    eprintln!("next: {}", Program::Runtime.command("predict").path(model).words("IMAGE.png"));
    Ok(ExitCode::SUCCESS)
}

/// A run without its deployable model has not been trained to its end.
fn next_command(run: &Path) -> TypedCommand {
    let command = match run.join(MODEL).is_file() {
        true => Program::Export.command("onnx"),
        false => Program::Trainer.command("fit --resume --out"),
    };
    command.path(run)
}
