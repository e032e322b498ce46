//! SIE: split invariant-equivariant self-supervised learning (Garrido et al., ICML 2023).

use std::sync::Arc;

use candle_core::{Result, Tensor};
use sextant_runtime::graph::{DataType, Graph, GraphBuilder};

use super::{Method, MethodEntry, MethodOutput, Views, covariance, mean_squared_error, variance_hinge};
use crate::collective::{Collective, gather_rows};
use crate::config::{Condition, Config, MethodConfig};
use crate::nn::{Encoder, Hypernetwork, Mode, Projector, Scope, split_halves};

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "sie",
    paper: "Garrido et al., ICML 2023, arXiv 2302.10283",
    loss: "invariance of one half + prediction of the other half from the rotation + variance and covariance",
    build: |config, feature_width, scope| Ok(Box::new(Sie::new(config, feature_width, scope)?)),
};

/// Two projectors, one for each half, and a hypernetwork predictor on the equivariant embedding.
pub struct Sie {
    weights: MethodConfig,
    condition: Condition,
    invariant_projector: Projector,
    equivariant_projector: Projector,
    predictor: Hypernetwork,
    ranks: Arc<dyn Collective>,
}

impl Sie {
    /// For features of that width, with the config's projector sizes and loss weights.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(config: &Config, feature_width: usize, scope: &mut Scope) -> Result<Self> {
        let (half, hidden, embedding) = (feature_width / 2, config.model.projector_hidden, config.model.embedding);
        let condition = config.method.condition;
        Ok(Self {
            weights: config.method.clone(),
            condition,
            invariant_projector: Projector::new(half, hidden, embedding, &mut scope.child("invariant_projector"))?,
            equivariant_projector: Projector::new(half, hidden, embedding, &mut scope.child("equivariant_projector"))?,
            predictor: Hypernetwork::new(embedding, condition.width(), &mut scope.child("predictor"))?,
            ranks: scope.collective().clone(),
        })
    }

    /// The relative rotations of a batch as `[n, condition width]`.
    fn conditions(&self, views: &Views) -> Result<Tensor> {
        let [from, to] = &views.rotations;
        let numbers: Vec<f32> = from.iter().zip(to).flat_map(|(a, b)| self.condition.numbers(*a, *b)).collect();
        Tensor::from_vec(numbers, (from.len(), self.condition.width()), views.images[0].device())
    }

    /// Each embedding with the rows of all ranks.
    fn of_all_ranks<const N: usize>(&self, embeddings: [Tensor; N]) -> Result<[Tensor; N]> {
        let mut gathered = embeddings;
        for embedding in &mut gathered {
            *embedding = gather_rows(embedding, &self.ranks)?;
        }
        Ok(gathered)
    }

    /// Invariant and equivariant embeddings of features.
    fn embed(&self, features: &Tensor) -> Result<[Tensor; 2]> {
        let (invariant, equivariant) = split_halves(features)?;
        Ok([
            self.invariant_projector.forward(&invariant, Mode::Train)?,
            self.equivariant_projector.forward(&equivariant, Mode::Train)?,
        ])
    }
}

impl Method for Sie {
    /// `w_inv MSE(z_inv, z_inv') + w_equi MSE(p(z_equi), z_equi') + w_var [V(Z) + V(Z')] / 2
    /// + w_pred V(p(z_equi)) / 2 + w_cov [C(Z) + C(Z')]`, over the concatenated embedding `Z` of both halves.
    fn loss(&self, encoder: &Encoder, views: &Views) -> Result<MethodOutput> {
        let features =
            [encoder.forward(&views.images[0], Mode::Train)?, encoder.forward(&views.images[1], Mode::Train)?];
        let [invariant, equivariant] = self.embed(&features[0])?;
        let [invariant_other, equivariant_other] = self.embed(&features[1])?;
        let predicted = self.predictor.forward(&equivariant, &self.conditions(views)?)?;
        // Moments over the batch are those of all ranks' rows.
        let [invariant, equivariant, invariant_other, equivariant_other, predicted] =
            self.of_all_ranks([invariant, equivariant, invariant_other, equivariant_other, predicted])?;
        let whole = Tensor::cat(&[&invariant, &equivariant], 1)?;
        let whole_other = Tensor::cat(&[&invariant_other, &equivariant_other], 1)?;
        let half_sum = |a: Tensor, b: Tensor| (a + b)? * 0.5;

        let weights = &self.weights;
        let weighted = [
            ("invariance", weights.invariance_weight, mean_squared_error(&invariant, &invariant_other)?),
            ("equivariance", weights.equivariance_weight, mean_squared_error(&predicted, &equivariant_other)?),
            ("variance", weights.variance_weight, half_sum(variance_hinge(&whole)?, variance_hinge(&whole_other)?)?),
            ("predictor_variance", weights.predictor_variance_weight, (variance_hinge(&predicted)? * 0.5)?),
            ("covariance", weights.covariance_weight, (covariance(&whole)? + covariance(&whole_other)?)?),
        ];
        let (_, first_weight, first_term) = &weighted[0];
        let mut loss = (first_term * *first_weight)?;
        for (_, weight, term) in &weighted[1..] {
            loss = (loss + (term * *weight)?)?;
        }
        Ok(MethodOutput {
            loss,
            terms: weighted.into_iter().map(|(name, _, term)| (name, term)).collect(),
            features,
            embeddings: vec![("invariant", invariant), ("equivariant", equivariant)],
        })
    }

    fn spans_ranks(&self) -> bool {
        true
    }

    fn lower_predictor(&self, equivariant_width: usize) -> anyhow::Result<Option<Graph>> {
        let mut graph = GraphBuilder::new("predict_latent");
        let equivariant = graph.input("equivariant", &[equivariant_width], DataType::F32);
        let condition = graph.input("condition", &[self.condition.width()], DataType::F32);
        let embedding = self.equivariant_projector.lower(&mut graph, equivariant)?;
        let predicted = self.predictor.lower(&mut graph, embedding, condition)?;
        graph.output("embedding", embedding);
        graph.output("predicted_embedding", predicted);
        Ok(Some(graph.finish()))
    }
}
