//! How gradients change weights: AdamW, SGD, LARS, learning-rate schedules, clipping and weight averages.
//!
//! Everything here is ours rather than candle's because a run must resume exactly, and candle hides its moments.

mod adamw;
mod clip;
mod config;
mod ema;
mod lars;
mod named;
mod schedule;
mod sgd;
mod slices;

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};

pub use clip::{clip_scale, global_norm};
pub use config::{MOST_STEPS, OptimiserConfig, OptimiserKind, ScheduleConfig, ScheduleKind};
pub use ema::Ema;
pub use named::StateError;
pub use schedule::Schedule;

pub(crate) use named::read_named;
use named::{NamedShape, check_parameters};
use slices::update_in_place;

const STEP: &str = "step";

/// An update rule with its state, for a fixed list of parameters; the state is kept in main memory.
///
/// Tensors of rank 0 or 1 (biases, batch-norm scales and shifts) are neither decayed nor adapted by LARS. A parameter
/// without a gradient keeps its value and its state.
#[derive(Debug)]
pub struct Optimiser {
    config: OptimiserConfig,
    slots: Vec<Slot>,
    steps: u64,
}

/// A parameter and what the rule remembers of it.
#[derive(Debug)]
struct Slot {
    name: String,
    var: Var,
    /// Whether weight decay and LARS adaptation apply.
    is_matrix: bool,
    /// One entry for each of [`memory_names`], each as long as the parameter.
    memories: Vec<Vec<f32>>,
}

/// Why weights cannot be updated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptimiserError {
    /// A parameter is not a contiguous float32 tensor, or is there twice.
    #[error("parameter `{name}`: {reason}")]
    Parameter {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A stored state does not belong to these parameters.
    #[error(transparent)]
    State(#[from] StateError),
    /// candle refused an operation.
    #[error("optimiser: {0}")]
    Tensor(#[from] candle_core::Error),
}

impl Optimiser {
    /// The configured rule, with empty memory.
    ///
    /// # Errors
    /// When a parameter is there twice or is not a contiguous float32 tensor.
    pub fn new(config: &OptimiserConfig, parameters: &[(String, Var)]) -> Result<Self, OptimiserError> {
        check_parameters(parameters)?;
        let memories = memory_names(config.kind).len();
        let slot = |(name, var): &(String, Var)| Slot {
            name: name.clone(),
            var: var.clone(),
            is_matrix: var.rank() > 1,
            memories: vec![vec![0.0; var.elem_count()]; memories],
        };
        Ok(Self { config: config.clone(), slots: parameters.iter().map(slot).collect(), steps: 0 })
    }

    /// Updates every parameter that has a gradient.
    ///
    /// # Errors
    /// When a gradient has another shape or type than its parameter.
    pub fn step(&mut self, gradients: &GradStore, lr: f64) -> Result<(), OptimiserError> {
        self.step_scaled(gradients, lr, 1.0)
    }

    /// As [`Self::step`] with every gradient multiplied by a factor on the way, as from [`clip_scale`].
    ///
    /// # Errors
    /// As [`Self::step`].
    pub fn step_scaled(&mut self, gradients: &GradStore, lr: f64, gradient_scale: f64) -> Result<(), OptimiserError> {
        self.steps += 1;
        let update = Update { config: &self.config, lr, gradient_scale, steps: self.steps };
        for slot in &mut self.slots {
            if let Some(gradient) = gradients.get(&slot.var) {
                slot.update(gradient, &update)?;
            }
        }
        Ok(())
    }

    /// Updates so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Everything that the next step depends on besides weights and gradients: `step`, and a tensor
    /// `MEMORY.PARAMETER` of the parameter's shape for each memory of the rule.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn state(&self) -> Result<BTreeMap<String, Tensor>, OptimiserError> {
        // float32 counts exactly up to 2^24, the most steps that a configuration allows.
        let mut state = BTreeMap::from([(STEP.to_string(), Tensor::new(&[self.steps as f32], &Device::Cpu)?)]);
        for slot in &self.slots {
            for (memory, values) in memory_names(self.config.kind).iter().zip(&slot.memories) {
                let tensor = Tensor::from_slice(values, slot.var.shape(), &Device::Cpu)?;
                state.insert(format!("{memory}.{}", slot.name), tensor);
            }
        }
        Ok(state)
    }

    /// Continues from a state of [`Self::state`]; `file` is for messages.
    ///
    /// # Errors
    /// When tensors are missing, unknown or of another shape; nothing has changed then.
    pub fn load_state(&mut self, state: &BTreeMap<String, Tensor>, file: &Path) -> Result<(), OptimiserError> {
        let mut values = read_named(state, &self.expected_state(), file)?;
        let steps = values.remove(STEP).expect("it was expected")[0];
        if steps < 0.0 || steps.fract() != 0.0 {
            return Err(StateError::new(file, vec![format!("`{STEP}` is {steps}, not a count")]).into());
        }
        self.steps = steps as u64;
        for slot in &mut self.slots {
            for (memory, kept) in memory_names(self.config.kind).iter().zip(&mut slot.memories) {
                *kept = values.remove(&format!("{memory}.{}", slot.name)).expect("it was expected");
            }
        }
        Ok(())
    }

    fn expected_state(&self) -> Vec<NamedShape> {
        let memories = memory_names(self.config.kind);
        let of_slot =
            |slot: &Slot| memories.iter().map(|m| (format!("{m}.{}", slot.name), slot.var.dims().to_vec())).collect();
        let mut expected: Vec<NamedShape> = self.slots.iter().flat_map(|slot| -> Vec<_> { of_slot(slot) }).collect();
        expected.push((STEP.into(), vec![1]));
        expected
    }
}

/// What all parameters share in one step.
struct Update<'a> {
    config: &'a OptimiserConfig,
    lr: f64,
    gradient_scale: f64,
    steps: u64,
}

impl Slot {
    fn update(&mut self, gradient: &Tensor, update: &Update) -> Result<(), OptimiserError> {
        let gradient = gradient.contiguous()?;
        let weight_decay = if self.is_matrix { update.config.weight_decay } else { 0.0 };
        match (update.config.kind, self.memories.as_mut_slice()) {
            (OptimiserKind::Adamw, [first, second]) => {
                let rule = adamw::AdamW::at_step(update, weight_decay);
                update_in_place(&self.var, &gradient, |weights, gradient| {
                    rule.apply(weights, gradient, first, second)
                })?;
            }
            (OptimiserKind::Sgd, [velocity]) => {
                let rule = sgd::Sgd::new(update, weight_decay);
                update_in_place(&self.var, &gradient, |weights, gradient| rule.apply(weights, gradient, velocity))?;
            }
            (OptimiserKind::Lars, [velocity]) => {
                let rule = lars::Lars::new(update, weight_decay, self.is_matrix);
                update_in_place(&self.var, &gradient, |weights, gradient| rule.apply(weights, gradient, velocity))?;
            }
            (kind, memories) => unreachable!("{kind:?} has {} memories", memories.len()),
        }
        Ok(())
    }
}

fn memory_names(kind: OptimiserKind) -> &'static [&'static str] {
    match kind {
        OptimiserKind::Adamw => &["first_moment", "second_moment"],
        OptimiserKind::Sgd | OptimiserKind::Lars => &["velocity"],
    }
}

#[cfg(test)]
mod tests;
