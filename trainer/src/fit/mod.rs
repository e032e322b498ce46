//! The fit loop: batches in, a run folder with checkpoints, metrics and deployable files out.

mod deploy;
mod head_losses;
mod journal;
mod online_probes;
mod probe_round;
mod trained_run;
mod training;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sextant_runtime::rotation::SymmetryGroup;

use crate::cli::StopFlag;
use crate::config::Config;
use crate::data::{self, Feed, FeedSettings, PairSource};
use crate::device;
use crate::evaluate::{Evaluation, evaluate};
use crate::monitor::{CollapseMonitor, EmbeddingStatistics, loss_problem};
use crate::run::{CheckpointSlot, RunFolder};

use journal::Journal;

pub use probe_round::ProbeFigures;
pub use trained_run::TrainedRun;
pub use training::{StepReport, Training};

/// What to train and where to put it.
pub struct FitOptions {
    /// Fully resolved.
    pub config: Config,
    /// Made or opened, and locked.
    pub run: RunFolder,
    /// Whether to continue from the last checkpoint.
    pub resume: bool,
    /// `auto`, `cpu` or `cuda:N`.
    pub device: String,
    /// Set when the run is to save and end.
    pub stop: StopFlag,
}

/// How a run ended.
pub enum FitOutcome {
    /// All steps done, evaluated, deployable files written.
    Finished {
        /// The run's folder.
        run: PathBuf,
        /// Figures on held-out objects.
        figures: Box<Evaluation>,
    },
    /// Stopped by the user, with a checkpoint to continue from.
    Interrupted {
        /// The run's folder.
        run: PathBuf,
        /// Steps done.
        step: u64,
    },
}

/// Trains to the end or to an interruption.
///
/// # Errors
/// When the data cannot be had, the loss is no longer finite, or a file cannot be written.
pub fn fit(options: FitOptions) -> anyhow::Result<FitOutcome> {
    let FitOptions { config, run, resume, device, stop } = options;
    let device = device::select(&device)?;
    limit_threads(config.fit.threads)?;
    let source = data::open(&config.data)?;
    for warning in source.warnings() {
        eprintln!("warning: {warning}");
    }
    Fit::open(config, run, source, &device, resume, stop)?.run_to_end()
}

/// A run in progress.
struct Fit {
    config: Config,
    run: RunFolder,
    source: Arc<dyn PairSource>,
    symmetries: Vec<SymmetryGroup>,
    training: Training,
    monitors: BTreeMap<&'static str, CollapseMonitor>,
    journal: Journal,
    stop: StopFlag,
    best: Option<f64>,
    epoch: u64,
}

impl Fit {
    /// A fresh run, or one that goes on from its last checkpoint (from the beginning when it has none yet).
    fn open(
        config: Config,
        run: RunFolder,
        source: Arc<dyn PairSource>,
        device: &candle_core::Device,
        resume: bool,
        stop: StopFlag,
    ) -> anyhow::Result<Self> {
        let mut training = Training::new(&config, source.class_names().len(), device)?;
        let checkpoint = if resume { run.load_checkpoint(CheckpointSlot::Last)? } else { None };
        let state = checkpoint.as_ref().map(|checkpoint| checkpoint.state.clone());
        if let Some(checkpoint) = checkpoint {
            training.restore(checkpoint, &run.checkpoint_path(CheckpointSlot::Last))?;
        }
        // Not before the checkpoint was taken: a change that does not go with it must not stay.
        run.write_config(&config)?;
        let mut journal = Journal::open(&run, config.fit.steps, state.as_ref().map(|state| state.step))?;
        journal.line(&match (&state, resume) {
            (Some(state), _) => format!("resumed after step {}", state.step),
            (None, true) => "no checkpoint yet: starting from the beginning".into(),
            (None, false) => introduction(&config, source.as_ref(), &run),
        })?;
        Ok(Self {
            symmetries: (0..source.object_count()).map(|object| source.symmetry(object)).collect(),
            monitors: BTreeMap::new(),
            best: state.as_ref().and_then(|state| state.best_metric),
            epoch: state.map_or(0, |state| state.epoch),
            config,
            run,
            source,
            training,
            journal,
            stop,
        })
    }

    fn run_to_end(mut self) -> anyhow::Result<FitOutcome> {
        let settings = FeedSettings {
            batch_objects: self.config.fit.batch_size,
            seed: self.config.fit.seed,
            first_step: self.training.step,
            depth: self.config.data.queue_depth,
            further_pairs: self.training.further_pairs(),
        };
        let mut feed = Feed::start(self.source.clone(), settings)?;
        while self.training.step < self.config.fit.steps {
            if self.stop.is_set() {
                self.save(CheckpointSlot::Last)?;
                return Ok(FitOutcome::Interrupted { run: self.run.path().into(), step: self.training.step });
            }
            self.one_step(&mut feed)?;
        }
        drop(feed);
        self.finish()
    }

    fn one_step(&mut self, feed: &mut Feed) -> anyhow::Result<()> {
        let batch = feed.next_batch()?;
        let symmetries: Vec<_> = batch.pairs.objects.iter().map(|o| self.symmetries[*o as usize]).collect();
        let report = self.training.train_step(&batch.pairs, &batch.further, &symmetries)?;
        self.check_finite(&report)?;
        self.epoch = batch.epoch;
        let images = 2 * (1 + batch.further.len()) * batch.pairs.labels.len();
        self.journal.step_done(self.training.step, images);
        let fit = &self.config.fit;
        let step = self.training.step;
        let due = |every: u64| every > 0 && step.is_multiple_of(every);
        let (log, probe, save) = (due(fit.log_every), due(fit.probe_every), due(fit.checkpoint_every));
        if log {
            self.log(&report, feed.waited())?;
        }
        if probe {
            self.probe()?;
        }
        if save {
            self.save(CheckpointSlot::Last)?;
        }
        Ok(())
    }

    /// Refuses to go on with a loss that is no number; the last checkpoint stays as it is.
    fn check_finite(&self, report: &StepReport) -> anyhow::Result<()> {
        match loss_problem(self.training.step, f64::from(report.loss)) {
            Some(problem) => anyhow::bail!("{}: {problem}", self.run.path().display()),
            None => Ok(()),
        }
    }

    fn log(&mut self, report: &StepReport, waited: Duration) -> anyhow::Result<()> {
        let speed = self.journal.speed(waited);
        let mut values = vec![
            ("loss".to_string(), f64::from(report.loss)),
            ("lr".into(), report.lr),
            ("gradient_norm".into(), report.gradient_norm),
            ("epoch".into(), self.epoch as f64),
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
        self.journal.record(self.training.step, &values)?;
        Ok(self.journal.report(self.training.step, f64::from(report.loss), waited)?)
    }

    /// Reads the online probes on held-out objects, and keeps the best checkpoint.
    fn probe(&mut self) -> anyhow::Result<()> {
        let figures = probe_round::probe_round(&mut self.training, &self.source, &self.config)?;
        self.journal.show_probes(figures.shown());
        self.journal.record(self.training.step, &figures.named())?;
        if self.best.is_none_or(|best| figures.score() > best) {
            self.best = Some(figures.score());
            self.save(CheckpointSlot::Best)?;
        }
        Ok(())
    }

    fn save(&self, slot: CheckpointSlot) -> anyhow::Result<()> {
        self.journal.sync()?;
        Ok(self.run.save_checkpoint(slot, &self.training.checkpoint(self.epoch, self.best)?)?)
    }

    /// Saves, writes the deployable files, and measures on held-out objects.
    fn finish(mut self) -> anyhow::Result<FitOutcome> {
        self.save(CheckpointSlot::Last)?;
        self.journal.line("training done: writing model.sxt, then evaluating on held-out objects")?;
        let figures = self.training.with_deployed_weights(|training| {
            let model = &training.model;
            deploy::write_deployables(&self.run, model, &self.source, &self.config)?;
            Ok(evaluate(model, &self.source, &self.config)?)
        })?;
        self.run.write("evaluation.json", serde_json::to_string_pretty(&figures)?.as_bytes())?;
        self.journal.finish();
        Ok(FitOutcome::Finished { run: self.run.path().into(), figures: Box::new(figures) })
    }
}

/// What is trained on what, in one line.
fn introduction(config: &Config, source: &dyn PairSource, run: &RunFolder) -> String {
    let trained = source.training_objects().len();
    let held_out = source.object_count() - trained;
    format!(
        "{}: {} classes, {trained} objects to train on, {held_out} held out; {} steps of {} pairs of {} px images",
        run.path().display(),
        source.class_names().len(),
        config.fit.steps,
        config.fit.batch_size,
        config.data.image_size
    )
}

/// Caps the threads of all kernels; 0 leaves one for each core.
fn limit_threads(threads: usize) -> anyhow::Result<()> {
    if threads > 0 {
        // A pool that is already there, in tests, stays as it is.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    }
    Ok(())
}
