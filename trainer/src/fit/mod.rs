//! The fit loop: batches in, a run folder with checkpoints, metrics and deployable files out.

mod base_run;
mod deploy;
mod encoder_start;
mod gradients;
mod head_losses;
mod journal;
mod labels;
mod online_probes;
mod pose_blindness;
mod preflight;
mod probe_round;
#[cfg(test)]
mod rank_tests;
mod records;
mod shared_state;
mod staging;
mod step_report;
mod trained_run;
mod training;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use candle_core::Device;
use sextant_runtime::contract::run_folder;
use sextant_runtime::rotation::SymmetryGroup;

use crate::collective::{self, Alone, Collective};
use crate::config::{Config, Precision};
use crate::data::{BatchShare, Feed, FeedSettings, GroundTruth, ViewSource};
use crate::device;
use crate::evaluate::{Evaluation, evaluate};
use crate::monitor::loss_problem;
use crate::registry::Registry;
use crate::run::{CheckpointSlot, RunError, RunFolder};
use crate::stop::StopFlag;

use labels::Labels;
use records::Records;
use staging::Batches;
use training::check_ranks;

pub use encoder_start::write_encoder;
pub use probe_round::ProbeFigures;
pub use step_report::StepReport;
pub use trained_run::TrainedRun;
pub use training::Training;

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

/// A loss that is no number.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", run.display())]
pub struct Diverged {
    /// The run's folder, or its name where it has none.
    run: PathBuf,
    /// What the loss is, where, and what to do.
    problem: String,
}

/// Trains in memory, without a run's folder, and says what the figures on validation subjects come to; `None` when it was
/// stopped.
///
/// # Errors
/// As [`fit`]; [`Diverged`] when the loss is no longer finite.
pub fn try_out(config: Config, device: &str, stop: StopFlag) -> anyhow::Result<Option<ProbeFigures>> {
    let alone = Arc::new(Alone) as Arc<dyn Collective>;
    check_ranks(&config, alone.size())?;
    let (device, source) = open(&config, device)?;
    let mut fit = Fit::prepare(config, source, device, stop, &alone)?;
    match fit.run_to_end(None)? {
        true => probe_round::probe_round(&mut fit.training, &fit.source, &fit.config).map(Some),
        false => Ok(None),
    }
}

/// Trains to the end or to an interruption.
///
/// # Errors
/// When the data cannot be had, the loss is no longer finite, or a file cannot be written.
pub fn fit(options: FitOptions) -> anyhow::Result<FitOutcome> {
    lead(options, &(Arc::new(Alone) as Arc<dyn Collective>))
}

/// As [`fit`], on rank 0 of several, which alone writes and measures; the others [`follow`].
///
/// # Errors
/// As [`fit`], and when another rank has ended or the batch cannot be divided.
pub fn lead(options: FitOptions, ranks: &Arc<dyn Collective>) -> anyhow::Result<FitOutcome> {
    let FitOptions { mut config, run, resume, device, stop } = options;
    // What is wrong with the arguments shows here, while the others wait: their end would not let this rank clear up.
    check_ranks(&config, ranks.size())?;
    let (device, source) = open(&config, &device)?;
    for warning in source.warnings().into_iter().chain(preflight::warnings(&config, source.as_ref())) {
        eprintln!("warning: {warning}");
    }
    // By these names the run knows its classes in other data.
    config.data.classes = source.class_names().to_vec();
    // Not before the data is open: that may write prepared images, which the others shall find.
    shared_state::announce_config(&config, ranks.as_ref())?;
    let mut fit = Fit::prepare(config, source, device, stop, ranks)?;
    let checkpoint = if resume { run.load_checkpoint(CheckpointSlot::Last)? } else { None };
    let state = checkpoint.as_ref().map(|checkpoint| checkpoint.state.clone());
    let mut start = state.clone();
    if let Some(state) = &state {
        refuse_fewer_steps(state.step, &fit.config, &run)?;
    }
    if let Some(checkpoint) = checkpoint {
        fit.training.restore(checkpoint, &run.checkpoint_path(CheckpointSlot::Last))?;
    } else if fit.config.fit.is_for_eight_bits() {
        let (base, path) = base_run::checkpoint_for_eight_bits(&fit.config, run.path())?;
        fit.training.start_from(base, &path)?;
        start = Some(fit.training.checkpoint(0, None)?.state);
    } else if !fit.config.fit.encoder_from.is_empty() {
        let (encoder, file) = encoder_start::encoder_tensors(&fit.config, run.path())?;
        if let Some(fresh) = fit.training.start_with_encoder(&encoder, &file)? {
            eprintln!("warning: {fresh}");
        }
        start = Some(fit.training.checkpoint(0, None)?.state);
    }
    // Not before the checkpoint was taken: a change that does not go with it must not stay.
    run.write_config(&fit.config.with_absolute_paths()?)?;
    shared_state::announce_state(&fit.training, start.as_ref(), ranks.as_ref())?;
    let views = fit.training.needs().views;
    let mut records = Records::open(run, &fit.config, fit.source.as_ref(), views, state.as_ref(), resume)?;
    if let Some(state) = state {
        (fit.best, fit.epoch) = (state.best_metric, state.epoch);
    }
    let run = records.run.path().to_path_buf();
    if !fit.run_to_end(Some(&mut records))? {
        return Ok(FitOutcome::Interrupted { run, step: fit.training.step });
    }
    let figures = Box::new(fit.finish(&mut records)?);
    records.journal.finish();
    ranks.barrier()?;
    Ok(FitOutcome::Finished { run, figures })
}

/// A run cannot end before where it stands.
fn refuse_fewer_steps(done: u64, config: &Config, run: &RunFolder) -> anyhow::Result<()> {
    let steps = config.fit.steps;
    if done <= steps {
        return Ok(());
    }
    Err(RunError::FewerSteps { path: run.path().into(), done, steps }.into())
}

/// Trains on another rank than 0, with the configuration and the checkpoint of rank 0; writes nothing. `registry` is that of
/// rank 0.
///
/// # Errors
/// As [`lead`].
pub fn follow(registry: &Registry, device: &str, stop: StopFlag, ranks: &Arc<dyn Collective>) -> anyhow::Result<()> {
    let config = shared_state::announced_config(registry, ranks.as_ref())?;
    let (device, source) = open(&config, device)?;
    let mut fit = Fit::prepare(config, source, device, stop, ranks)?;
    fit.epoch = shared_state::follow_state(&mut fit.training, ranks.as_ref())?;
    if fit.run_to_end(None)? {
        ranks.barrier()?;
    }
    Ok(())
}

/// What a rank computes on, and its data.
fn open(config: &Config, device: &str) -> anyhow::Result<(Device, Arc<dyn ViewSource>)> {
    let device = device::select(device)?;
    if config.fit.precision == Precision::Bf16 && device.is_cpu() {
        anyhow::bail!("fit.precision = \"bf16\" needs a GPU: use --device cuda:0, or set fit.precision=f32")
    }
    if config.fit.is_for_eight_bits() && !device.is_cpu() {
        anyhow::bail!("training for eight bits (fit.qat_from, --qat) runs on the CPU only: use --device cpu")
    }
    // Before the data is opened: that may use the threads.
    limit_threads(config.fit.threads)?;
    let source = config.open_data()?;
    preflight::check_needs(config, source.as_ref(), config.shown(&source)?.as_ref())?;
    Ok((device, source))
}

/// A run in progress, on one rank.
struct Fit {
    config: Config,
    source: Arc<dyn ViewSource>,
    symmetries: Vec<SymmetryGroup>,
    /// Subjects of an epoch, those that come several times as often.
    stream: Vec<usize>,
    training: Training,
    ranks: Arc<dyn Collective>,
    stop: StopFlag,
    best: Option<f64>,
    epoch: u64,
}

impl Fit {
    /// At step 0.
    fn prepare(
        config: Config,
        source: Arc<dyn ViewSource>,
        device: Device,
        stop: StopFlag,
        ranks: &Arc<dyn Collective>,
    ) -> anyhow::Result<Self> {
        let ranks = collective::on_device(ranks.clone(), &device)?;
        let truth = GroundTruth::of(config.shown(&source)?.as_ref());
        let mut training = Training::among(&config, truth, &device, ranks.clone())?;
        let Labels { stream, weights, .. } = Labels::of(&config, source.as_ref());
        training.label_weights = weights;
        Ok(Self {
            stream,
            symmetries: (0..source.subject_count()).map(|object| source.symmetry(object)).collect(),
            config,
            source,
            training,
            ranks,
            stop,
            best: None,
            epoch: 0,
        })
    }

    /// Trains; whether all steps are done, else it was stopped and has saved.
    fn run_to_end(&mut self, mut records: Option<&mut Records>) -> anyhow::Result<bool> {
        let fit = &self.config.fit;
        let settings = FeedSettings {
            batch_subjects: fit.batch_size,
            seed: fit.seed,
            first_step: self.training.step,
            depth: self.config.data.queue_depth,
            views: self.training.needs().views,
            share: BatchShare { rank: self.ranks.rank(), ranks: self.ranks.size(), micro_batches: fit.accumulate },
        };
        let feed = Feed::of(self.config.shown(&self.source)?, self.stream.clone(), settings)?;
        let mut batches = Batches::new(feed, self.training.model.normaliser())?;
        let eight_bits = self.config.fit.is_for_eight_bits();
        let calibration = eight_bits
            .then(|| deploy::calibration_images(&self.training.model, &self.source, &self.config))
            .transpose()?;
        while self.training.step < self.config.fit.steps {
            if self.any_rank_stops()? {
                if let Some(records) = records {
                    self.save(records, CheckpointSlot::Last)?;
                }
                // The others end no sooner than the checkpoint is there.
                self.ranks.barrier()?;
                return Ok(false);
            }
            if let Some(images) = calibration.as_ref().filter(|_| self.training.calibration_is_due()) {
                self.training.model.calibrate(images)?;
            }
            self.one_step(&mut batches, records.as_deref_mut())?;
        }
        Ok(true)
    }

    /// The user's wish reaches ranks at different times; all of them stop after the same step.
    fn any_rank_stops(&self) -> anyhow::Result<bool> {
        let mut stopping = [f64::from(self.stop.is_set())];
        self.ranks.all_reduce_sum_f64(&mut stopping)?;
        Ok(stopping[0] > 0.0)
    }

    fn one_step(&mut self, batches: &mut Batches, records: Option<&mut Records>) -> anyhow::Result<()> {
        let (batch, images) = batches.next_batch()?;
        let symmetries: Vec<_> =
            batch.views.subjects.iter().map(|subject| self.symmetries[*subject as usize]).collect();
        let mut report = self.training.train_staged(&batch.views, images.as_deref(), &symmetries)?;
        self.check_finite(&report, records.as_deref())?;
        self.epoch = batch.epoch;
        let (fit, step) = (&self.config.fit, self.training.step);
        let due = |every: u64| every > 0 && step.is_multiple_of(every);
        let (log, probe, save) = (due(fit.log_every), due(fit.probe_every), due(fit.checkpoint_every));
        if log {
            report.gather_embeddings(&self.ranks)?;
        }
        if let Some(records) = records {
            records.journal.step_done(step, batch.views.view_count() * fit.batch_size);
            if log {
                records.log(step, self.epoch, &report, batches.waited())?;
            }
            if probe {
                self.probe(records)?;
            }
            if save {
                self.save(records, CheckpointSlot::Last)?;
            }
        }
        if probe || save {
            self.ranks.barrier()?;
        }
        Ok(())
    }

    /// Refuses to go on with a loss that is no number; the last checkpoint stays as it is.
    fn check_finite(&self, report: &StepReport, records: Option<&Records>) -> anyhow::Result<()> {
        let Some(problem) = loss_problem(self.training.step, f64::from(report.loss)) else { return Ok(()) };
        let run = records.map_or(Path::new(&self.config.name), |records| records.run.path());
        Err(Diverged { run: run.into(), problem }.into())
    }

    /// Reads the online probes on held-out objects, and keeps the best checkpoint.
    fn probe(&mut self, records: &mut Records) -> anyhow::Result<()> {
        let figures = probe_round::probe_round(&mut self.training, &self.source, &self.config)?;
        records.journal.show_probes(figures.shown());
        records.journal.record(self.training.step, &figures.named())?;
        if self.best.is_none_or(|best| figures.score() > best) {
            self.best = Some(figures.score());
            self.save(records, CheckpointSlot::Best)?;
        }
        Ok(())
    }

    fn save(&self, records: &Records, slot: CheckpointSlot) -> anyhow::Result<()> {
        records.journal.sync()?;
        Ok(records.run.save_checkpoint(slot, &self.training.checkpoint(self.epoch, self.best)?)?)
    }

    /// Saves, writes the deployable files, and measures on held-out objects.
    fn finish(&mut self, records: &mut Records) -> anyhow::Result<Evaluation> {
        self.save(records, CheckpointSlot::Last)?;
        records.journal.line("training done: writing model.sxt, then evaluating on held-out objects")?;
        let (source, config) = (&self.source, &self.config);
        let figures = self.training.with_deployed_weights(|training| {
            let model = &training.model;
            deploy::write_deployables(&records.run, model, source, config)?;
            Ok(evaluate(model, source, config)?)
        })?;
        records.run.write(run_folder::EVALUATION, serde_json::to_string_pretty(&figures)?.as_bytes())?;
        records.tell_peak_memory()?;
        Ok(figures)
    }
}

/// Caps the threads of all kernels; 0 leaves one for each core.
fn limit_threads(threads: usize) -> anyhow::Result<()> {
    if threads > 0 {
        // A pool that is already there, in tests, stays as it is.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    }
    Ok(())
}
