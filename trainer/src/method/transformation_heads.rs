//! Classifiers of what was done to each view: what every method that predicts transformations has.

use candle_core::{DType, Result, Tensor};
use sextant_runtime::graph::{GraphBuilder, ValueId};

use super::{MethodConfig, Setting, TransformationLogits, Views, WeightedTerm};
use crate::nn::{Mlp, Scope, cross_entropy};
use crate::options::ConfigOption;
use crate::transformation::{Transformation, Transformations};

/// A classifier for each transformation.
pub struct TransformationHeads(Vec<Head>);

struct Head {
    transformation: &'static dyn Transformation,
    classifier: Mlp,
}

/// What the answers of a classifier come to.
pub(super) struct Judged {
    name: &'static str,
    loss: Tensor,
    accuracy: Tensor,
}

impl TransformationHeads {
    /// What is predicted; the option of every method that has these heads.
    pub const TRANSFORMS: ConfigOption =
        ConfigOption::finite_transformations("transforms", &["quarter-turns"], "what is predicted of each view");
    /// Layers of each classifier.
    pub const LAYERS: ConfigOption = ConfigOption::count(
        "head_layers",
        1,
        1,
        3,
        "layers of each classifier; hidden ones are as wide as the projector's",
    );

    /// The transformations that [`Self::TRANSFORMS`] names.
    ///
    /// # Errors
    /// As [`MethodConfig::transformations`].
    pub fn predicted(config: &MethodConfig, known: &Transformations) -> Result<Vec<&'static dyn Transformation>> {
        config.transformations(Self::TRANSFORMS.key, known)
    }

    /// Classifiers of [`Self::TRANSFORMS`] that read so many numbers, of as many layers as the options say.
    ///
    /// # Errors
    /// When a transformation has no finite classes, or the device has no memory for it.
    pub fn new(width_in: usize, setting: Setting, scope: &mut Scope) -> Result<Self> {
        Self::of(Self::predicted(setting.method, setting.transformations)?, width_in, setting, scope)
    }

    /// Classifiers of these transformations that read so many numbers, of as many layers as the options say.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of(
        predicted: Vec<&'static dyn Transformation>,
        width_in: usize,
        setting: Setting,
        scope: &mut Scope,
    ) -> Result<Self> {
        let Setting { method, model, .. } = setting;
        let hidden = vec![model.projector_hidden; method.count(Self::LAYERS.key)? - 1];
        let head = |transformation: &'static dyn Transformation| -> Result<Head> {
            let Some(classes) = transformation.kind().classes() else {
                candle_core::bail!("{} has no finite classes to predict", transformation.name())
            };
            let widths = [&[width_in], &hidden[..], &[classes]].concat();
            let classifier = Mlp::new(&widths, &mut scope.child(transformation.name()))?;
            Ok(Head { transformation, classifier })
        };
        Ok(Self(predicted.into_iter().map(head).collect::<Result<_>>()?))
    }

    /// The weighted terms of all classifiers on `views` from `first_view` on, one for each of `inputs`, `[n, width_in]`. The
    /// mean accuracy is there to be watched, and has no weight. None where there is no classifier.
    ///
    /// # Errors
    /// When shapes differ, or the views do not have a transformation.
    pub fn terms(&self, inputs: &[Tensor], views: &Views, first_view: usize, weight: f64) -> Result<Vec<WeightedTerm>> {
        if self.0.is_empty() {
            return Ok(Vec::new());
        }
        let all = Tensor::cat(inputs, 0)?;
        let judge = |head: &Head| {
            let shown = first_view..first_view + inputs.len();
            let classes = shown.map(|view| views.classes(view, head.transformation));
            let classes = Tensor::cat(&classes.collect::<Result<Vec<_>>>()?, 0)?;
            judged(head.transformation.name(), &head.classifier.forward(&all)?, &classes)
        };
        terms(self.0.iter().map(judge).collect::<Result<_>>()?, weight)
    }

    /// What they tell apart.
    pub fn transformations(&self) -> Vec<&'static dyn Transformation> {
        self.0.iter().map(|head| head.transformation).collect()
    }

    /// What they say of inputs `[n, width_in]`, without gradient.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn logits(&self, input: &Tensor) -> Result<Vec<TransformationLogits>> {
        let logits = |head: &Head| Ok((head.transformation, head.classifier.forward(input)?.detach()));
        self.0.iter().map(logits).collect()
    }

    /// Appends the classifiers: the value of each transformation.
    ///
    /// # Errors
    /// When the value does not fit, or a weight is not finite.
    pub fn lower(
        &self,
        graph: &mut GraphBuilder,
        input: ValueId,
    ) -> anyhow::Result<Vec<(&'static dyn Transformation, ValueId)>> {
        self.0.iter().map(|head| Ok((head.transformation, head.classifier.lower(graph, input)?))).collect()
    }
}

/// # Shapes
/// `logits` is `[n, count]`, `classes` is `u32 [n]`.
pub(super) fn judged(name: &'static str, logits: &Tensor, classes: &Tensor) -> Result<Judged> {
    let is_right = logits.detach().argmax(1)?.eq(classes)?.to_dtype(DType::F32)?;
    Ok(Judged { name, loss: cross_entropy(logits, classes)?, accuracy: is_right.mean_all()? })
}

/// The cross-entropies, and the mean accuracy.
pub(super) fn terms(judged: Vec<Judged>, weight: f64) -> Result<Vec<WeightedTerm>> {
    let accuracies: Vec<&Tensor> = judged.iter().map(|judged| &judged.accuracy).collect();
    let accuracy = Tensor::stack(&accuracies, 0)?.mean_all()?;
    let losses = judged.into_iter().map(|judged| (judged.name, weight, judged.loss));
    Ok(losses.chain([("accuracy", 0.0, accuracy)]).collect())
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn accuracy_counts_the_largest_entries() {
        let logits = [[0f32, 2.0, 1.0], [3.0, 0.0, 1.0], [0.0, 1.0, 5.0], [1.0, 0.0, 0.0]];
        let (logits, classes) = (Tensor::new(&logits, &Device::Cpu), Tensor::new(&[1u32, 2, 2, 0], &Device::Cpu));
        let judged = judged("turns", &logits.unwrap(), &classes.unwrap()).unwrap();
        assert_eq!(judged.accuracy.to_scalar::<f32>().unwrap(), 0.75);
    }
}
