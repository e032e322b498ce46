//! One training step, and everything that has to survive between two of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use candle_core::{DType, Device, Tensor, Var};
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};

use super::gradients::{add_gradients, sum_over_ranks};
use super::head_losses::head_losses;
use super::online_probes::OnlineProbes;
use super::step_report::{Losses, StepReport, StepSums};
use crate::collective::{Alone, Collective};
use crate::config::{Config, OptimiserConfig, OptimiserKind, Precision};
use crate::data::PairBatch;
use crate::evaluate::camera_from_object;
use crate::method::Views;
use crate::model::Model;
use crate::nn::ParameterStore;
use crate::optimiser::{Ema, Optimiser, Schedule, clip_scale, global_norm};
use crate::run::{Checkpoint, CheckpointState};
use crate::scene::SceneParameters;

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
    /// Steps done.
    pub step: u64,
}

/// Learning rate of the online probes, which is constant.
const PROBE_LR: f64 = 1e-3;
/// Prefix of the probes' tensors in a checkpoint's optimiser file.
const PROBE_PREFIX: &str = "online/";

impl Training {
    /// Fresh weights from the config's seed, at step 0.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(config: &Config, classes: usize, device: &Device) -> anyhow::Result<Self> {
        Self::among(config, classes, device, Arc::new(Alone))
    }

    /// As [`Self::new`], on one of the ranks that train the network together.
    ///
    /// # Errors
    /// As [`Self::new`], and when the batch cannot be divided evenly or the method's loss does not span ranks.
    pub fn among(config: &Config, classes: usize, device: &Device, ranks: Arc<dyn Collective>) -> anyhow::Result<Self> {
        check_ranks(config, ranks.size())?;
        let model = Model::among(config, classes, device, ranks.clone())?;
        if ranks.size() > 1 && !model.method.spans_ranks() {
            anyhow::bail!("method.name = \"{}\" trains on one process only", config.method.name)
        }
        let probes = OnlineProbes::new(model.encoder.feature_width(), classes, config.fit.seed, device)?;
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
            step: 0,
        })
    }

    /// Moves the weights by one batch, of which this is the rank's share: `fit.accumulate` micro-batches, whose
    /// gradients are summed before the update.
    ///
    /// # Errors
    /// When shapes differ; a loss that is not finite is for the caller to judge.
    pub fn train_step(&mut self, batch: &PairBatch, symmetries: &[SymmetryGroup]) -> anyhow::Result<StepReport> {
        self.train_staged(batch, None, symmetries)
    }

    /// As [`Self::train_step`], where `images` may already hold the batch's normalised images on the device.
    pub(super) fn train_staged(
        &mut self,
        batch: &PairBatch,
        images: Option<&[Tensor; 2]>,
        symmetries: &[SymmetryGroup],
    ) -> anyhow::Result<StepReport> {
        let mut sums = StepSums::default();
        for positions in micro_batches(batch.labels.len(), self.config.fit.accumulate) {
            let whole = positions.len() == batch.labels.len();
            let part = if whole { Cow::Borrowed(batch) } else { Cow::Owned(batch.at(&positions)) };
            let (first, count) = (positions[0], positions.len());
            let images = match images {
                Some(images) => [images[0].narrow(0, first, count)?, images[1].narrow(0, first, count)?],
                None => [self.model.normalise(&part.images[0])?, self.model.normalise(&part.images[1])?],
            };
            let losses = self.losses(&part, images, &symmetries[first..][..count])?;
            self.add_gradients(&mut sums, &losses)?;
            sums.add(losses)?;
        }
        let Some(mut gradients) = sums.gradients.take() else { anyhow::bail!("a batch without pairs") };
        sum_over_ranks(&mut gradients, self.all_parameters(), self.ranks.as_ref())?;
        let gradient_norm = global_norm(&gradients, &self.trained)?;
        let lr = self.schedule.learning_rate(self.step);
        self.optimiser.step_scaled(&gradients, lr, clip_scale(gradient_norm, self.config.fit.clip_norm))?;
        self.probe_optimiser.step(&gradients, PROBE_LR)?;
        if let Some(ema) = &mut self.ema {
            ema.update()?;
        }
        self.step += 1;
        sums.report(self.share(), self.ranks.as_ref(), lr, gradient_norm)
    }

    /// All losses of one micro-batch of this rank.
    fn losses(&self, batch: &PairBatch, images: [Tensor; 2], symmetries: &[SymmetryGroup]) -> anyhow::Result<Losses> {
        // Convolutions follow the type of their input, and the pool at the encoder's end is single precision again.
        let images = match self.config.fit.precision {
            Precision::F32 => images,
            Precision::Bf16 => [images[0].to_dtype(DType::BF16)?, images[1].to_dtype(DType::BF16)?],
        };
        let labels = Tensor::new(batch.labels.as_slice(), images[0].device())?;
        let views = Views { images, rotations: rotations(batch, world_from_object) };
        let output = self.model.method.loss(&self.model.encoder, &views)?;
        let camera_rotations = rotations(batch, camera_from_object);
        let gradient = self.config.heads.gradient;
        let heads = head_losses(&self.model, &output.features, &labels, &camera_rotations, symmetries, gradient)?;
        let probes = self.probes.losses(&output.features, &labels, &camera_rotations)?;

        let weights = &self.config.heads;
        let loss =
            ((&output.loss + (&heads.rotation * weights.rotation_weight)?)? + (&heads.class * weights.class_weight)?)?;
        let with_probes = ((&loss + &probes.class)? + &probes.rotation)?;
        let heads = [("head_rotation", heads.rotation), ("head_class", heads.class)];
        let probes = [("probe_class", probes.class), ("probe_rotation", probes.rotation)];
        Ok(Losses {
            with_probes,
            loss,
            terms: output.terms.into_iter().chain(heads).chain(probes).collect(),
            embeddings: output.embeddings.into_iter().map(|(name, z)| (name, z.detach())).collect(),
        })
    }

    fn add_gradients(&self, sums: &mut StepSums, losses: &Losses) -> anyhow::Result<()> {
        let share = self.share();
        let gradients = match share {
            1.0 => losses.with_probes.backward()?,
            share => (&losses.with_probes * share)?.backward()?,
        };
        sums.gradients = Some(add_gradients(sums.gradients.take(), gradients, self.all_parameters())?);
        Ok(())
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

/// Nothing, when every rank can hold as much of every micro-batch, at least two pairs.
fn check_ranks(config: &Config, ranks: usize) -> anyhow::Result<()> {
    let fit = &config.fit;
    let parts = ranks * fit.accumulate;
    if !fit.batch_size.is_multiple_of(parts) || fit.batch_size < 2 * parts {
        let wanted = format!("a multiple of {parts} ({ranks} processes, fit.accumulate = {})", fit.accumulate);
        anyhow::bail!(
            "fit.batch_size is {}; with these processes it must be {wanted}, at least {}",
            fit.batch_size,
            2 * parts
        )
    }
    Ok(())
}

/// Positions of each micro-batch in a rank's share of a batch.
fn micro_batches(pairs: usize, count: usize) -> impl Iterator<Item = Vec<usize>> {
    let len = (pairs / count).max(1);
    (0..pairs / len).map(move |index| Vec::from_iter(index * len..(index + 1) * len))
}

/// Both views' rotations of a batch.
fn rotations(batch: &PairBatch, of: impl Fn([f32; 7]) -> UnitQuaternion) -> [Vec<UnitQuaternion>; 2] {
    [0, 1].map(|view| batch.latents[view].iter().map(|latents| of(*latents)).collect())
}

fn world_from_object(latents: [f32; 7]) -> UnitQuaternion {
    SceneParameters::from_latents(latents).world_from_object()
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
