//! What the methods that predict a transformed embedding have in common: each is a loss on what its branches make of features.

use candle_core::{Result, Tensor};
use sextant_runtime::graph::Graph;

use super::{Embeddings, EquivariantBranch, Method, MethodOutput, Sees, Setting, Views};
use crate::nn::{Encoded, Encoder, Mode, Projector, Scope, split_halves};
use crate::transformation::Action;

/// A method whose equivariant branch predicts how its embedding changes with the view, with or without an invariant branch
/// beside it. [`Method`] follows from its branches and its loss.
pub trait EquivariantMethod {
    /// The loss of a batch, as [`Method::loss`].
    ///
    /// # Errors
    /// When shapes differ.
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput>;

    /// Projector and predictor.
    fn equivariant(&self) -> &EquivariantBranch;

    /// The other projector; `None` when the method has no invariance.
    fn invariant(&self) -> Option<&InvariantBranch> {
        None
    }
}

impl<M: EquivariantMethod> Method for M {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        EquivariantMethod::loss(self, encoder, views)
    }

    fn embed(&self, encoded: &Encoded) -> Result<Embeddings> {
        let features = &encoded.features;
        let invariant = self.invariant().map(|branch| branch.embed(features, Mode::Evaluate)).transpose()?;
        let equivariant = self.equivariant().embed(features, Mode::Evaluate)?;
        Ok(Embeddings { invariant, equivariant: Some(equivariant) })
    }

    fn predict(&self, equivariant: &Tensor, actions: &[Action]) -> Result<Option<Tensor>> {
        self.equivariant().predict(equivariant, actions).map(Some)
    }

    fn lower_predictor(&self, half_width: usize) -> anyhow::Result<Option<Graph>> {
        self.equivariant().lower(half_width).map(Some)
    }
}

/// The projector of what two views of an object share.
pub struct InvariantBranch {
    sees: Sees,
    /// `None` where the loss sees what is deployed.
    projector: Option<Projector>,
}

impl InvariantBranch {
    /// With the config's projector sizes; its weights are named as `scope` is.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(sees: Sees, setting: Setting, scope: &mut Scope) -> Result<Self> {
        let model = setting.model;
        let width_in = sees.width(setting.feature_width);
        let projector = Projector::new(width_in, model.projector_hidden, model.embedding, scope)?;
        Ok(Self { sees, projector: Some(projector) })
    }

    /// Without a projector: the loss sees the features themselves, so that what is deployed is as invariant as it asks.
    pub fn without_projector(sees: Sees) -> Self {
        Self { sees, projector: None }
    }

    /// The invariant embedding `[n, d]` of features `[n, feature_width]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn embed(&self, features: &Tensor, mode: Mode) -> Result<Tensor> {
        let seen = match self.sees {
            Sees::Whole => features.clone(),
            Sees::OwnHalf => split_halves(features)?.0,
        };
        match &self.projector {
            Some(projector) => projector.forward(&seen, mode),
            None => Ok(seen),
        }
    }
}
