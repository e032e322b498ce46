//! To which transformations features should be invariant, and to which equivariant: the mechanism of Xie et al. (CVPR
//! Workshops 2022), as we read its abstract.
//!
//! Networks are trained briefly on pictures with all candidates. In one row features are invariant to all of them, in another
//! equivariant to all, and in one more for each candidate equivariant to it alone. A probe of what the features are wanted
//! for says which form is better, over several seeds.

mod candidate;
mod judge;
mod report;
mod target;

use std::path::{Path, PathBuf};

use super::trainings::Trainings;
use super::{FEATURES_ALONE, FinishedRun, Plan, Row, Spread};
use crate::config::Config;
use crate::registry::Registry;
use crate::stop::StopFlag;

pub use candidate::Candidate;
use candidate::row;
pub use judge::{Advice, Form, Judgement};
pub use report::{AdviceReport, AdvisedTransformation, Check, Choice};
pub use target::Target;

/// What is to be advised on, and how.
pub struct AdviceOptions {
    /// What names stand for.
    pub registry: Registry,
    /// What is asked about.
    pub candidates: Vec<Candidate>,
    /// What the features are wanted for.
    pub target: Target,
    /// Configuration file over the preset `essl-small`.
    pub file: Option<PathBuf>,
    /// `key=value` changes for all runs, and for the advised configuration.
    pub sets: Vec<String>,
    /// Steps of each run.
    pub steps: u64,
    /// Seeds of each row.
    pub seeds: u64,
    /// Folder of the runs.
    pub runs: PathBuf,
    /// `auto`, `cpu` or `cuda:N`.
    pub device: String,
    /// Set when it is to stop.
    pub stop: StopFlag,
}

/// How it ended.
pub enum AdviceOutcome {
    /// All runs are done.
    Finished {
        /// What came of them.
        report: AdviceReport,
        /// What is advised, with the preset's own number of steps.
        config: Box<Config>,
    },
    /// Stopped by the user; the same command goes on.
    Interrupted,
}

/// What all runs, and the advised configuration, start from.
const PRESET: &str = "essl-small";
/// Changes of the preset, before the user's: rows choose the method, and what is invariant has two views.
const BASE: [&str; 3] = ["method.name=simclr", "fit.batch_size=128", "evaluation.information=false"];
/// Keys that the rows set themselves; those of `[method]` as well.
const OF_ROWS: [&str; 5] =
    ["name", "fit.seed", "data.transformations", "evaluation.responses", "evaluation.transformed_class"];
/// That all looks at an object are at one picture of it; sources that know one picture of each alone do not have the key.
const ONE_PICTURE: &str = "one_picture";
const ALL_INVARIANT: &str = "all-invariant";
const ALL_EQUIVARIANT: &str = "all-equivariant";
const ADVISED: &str = "advised";
/// A run's name has 64 letters at most, with its seed.
const LONGEST_LABEL: usize = 50;

/// Trains what is not trained yet, judges each candidate, trains what is advised, and puts its configuration together.
///
/// # Errors
/// When a key or value is wrong, a folder holds a run of another configuration, or a run fails.
pub fn advise(options: &AdviceOptions) -> anyhow::Result<AdviceOutcome> {
    let plan = plan(options)?;
    let AdviceOptions { candidates, seeds, .. } = options;
    let Some(finished) = train(options, &plan, &plan.rows)? else { return Ok(AdviceOutcome::Interrupted) };
    let advised: Vec<AdvisedTransformation> =
        candidates.iter().map(|candidate| advised_of(candidate, &options.target, &finished)).collect();
    let chosen = advised_row(candidates, &advised);
    let label = chosen.label.clone();
    let of_chosen = match finished.iter().any(|run| run.label == label) {
        true => Vec::new(),
        false => match train(options, &plan, std::slice::from_ref(&chosen))? {
            Some(runs) => runs,
            None => return Ok(AdviceOutcome::Interrupted),
        },
    };
    let all: Vec<&FinishedRun> = finished.iter().chain(&of_chosen).collect();
    let labels = [ALL_INVARIANT.into(), all_equivariant_label(candidates), label];
    let check = Check::of(labels.map(|label| Spread::of(&targets(&label, options, &all))));
    let everything: Vec<&Candidate> = candidates.iter().collect();
    let written = check.best();
    let written_row = match written {
        Choice::Advised => chosen,
        Choice::AllInvariant => row(ALL_INVARIANT, candidates, &[]),
        Choice::AllEquivariant => row(&all_equivariant_label(candidates), candidates, &everything),
    };
    let report = AdviceReport {
        target: options.target.words(),
        seeds: *seeds,
        steps: options.steps,
        transformations: advised,
        check,
        written,
    };
    Ok(AdviceOutcome::Finished { report, config: Box::new(advised_config(options, &written_row)?) })
}

/// What all rows share: the preset `essl-small` with a configuration file and `key=value` changes.
///
/// # Errors
/// When a key or value is wrong, or a change is of a key that the rows set themselves.
pub fn shared_config(registry: &Registry, file: Option<&Path>, sets: &[String]) -> anyhow::Result<Config> {
    let key = |set: &String| set.split('=').next().unwrap_or_default().trim().to_string();
    let is_of_rows = |key: &String| OF_ROWS.contains(&key.as_str()) || key.starts_with("method.");
    if let Some(key) = sets.iter().map(key).find(is_of_rows) {
        anyhow::bail!("--set {key}=…: has no effect: each row of an advice sets it; leave it out")
    }
    let base = BASE.map(String::from);
    Ok(Config::resolve_in_turn(registry, Some(PRESET), file, &[&base[..], sets])?)
}

/// The runs of some rows, first seed first; `None` when the user stopped them.
fn train(options: &AdviceOptions, plan: &Plan, rows: &[Row]) -> anyhow::Result<Option<Vec<FinishedRun>>> {
    let AdviceOptions { runs, device, stop, seeds, .. } = options;
    let trainings = Trainings { plan, out: runs, out_option: "--runs", device, stop };
    let count = *seeds as usize * rows.len();
    let mut finished = Vec::with_capacity(count);
    for seed in 0..*seeds {
        for row in rows {
            eprintln!("run {} of {count}", finished.len() + 1);
            let Some(run) = trainings.run_of(row, seed, &[])? else { return Ok(None) };
            finished.push(run);
        }
    }
    Ok(Some(finished))
}

/// Brief runs, of which all is measured that an advice is made of.
fn plan(options: &AdviceOptions) -> anyhow::Result<Plan> {
    let names: Vec<&str> = options.candidates.iter().map(|candidate| candidate.transformation.name()).collect();
    let measured = [
        "fit.probe_every=0".to_string(),
        "evaluation.pairs=2000".into(),
        "evaluation.train_pairs=5000".into(),
        // Whatever the target is, so that the same runs serve another one.
        "evaluation.transformed_class=true".into(),
        format!("evaluation.responses={names:?}"),
    ];
    let brief = [format!("fit.steps={}", options.steps)];
    let shared = shared_config(&options.registry, options.file.as_deref(), &options.sets)?;
    // Rotations that no picture showed are no part of the question.
    let in_range = shared.is_rendered().then(|| "evaluation.out_of_range_pairs=0".to_string());
    let sets = measured.into_iter().chain(in_range).chain(options.sets.iter().cloned()).chain(brief).collect();
    bare_plan(options, sets, rows(&options.candidates))
}

fn bare_plan(options: &AdviceOptions, sets: Vec<String>, rows: Vec<Row>) -> anyhow::Result<Plan> {
    let source = shared_config(&options.registry, options.file.as_deref(), &options.sets)?.data.source;
    let has_views = options.registry.sources().find(&source).is_some_and(|entry| entry.reads(ONE_PICTURE).is_some());
    // Looks at several poses would ask for invariance to the pose, which is not what is asked about.
    let looks = has_views.then(|| format!("data.{ONE_PICTURE}=true"));
    let sets = BASE.map(String::from).into_iter().chain(looks).chain(sets).collect();
    Ok(Plan {
        registry: options.registry.clone(),
        name: "advice".into(),
        preset: PRESET.into(),
        file: options.file.clone(),
        shared: FEATURES_ALONE,
        sets,
        views: 0,
        rows,
        seeds: options.seeds,
        leaders: 0,
    })
}

/// Invariant to all, equivariant to each alone, equivariant to all.
fn rows(candidates: &[Candidate]) -> Vec<Row> {
    let alone = |candidate| row(&alone_label(candidate), candidates, &[candidate]);
    let all = (candidates.len() > 1).then(|| row(ALL_EQUIVARIANT, candidates, &candidates.iter().collect::<Vec<_>>()));
    std::iter::once(row(ALL_INVARIANT, candidates, &[])).chain(candidates.iter().map(alone)).chain(all).collect()
}

fn alone_label(candidate: &Candidate) -> String {
    equivariant_label(&[candidate.name.as_str()])
}

fn equivariant_label(names: &[&str]) -> String {
    format!("{}-equivariant", names.join("-"))
}

/// Of a single candidate, its row is that of all.
fn all_equivariant_label(candidates: &[Candidate]) -> String {
    match candidates {
        [only] => alone_label(only),
        _ => ALL_EQUIVARIANT.into(),
    }
}

/// What the target's probe says of the runs of a row.
fn targets(label: &str, options: &AdviceOptions, runs: &[&FinishedRun]) -> Vec<f64> {
    let of_row = runs.iter().filter(|run| run.label == label);
    of_row.filter_map(|run| options.target.read(&run.evaluation)).collect()
}

fn advised_of(candidate: &Candidate, target: &Target, finished: &[FinishedRun]) -> AdvisedTransformation {
    let form = |label: &str| Form::of(candidate, target, finished.iter().filter(|run| run.label == label));
    let (invariant, equivariant) = (form(ALL_INVARIANT), form(&alone_label(candidate)));
    AdvisedTransformation {
        name: candidate.name.clone(),
        transformation: candidate.transformation.name().into(),
        is_ordered: candidate.is_ordered(),
        judgement: judge::judge(&invariant, &equivariant),
        invariant,
        equivariant,
    }
}

/// The row of what is advised: one of those that are trained already, where it is the same.
fn advised_row(candidates: &[Candidate], advised: &[AdvisedTransformation]) -> Row {
    let is_equivariant = |advised: &AdvisedTransformation| advised.judgement.advice == Advice::Equivariant;
    let equivariant: Vec<&Candidate> = candidates
        .iter()
        .zip(advised)
        .filter(|(_, advised)| is_equivariant(advised))
        .map(|(candidate, _)| candidate)
        .collect();
    let names: Vec<&str> = equivariant.iter().map(|candidate| candidate.name.as_str()).collect();
    let label = equivariant_label(&names);
    let wanted = row(if label.len() > LONGEST_LABEL { ADVISED } else { &label }, candidates, &equivariant);
    let trained = rows(candidates).into_iter().find(|row| row.sets == wanted.sets);
    trained.unwrap_or(wanted)
}

/// Without what was measured for the advice.
fn advised_config(options: &AdviceOptions, chosen: &Row) -> anyhow::Result<Config> {
    let plan = bare_plan(options, options.sets.clone(), Vec::new())?;
    let mut config = plan.config(chosen, 0, &[])?;
    config.name = ADVISED.into();
    Ok(config)
}

impl Form {
    /// Of the runs of a row.
    fn of<'a>(candidate: &Candidate, target: &Target, runs: impl Iterator<Item = &'a FinishedRun>) -> Self {
        let (mut targets, mut drifts, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        let name = candidate.transformation.name();
        for run in runs {
            let evaluation = &run.evaluation;
            targets.extend(target.read(evaluation));
            let response = evaluation.responses.iter().find(|report| report.transformation == name);
            drifts.extend(response.map(|response| response.drift));
            let told = evaluation.transformations.iter().find(|report| report.transformation == name);
            let beyond_guessing = |share: f64, classes: usize| {
                let guessed = 1.0 / classes as f64;
                (share - guessed) / (1.0 - guessed)
            };
            kept.extend(match candidate.is_ordered() {
                true => response.and_then(|response| response.tau),
                false => told.map(|told| beyond_guessing(told.probe_top1, told.classes)),
            });
        }
        Self { targets, drift: Spread::of(&drifts), kept: Spread::of(&kept) }
    }
}

#[cfg(test)]
mod tests;
