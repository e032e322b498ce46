use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use sextant_runtime::command_line::{next, print_answer};
use sextant_runtime::typed_command::Program;

use super::hint::INTERRUPTED;
use super::output::refuse_dash;
use super::resume::{changed_keys, refuse_fixed_keys};
use super::{report, stop_on_interrupt};
use crate::collective::{self, Collective};
use crate::config::Config;
use crate::fit::{FitOptions, FitOutcome, follow, lead};
use crate::registry::Registry;
use crate::run::{CONFIG_FILE, RunFolder};

/// Arguments of `trainer fit`.
#[derive(Args)]
pub struct FitArgs {
    /// Configuration in TOML; its keys go before the preset's.
    config: Option<PathBuf>,
    /// Start from quickstart, pose, household or sie-3diebench.
    #[arg(long)]
    preset: Option<String>,
    /// Change one key, such as fit.steps=500; goes before the file's keys.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Go on from the weights of this finished run, rounded to eight bits as it will be deployed: a tenth of its steps and
    /// of its learning rate.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["config", "preset", "resume"])]
    qat: Option<PathBuf>,
    /// Begin with the encoder of this finished run, or of a safetensors file (fit.encoder_from).
    #[arg(long, value_name = "RUN|FILE", conflicts_with_all = ["qat", "resume"])]
    from: Option<String>,
    /// Folder of the run; by default the first free one of runs/NAME, runs/NAME-2, ….
    #[arg(long)]
    out: Option<PathBuf>,
    /// Where to compute: auto, cpu or cuda:N (compiled, not run).
    #[arg(long, default_value = "auto")]
    device: String,
    /// Continue the run in --out from its last checkpoint.
    #[arg(long, requires = "out", conflicts_with_all = ["config", "preset", "overwrite"])]
    resume: bool,
    /// Replace a run that --out holds.
    #[arg(long)]
    overwrite: bool,
    /// Print the figures as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Trains, evaluates, and prints the figures on held-out objects; under `mpirun`, together with the other processes.
pub fn run(args: FitArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    let ranks = collective::world()?;
    let code = match ranks.rank() {
        0 => run_first(args, registry, &ranks),
        _ => stop_on_interrupt()
            .and_then(|stop| follow(registry, &args.device, stop, &ranks))
            .map(|()| ExitCode::SUCCESS),
    };
    if ranks.size() > 1
        && let Err(error) = &code
    {
        // The others wait for this rank: nothing but the end of all of them gets them out of it.
        eprint!("rank {}: ", ranks.rank());
        report(error);
        ranks.abort(2);
    }
    code
}

fn run_first(args: FitArgs, registry: &Registry, ranks: &Arc<dyn Collective>) -> anyhow::Result<ExitCode> {
    let json = args.json;
    let options = options(args, registry)?;
    let export = if options.config.fit.is_for_eight_bits() { "sxt --int8" } else { "onnx" };
    match lead(options, ranks)? {
        FitOutcome::Finished { run, figures } => {
            print_answer(json, &figures, || figures.to_string())?;
            next(Program::Export.command(export).path(&run));
            Ok(ExitCode::SUCCESS)
        }
        FitOutcome::Interrupted { run, step } => {
            eprintln!("stopped after step {step}, saved");
            next(Program::Trainer.command("fit --resume --out").path(&run));
            Ok(ExitCode::from(INTERRUPTED))
        }
    }
}

fn options(args: FitArgs, registry: &Registry) -> anyhow::Result<FitOptions> {
    if let Some(out) = &args.out {
        refuse_dash("--out", out, "a run is a folder of files")?;
    }
    let stop = stop_on_interrupt()?;
    if args.resume {
        let Some(out) = args.out else { bail!("--resume needs --out RUN") };
        let run = RunFolder::open(&out)?;
        let config = resumed_config(registry, &run.file(CONFIG_FILE), &args.sets)?;
        return Ok(FitOptions { config, run, resume: true, device: args.device, stop });
    }
    let from = args.from.iter().map(|from| format!("fit.encoder_from={}", serde_json::json!(from)));
    let sets: Vec<String> = args.sets.iter().cloned().chain(from).collect();
    let config = match &args.qat {
        Some(base) => Config::for_qat(registry, base, &RunFolder::open_to_read(base)?.file(CONFIG_FILE), &sets)?,
        None => Config::resolve(registry, args.preset.as_deref(), args.config.as_deref(), &sets)?,
    };
    let out = args.out.unwrap_or_else(|| first_free(&config.name));
    let run = RunFolder::create(&out, args.overwrite)?;
    Ok(FitOptions { config, run, resume: false, device: args.device, stop })
}

/// The configuration of a run with what is to change from now on; tells what that is.
fn resumed_config(registry: &Registry, path: &Path, sets: &[String]) -> anyhow::Result<Config> {
    let stored = Config::from_file(registry, path)?;
    let config = Config::resolve(registry, None, Some(path), sets)?;
    // The run has stored whole paths: the same one in other words is no change.
    let changed = changed_keys(&stored.with_absolute_paths()?, &config.with_absolute_paths()?);
    refuse_fixed_keys(&changed, path)?;
    for change in changed {
        eprintln!("changed: {change}");
    }
    Ok(config)
}

/// `runs/NAME`, or with the first number from 2 that is not taken.
fn first_free(name: &str) -> PathBuf {
    let runs = PathBuf::from("runs");
    let numbered = (2..).map(|n| runs.join(format!("{name}-{n}")));
    std::iter::once(runs.join(name)).chain(numbered).find(|path| !path.exists()).unwrap_or(runs)
}
