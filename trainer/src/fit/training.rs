//! One training step, and everything that has to survive between two of them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};

use super::encoder_start::set_encoder;
use super::gradients::sum_over_ranks;
use super::head_losses::{KnownSubject, head_losses};
use super::online_probes::OnlineProbes;
use super::step_report::{Losses, StepReport, StepSums};
use crate::collective::{Alone, Collective};
use crate::config::{Config, Precision};
use crate::data::{GroundTruth, ViewBatch};
use crate::method::{Moment, Needs, View, Views};
use crate::model::Model;
use crate::nn::ParameterStore;
use crate::ops::accounting::{self, Kind};
use crate::ops::tape::Recording;
use crate::optimiser::{Ema, Optimiser, Schedule, clip_scale, global_norm};
use crate::optimiser::{OptimiserConfig, OptimiserKind};
use crate::run::{Checkpoint, CheckpointState};

/// A network on its way: weights, optimisers, moving average and the number of steps done.
pub struct Training {
    config: Config,
    /// The network.
    pub model: Model,
    /// Probes that learn beside it.
    pub probes: OnlineProbes,
    trained: Vec<(String, Var)>,
    probe_parameters: Vec<(String, Var)>,
    optimiser: Optimiser,
    probe_optimiser: Optimiser,
    schedule: Schedule,
    ema: Option<Ema>,
    ranks: Arc<dyn Collective>,
    needs: Needs,
    /// Of each subject, what the heads' losses of its views are multiplied by: 0 where its labels are not to be learned from; empty:
    /// 1 everywhere.
    pub(super) label_weights: Vec<f32>,
    /// Steps done.
    pub step: u64,
}

/// Learning rate of the online probes, which is constant.
const PROBE_LR: f64 = 1e-3;
/// How often a run for eight bits chooses its numbers, at even distances, beginning before the first step.
const CALIBRATIONS: u64 = 4;
/// Prefix of the probes' tensors in a checkpoint's optimiser file.
const PROBE_PREFIX: &str = "online/";

impl Training {
    /// Fresh weights from the config's seed, at step 0.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(config: &Config, truth: GroundTruth, device: &Device) -> anyhow::Result<Self> {
        Self::among(config, truth, device, Arc::new(Alone))
    }

    /// As [`Self::new`], on one of the ranks that train the network together.
    ///
    /// # Errors
    /// As [`Self::new`], and when the batch cannot be divided evenly.
    pub fn among(
        config: &Config,
        truth: GroundTruth,
        device: &Device,
        ranks: Arc<dyn Collective>,
    ) -> anyhow::Result<Self> {
        check_ranks(config, ranks.size())?;
        let needs = config.needs()?;
        let model = Model::among(config, truth, device, ranks.clone())?;
        let probes = OnlineProbes::new(model.encoder.feature_width(), truth, needs.views, config.fit.seed, device)?;
        let plain_adam = OptimiserConfig { kind: OptimiserKind::Adamw, weight_decay: 0.0, ..Default::default() };
        let averaged = model.parameters().vars();
        let ema = (config.fit.ema_decay > 0.0).then(|| Ema::new(config.fit.ema_decay, &averaged));
        let (trained, probe_parameters) = (named(model.parameters()), named(probes.parameters()));
        Ok(Self {
            optimiser: Optimiser::new(&config.optimiser, &trained)?,
            probe_optimiser: Optimiser::new(&plain_adam, &probe_parameters)?,
            trained,
            probe_parameters,
            schedule: Schedule::new(&config.schedule, config.optimiser.lr, config.fit.steps),
            ema: ema.transpose()?,
            config: config.clone(),
            model,
            probes,
            ranks,
            needs,
            label_weights: Vec::new(),
            step: 0,
        })
    }

    /// What a step needs of its views.
    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    /// Moves the weights by one batch, of which this is the rank's share, with at least as many views as it needs of each
    /// subject.
    ///
    /// The share is `fit.accumulate` micro-batches one after the other. The objective is the mean of their losses, over
    /// all ranks.
    ///
    /// # Errors
    /// When shapes differ, or another rank has ended; a loss that is not finite is for the caller to judge.
    pub fn train_step(&mut self, batch: &ViewBatch, symmetries: &[SymmetryGroup]) -> anyhow::Result<StepReport> {
        self.train_staged(batch, None, symmetries)
    }

    /// As [`Self::train_step`]; `images` may already hold the normalised images of the views on the device.
    pub(super) fn train_staged(
        &mut self,
        batch: &ViewBatch,
        images: Option<&[Tensor]>,
        symmetries: &[SymmetryGroup],
    ) -> anyhow::Result<StepReport> {
        let mut sums = StepSums::default();
        for at in micro_batches(symmetries.len(), self.config.fit.accumulate)? {
            let scope = accounting::enter(Kind::Images, 0);
            let views = self.views(batch, images, at.clone())?;
            drop(scope);
            let camera_rotations = camera_rotations(batch, self.needs.views, at.clone());
            let recording = Recording::start();
            let subjects = self.known(&batch.subjects[at.clone()], &symmetries[at]);
            let losses = self.losses(&views, &camera_rotations, &subjects)?;
            let mut gradients = match self.share() {
                1.0 => losses.with_probes.backward()?,
                share => (&losses.with_probes * share)?.backward()?,
            };
            recording.finish(&mut gradients)?;
            sums.add(losses, gradients, self.all_parameters())?;
        }
        let Some(mut gradients) = sums.gradients.take() else { anyhow::bail!("a batch without subjects") };
        sum_over_ranks(&mut gradients, self.all_parameters(), self.ranks.as_ref())?;
        let (lr, gradient_norm) = self.update(&gradients)?;
        sums.report(self.share(), self.ranks.as_ref(), lr, gradient_norm)
    }

    /// Moves all weights along the gradients; learning rate, and norm of the gradients before clipping.
    fn update(&mut self, gradients: &GradStore) -> anyhow::Result<(f64, f64)> {
        let _scope = accounting::enter(Kind::Optimiser, 0);
        let gradient_norm = global_norm(gradients, &self.trained)?;
        let lr = self.schedule.learning_rate(self.step);
        self.optimiser.step_scaled(gradients, lr, clip_scale(gradient_norm, self.config.fit.clip_norm))?;
        self.probe_optimiser.step(gradients, PROBE_LR)?;
        if let Some(ema) = &mut self.ema {
            ema.update()?;
        }
        self.model.method.after_step(self.moment())?;
        self.step += 1;
        Ok((lr, gradient_norm))
    }

    /// What the heads may know of some subjects.
    fn known(&self, subjects: &[u32], symmetries: &[SymmetryGroup]) -> Vec<KnownSubject> {
        let weight = |subject: u32| self.label_weights.get(subject as usize).copied().unwrap_or(1.0);
        let known = |(subject, symmetry): (&u32, &SymmetryGroup)| KnownSubject {
            symmetry: *symmetry,
            label_weight: weight(*subject),
        };
        subjects.iter().zip(symmetries).map(known).collect()
    }

    /// All losses of one micro-batch of this rank.
    fn losses(
        &self,
        views: &Views,
        camera_rotations: &[Vec<UnitQuaternion>],
        subjects: &[KnownSubject],
    ) -> anyhow::Result<Losses> {
        let output = self.model.method.loss(self.model.encoder.as_ref(), views)?;
        let labels = &views.labels;
        let (features, rotations) = (&output.features, &camera_rotations[..output.features.len()]);
        let heads = head_losses(&self.model, features, labels, rotations, subjects, &self.config.heads, &self.ranks)?;
        let probes = self.probes.losses(features, labels, rotations)?;

        let weights = &self.config.heads;
        let heads: Vec<_> = [
            ("head_rotation", weights.rotation_weight, heads.rotation),
            ("head_class", weights.class_weight, heads.class),
            ("head_blindness", weights.blindness_weight, heads.blindness),
        ]
        .into_iter()
        .filter_map(|(name, weight, term)| Some((name, weight, term?)))
        .collect();
        let probes = [("probe_class", probes.class), ("probe_rotation", probes.rotation)];
        let probes: Vec<_> = probes.into_iter().filter_map(|(name, term)| Some((name, term?))).collect();
        let loss = heads.iter().try_fold(output.loss, |loss, (_, weight, term)| loss + (term * *weight)?)?;
        let with_probes = probes.iter().try_fold(loss.clone(), |loss, (_, term)| loss + term)?;
        let heads = heads.into_iter().map(|(name, _, term)| (name, term));
        Ok(Losses {
            with_probes,
            loss,
            terms: output.terms.into_iter().chain(heads).chain(probes).collect(),
            embeddings: output.embeddings.into_iter().map(|(name, z)| (name, z.detach())).collect(),
        })
    }

    /// All views of the subjects at some places, as many as the method needs; `images` are those of the whole batch, where
    /// they are normalised already.
    pub(crate) fn views(
        &self,
        batch: &ViewBatch,
        images: Option<&[Tensor]>,
        at: Range<usize>,
    ) -> anyhow::Result<Views> {
        let (wanted, given) = (self.needs.views, batch.view_count());
        anyhow::ensure!(given >= wanted, "the method needs {wanted} views of each subject, not {given}");
        let view = |view: usize| -> anyhow::Result<View> {
            let images = match images {
                Some(images) => images[view].narrow(0, at.start, at.len())?,
                None => self.model.normalise(batch.images_at(view, at.clone()))?,
            };
            let transformations = batch.transformations_at(view, at.clone()).to_vec();
            Ok(View { images: self.in_precision(self.model.as_trained_on(&images)?)?, transformations })
        };
        let views = (0..wanted).map(view).collect::<anyhow::Result<_>>()?;
        let labels = Tensor::new(&batch.labels[at], self.model.parameters().device())?;
        Ok(Views { views, labels, moment: self.moment(), ranks: self.ranks.clone() })
    }

    /// Operators of the encoder follow the type of their input, and its results are single precision again.
    fn in_precision(&self, images: Tensor) -> candle_core::Result<Tensor> {
        match self.config.fit.precision {
            Precision::F32 => Ok(images),
            Precision::Bf16 => images.to_dtype(DType::BF16),
        }
    }

    fn moment(&self) -> Moment {
        Moment { step: self.step, steps: self.config.fit.steps }
    }

    /// Weight of one rank's micro-batch in the objective, which is the mean of all of them.
    fn share(&self) -> f64 {
        1.0 / (self.config.fit.accumulate * self.ranks.size()) as f64
    }

    fn all_parameters(&self) -> impl Iterator<Item = &Var> + Clone {
        self.trained.iter().chain(&self.probe_parameters).map(|(_, var)| var)
    }

    /// Runs `body` with the weights that are deployed: the moving average where there is one.
    ///
    /// # Errors
    /// When `body` fails; the weights are as before in either case.
    pub fn with_deployed_weights<T>(&mut self, body: impl FnOnce(&Self) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let Some(mut ema) = self.ema.take() else { return body(self) };
        ema.exchange()?;
        let result = body(self);
        ema.exchange()?;
        self.ema = Some(ema);
        result
    }

    /// Begins with the deployed weights of another run, whose checkpoint in `folder` this is, at step 0.
    ///
    /// # Errors
    /// When a tensor is missing, unknown or of another shape.
    pub fn start_from(&mut self, checkpoint: Checkpoint, folder: &Path) -> anyhow::Result<()> {
        let Checkpoint { model, average, .. } = checkpoint;
        let (probes, model): (BTreeMap<_, _>, BTreeMap<_, _>) =
            model.into_iter().partition(|(name, _)| name.starts_with("probe."));
        let mut weights = if average.is_empty() { model } else { average };
        // What the other run had no need of keeps its value until it is calibrated.
        for value in self.model.parameters().eight_bit_values() {
            if !weights.contains_key(&value.buffer) {
                weights.insert(value.buffer.clone(), value.numbers.copy()?);
            }
        }
        let file = || folder.display().to_string();
        self.model.parameters().load(&weights).with_context(file)?;
        self.probes.parameters().load(&probes).with_context(file)?;
        if let Some(ema) = &mut self.ema {
            *ema = Ema::new(self.config.fit.ema_decay, &self.model.parameters().vars())?;
        }
        Ok(())
    }

    /// Begins with the weights of an encoder that was trained before, at step 0; tells what of the encoder stays as it was drawn.
    ///
    /// # Errors
    /// When the tensors are of another encoder.
    pub fn start_with_encoder(
        &mut self,
        encoder: &BTreeMap<String, Tensor>,
        file: &Path,
    ) -> anyhow::Result<Option<String>> {
        let fresh = set_encoder(&self.model.parameters().vars(), encoder, file)?;
        if let Some(ema) = &mut self.ema {
            *ema = Ema::new(self.config.fit.ema_decay, &self.model.parameters().vars())?;
        }
        Ok(fresh)
    }

    /// Whether the eight-bit numbers are to be chosen anew before the next step.
    pub fn calibration_is_due(&self) -> bool {
        let every = self.config.fit.steps.div_ceil(CALIBRATIONS);
        self.config.fit.is_for_eight_bits() && self.step.is_multiple_of(every)
    }

    /// Everything needed to go on from here; `best_metric` is the best checkpoint's figure so far.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn checkpoint(&self, epoch: u64, best_metric: Option<f64>) -> anyhow::Result<Checkpoint> {
        let mut model = self.model.parameters().tensors();
        model.extend(self.probes.parameters().tensors());
        let mut optimiser = self.optimiser.state()?;
        let probes = self.probe_optimiser.state()?.into_iter();
        optimiser.extend(probes.map(|(name, tensor)| (format!("{PROBE_PREFIX}{name}"), tensor)));
        let average = self.ema.as_ref().map_or_else(|| Ok(BTreeMap::new()), Ema::state)?;
        let state = CheckpointState { step: self.step, epoch, seed: self.config.fit.seed, best_metric };
        Ok(Checkpoint { model, optimiser, average, state })
    }

    /// Continues where the checkpoint in `folder` was taken.
    ///
    /// # Errors
    /// When a tensor is missing, unknown or of another shape, or the run keeps no average.
    pub fn restore(&mut self, checkpoint: Checkpoint, folder: &Path) -> anyhow::Result<()> {
        let Checkpoint { model, optimiser, average, state } = checkpoint;
        let file = |name: &str| folder.join(name);
        let (probes, model) = model.into_iter().partition(|(name, _)| name.starts_with("probe."));
        let model_file = || file("model.safetensors").display().to_string();
        self.model.parameters().load(&model).with_context(model_file)?;
        self.probes.parameters().load(&probes).with_context(model_file)?;
        match &mut self.ema {
            Some(ema) => ema.load_state(&average, &file("average.safetensors"))?,
            None if average.is_empty() => {}
            None => anyhow::bail!("{}: holds a moving average, but fit.ema_decay is 0", folder.display()),
        }
        let (probes, optimiser) = split_prefix(optimiser, PROBE_PREFIX);
        self.optimiser.load_state(&optimiser, &file("optimizer.safetensors"))?;
        self.probe_optimiser.load_state(&probes, &file("optimizer.safetensors"))?;
        self.step = state.step;
        Ok(())
    }
}

/// Nothing, when every rank can hold as much of every micro-batch, and a micro-batch has at least two subjects.
pub(super) fn check_ranks(config: &Config, ranks: usize) -> anyhow::Result<()> {
    let fit = &config.fit;
    let parts = ranks * fit.accumulate;
    if ranks == 1 || (fit.batch_size.is_multiple_of(parts) && fit.batch_size >= 2 * parts) {
        return Ok(());
    }
    let wanted = format!("a multiple of {parts} ({ranks} processes, fit.accumulate = {})", fit.accumulate);
    anyhow::bail!("fit.batch_size is {}: it must be {wanted}, at least {}", fit.batch_size, 2 * parts)
}

/// Positions of each micro-batch in a rank's share of a batch.
fn micro_batches(subjects: usize, count: usize) -> anyhow::Result<impl Iterator<Item = Range<usize>>> {
    anyhow::ensure!(
        subjects > 0 && subjects.is_multiple_of(count),
        "{subjects} subjects are not {count} micro-batches"
    );
    let len = subjects / count;
    Ok((0..count).map(move |index| index * len..(index + 1) * len))
}

/// Camera-from-object rotations of the subjects at some places, for each of the first `views` views.
fn camera_rotations(batch: &ViewBatch, views: usize, at: Range<usize>) -> Vec<Vec<UnitQuaternion>> {
    let of_view = |view: usize| batch.camera_from_object(view).skip(at.start).take(at.len()).collect();
    (0..views).map(of_view).collect()
}

fn named(parameters: &ParameterStore) -> Vec<(String, Var)> {
    parameters.trained().iter().map(|(name, var)| (name.clone(), var.clone())).collect()
}

/// Entries under a prefix, without it, and the others.
fn split_prefix(
    tensors: BTreeMap<String, Tensor>,
    prefix: &str,
) -> (BTreeMap<String, Tensor>, BTreeMap<String, Tensor>) {
    let (under, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
        tensors.into_iter().partition(|(name, _)| name.starts_with(prefix));
    (under.into_iter().map(|(name, t)| (name[prefix.len()..].to_string(), t)).collect(), others)
}
