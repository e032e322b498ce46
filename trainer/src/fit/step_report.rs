//! What a step came to, over its micro-batches and over the ranks.

use std::sync::Arc;

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use super::gradients::add_gradients;
use crate::collective::{Collective, gather_rows};

/// What one step came to.
pub struct StepReport {
    /// The sum that was minimised, over the whole batch.
    pub loss: f32,
    /// Parts of it, unweighted, by name.
    pub terms: Vec<(String, f32)>,
    /// Learning rate of the step.
    pub lr: f64,
    /// Euclidean norm of all gradients before clipping.
    pub gradient_norm: f64,
    /// Embeddings of this rank's share for the collapse monitors, `[n, d]`.
    pub embeddings: Vec<(&'static str, Tensor)>,
}

impl StepReport {
    /// Replaces the embeddings by those of the whole batch.
    ///
    /// # Errors
    /// When another rank has ended.
    pub(super) fn gather_embeddings(&mut self, ranks: &Arc<dyn Collective>) -> candle_core::Result<()> {
        for (_, rows) in &mut self.embeddings {
            *rows = gather_rows(rows, ranks)?;
        }
        Ok(())
    }
}

/// Losses of one micro-batch on one rank, scalars.
pub(super) struct Losses {
    /// The whole objective, with that of the online probes, whose gradients touch nothing else.
    pub with_probes: Tensor,
    /// What the network minimises.
    pub loss: Tensor,
    /// Parts of it, unweighted, and those of the probes.
    pub terms: Vec<(&'static str, Tensor)>,
    /// Without gradient, `[n, d]`.
    pub embeddings: Vec<(&'static str, Tensor)>,
}

/// Sums over the micro-batches so far.
#[derive(Default)]
pub(super) struct StepSums {
    /// Of the parameters' gradients.
    pub gradients: Option<GradStore>,
    names: Vec<&'static str>,
    /// The loss, then its terms.
    values: Vec<f64>,
    embeddings: Vec<(&'static str, Vec<Tensor>)>,
}

impl StepSums {
    /// Adds one more micro-batch: its figures, and the gradients of the parameters.
    pub fn add<'a>(
        &mut self,
        losses: Losses,
        gradients: GradStore,
        parameters: impl Iterator<Item = &'a Var>,
    ) -> candle_core::Result<()> {
        self.gradients = Some(add_gradients(self.gradients.take(), gradients, parameters)?);
        let scalars = std::iter::once(&losses.loss).chain(losses.terms.iter().map(|(_, term)| term));
        let newest = scalars.map(|t| Ok(f64::from(t.to_scalar::<f32>()?))).collect::<candle_core::Result<Vec<_>>>()?;
        if self.values.is_empty() {
            self.names = losses.terms.iter().map(|(name, _)| *name).collect();
            self.values = newest;
            self.embeddings = losses.embeddings.into_iter().map(|(name, rows)| (name, vec![rows])).collect();
        } else {
            self.values.iter_mut().zip(newest).for_each(|(sum, value)| *sum += value);
            let parts = self.embeddings.iter_mut().zip(losses.embeddings);
            parts.for_each(|((_, parts), (_, rows))| parts.push(rows));
        }
        Ok(())
    }

    /// The means over micro-batches and ranks; `share` is the weight of one micro-batch of one rank.
    pub fn report(
        mut self,
        share: f64,
        ranks: &dyn Collective,
        lr: f64,
        gradient_norm: f64,
    ) -> anyhow::Result<StepReport> {
        ranks.all_reduce_sum_f64(&mut self.values)?;
        let mut means = self.values.iter().map(|sum| (sum * share) as f32);
        let loss = means.next().unwrap_or(f32::NAN);
        let embeddings = self.embeddings.into_iter().map(|(name, parts)| Ok((name, Tensor::cat(&parts, 0)?)));
        Ok(StepReport {
            loss,
            terms: self.names.iter().map(ToString::to_string).zip(means).collect(),
            lr,
            gradient_norm,
            embeddings: embeddings.collect::<candle_core::Result<_>>()?,
        })
    }
}
