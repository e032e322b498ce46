//! Studies: a table of runs under one budget, trained one after another, and the page that shows what came of them.
//!
//! A study can be stopped at any moment and started again: finished runs are kept, an unfinished one is resumed.

mod essl;
mod images;
mod plan;
mod question;
mod question_page;
mod results;
mod summary;

use std::path::{Path, PathBuf};

use sextant_runtime::contract::run_folder;

use crate::config::Config;
use crate::evaluate::Evaluation;
use crate::fit::{FitOptions, FitOutcome, fit};
use crate::run::{MetricRecord, RunFolder, read_metrics};
use crate::stop::StopFlag;

pub use essl::QUESTIONS;
pub use images::rendered_images;
pub use plan::{Ablation, Plan, Row, view_count};
pub use question::{Chart, Claim, Column, PaperFigure, Question, Scale, Verdict};
pub use question_page::page_of;
pub use results::{replace_section, write_results};
pub use summary::{RowSummary, Spread};

/// A study to be carried out.
pub struct StudyOptions {
    /// What is trained.
    pub plan: Plan,
    /// Folder of the runs.
    pub out: PathBuf,
    /// Markdown file that gets the table.
    pub results: PathBuf,
    /// The question that is asked; `None` for a comparison of methods.
    pub question: Option<&'static Question>,
    /// What the pictures are, as the page of a question calls them.
    pub data: String,
    /// Command that makes the table, as the page shows it.
    pub command: String,
    /// `auto`, `cpu` or `cuda:N`.
    pub device: String,
    /// Set when the study is to stop.
    pub stop: StopFlag,
}

/// A finished run of a study.
pub struct FinishedRun {
    /// Label of its row.
    pub label: String,
    /// `fit.seed`.
    pub seed: u64,
    /// Fully resolved.
    pub config: Config,
    /// Images that it has seen.
    pub images: u64,
    /// Figures on held-out objects.
    pub evaluation: Evaluation,
    /// Lines of `metrics.jsonl`.
    pub metrics: Vec<MetricRecord>,
}

/// How a study ended.
pub enum StudyOutcome {
    /// All runs are done and written down.
    Finished(Vec<RowSummary>),
    /// Stopped by the user; the same command goes on.
    Interrupted,
}

/// Trains what is not trained yet, and writes the results after every run.
///
/// # Errors
/// When a folder holds a run of another configuration, a run fails, or a file cannot be written.
pub fn study(options: &StudyOptions) -> anyhow::Result<StudyOutcome> {
    if let Some(question) = options.question {
        return ask(options, question);
    }
    let Some(images) = rendered_images(options)? else { return Ok(StudyOutcome::Interrupted) };
    let mut finished = Vec::new();
    for row in &options.plan.rows {
        let Some(run) = run_of(options, row, 0, &images)? else { return Ok(StudyOutcome::Interrupted) };
        finished.push(run);
        write_results(options, &finished)?;
    }
    for row in leaders(&options.plan, &finished) {
        for seed in 1..options.plan.seeds {
            let Some(run) = run_of(options, row, seed, &images)? else { return Ok(StudyOutcome::Interrupted) };
            finished.push(run);
            write_results(options, &finished)?;
        }
    }
    Ok(StudyOutcome::Finished(summary::summaries(&options.plan, &finished)))
}

/// Trains every row with the first seed, then with the next, so that a page that is not finished tells of all rows.
fn ask(options: &StudyOptions, question: &Question) -> anyhow::Result<StudyOutcome> {
    let mut finished = Vec::new();
    for seed in 0..options.plan.seeds {
        for row in &options.plan.rows {
            let Some(run) = run_of(options, row, seed, &[])? else { return Ok(StudyOutcome::Interrupted) };
            finished.push(run);
            question_page::write_page(options, question, &finished)?;
        }
    }
    Ok(StudyOutcome::Finished(summary::summaries(&options.plan, &finished)))
}

/// The rows that get all seeds: the first, which the others are measured against, and of those that learn without labels
/// the ones with the largest [`summary::score`].
fn leaders<'a>(plan: &'a Plan, finished: &[FinishedRun]) -> Vec<&'a Row> {
    let score = |row: &Row| {
        let run = finished.iter().find(|run| run.label == row.label);
        run.map_or(f64::NEG_INFINITY, |run| summary::score(&run.evaluation))
    };
    let learns_from_labels = |run: &FinishedRun| {
        let entry = run.config.registry().methods().find(&run.config.method.name);
        entry.is_some_and(|entry| !entry.labels.is_empty())
    };
    let unlabelled = |row: &&Row| !finished.iter().any(|run| run.label == row.label && learns_from_labels(run));
    let mut rows: Vec<&Row> = plan.rows.iter().skip(1).filter(unlabelled).collect();
    rows.sort_by(|a, b| score(b).total_cmp(&score(a)));
    plan.rows.iter().take(1).chain(rows.into_iter().take(plan.leaders)).collect()
}

/// The finished run of a row, trained or taken up again where it is not there; `None` when it was interrupted.
fn run_of(options: &StudyOptions, row: &Row, seed: u64, images: &[String]) -> anyhow::Result<Option<FinishedRun>> {
    let config = options.plan.config(row, seed, images)?;
    let folder = options.out.join(&config.name);
    if let Some(run) = finished_run(&folder, row, seed, &config)? {
        eprintln!("{}: done", folder.display());
        return Ok(Some(run));
    }
    eprintln!("{}: {}, seed {seed}", folder.display(), row.label);
    let resume = RunFolder::holds_run(&folder);
    let run = if resume { RunFolder::open(&folder)? } else { RunFolder::create(&folder, false)? };
    let (device, stop) = (options.device.clone(), options.stop.clone());
    match fit(FitOptions { config: config.clone(), run, resume, device, stop })? {
        FitOutcome::Interrupted { .. } => Ok(None),
        FitOutcome::Finished { .. } => match finished_run(&folder, row, seed, &config)? {
            Some(run) => Ok(Some(run)),
            None => anyhow::bail!("{}: the run ended without evaluation.json", folder.display()),
        },
    }
}

/// The run in a folder, when it is finished.
fn finished_run(folder: &Path, row: &Row, seed: u64, config: &Config) -> anyhow::Result<Option<FinishedRun>> {
    if !RunFolder::holds_run(folder) {
        return Ok(None);
    }
    let found = RunFolder::open_to_read(folder)?.config(config.registry())?;
    // The run has added the names of the classes that it found.
    let mut wanted = config.clone();
    if wanted.data.classes.is_empty() {
        wanted.data.classes.clone_from(&found.data.classes);
    }
    anyhow::ensure!(
        found == wanted,
        "{}: was trained with another configuration; delete it, or give another --out",
        folder.display()
    );
    let Some(evaluation) = Evaluation::stored(folder)? else { return Ok(None) };
    let metrics = read_metrics(&folder.join(run_folder::METRICS))?;
    let images = config.fit.steps * (config.fit.batch_size * view_count(config)?) as u64;
    Ok(Some(FinishedRun { label: row.label.clone(), seed, config: config.clone(), images, evaluation, metrics }))
}

#[cfg(test)]
mod tests;
