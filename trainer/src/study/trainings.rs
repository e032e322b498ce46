//! The runs of a plan: what is trained is kept, and what was stopped goes on.

use std::path::Path;

use sextant_runtime::contract::run_folder;

use super::{FinishedRun, Plan, Row, view_count};
use crate::config::Config;
use crate::evaluate::Evaluation;
use crate::fit::{FitOptions, FitOutcome, fit};
use crate::run::{MetricRecord, RunFolder, read_metrics};
use crate::stop::StopFlag;

/// Where the runs of a plan are, and on what they are trained.
pub(super) struct Trainings<'a> {
    pub plan: &'a Plan,
    /// Folder of the runs.
    pub out: &'a Path,
    /// The option that names that folder.
    pub out_option: &'static str,
    /// `auto`, `cpu` or `cuda:N`.
    pub device: &'a str,
    /// Set when the training is to stop.
    pub stop: &'a StopFlag,
}

impl Trainings<'_> {
    /// The finished run of a row, trained or taken up again where it is not there; `None` when it was interrupted. `images` are
    /// the changes of [`super::rendered_images`].
    ///
    /// # Errors
    /// When the folder holds a run of another configuration, or the run fails.
    pub fn run_of(&self, row: &Row, seed: u64, images: &[String]) -> anyhow::Result<Option<FinishedRun>> {
        let mut config = self.plan.config(row, seed, images)?;
        if let Some(label) = row.begins_with {
            let base = std::path::absolute(self.out.join(format!("{label}-seed{seed}")))?;
            config.fit.encoder_from = base.to_string_lossy().into_owned();
        }
        let folder = self.out.join(&config.name);
        if let Some(run) = self.finished_run(&folder, row, seed, &config)? {
            eprintln!("{}: done", folder.display());
            return Ok(Some(run));
        }
        eprintln!("{}: {}, seed {seed}", folder.display(), row.label);
        let resume = RunFolder::holds_run(&folder);
        let run = if resume { RunFolder::open(&folder)? } else { RunFolder::create(&folder, false)? };
        let (device, stop) = (self.device.to_string(), self.stop.clone());
        match fit(FitOptions { config: config.clone(), run, resume, device, stop })? {
            FitOutcome::Interrupted { .. } => Ok(None),
            FitOutcome::Finished { .. } => match self.finished_run(&folder, row, seed, &config)? {
                Some(run) => Ok(Some(run)),
                None => anyhow::bail!("{}: the run ended without evaluation.json", folder.display()),
            },
        }
    }

    /// The run in a folder, when it is finished.
    fn finished_run(
        &self,
        folder: &Path,
        row: &Row,
        seed: u64,
        config: &Config,
    ) -> anyhow::Result<Option<FinishedRun>> {
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
            "{}: was trained with another configuration; delete it, or give another {}",
            folder.display(),
            self.out_option
        );
        let Some(evaluation) = Evaluation::stored(folder)? else { return Ok(None) };
        let metrics = read_metrics(&folder.join(run_folder::METRICS))?;
        let images_a_step = (config.fit.batch_size * view_count(config)?) as u64;
        Ok(Some(FinishedRun {
            label: row.label.clone(),
            seed,
            config: config.clone(),
            images: config.fit.steps * images_a_step,
            seconds: seconds(&metrics, config.fit.steps, images_a_step),
            evaluation,
            metrics,
        }))
    }
}

/// What the steps took, by the speed that each line of the metrics tells of those since the line before.
fn seconds(metrics: &[MetricRecord], steps: u64, images_a_step: u64) -> f64 {
    let (mut seconds, mut timed) = (0.0, 0);
    for record in metrics {
        if let Some(speed) = record.values.get("images_per_s").filter(|speed| **speed > 0.0) {
            seconds += ((record.step - timed) * images_a_step) as f64 / speed;
            timed = record.step;
        }
    }
    // Steps after the last line are as fast as the others.
    if timed == 0 { 0.0 } else { seconds * steps as f64 / timed as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_those_of_all_steps() {
        let record = |step, key: &str, value| MetricRecord { step, values: [(key.to_string(), value)].into() };
        let metrics =
            [record(10, "images_per_s", 100.0), record(15, "probe/class_top1", 0.5), record(20, "images_per_s", 50.0)];
        assert_eq!(seconds(&metrics, 30, 5), 1.5 * (0.5 + 1.0));
        assert_eq!(seconds(&metrics[1..2], 30, 5), 0.0);
    }
}
