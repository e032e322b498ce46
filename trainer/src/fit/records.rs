use std::collections::BTreeMap;
use std::time::Duration;

use super::StepReport;
use super::journal::Journal;
use super::labels::Labels;
use crate::config::Config;
use crate::data::{GroundTruth, ViewSource};
use crate::monitor::{CollapseMonitor, EmbeddingStatistics, peak_memory_bytes};
use crate::run::{CheckpointState, RunFolder};

/// All that a run leaves behind, written by rank 0: its folder, its figures and its warnings.
pub struct Records {
    /// Checkpoints and deployable files.
    pub run: RunFolder,
    /// Figures and remarks.
    pub journal: Journal,
    monitors: BTreeMap<&'static str, CollapseMonitor>,
}

impl Records {
    /// Of a fresh run, or of one that goes on from `state`; `resume` says what was asked for.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn open(
        run: RunFolder,
        config: &Config,
        source: &dyn ViewSource,
        views: usize,
        state: Option<&CheckpointState>,
        resume: bool,
    ) -> anyhow::Result<Self> {
        let mut journal = Journal::open(&run, config.fit.steps, state.map(|state| state.step))?;
        journal.line(&match (state, resume) {
            (Some(state), _) => format!("resumed after step {}", state.step),
            (None, true) => "no checkpoint yet: starting from the beginning".into(),
            (None, false) => introduction(config, source, views, &run),
        })?;
        Ok(Self { run, journal, monitors: BTreeMap::new() })
    }

    /// Stores and shows what a step came to.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn log(&mut self, step: u64, epoch: u64, report: &StepReport, waited: Duration) -> anyhow::Result<()> {
        let speed = self.journal.speed(waited);
        let mut values = vec![
            ("loss".to_string(), f64::from(report.loss)),
            ("lr".into(), report.lr),
            ("gradient_norm".into(), report.gradient_norm),
            ("epoch".into(), epoch as f64),
            ("images_per_s".into(), speed.images_per_s),
            ("data_wait_share".into(), speed.data_wait_share),
        ];
        values.extend(report.terms.iter().map(|(name, value)| (format!("loss/{name}"), f64::from(*value))));
        for (name, embedding) in &report.embeddings {
            let rows = embedding.flatten_all()?.to_vec1::<f32>()?;
            let Some(spread) = EmbeddingStatistics::measure(&rows, embedding.dim(1)?) else { continue };
            values.push((format!("embedding/{name}/std"), spread.mean_std));
            values.push((format!("embedding/{name}/covariance"), spread.covariance));
            values.push((format!("embedding/{name}/effective_rank"), spread.effective_rank));
            let monitor = self.monitors.entry(name).or_insert_with(|| CollapseMonitor::new(name));
            for warning in monitor.warnings(&spread) {
                self.journal.line(&format!("warning: {warning}"))?;
            }
        }
        self.journal.record(step, &values)?;
        Ok(self.journal.report(step, f64::from(report.loss), waited)?)
    }

    /// Says how much memory the process took at most, where the system tells.
    ///
    /// # Errors
    /// When `log.txt` cannot be written.
    pub fn tell_peak_memory(&mut self) -> anyhow::Result<()> {
        if let Some(bytes) = peak_memory_bytes() {
            self.journal.line(&format!("peak memory {} MiB", bytes >> 20))?;
        }
        Ok(())
    }
}

/// What is trained on what, in one line.
fn introduction(config: &Config, source: &dyn ViewSource, views: usize, run: &RunFolder) -> String {
    let trained = source.training_subjects().len();
    let validation = (0..source.subject_count()).filter(|subject| source.is_validation(*subject)).count();
    let held_out = source.subject_count() - trained - validation;
    let tuned = match config.fit.qat_from.as_str() {
        "" => String::new(),
        base => format!("; {base} tuned for eight bits"),
    };
    let labelled = Labels::of(config, source).labelled;
    let labelled = labelled.map_or_else(String::new, |count| format!(" ({count} of them with labels)"));
    let subjects = if GroundTruth::of(source).rotations { "objects" } else { "pictures" };
    let to_choose = match validation {
        0 => " and to choose by".into(),
        count => format!(", {count} to choose by"),
    };
    let in_views = if views == 1 { "one view".into() } else { format!("{views} views") };
    let classes = match source.class_names().len() {
        0 => "no classes".into(),
        1 => "1 class".into(),
        count => format!("{count} classes"),
    };
    format!(
        "{}: {classes}, {trained} {subjects} to train on{labelled}{to_choose}, {held_out} held out; {} steps of {} {subjects} in {in_views} of {} px{tuned}",
        run.path().display(),
        config.fit.steps,
        config.fit.batch_size,
        config.data.image_size
    )
}
