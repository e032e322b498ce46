//! BYOL: one view predicts the other through a slowly moving copy of the network (Grill et al., NeurIPS 2020).

use candle_core::{Result, Tensor};

use super::{
    Embeddings, Method, MethodEntry, MethodOutput, ModelKey, Moment, Needs, Setting, Views, WeightedTerm,
    mean_cosine_distance,
};
use crate::nn::{Encoded, Encoder, Linear, LinearNorm, Mode, MovingTarget, Projector, Scope};
use crate::options::ConfigOption;

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "byol",
    paper: "Grill et al., NeurIPS 2020, arXiv 2006.07733",
    loss: "cosine distance between a prediction from one view and the moving average network's embedding of the other",
    reads_map_alone: false,
    needs: |_, _| Ok(Needs::TWO_VIEWS),
    labels: &[],
    options: &[MOMENTUM],
    model_keys: &ModelKey::OF_PROJECTOR,
    build: |setting, scope| Ok(Box::new(Byol::new(setting, scope)?)),
};

pub(super) const MOMENTUM: ConfigOption =
    ConfigOption::number("target_momentum", 0.996, 0.0, 1.0, "of the copy at the start; rises to 1 as half a cosine");

/// Projector and predictor, and a copy of encoder and projector that follows.
pub struct Byol {
    momentum: f64,
    projector: Projector,
    predictor: (LinearNorm, Linear),
    target_encoder: MovingTarget<Box<dyn Encoder>>,
    target_projector: MovingTarget<Projector>,
}

/// `1 - (1 - base) (cos(pi share) + 1) / 2`: from `base` at the start to 1 at the end (section 3.2).
pub(super) fn momentum_at(base: f64, moment: Moment) -> f64 {
    1.0 - (1.0 - base) * ((std::f64::consts::PI * moment.share()).cos() + 1.0) / 2.0
}

impl Byol {
    /// With the config's projector sizes.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(setting: Setting, scope: &mut Scope) -> Result<Self> {
        let Setting { method, model, feature_width, .. } = setting;
        let (hidden, embedding) = (model.projector_hidden, model.embedding);
        let projector = |scope: &mut Scope| Projector::new(feature_width, hidden, embedding, scope);
        let online = projector(&mut scope.child("projector"))?;
        let online_name = format!("{}.projector", scope.name());
        Ok(Self {
            momentum: method.number(MOMENTUM.key)?,
            predictor: (
                LinearNorm::new(embedding, hidden, &mut scope.child("predictor.hidden"))?,
                Linear::new(hidden, embedding, &mut scope.child("predictor.last"))?,
            ),
            target_encoder: MovingTarget::new(scope, "target_encoder", "encoder", |scope| setting.new_encoder(scope))?,
            target_projector: MovingTarget::new(scope, "target_projector", &online_name, projector)?,
            projector: online,
        })
    }

    fn predicted(&self, embedding: &Tensor) -> Result<Tensor> {
        self.predictor.1.forward(&self.predictor.0.forward(embedding, Mode::Train)?)
    }

    /// The copy's embedding of images, without gradient.
    fn target(&self, images: &Tensor) -> Result<Tensor> {
        let features = self.target_encoder.network().forward(images, Mode::Train)?.detach();
        Ok(self.target_projector.network().forward(&features, Mode::Train)?.detach())
    }
}

/// `2 - 2 cos(p, t')` for both orders of the views (equations 2 and 3); `predicted[i]` is to meet `targets[1 - i]`.
fn terms(predicted: [&Tensor; 2], targets: [&Tensor; 2]) -> Result<Vec<WeightedTerm>> {
    let there = mean_cosine_distance(predicted[0], targets[1])?;
    let back = mean_cosine_distance(predicted[1], targets[0])?;
    Ok(vec![("prediction", 2.0, (there + back)?)])
}

impl Method for Byol {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let [first, second] = views.pair();
        let features = [encoder.forward(first, Mode::Train)?, encoder.forward(second, Mode::Train)?];
        let a = self.projector.forward(&features[0], Mode::Train)?;
        let b = self.projector.forward(&features[1], Mode::Train)?;
        let predicted = [&self.predicted(&a)?, &self.predicted(&b)?];
        let targets = [&self.target(first)?, &self.target(second)?];
        MethodOutput::of(terms(predicted, targets)?, features, vec![("embedding", a)])
    }

    fn after_step(&self, moment: Moment) -> Result<()> {
        let momentum = momentum_at(self.momentum, moment);
        self.target_encoder.follow(momentum)?;
        self.target_projector.follow(momentum)
    }

    fn embed(&self, encoded: &Encoded) -> Result<Embeddings> {
        let embedding = self.projector.forward(&encoded.features, Mode::Evaluate)?;
        Ok(Embeddings { invariant: Some(embedding), equivariant: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::reference::{Case, check, cosine, matrix};
    use crate::method::weighted_sum;

    #[test]
    fn the_loss_agrees_with_loops() {
        let tensors = |x: &[Tensor]| weighted_sum(&terms([&x[0], &x[1]], [&x[2], &x[3]])?);
        let loops = |x: &[Vec<f64>]| {
            let mut total = 0.0;
            for row in 0..4 {
                let at = |i: usize| &x[i][row * 3..row * 3 + 3];
                total += (2.0 - 2.0 * cosine(at(0), at(3))) + (2.0 - 2.0 * cosine(at(1), at(2)));
            }
            total / 4.0
        };
        let inputs: Vec<_> = (0..4).map(|number| matrix(4, 3, number)).collect();
        check(&Case { tensors: &tensors, loops: &loops, inputs: &inputs });
    }

    #[test]
    fn the_momentum_rises_from_its_base_to_one() {
        let at = |step| momentum_at(0.996, Moment { step, steps: 100 });
        assert_eq!(at(0), 0.996);
        assert!((at(50) - 0.998).abs() < 1e-12);
        assert_eq!(at(100), 1.0);
    }
}
