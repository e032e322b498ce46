//! What finished runs of a study leave beside its page, so that it goes on where the runs themselves are gone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sextant_runtime::durable::write_file;

use super::FinishedRun;
use super::results::{CURVES, is_probed};
use super::tuning::Tuned;
use crate::config::{Config, Origin};
use crate::evaluate::Evaluation;
use crate::registry::Registry;
use crate::run::{MetricRecord, RunError};

/// Lines of `metrics.jsonl` that are kept of a run, beside those of its probes.
const MOST_LINES: usize = 40;

/// `PAGE-STUDY.jsonl` beside the page of results: a line for each search and each run, in the order in which they ended.
///
/// It keeps no run whose data lie in a folder: whether that holds the same on another machine nobody knows.
pub(super) struct Ledger {
    path: PathBuf,
    entries: Vec<Entry>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    Tuned(Tuned),
    Run(Box<KeptRun>),
}

/// What is kept of a run.
#[derive(Clone, Serialize, Deserialize)]
struct KeptRun {
    label: String,
    seed: u64,
    images: u64,
    seconds: f64,
    /// As TOML.
    config: String,
    evaluation: Evaluation,
    /// A part of them.
    metrics: Vec<MetricRecord>,
}

impl Ledger {
    /// The entries of a file, none where it is not there.
    ///
    /// # Errors
    /// When it cannot be read, or a line is broken.
    pub fn open(path: PathBuf) -> anyhow::Result<Self> {
        if !path.is_file() {
            return Ok(Self { path, entries: Vec::new() });
        }
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let parse = |(number, line): (usize, &str)| {
            let place = || format!("{}, line {}: delete the line to train it again", path.display(), number + 1);
            serde_json::from_str(line).with_context(place)
        };
        let entries = text.lines().enumerate().map(parse).collect::<anyhow::Result<_>>()?;
        Ok(Self { path, entries })
    }

    /// The search of a row with those changes and steps.
    pub fn tuned(&self, label: &str, sets: &[String], steps: u64) -> Option<Tuned> {
        let found = self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Tuned(tuned) if tuned.label == label && tuned.sets == sets && tuned.steps == steps => Some(tuned),
            _ => None,
        });
        found.cloned()
    }

    /// The run of a row and a seed that was trained with a configuration.
    pub fn run(&self, registry: &Registry, label: &str, seed: u64, config: &Config) -> Option<FinishedRun> {
        let found = self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Run(run) if run.label == label && run.seed == seed && run.is_of(registry, config, &self.path) => {
                Some(run)
            }
            _ => None,
        });
        found.map(|run| FinishedRun {
            label: run.label.clone(),
            seed: run.seed,
            config: config.clone(),
            images: run.images,
            seconds: run.seconds,
            evaluation: run.evaluation.clone(),
            metrics: run.metrics.clone(),
        })
    }

    /// Adds a search.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep_tuned(&mut self, tuned: &Tuned) -> anyhow::Result<()> {
        self.keep(Entry::Tuned(tuned.clone()))
    }

    /// Adds a run, unless it is there or its data lie in a folder.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep_run(&mut self, registry: &Registry, run: &FinishedRun) -> anyhow::Result<()> {
        let data = &run.config.data;
        let is_of_a_folder = data.path.is_some() || data.held_out_list.is_some();
        if is_of_a_folder || self.run(registry, &run.label, run.seed, &run.config).is_some() {
            return Ok(());
        }
        self.keep(Entry::Run(Box::new(KeptRun {
            label: run.label.clone(),
            seed: run.seed,
            images: run.images,
            seconds: run.seconds,
            config: run.config.to_toml(),
            evaluation: run.evaluation.clone(),
            metrics: thinned(&run.metrics),
        })))
    }

    fn keep(&mut self, entry: Entry) -> anyhow::Result<()> {
        self.entries.push(entry);
        let lines = self.entries.iter().map(|entry| Ok(serde_json::to_string(entry)? + "\n"));
        let text: String = lines.collect::<anyhow::Result<_>>()?;
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        Ok(write_file(&self.path, text.as_bytes()).map_err(RunError::from)?)
    }
}

impl KeptRun {
    /// Whether it was trained so; keys that are newer than the run have their defaults.
    fn is_of(&self, registry: &Registry, config: &Config, file: &Path) -> bool {
        Config::from_toml(registry, &self.config, Origin::File(file.into())).is_ok_and(|found| found == *config)
    }
}

/// What the curves show: all lines of the probes, and some of the others.
fn thinned(metrics: &[MetricRecord]) -> Vec<MetricRecord> {
    let of_curves = |record: &MetricRecord| {
        let shown = |(key, value): (&String, &f64)| CURVES.iter().any(|(shown, _)| shown == key) && value.is_finite();
        let values = record.values.iter().filter(|entry| shown(*entry));
        MetricRecord {
            step: record.step,
            values: values.map(|(key, value)| (key.clone(), *value)).collect::<BTreeMap<_, _>>(),
        }
    };
    let every = metrics.len().div_ceil(MOST_LINES).max(1);
    let kept = metrics.iter().enumerate().filter(|(at, record)| at % every == 0 || is_probed(record));
    kept.map(|(_, record)| of_curves(record)).filter(|record| !record.values.is_empty()).collect()
}
