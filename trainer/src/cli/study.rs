use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, ValueEnum};
use sextant_runtime::command_line::{next, print_answer};
use sextant_runtime::typed_command::{TypedCommand, quoted};

use super::hint::INTERRUPTED;
use super::output::refuse_dash;
use super::stop_on_interrupt;
use crate::registry::Registry;
use crate::study::{Ablation, Plan, Row, StudyOptions, StudyOutcome, study};

/// Arguments of `trainer study`.
#[derive(Args)]
pub struct StudyArgs {
    /// Which data the runs are compared on.
    study: Study,
    /// Compare this method with one thing changed at a time, instead of the methods.
    #[arg(long, value_name = "METHOD")]
    ablation: Option<Ablation>,
    /// Only these rows, such as sie,vicreg.
    #[arg(long, value_delimiter = ',', value_name = "ROW")]
    rows: Vec<String>,
    /// Seeds of the first row and of the leading ones; the others have one.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// How many rows beside the first count as leading; those that learn from class labels never do.
    #[arg(long, default_value_t = 5)]
    leaders: usize,
    /// Views of each object that are rendered once, before the first run, and that all runs see; 0 renders new ones for
    /// every step.
    #[arg(long, default_value_t = 50)]
    views: usize,
    /// Configuration in TOML for all runs; its keys go before the preset's.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Change one key for all runs, such as fit.steps=500.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Folder of the runs [default: runs/study-NAME].
    #[arg(long)]
    out: Option<PathBuf>,
    /// Markdown file that gets the table.
    #[arg(long, default_value = "docs/results.md")]
    results: PathBuf,
    /// Where to compute: auto, cpu or cuda:N (compiled, not run).
    #[arg(long, default_value = "auto")]
    device: String,
    /// Print the rows as one JSON array.
    #[arg(long)]
    json: bool,
}

/// Studies by their names on the command line.
#[derive(Clone, Copy, ValueEnum)]
enum Study {
    /// The furniture of Sweet Home 3D.
    Household,
    /// The built-in procedural objects.
    Procedural,
}

impl Study {
    fn name(self) -> &'static str {
        match self {
            Self::Household => "household",
            Self::Procedural => "procedural",
        }
    }

    fn preset(self) -> &'static str {
        match self {
            Self::Household => "household",
            Self::Procedural => "quickstart",
        }
    }
}

/// Trains what is not trained yet, and writes the table.
pub fn run(args: StudyArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    if let Some(out) = &args.out {
        refuse_dash("--out", out, "a study is a folder of runs")?;
    }
    refuse_dash("--results", &args.results, "the results are a Markdown file with drawings beside it")?;
    let (json, results) = (args.json, args.results.clone());
    match study(&options(args, registry)?)? {
        StudyOutcome::Interrupted => {
            eprintln!("stopped, saved; the same command goes on");
            Ok(ExitCode::from(INTERRUPTED))
        }
        StudyOutcome::Finished(rows) => {
            print_answer(json, &rows, || format!("{}\n", results.display()))?;
            next(format_args!("read {}", quoted(results.as_os_str())));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn options(args: StudyArgs, registry: &Registry) -> anyhow::Result<StudyOptions> {
    let stop = stop_on_interrupt()?;
    let command = command(&args);
    let ablation = args.ablation.map(|method| format!("-{}", ablation_name(method))).unwrap_or_default();
    let name = format!("{}{ablation}", args.study.name());
    let rows = picked(args.ablation.map_or_else(|| Row::methods(registry), Row::ablation), &args.rows)?;
    let plan = Plan {
        registry: registry.clone(),
        preset: args.study.preset().into(),
        file: args.config,
        sets: args.sets,
        views: args.views,
        rows,
        seeds: args.seeds,
        leaders: args.leaders,
        name: name.clone(),
    };
    let out = args.out.unwrap_or_else(|| PathBuf::from("runs").join(format!("study-{name}")));
    Ok(StudyOptions { plan, out, results: args.results, command, device: args.device, stop })
}

/// As it is written on the command line.
fn ablation_name(method: Ablation) -> String {
    method.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// The rows of these labels, all of them when none is named.
fn picked(rows: Vec<Row>, labels: &[String]) -> anyhow::Result<Vec<Row>> {
    if let Some(unknown) = labels.iter().find(|label| !rows.iter().any(|row| row.label == **label)) {
        let known: Vec<&str> = rows.iter().map(|row| row.label.as_str()).collect();
        bail!("no row is called '{unknown}'; rows: {}", known.join(", "))
    }
    Ok(rows.into_iter().filter(|row| labels.is_empty() || labels.contains(&row.label)).collect())
}

/// The command that makes the same table, with what was given.
fn command(args: &StudyArgs) -> String {
    // It is written into a page for whoever has the repository, however this process was started.
    let mut command = TypedCommand::other("cargo trainer study").argument(args.study.name());
    if let Some(method) = args.ablation {
        command = command.words("--ablation").argument(ablation_name(method));
    }
    if !args.rows.is_empty() {
        command = command.words("--rows").argument(args.rows.join(","));
    }
    command = command.words(&format!("--seeds {} --leaders {} --views {}", args.seeds, args.leaders, args.views));
    command = args.config.iter().fold(command, |command, file| command.words("--config").path(file));
    args.sets.iter().fold(command, |command, set| command.words("--set").argument(set)).into()
}
