use std::sync::Arc;

use candle_core::{Device, Result, Tensor};

use crate::collective::{Collective, gather_rows};
use crate::transformation::{Action, Parameters, Transformation, Value};

/// One view of each subject of a batch.
#[derive(Clone, Debug)]
pub struct View {
    /// Normalised images, `[n, h, w, 3]`.
    pub images: Tensor,
    /// What was done to each image.
    pub transformations: Vec<Parameters>,
}

/// Views of a batch of subjects, ready for a network; of this rank's share of the batch where several train together.
#[derive(Clone, Debug)]
pub struct Views {
    /// As many as the method's [`super::Needs`] say, at least one.
    pub views: Vec<View>,
    /// Class of each subject, `u32 [n]`.
    pub labels: Tensor,
    /// How far the run is.
    pub moment: Moment,
    /// Those that train together.
    pub ranks: Arc<dyn Collective>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Steps done before this one.
    pub step: u64,
    /// Steps of the whole run.
    pub steps: u64,
}

impl Moment {
    /// Share of the run that is done, in [0, 1].
    pub fn share(self) -> f64 {
        (self.step as f64 / self.steps.max(1) as f64).min(1.0)
    }
}

impl Views {
    /// What leads from one view to another, for each subject.
    pub fn actions(&self, from: usize, to: usize) -> Vec<Action> {
        let pairs = self.views[from].transformations.iter().zip(&self.views[to].transformations);
        pairs.map(|(from, to)| Action::between(from, to)).collect()
    }

    /// The class of a transformation in each image of a view, `u32 [n]`.
    ///
    /// # Errors
    /// When the views do not have it.
    pub fn classes(&self, view: usize, transformation: &dyn Transformation) -> Result<Tensor> {
        let class = |parameters: &Parameters| parameters.get(transformation).map(Value::class);
        let classes: Option<Vec<u32>> = self.views[view].transformations.iter().map(class).collect();
        match classes {
            Some(classes) => Tensor::new(classes, self.device()),
            None => candle_core::bail!("the views have no {}", transformation.name()),
        }
    }

    /// Where each image of a view lies on the scale of a transformation, from 0 for none to 1 for most.
    ///
    /// # Errors
    /// When the views do not have it, or it has no scale.
    pub fn positions(&self, view: usize, transformation: &dyn Transformation) -> Result<Vec<f32>> {
        let Some(scale) = transformation.scale() else {
            candle_core::bail!("{} has no ordered scale", transformation.name())
        };
        let position = |parameters: &Parameters| parameters.get(transformation).map(|value| scale.position(value));
        let positions: Option<Vec<f32>> = self.views[view].transformations.iter().map(position).collect();
        match positions {
            Some(positions) => Ok(positions),
            None => candle_core::bail!("the views have no {}", transformation.name()),
        }
    }

    /// Where the images are.
    pub fn device(&self) -> &Device {
        self.labels.device()
    }

    /// The rows of the whole batch for each matrix that has this rank's rows, with their gradient.
    ///
    /// The objective is the mean of the ranks' losses, so a term that is a mean over rows is right as it is. Every
    /// other term, in which rows meet (variances, covariances, negatives), must be computed on this.
    ///
    /// # Shapes
    /// `[n, ..]` to `[ranks n, ..]`, in the order of the batch.
    ///
    /// # Errors
    /// When another rank has ended.
    pub fn of_whole_batch<const N: usize>(&self, rows: [&Tensor; N]) -> Result<[Tensor; N]> {
        let mut whole = rows.map(Tensor::clone);
        for rows in &mut whole {
            *rows = gather_rows(rows, &self.ranks)?;
        }
        Ok(whole)
    }

    /// [`Self::of_whole_batch`] for any number of matrices of one shape, in one exchange.
    ///
    /// # Errors
    /// When shapes differ, or another rank has ended.
    pub fn all_of_whole_batch(&self, rows: &[Tensor]) -> Result<Vec<Tensor>> {
        let [whole] = self.of_whole_batch([&Tensor::stack(rows, 1)?])?;
        (0..rows.len()).map(|index| whole.narrow(1, index, 1)?.squeeze(1)?.contiguous()).collect()
    }

    /// The images of the first two views.
    ///
    /// # Panics
    /// When the method needs only one.
    pub fn pair(&self) -> [&Tensor; 2] {
        [&self.views[0].images, &self.views[1].images]
    }
}

/// What a method makes of a batch.
pub struct MethodOutput {
    /// Scalar to minimise.
    pub loss: Tensor,
    /// The unweighted terms of the loss, scalars, by name.
    pub terms: Vec<(&'static str, Tensor)>,
    /// The encoder's features of the first views, at least one, each `[n, feature_width]`, with their gradient.
    pub features: Vec<Tensor>,
    /// Embeddings of the first view that can collapse, `[n, d]`, by name.
    pub embeddings: Vec<(&'static str, Tensor)>,
}

/// A term of a loss, with its name and its weight.
pub type WeightedTerm = (&'static str, f64, Tensor);

impl MethodOutput {
    /// With the weighted sum of at least one term as the loss.
    ///
    /// # Errors
    /// When a term is no scalar.
    pub fn of(
        terms: Vec<WeightedTerm>,
        features: impl Into<Vec<Tensor>>,
        embeddings: Vec<(&'static str, Tensor)>,
    ) -> Result<Self> {
        let loss = weighted_sum(&terms)?;
        let terms = terms.into_iter().map(|(name, _, term)| (name, term)).collect();
        Ok(Self { loss, terms, features: features.into(), embeddings })
    }
}

/// The sum of weight times term.
///
/// # Errors
/// When there is no term, or one is no scalar.
pub fn weighted_sum(terms: &[WeightedTerm]) -> Result<Tensor> {
    let mut weighted = terms.iter().map(|(_, weight, term)| term * *weight);
    let first = weighted.next().unwrap_or_else(|| candle_core::bail!("a loss without terms"))?;
    weighted.try_fold(first, |sum, term| sum + term?)
}

/// What a method makes of an image beside the features, in evaluation mode.
#[derive(Clone, Debug, Default)]
pub struct Embeddings {
    /// `[n, d]`; `None` when the method has no invariance.
    pub invariant: Option<Tensor>,
    /// `[n, d]`; `None` when the method predicts nothing.
    pub equivariant: Option<Tensor>,
}
