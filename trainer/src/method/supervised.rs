//! Supervised learning of the class, of the relative rotation, or of both: what labels are worth.

use candle_core::{Result, Tensor};

use super::MethodConfig;
use super::{
    Embeddings, Label, Method, MethodEntry, MethodOutput, ModelKey, Needs, Setting, Views, WeightedTerm,
    mean_squared_error,
};
use crate::nn::{Encoded, Encoder, Linear, Mlp, Mode, Scope, cross_entropy};
use crate::options::ConfigOption;
use crate::transformation::Condition;

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "supervised",
    paper: "the supervised controls of Garrido et al., ICML 2023, arXiv 2302.10283",
    loss: "cross-entropy of the class and squared error of the relative quaternion, from the whole features",
    reads_map_alone: false,
    needs: |config, _| needs(config),
    labels: &[Label::Class, Label::Rotation],
    options: &[
        ConfigOption::choice("target", &["both", Label::Class.name(), Label::Rotation.name()], "what is learned"),
        ConfigOption::weight("class_weight", 1.0, "cross-entropy of the class"),
        ConfigOption::weight("rotation_weight", 10.0, "squared error of the relative quaternion"),
    ],
    model_keys: &[ModelKey::PROJECTOR_HIDDEN.unless("target", "class")],
    build: |setting, scope| Ok(Box::new(Supervised::new(setting, scope)?)),
};

/// The rotation between the views, where it is learned.
fn needs(config: &MethodConfig) -> Result<Needs> {
    Ok(match config.choice("target")?.as_str() {
        "class" => Needs::TWO_VIEWS,
        _ => Needs::told(Condition::CANONICAL_ROTATION),
    })
}

/// A classifier on the features and a regressor on both views' features.
pub struct Supervised {
    classifier: Option<(f64, Linear)>,
    regressor: Option<(f64, Mlp)>,
}

impl Supervised {
    /// The regressor's hidden layers are as wide as the config's projector.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(setting: Setting, scope: &mut Scope) -> Result<Self> {
        let Setting { method, model, feature_width, classes, .. } = setting;
        let hidden = model.projector_hidden;
        let target = method.choice("target")?;
        let classifier = || Linear::new(feature_width, classes, &mut scope.child("classifier"));
        let classifier = (target != "rotation").then(classifier).transpose()?;
        let widths = [2 * feature_width, hidden, hidden, Condition::CANONICAL_ROTATION.width()];
        let regressor = || Mlp::new(&widths, &mut scope.child("regressor"));
        let regressor = (target != "class").then(regressor).transpose()?;
        let class_weight = method.number("class_weight")?;
        let rotation_weight = method.number("rotation_weight")?;
        Ok(Self {
            classifier: classifier.map(|linear| (class_weight, linear)),
            regressor: regressor.map(|mlp| (rotation_weight, mlp)),
        })
    }
}

/// `w CE(logits, labels)`, over both views.
fn class_term(logits: [&Tensor; 2], labels: &Tensor, weight: f64) -> Result<WeightedTerm> {
    let both = (cross_entropy(logits[0], labels)? + cross_entropy(logits[1], labels)?)?;
    Ok(("class", weight, (both * 0.5)?))
}

impl Method for Supervised {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let [first, second] = views.pair();
        let features = [encoder.forward(first, Mode::Train)?, encoder.forward(second, Mode::Train)?];
        let mut terms = Vec::new();
        if let Some((weight, classifier)) = &self.classifier {
            let logits = [&classifier.forward(&features[0])?, &classifier.forward(&features[1])?];
            terms.push(class_term(logits, &views.labels, *weight)?);
        }
        if let Some((weight, regressor)) = &self.regressor {
            let regressed = regressor.forward(&Tensor::cat(&features, 1)?)?;
            let truth = Condition::CANONICAL_ROTATION.rows(&views.actions(0, 1), views.device())?;
            terms.push(("rotation", *weight, mean_squared_error(&regressed, &truth)?));
        }
        MethodOutput::of(terms, features, Vec::new())
    }

    fn embed(&self, _encoded: &Encoded) -> Result<Embeddings> {
        Ok(Embeddings::default())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::method::reference::{self, Case, check, matrix};

    #[test]
    fn the_loss_agrees_with_loops() {
        let labels = [2u32, 0, 1, 2];
        let tensors = |x: &[Tensor]| {
            let labels = Tensor::new(&labels, &Device::Cpu)?;
            let (_, weight, class) = class_term([&x[0], &x[1]], &labels, 3.0)?;
            (class * weight)? + (mean_squared_error(&x[2], &x[3])? * 10.0)?
        };
        let loops = |x: &[Vec<f64>]| {
            let class = reference::cross_entropy(&x[0], &labels, 3) + reference::cross_entropy(&x[1], &labels, 3);
            1.5 * class + 10.0 * reference::mean_squared_error(&x[2], &x[3])
        };
        let inputs: Vec<_> = (0..4).map(|number| matrix(4, 3, number)).collect();
        check(&Case { tensors: &tensors, loops: &loops, inputs: &inputs });
    }
}
