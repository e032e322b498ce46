//! Studies: a table of runs under one budget, trained one after another, and the page that shows what came of them.
//!
//! A study can be stopped at any moment and started again: finished runs are kept, an unfinished one is resumed.

mod advice;
mod care;
mod essl;
mod images;
mod plan;
mod question;
mod question_page;
mod results;
mod scales;
mod summary;
mod trainings;

use std::path::PathBuf;
use std::sync::LazyLock;

use crate::config::Config;
use crate::evaluate::Evaluation;
use crate::run::MetricRecord;
use crate::stop::StopFlag;

pub use advice::{
    Advice, AdviceOptions, AdviceOutcome, AdviceReport, AdvisedTransformation, Candidate, Check, Choice, Form,
    Judgement, Target, advise, shared_config,
};
pub use images::rendered_images;
pub use plan::{Ablation, Batches, Plan, Row, view_count};
pub use question::{Chart, Claim, Column, Gain, PaperFigure, Question, Scale, Verdict};
pub use question_page::page_of;
pub use results::{replace_section, write_results};
pub use summary::{RowSummary, Spread};
use trainings::Trainings;

/// All questions that a paper's claims are read off.
pub static QUESTIONS: LazyLock<Vec<Question>> =
    LazyLock::new(|| essl::QUESTIONS.into_iter().chain([care::QUESTION, scales::QUESTION]).collect());

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

impl StudyOptions {
    fn trainings(&self) -> Trainings<'_> {
        let Self { plan, out, device, stop, .. } = self;
        Trainings { plan, out, device, stop, out_option: "--out" }
    }
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
    let trainings = options.trainings();
    for row in &options.plan.rows {
        let Some(run) = trainings.run_of(row, 0, &images)? else { return Ok(StudyOutcome::Interrupted) };
        finished.push(run);
        write_results(options, &finished)?;
    }
    for row in leaders(&options.plan, &finished) {
        for seed in 1..options.plan.seeds {
            let Some(run) = trainings.run_of(row, seed, &images)? else { return Ok(StudyOutcome::Interrupted) };
            finished.push(run);
            write_results(options, &finished)?;
        }
    }
    Ok(StudyOutcome::Finished(summary::summaries(&options.plan, &finished)))
}

/// Trains every row with the first seed, then with the next, so that a page that is not finished tells of all rows.
fn ask(options: &StudyOptions, question: &Question) -> anyhow::Result<StudyOutcome> {
    let (trainings, mut finished) = (options.trainings(), Vec::new());
    for seed in 0..options.plan.seeds {
        for row in &options.plan.rows {
            let Some(run) = trainings.run_of(row, seed, &[])? else { return Ok(StudyOutcome::Interrupted) };
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

#[cfg(test)]
mod tests;
