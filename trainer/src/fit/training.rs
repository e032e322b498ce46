//! One training step, and everything that has to survive between two of them.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use candle_core::{Device, Tensor, Var};
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};

use super::head_losses::head_losses;
use super::online_probes::OnlineProbes;
use crate::config::{Config, OptimiserConfig, OptimiserKind};
use crate::data::PairBatch;
use crate::evaluate::camera_from_object;
use crate::method::{Moment, Pose, View, Views};
use crate::model::Model;
use crate::nn::ParameterStore;
use crate::ops::accounting::{self, Kind};
use crate::ops::tape::Recording;
use crate::optimiser::{Ema, Optimiser, Schedule, clip_scale, global_norm};
use crate::run::{Checkpoint, CheckpointState};

/// A network on its way: weights, optimisers, moving average and the number of steps done.
pub struct Training {
    config: Config,
    /// The network.
    pub model: Model,
    /// Probes that learn beside it.
    pub probes: OnlineProbes,
    trained: Vec<(String, Var)>,
    optimiser: Optimiser,
    probe_optimiser: Optimiser,
    schedule: Schedule,
    ema: Option<Ema>,
    /// Steps done.
    pub step: u64,
}

/// What one step came to.
pub struct StepReport {
    /// The sum that was minimised.
    pub loss: f32,
    /// Parts of it, unweighted, by name.
    pub terms: Vec<(String, f32)>,
    /// Learning rate of the step.
    pub lr: f64,
    /// Euclidean norm of all gradients before clipping.
    pub gradient_norm: f64,
    /// Embeddings for the collapse monitors, `[n, d]`.
    pub embeddings: Vec<(&'static str, Tensor)>,
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
        let model = Model::new(config, classes, device)?;
        let probes = OnlineProbes::new(model.encoder.feature_width(), classes, config.fit.seed, device)?;
        let plain_adam = OptimiserConfig { kind: OptimiserKind::Adamw, weight_decay: 0.0, ..Default::default() };
        let averaged = model.parameters().vars();
        let ema = (config.fit.ema_decay > 0.0).then(|| Ema::new(config.fit.ema_decay, &averaged));
        let trained = named(model.parameters());
        Ok(Self {
            optimiser: Optimiser::new(&config.optimiser, &trained)?,
            trained,
            probe_optimiser: Optimiser::new(&plain_adam, &named(probes.parameters()))?,
            schedule: Schedule::new(&config.schedule, config.optimiser.lr, config.fit.steps),
            ema: ema.transpose()?,
            config: config.clone(),
            model,
            probes,
            step: 0,
        })
    }

    /// Pairs of views beyond the first that a step needs of each object.
    pub fn further_pairs(&self) -> usize {
        self.model.method.view_count().div_ceil(2).saturating_sub(1)
    }

    /// Moves the weights by one batch; `further` holds more pairs of views of the same objects, where the method needs
    /// them ([`Self::further_pairs`]).
    ///
    /// # Errors
    /// When shapes differ; a loss that is not finite is for the caller to judge.
    pub fn train_step(
        &mut self,
        batch: &PairBatch,
        further: &[PairBatch],
        symmetries: &[SymmetryGroup],
    ) -> anyhow::Result<StepReport> {
        let scope = accounting::enter(Kind::Images, 0);
        let views = self.views(batch, &further[..further.len().min(self.further_pairs())])?;
        drop(scope);
        let labels = views.labels.clone();
        let recording = Recording::start();
        let output = self.model.method.loss(&self.model.encoder, &views)?;
        let camera_rotations = camera_rotations(batch);
        let gradient = self.config.heads.gradient;
        let heads = head_losses(&self.model, &output.features, &labels, &camera_rotations, symmetries, gradient)?;
        let probes = self.probes.losses(&output.features, &labels, &camera_rotations)?;

        let weights = &self.config.heads;
        let loss =
            ((&output.loss + (&heads.rotation * weights.rotation_weight)?)? + (&heads.class * weights.class_weight)?)?;
        let mut gradients = ((&loss + &probes.class)? + &probes.rotation)?.backward()?;
        recording.finish(&mut gradients)?;
        let scope = accounting::enter(Kind::Optimiser, 0);
        let gradient_norm = global_norm(&gradients, &self.trained)?;
        let lr = self.schedule.learning_rate(self.step);
        self.optimiser.step_scaled(&gradients, lr, clip_scale(gradient_norm, self.config.fit.clip_norm))?;
        self.probe_optimiser.step(&gradients, PROBE_LR)?;
        if let Some(ema) = &mut self.ema {
            ema.update()?;
        }
        self.model.method.after_step(views.moment)?;
        drop(scope);
        self.step += 1;

        let heads = [("head_rotation", heads.rotation), ("head_class", heads.class)];
        let probes = [("probe_class", probes.class), ("probe_rotation", probes.rotation)];
        let terms = output.terms.into_iter().chain(heads).chain(probes);
        Ok(StepReport {
            loss: loss.to_scalar()?,
            terms: terms.map(|(name, t)| Ok((name.to_string(), t.to_scalar()?))).collect::<candle_core::Result<_>>()?,
            lr,
            gradient_norm,
            embeddings: output.embeddings.into_iter().map(|(name, z)| (name, z.detach())).collect(),
        })
    }

    /// All views of a batch, as many as the method needs.
    pub(crate) fn views(&self, batch: &PairBatch, further: &[PairBatch]) -> anyhow::Result<Views> {
        let mut views = Vec::with_capacity(2 + 2 * further.len());
        for pairs in std::iter::once(batch).chain(further) {
            for (images, latents) in pairs.images.iter().zip(&pairs.latents) {
                let poses = latents.iter().map(|latents| Pose::from_latents(*latents)).collect();
                views.push(View { images: self.model.normalise(images)?, poses });
            }
        }
        let wanted = self.model.method.view_count();
        anyhow::ensure!(views.len() >= wanted, "the method needs {wanted} views of each object, not {}", views.len());
        views.truncate(wanted);
        let labels = Tensor::new(batch.labels.as_slice(), self.model.parameters().device())?;
        Ok(Views { views, labels, moment: Moment { step: self.step, steps: self.config.fit.steps } })
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

/// Both views' camera-from-object rotations of a batch.
fn camera_rotations(batch: &PairBatch) -> [Vec<UnitQuaternion>; 2] {
    [0, 1].map(|view| batch.latents[view].iter().map(|latents| camera_from_object(*latents)).collect())
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
