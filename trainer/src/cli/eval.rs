use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use sextant_runtime::command_line::{next, print_answer, warn};
use sextant_runtime::contract::run_folder::MODEL;
use sextant_runtime::typed_command::{Program, TypedCommand};

use crate::config::Config;
use crate::evaluate::{compare_deployed, evaluate, gallery_warning};
use crate::fit::TrainedRun;
use crate::registry::Registry;
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
    /// Change a key of data.* or evaluation.*, such as evaluation.pairs=500.
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
pub fn run(args: EvalArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    refuse_sets_without_effect(&args)?;
    if let Some(model) = &args.model {
        return run_deployed(&args, registry, model);
    }
    let mut trained = TrainedRun::open(registry, &args.run, args.checkpoint.into(), &args.sets, &args.device)?;
    let gallery = gallery_warning(trained.source.as_ref(), &trained.config.evaluation);
    trained.source.warnings().into_iter().chain(gallery).for_each(warn);
    let (source, config) = (trained.source.clone(), trained.config.clone());
    let figures = trained
        .with_deployed_weights(|model| Ok(evaluate(model, &source, &config)?))
        .with_context(|| format!("evaluating {}", args.run.display()))?;
    print_answer(args.json, &figures, || figures.to_string())?;
    next(next_command(&args.run));
    Ok(ExitCode::SUCCESS)
}

fn run_deployed(args: &EvalArgs, registry: &Registry, model: &Path) -> anyhow::Result<ExitCode> {
    let folder = RunFolder::open_to_read(&args.run)?;
    let config = Config::resolve(registry, None, Some(&folder.file(CONFIG_FILE)), &args.sets)?;
    let source = config.open_data()?;
    source.warnings().into_iter().for_each(warn);
    let comparison = compare_deployed(model, &args.run.join(MODEL), &source, &config)?;
    print_answer(args.json, &comparison, || comparison.to_string())?;
    next(Program::predict(model));
    Ok(ExitCode::SUCCESS)
}

/// Keys that `--model` reads beside `data.*`.
const OF_DEPLOYED: [&str; 2] = ["evaluation.pairs", "evaluation.seed"];

/// Measuring reads where the data are and what is measured; the network is what it was trained to be.
fn refuse_sets_without_effect(args: &EvalArgs) -> anyhow::Result<()> {
    for set in &args.sets {
        let key = set.split('=').next().unwrap_or_default().trim();
        anyhow::ensure!(
            key != "data.classes",
            "--set {set}: a run keeps the classes that it has learned, by their names"
        );
        // Keys that there are not are named as such when the configuration is read.
        let is_section = |section: &str| key.split_once('.').is_some_and(|(of, _)| of == section);
        let (has_effect, read) = match args.model {
            None => (is_section("data") || is_section("evaluation"), "data.* and evaluation.*"),
            Some(_) => (
                is_section("data") || OF_DEPLOYED.contains(&key),
                "data.*, evaluation.pairs and evaluation.seed, with --model",
            ),
        };
        let is_fixed =
            ["model", "method", "heads", "optimiser", "schedule", "fit", "evaluation"].iter().any(|it| is_section(it));
        anyhow::ensure!(
            has_effect || !(is_fixed || key == "name"),
            "--set {set}: `{key}` has no effect here: `trainer eval` reads {read}"
        );
    }
    Ok(())
}

/// A run without its deployable model has not been trained to its end.
fn next_command(run: &Path) -> TypedCommand {
    let command = match run.join(MODEL).is_file() {
        true => Program::Export.command("onnx"),
        false => Program::Trainer.command("fit --resume --out"),
    };
    command.path(run)
}
