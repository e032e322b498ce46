//! seq-JEPA: several views and the actions between them predict the next view's features (Ghaemi et al., 2025).

use candle_core::{DType, Result, Tensor, Var};

use super::byol::{MOMENTUM, momentum_at};
use super::{
    Embeddings, Method, MethodEntry, MethodOutput, ModelKey, Moment, Needs, Setting, Views, WeightedTerm,
    mean_cosine_distance,
};
use crate::nn::{
    BatchNorm, Encoded, Encoder, Linear, LinearNorm, Mode, MovingTarget, Scope, Transformer, TransformerConfig,
};
use crate::ops::Activation;
use crate::options::ConfigOption;
use crate::transformation::{Action, Condition};

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "seq-jepa",
    paper: "Ghaemi et al., 2025, arXiv 2505.03176",
    loss: "cosine distance between the next view's features, predicted from views and actions, and a moving average's",
    reads_map_alone: false,
    needs: |config, _| Ok(Needs { views: config.count("context_views")? + 1, ..Needs::by_options(config)? }),
    labels: &[],
    options: &[
        ConfigOption::count("context_views", 3, 1, 15, "views that the prediction is made from; one more is predicted"),
        ConfigOption::count("action_embedding", 16, 1, 1024, "numbers that an action is embedded in"),
        ConfigOption::count("layers", 3, 1, 24, "blocks of the transformer"),
        ConfigOption::count("heads", 4, 1, 64, "attention heads, a divisor of model.embedding"),
        MOMENTUM,
        Condition::CODE,
        Condition::TRANSFORMATION,
    ],
    model_keys: &ModelKey::OF_PROJECTOR,
    build: |setting, scope| Ok(Box::new(SeqJepa::new(setting, scope)?)),
};

/// Action embedding, transformer with an aggregate token, predictor, and a copy of the encoder that follows.
///
/// The encoder's features are the equivariant representation, the aggregate token the invariant one.
pub struct SeqJepa {
    context_views: usize,
    momentum: f64,
    condition: Condition,
    action_embedding: Linear,
    action_norm: BatchNorm,
    /// Features and action to a token.
    token: Linear,
    /// `[1, 1, width]`.
    aggregate: Var,
    /// `[context_views, width]`; shorter sequences use the last ones.
    positions: Var,
    transformer: Transformer,
    /// Hidden and last layer.
    predictor: (LinearNorm, Linear),
    target_encoder: MovingTarget<Box<dyn Encoder>>,
}

impl SeqJepa {
    /// Tokens are as wide as the config's embedding, hidden layers as its projector's.
    ///
    /// # Errors
    /// When the heads do not divide the embedding, or the device has no memory for it.
    pub fn new(setting: Setting, scope: &mut Scope) -> Result<Self> {
        let Setting { method, model, feature_width, .. } = setting;
        let (width, hidden) = (model.embedding, model.projector_hidden);
        let (context_views, actions) = (method.count("context_views")?, method.count("action_embedding")?);
        let condition = Condition::of(method)?;
        let (layers, heads) = (method.count("layers")?, method.count("heads")?);
        let transformer = TransformerConfig { width, layers, heads, hidden };
        Ok(Self {
            context_views,
            momentum: method.number(MOMENTUM.key)?,
            condition,
            action_embedding: Linear::new(condition.width(), actions, &mut scope.child("action_embedding"))?,
            action_norm: BatchNorm::new(actions, 1.0, &mut scope.child("action_embedding"))?,
            token: Linear::new(feature_width + actions, width, &mut scope.child("token"))?,
            aggregate: scope.uniform_fan_in("aggregate", (1, 1, width), width)?,
            positions: scope.uniform_fan_in("positions", (context_views, width), width)?,
            transformer: transformer.init(&mut scope.child("transformer"))?,
            predictor: (
                LinearNorm::new(width + actions, hidden, &mut scope.child("predictor.hidden"))?,
                Linear::new(hidden, feature_width, &mut scope.child("predictor.last"))?,
            ),
            target_encoder: MovingTarget::new(scope, "target_encoder", "encoder", |scope| setting.new_encoder(scope))?,
        })
    }

    fn embed_actions(&self, actions: &[Action], like: &Tensor, mode: Mode) -> Result<Tensor> {
        let embedded = self.action_embedding.forward(&self.condition.rows(actions, like.device())?)?;
        self.action_norm.forward(&embedded, None, Activation::Identity, mode)
    }

    /// The aggregate `[n, width]` of a sequence of features `[n, feature_width]` and the actions between them; the last
    /// view's token has zeros in the place of an action.
    fn aggregate(&self, features: &[Tensor], actions: &[Vec<Action>], mode: Mode) -> Result<Tensor> {
        let (Some(first), Some(last_index)) = (features.first(), features.len().checked_sub(1)) else {
            candle_core::bail!("a sequence without views")
        };
        let (n, skipped) = (first.dim(0)?, self.context_views - features.len());
        let none = Tensor::zeros((n, self.action_embedding.width_out()?), DType::F32, first.device())?;
        let mut tokens = vec![self.aggregate.as_tensor().repeat((n, 1, 1))?];
        for (index, features) in features.iter().enumerate() {
            let action = match index < last_index {
                true => self.embed_actions(&actions[index], features, mode)?,
                false => none.clone(),
            };
            let token = self.token.forward(&Tensor::cat(&[features, &action], 1)?)?;
            tokens.push(token.broadcast_add(&self.positions.get(skipped + index)?)?.unsqueeze(1)?);
        }
        self.transformer.forward(&Tensor::cat(&tokens, 1)?)?.narrow(1, 0, 1)?.contiguous()?.squeeze(1)
    }

    /// Features of the view that an action leads to from the last view of the aggregated sequence.
    fn next(&self, aggregate: &Tensor, actions: &[Action], mode: Mode) -> Result<Tensor> {
        let (hidden, last) = &self.predictor;
        let told = Tensor::cat(&[aggregate, &self.embed_actions(actions, aggregate, mode)?], 1)?;
        last.forward(&hidden.forward(&told, mode)?)
    }
}

/// `1 - cos(predicted, target)`.
fn terms(predicted: &Tensor, target: &Tensor) -> Result<Vec<WeightedTerm>> {
    Ok(vec![("prediction", 1.0, mean_cosine_distance(predicted, target)?)])
}

impl Method for SeqJepa {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let context = &views.views[..self.context_views];
        let features: Vec<Tensor> =
            context.iter().map(|view| encoder.forward(&view.images, Mode::Train)).collect::<Result<_>>()?;
        let actions: Vec<_> = (0..self.context_views).map(|view| views.actions(view, view + 1)).collect();
        let aggregate = self.aggregate(&features, &actions, Mode::Train)?;
        let predicted = self.next(&aggregate, &actions[self.context_views - 1], Mode::Train)?;
        let next = &views.views[self.context_views].images;
        let target = self.target_encoder.network().forward(next, Mode::Train)?.detach();
        let terms = terms(&predicted, &target)?;
        // With one view of context the heads see the next view through the encoder itself.
        let second = match features.get(1) {
            Some(second) => second.clone(),
            None => encoder.forward(next, Mode::Train)?,
        };
        let embeddings = vec![("features", features[0].clone()), ("aggregate", aggregate)];
        MethodOutput::of(terms, [features[0].clone(), second], embeddings)
    }

    fn after_step(&self, moment: Moment) -> Result<()> {
        self.target_encoder.follow(momentum_at(self.momentum, moment))
    }

    fn embed(&self, encoded: &Encoded) -> Result<Embeddings> {
        let aggregate = self.aggregate(std::slice::from_ref(&encoded.features), &[], Mode::Evaluate)?;
        Ok(Embeddings { invariant: Some(aggregate), equivariant: Some(encoded.features.clone()) })
    }

    fn predict(&self, equivariant: &Tensor, actions: &[Action]) -> Result<Option<Tensor>> {
        let aggregate = self.aggregate(std::slice::from_ref(equivariant), &[], Mode::Evaluate)?;
        self.next(&aggregate, actions, Mode::Evaluate).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::reference::{self, Case, check, matrix};
    use crate::method::weighted_sum;

    #[test]
    fn the_loss_agrees_with_loops() {
        let tensors = |x: &[Tensor]| weighted_sum(&terms(&x[0], &x[1])?);
        let loops = |x: &[Vec<f64>]| reference::mean_cosine_distance(&x[0], &x[1], 3);
        check(&Case { tensors: &tensors, loops: &loops, inputs: &[matrix(4, 3, 1), matrix(4, 3, 2)] });
    }
}
