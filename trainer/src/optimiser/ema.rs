use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Device, Tensor, Var};
use rayon::prelude::*;

use super::named::{check_parameters, read_named};
use super::slices::{CHUNK, change_in_place, with_values};
use super::{OptimiserError, StateError};

/// An exponential moving average of weights: `average = decay * average + (1 - decay) * weights` after every step.
#[derive(Debug)]
pub struct Ema {
    rest: f32,
    slots: Vec<(String, Var, Vec<f32>)>,
}

impl Ema {
    /// The average of a decay in [0, 1), starting at the present weights.
    ///
    /// # Errors
    /// As [`Optimiser::new`](super::Optimiser::new).
    pub fn new(decay: f64, parameters: &[(String, Var)]) -> Result<Self, OptimiserError> {
        check_parameters(parameters)?;
        let slot = |(name, var): &(String, Var)| {
            let values = with_values(var, <[f32]>::to_vec)?;
            Ok((name.clone(), var.clone(), values))
        };
        let slots = parameters.iter().map(slot).collect::<Result<_, candle_core::Error>>()?;
        Ok(Self { rest: (1.0 - decay) as f32, slots })
    }

    /// Moves the average towards the present weights.
    ///
    /// # Errors
    /// When candle refuses to read a parameter.
    pub fn update(&mut self) -> Result<(), OptimiserError> {
        let rest = self.rest;
        let move_chunk = |(average, weights): (&mut [f32], &[f32])| {
            average.iter_mut().zip(weights).for_each(|(average, &w)| *average += rest * (w - *average));
        };
        for (_, var, average) in &mut self.slots {
            with_values(var, |weights| {
                average.par_chunks_mut(CHUNK).zip(weights.par_chunks(CHUNK)).for_each(move_chunk);
            })?;
        }
        Ok(())
    }

    /// Swaps weights and average, so that the network computes with the average; a second call swaps back.
    ///
    /// # Errors
    /// When candle refuses to write a parameter.
    pub fn exchange(&mut self) -> Result<(), OptimiserError> {
        for (_, var, average) in &mut self.slots {
            change_in_place(var, |weights| weights.swap_with_slice(average))?;
        }
        Ok(())
    }

    /// The average under the parameters' names.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn state(&self) -> Result<BTreeMap<String, Tensor>, OptimiserError> {
        let tensor = |(name, var, average): &(String, Var, Vec<f32>)| {
            Ok((name.clone(), Tensor::from_slice(average, var.shape(), &Device::Cpu)?))
        };
        self.slots.iter().map(tensor).collect()
    }

    /// Continues from a state of [`Self::state`]; `file` is for messages.
    ///
    /// # Errors
    /// When tensors are missing, unknown or of another shape; nothing has changed then.
    pub fn load_state(&mut self, state: &BTreeMap<String, Tensor>, file: &Path) -> Result<(), StateError> {
        let expected: Vec<_> = self.slots.iter().map(|(name, var, _)| (name.clone(), var.dims().to_vec())).collect();
        let mut values = read_named(state, &expected, file)?;
        for (name, _, average) in &mut self.slots {
            *average = values.remove(name).expect("it was expected");
        }
        Ok(())
    }
}
