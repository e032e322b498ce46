use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde_json::json;
use sextant_runtime::command_line::{next, print_answer};
use sextant_runtime::durable::write_file;
use sextant_runtime::typed_command::Program;

use super::hint::INTERRUPTED;
use super::output::refuse_dash;
use super::stop_on_interrupt;
use crate::registry::Registry;
use crate::run::RunError;
use crate::study::{AdviceOptions, AdviceOutcome, Candidate, Target, advise, shared_config};

/// Arguments of `trainer advise`.
#[derive(Args)]
pub struct AdviseArgs {
    /// Folder of pictures, those of each class in a folder of its own; other data are named with --set data.source=….
    data: Option<PathBuf>,
    /// Transformations that are asked about.
    #[arg(long, value_delimiter = ',', value_name = "NAME", default_value = "rotation,blur,brightness,hue,crop,flip")]
    transforms: Vec<String>,
    /// What the features are wanted for: class, transformed-class (of pictures with all these transformations), rotation, or one
    /// of the transformations [default: class; where no classes are known, rotation].
    #[arg(long)]
    target: Option<String>,
    /// Steps of each run.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Seeds of each row; one tells no spread, so that nothing is advised.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Configuration to write, for trainer fit.
    #[arg(long, value_name = "FILE", default_value = "advised.toml")]
    out: PathBuf,
    /// Folder of the runs; a stopped advice goes on there.
    #[arg(long, value_name = "DIR", default_value = "runs/advise")]
    runs: PathBuf,
    /// Configuration in TOML for all runs; its keys go before the preset's, which is essl-small, but for the method, which each
    /// row sets.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Change one key for all runs, and for the configuration that is written.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Where to compute: auto, cpu or cuda:N (compiled, not run).
    #[arg(long, default_value = "auto")]
    device: String,
    /// Print the advice as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Trains what is not trained yet, prints the advice, and writes a configuration.
pub fn run(args: AdviseArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    refuse_dash("--out", &args.out, "the advice is printed, and its configuration is a file")?;
    refuse_dash("--runs", &args.runs, "the runs are a folder")?;
    let (json, out) = (args.json, args.out.clone());
    match advise(&options(args, registry)?)? {
        AdviceOutcome::Interrupted => {
            eprintln!("stopped, saved; the same command goes on");
            Ok(ExitCode::from(INTERRUPTED))
        }
        AdviceOutcome::Finished { report, config } => {
            write_file(&out, config.to_toml().as_bytes()).map_err(RunError::from)?;
            let mut answer = serde_json::to_value(&report)?;
            answer["config"] = json!(out);
            print_answer(json, &answer, || report.to_string())?;
            next(Program::Trainer.command("fit").path(&out));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn options(args: AdviseArgs, registry: &Registry) -> anyhow::Result<AdviceOptions> {
    let candidates = Candidate::of_names(&args.transforms, registry.transformations()).context("--transforms")?;
    let of_folder = args.data.iter().flat_map(|folder| folder_sets(folder));
    let sets: Vec<String> = of_folder.chain(args.sets).collect();
    let config = shared_config(registry, args.config.as_deref(), &sets)?;
    let target = Target::named(args.target.as_deref(), &candidates, config.open_data()?.as_ref())?;
    eprintln!("wanted: {}", target.words());
    Ok(AdviceOptions {
        registry: registry.clone(),
        candidates,
        target,
        file: args.config,
        sets,
        steps: args.steps,
        seeds: args.seeds,
        runs: args.runs,
        device: args.device,
        stop: stop_on_interrupt()?,
    })
}

/// The keys of a folder of pictures.
fn folder_sets(folder: &Path) -> [String; 2] {
    ["data.source=pictures".into(), format!("data.path={}", json!(folder))]
}
