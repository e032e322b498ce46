//! Prediction of what was done to a picture, such as by how much it was turned (Gidaris et al., ICLR 2018).

use candle_core::{DType, Result, Tensor};

use super::{
    Embeddings, Method, MethodConfig, MethodEntry, MethodOutput, ModelKey, Needs, Setting, Views, WeightedTerm,
};
use crate::nn::{Encoded, Encoder, Mlp, Mode, Scope, cross_entropy};
use crate::options::ConfigOption;
use crate::transformation::{Transformation, Transformations};

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "predict-transform",
    paper: "Gidaris et al., ICLR 2018, arXiv 1803.07728",
    loss: "cross-entropy of each view's transformations, which data.transformations has to list",
    labels: &[],
    needs: |config, known| Ok(Needs { views: 2, transformations: predicted(config, known)? }),
    options: &[
        TRANSFORMS,
        ConfigOption::count(
            "head_layers",
            1,
            1,
            3,
            "layers of each classifier; hidden ones are as wide as the projector's",
        ),
    ],
    model_keys: &[ModelKey::PROJECTOR_HIDDEN.unless("head_layers", "1")],
    build: |setting, scope| Ok(Box::new(PredictTransform::new(setting, scope)?)),
};

const TRANSFORMS: ConfigOption =
    ConfigOption::finite_transformations("transforms", &["quarter-turns"], "what is predicted of each view");

/// A classifier on the whole features for each transformation.
pub struct PredictTransform {
    heads: Vec<Head>,
}

struct Head {
    transformation: &'static dyn Transformation,
    classifier: Mlp,
}

/// The transformations that the options name.
fn predicted(config: &MethodConfig, known: &Transformations) -> Result<Vec<&'static dyn Transformation>> {
    let named = |name: String| match known.find(&name) {
        Some(transformation) => Ok(*transformation),
        None => candle_core::bail!("there is no transformation '{name}'"),
    };
    config.names(TRANSFORMS.key)?.into_iter().map(named).collect()
}

impl PredictTransform {
    /// Classifiers of the transformations and of as many layers as the options say.
    ///
    /// # Errors
    /// When a transformation has no finite classes, or the device has no memory for it.
    pub fn new(setting: Setting, scope: &mut Scope) -> Result<Self> {
        let Setting { method, model, feature_width, transformations, .. } = setting;
        let hidden = vec![model.projector_hidden; method.count("head_layers")? - 1];
        let head = |transformation: &'static dyn Transformation| -> Result<Head> {
            let Some(classes) = transformation.kind().classes() else {
                candle_core::bail!("{} has no finite classes to predict", transformation.name())
            };
            let widths = [&[feature_width], &hidden[..], &[classes]].concat();
            let classifier = Mlp::new(&widths, &mut scope.child(transformation.name()))?;
            Ok(Head { transformation, classifier })
        };
        Ok(Self { heads: predicted(method, transformations)?.into_iter().map(head).collect::<Result<_>>()? })
    }
}

/// What the answers of a classifier come to.
struct Judged {
    name: &'static str,
    loss: Tensor,
    accuracy: Tensor,
}

impl Head {
    /// Of both views.
    fn judge(&self, features: &[Tensor; 2], views: &Views) -> Result<Judged> {
        let logits = self.classifier.forward(&Tensor::cat(features, 0)?)?;
        let classes = [views.classes(0, self.transformation)?, views.classes(1, self.transformation)?];
        judged(self.transformation.name(), &logits, &Tensor::cat(&classes, 0)?)
    }
}

/// # Shapes
/// `logits` is `[n, count]`, `classes` is `u32 [n]`.
fn judged(name: &'static str, logits: &Tensor, classes: &Tensor) -> Result<Judged> {
    let is_right = logits.detach().argmax(1)?.eq(classes)?.to_dtype(DType::F32)?;
    Ok(Judged { name, loss: cross_entropy(logits, classes)?, accuracy: is_right.mean_all()? })
}

/// The sum of the cross-entropies. The mean accuracy is there to be watched, and has no weight.
fn terms(judged: Vec<Judged>) -> Result<Vec<WeightedTerm>> {
    let accuracies: Vec<&Tensor> = judged.iter().map(|judged| &judged.accuracy).collect();
    let accuracy = Tensor::stack(&accuracies, 0)?.mean_all()?;
    Ok(judged.into_iter().map(|judged| (judged.name, 1.0, judged.loss)).chain([("accuracy", 0.0, accuracy)]).collect())
}

impl Method for PredictTransform {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let [first, second] = views.pair();
        let features = [encoder.forward(first, Mode::Train)?, encoder.forward(second, Mode::Train)?];
        let judged = self.heads.iter().map(|head| head.judge(&features, views)).collect::<Result<_>>()?;
        MethodOutput::of(terms(judged)?, features, Vec::new())
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
    use crate::method::weighted_sum;

    #[test]
    fn the_loss_agrees_with_loops() {
        let (turns, flips) = ([3u32, 0, 1, 2, 2], [0u32, 1, 1, 0, 1]);
        let tensors = |x: &[Tensor]| {
            let of = |name, logits: &Tensor, classes| judged(name, logits, &Tensor::new(classes, &Device::Cpu)?);
            weighted_sum(&terms(vec![of("turns", &x[0], &turns)?, of("flips", &x[1], &flips)?])?)
        };
        let loops =
            |x: &[Vec<f64>]| reference::cross_entropy(&x[0], &turns, 4) + reference::cross_entropy(&x[1], &flips, 2);
        check(&Case { tensors: &tensors, loops: &loops, inputs: &[matrix(5, 4, 1), matrix(5, 2, 2)] });
    }

    #[test]
    fn accuracy_counts_the_largest_entries() {
        let logits = [[0f32, 2.0, 1.0], [3.0, 0.0, 1.0], [0.0, 1.0, 5.0], [1.0, 0.0, 0.0]];
        let (logits, classes) = (Tensor::new(&logits, &Device::Cpu), Tensor::new(&[1u32, 2, 2, 0], &Device::Cpu));
        let judged = judged("turns", &logits.unwrap(), &classes.unwrap()).unwrap();
        assert_eq!(judged.accuracy.to_scalar::<f32>().unwrap(), 0.75);
    }
}
