//! Studies: a table of runs under one budget, trained one after another, and the page that shows what came of them.
//!
//! A study can be stopped at any moment and started again: finished runs are kept, an unfinished one is resumed.

mod advice;
mod care;
mod essl;
mod images;
mod ledger;
mod plan;
mod question;
mod question_page;
mod results;
mod scales;
mod summary;
mod trainings;
mod tuning;
mod usefulness;

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
use ledger::Ledger;
pub use plan::{Ablation, Batches, FEATURES_ALONE, Plan, Row, view_count};
pub use question::{Chart, Claim, Column, Gain, PaperFigure, Question, Scale, Setting, Verdict};
pub use question_page::page_of;
pub use results::{replace_section, write_results};
pub use summary::{RowSummary, Spread};
use trainings::Trainings;
use tuning::tune;
pub use tuning::{Trial, Tuned};

/// All questions: what claims of papers, or expectations of this project, are read off.
pub static QUESTIONS: LazyLock<Vec<Question>> = LazyLock::new(|| {
    essl::QUESTIONS.into_iter().chain([care::QUESTION, scales::QUESTION, usefulness::QUESTION]).collect()
});

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
    /// Steps of each trial of a search that every row goes through before it is trained; 0: rows are trained as they are.
    pub tuning_steps: u64,
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
    /// Seconds that its steps took, without figures.
    pub seconds: f64,
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
    let mut comparison = Comparison {
        options,
        images,
        ledger: Ledger::open(results::ledger_path(&options.results, &options.plan.name))?,
        searches: Vec::new(),
        finished: Vec::new(),
    };
    let mut rows = Vec::new();
    for row in &options.plan.rows {
        let Some(row) = comparison.tuned(row)? else { return Ok(StudyOutcome::Interrupted) };
        if !comparison.train(&row, 0)? {
            return Ok(StudyOutcome::Interrupted);
        }
        rows.push(row);
    }
    for row in leaders(&rows, options.plan.leaders, &comparison.finished) {
        for seed in 1..options.plan.seeds {
            if !comparison.train(row, seed)? {
                return Ok(StudyOutcome::Interrupted);
            }
        }
    }
    Ok(StudyOutcome::Finished(summary::summaries(&options.plan, &comparison.finished)))
}

/// A comparison of methods on its way.
struct Comparison<'a> {
    options: &'a StudyOptions,
    /// The changes of [`rendered_images`].
    images: Vec<String>,
    ledger: Ledger,
    searches: Vec<Tuned>,
    finished: Vec<FinishedRun>,
}

impl Comparison<'_> {
    /// A row with what is best for it on validation objects, where rows are tuned; `None` when it was interrupted.
    fn tuned(&mut self, row: &Row) -> anyhow::Result<Option<Row>> {
        let steps = self.options.tuning_steps;
        if steps == 0 {
            return Ok(Some(row.clone()));
        }
        let tuned = match self.ledger.tuned(&row.label, &row.sets, steps) {
            Some(tuned) => tuned,
            None => {
                let Some(tuned) = tune(&self.options.trainings(), row, steps, &self.images)? else { return Ok(None) };
                self.ledger.keep_tuned(&tuned)?;
                tuned
            }
        };
        let sets = [&row.sets[..], tuned.chosen()].concat();
        self.searches.push(tuned);
        Ok(Some(Row { sets, ..row.clone() }))
    }

    /// Trains a row with a seed, where that is not done, and writes the page; whether it was not interrupted.
    fn train(&mut self, row: &Row, seed: u64) -> anyhow::Result<bool> {
        let registry = &self.options.plan.registry;
        let config = self.options.plan.config(row, seed, &self.images)?;
        let run = match self.ledger.run(registry, &row.label, seed, &config) {
            Some(run) => {
                eprintln!("{}: done, seed {seed}", row.label);
                run
            }
            None => match self.options.trainings().run_of(row, seed, &self.images)? {
                Some(run) => run,
                None => return Ok(false),
            },
        };
        self.ledger.keep_run(registry, &run)?;
        self.finished.push(run);
        write_results(self.options, &self.searches, &self.finished)?;
        Ok(true)
    }
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
fn leaders<'a>(rows: &'a [Row], leaders: usize, finished: &[FinishedRun]) -> Vec<&'a Row> {
    let score = |row: &Row| {
        let run = finished.iter().find(|run| run.label == row.label);
        run.map_or(f64::NEG_INFINITY, |run| summary::score(&run.evaluation))
    };
    let learns_from_labels = |run: &FinishedRun| {
        let entry = run.config.registry().methods().find(&run.config.method.name);
        entry.is_some_and(|entry| !entry.labels.is_empty())
    };
    let unlabelled = |row: &&Row| !finished.iter().any(|run| run.label == row.label && learns_from_labels(run));
    let mut others: Vec<&Row> = rows.iter().skip(1).filter(unlabelled).collect();
    others.sort_by(|a, b| score(b).total_cmp(&score(a)));
    rows.iter().take(1).chain(others.into_iter().take(leaders)).collect()
}

#[cfg(test)]
mod tests;
