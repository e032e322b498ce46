//! Prediction of transformations while class information is left alone, added or taken out of the features (Wang et al.,
//! NeurIPS 2024): what the class is worth for telling a transformation.

use candle_core::{Result, Tensor};
use sextant_runtime::graph::{GraphBuilder, ValueId};

use super::predict_transform::{PredictTransform, VIEWS};
use super::{
    Embeddings, Label, LoweredFeatures, Method, MethodConfig, MethodEntry, MethodOutput, ModelKey, Needs, Setting,
    TransformationHeads, TransformationLogits, Views, WeightedTerm, negative_log_softmax,
};
use crate::nn::{Encoded, Encoder, Linear, Scope, cross_entropy};
use crate::options::ConfigOption;
use crate::transformation::Transformation;

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "class-information",
    paper: "the experiment of Wang et al., NeurIPS 2024",
    loss: "as predict-transform, with a class head whose gradient is kept from the encoder, added, or turned against it",
    reads_map_alone: false,
    labels: &[Label::Class],
    needs: |config, known| Ok(Needs::of(config.count(VIEWS.key)?, TransformationHeads::predicted(config, known)?)),
    options: &[
        TransformationHeads::TRANSFORMS,
        TransformationHeads::LAYERS,
        VIEWS,
        CLASS_INFORMATION,
        CLASS_WEIGHT,
        ELIMINATION,
    ],
    model_keys: &[ModelKey::PROJECTOR_HIDDEN.unless("head_layers", "1")],
    build: |setting, scope| Ok(Box::new(ClassInformation::new(setting, scope)?)),
};

const CLASS_INFORMATION: ConfigOption =
    ConfigOption::choice("class_information", &["leave", "add", "eliminate"], "what the encoder learns of the class");
const CLASS_WEIGHT: ConfigOption = ConfigOption::weight("class_weight", 1.0, "the encoder's term of the class");
const ELIMINATION: ConfigOption = ConfigOption::choice(
    "elimination",
    &["uniform", "clipped"],
    "what the encoder minimises to eliminate the class: cross-entropy of the class head against the uniform distribution, \
     or the negative cross-entropy up to that of guessing",
);

/// What the encoder learns of the class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClassTerm {
    /// Nothing.
    Leave,
    /// To tell it.
    Add,
    /// To leave the class head with as much doubt as guessing has.
    EliminateUniform,
    /// To make the class head err as often as guessing does.
    EliminateClipped,
}

/// Classifiers of transformations, and one of the class, on the whole features.
pub struct ClassInformation {
    prediction: PredictTransform,
    class_head: Linear,
    term: ClassTerm,
    weight: f64,
}

impl ClassInformation {
    /// As the options say.
    ///
    /// # Errors
    /// When a transformation has no finite classes, or the device has no memory for it.
    pub fn new(setting: Setting, scope: &mut Scope) -> Result<Self> {
        let class_head = Linear::new(setting.feature_width, setting.classes, &mut scope.child("class"))?;
        let (term, weight) = (class_term(setting.method)?, setting.method.number(CLASS_WEIGHT.key)?);
        Ok(Self { prediction: PredictTransform::new(setting, scope)?, class_head, term, weight })
    }
}

/// Options that are changed and have no effect beside the others, with what is allowed there.
pub(super) fn options_without_effect(method: &MethodConfig) -> Vec<(&'static str, &'static str)> {
    let Ok(chosen) = method.choice(CLASS_INFORMATION.key) else { return Vec::new() };
    let is_changed =
        |option: ConfigOption| method.options.get(option.key).is_some_and(|v| *v != option.default_value());
    let mut found = Vec::new();
    if chosen == "leave" && is_changed(CLASS_WEIGHT) {
        found.push((CLASS_WEIGHT.key, "a change only where class_information is add or eliminate"));
    }
    if chosen != "eliminate" && is_changed(ELIMINATION) {
        found.push((ELIMINATION.key, "a change only where class_information is eliminate"));
    }
    found
}

fn class_term(method: &MethodConfig) -> Result<ClassTerm> {
    Ok(match (method.choice(CLASS_INFORMATION.key)?.as_str(), method.choice(ELIMINATION.key)?.as_str()) {
        ("add", _) => ClassTerm::Add,
        ("eliminate", "clipped") => ClassTerm::EliminateClipped,
        ("eliminate", _) => ClassTerm::EliminateUniform,
        _ => ClassTerm::Leave,
    })
}

/// What the class head learns, and what the encoder learns from it: each from weights that the other's step has not moved,
/// so that no gradient of the one reaches the other.
///
/// `for_head` are the logits of features without gradient, `for_encoder` those of a head without gradient, both `[n,
/// classes]`.
fn class_terms(
    for_head: &Tensor,
    for_encoder: &Tensor,
    labels: &Tensor,
    term: ClassTerm,
    weight: f64,
) -> Result<Vec<WeightedTerm>> {
    let head = ("class_head", 1.0, cross_entropy(for_head, labels)?);
    let of_encoder = match term {
        ClassTerm::Leave => return Ok(vec![head]),
        ClassTerm::Add => cross_entropy(for_encoder, labels)?,
        ClassTerm::EliminateUniform => against_uniform(for_encoder)?,
        ClassTerm::EliminateClipped => clipped_negative(for_encoder, labels)?,
    };
    Ok(vec![head, ("class_of_encoder", weight, of_encoder)])
}

/// Mean over rows and classes of `-log softmax(logits)`: `log(classes)` at least, where the head is in full doubt.
fn against_uniform(logits: &Tensor) -> Result<Tensor> {
    negative_log_softmax(logits)?.mean_all()
}

/// Mean over rows of `-min(CE, log(classes))`: nothing is gained by being wrong with more confidence than guessing.
fn clipped_negative(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    let guessing = (logits.dim(1)? as f64).ln();
    let paid = negative_log_softmax(logits)?.gather(&labels.unsqueeze(1)?, 1)?;
    paid.minimum(guessing)?.mean_all()?.neg()
}

impl Method for ClassInformation {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let features = self.prediction.features(encoder, views)?;
        let all = Tensor::cat(&features, 0)?;
        let labels = views.labels.repeat(features.len())?;
        let (weight, bias) = self.class_head.detached()?;
        let for_encoder = all.matmul(&weight.t()?)?.broadcast_add(&bias)?;
        let for_head = self.class_head.forward(&all.detach())?;
        let mut terms = self.prediction.heads().terms(&features, views, 0, 1.0)?;
        terms.extend(class_terms(&for_head, &for_encoder, &labels, self.term, self.weight)?);
        MethodOutput::of(terms, features, Vec::new())
    }

    fn embed(&self, _encoded: &Encoded) -> Result<Embeddings> {
        Ok(Embeddings::default())
    }

    fn told_transformations(&self) -> Vec<&'static dyn Transformation> {
        self.prediction.told_transformations()
    }

    fn transformation_logits(&self, features: &Tensor) -> Result<Vec<TransformationLogits>> {
        self.prediction.transformation_logits(features)
    }

    fn lower_transformation_logits(
        &self,
        graph: &mut GraphBuilder,
        features: LoweredFeatures,
    ) -> anyhow::Result<Vec<(&'static dyn Transformation, ValueId)>> {
        self.prediction.lower_transformation_logits(graph, features)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;
    use crate::method::reference::{self, Case, check, matrix};
    use crate::method::weighted_sum;

    const LABELS: [u32; 5] = [3, 0, 1, 2, 2];

    /// `-log softmax` of each entry.
    fn paid(logits: &[f64], classes: usize) -> Vec<f64> {
        let row = |row: &[f64]| {
            let sum: f64 = row.iter().map(|x| x.exp()).sum();
            row.iter().map(move |x| sum.ln() - x).collect::<Vec<_>>()
        };
        logits.chunks(classes).flat_map(row).collect()
    }

    #[test]
    fn every_setting_agrees_with_loops() {
        let of_rows = |x: &[f64]| -> Vec<f64> {
            paid(x, 4).chunks(4).zip(LABELS).map(|(row, label)| row[label as usize]).collect()
        };
        type OfEncoder = Box<dyn Fn(&[f64]) -> f64>;
        let expected: [(ClassTerm, OfEncoder); 4] = [
            (ClassTerm::Leave, Box::new(|_| 0.0)),
            (ClassTerm::Add, Box::new(|x| reference::cross_entropy(x, &LABELS, 4))),
            (ClassTerm::EliminateUniform, Box::new(|x| paid(x, 4).iter().sum::<f64>() / 20.0)),
            (
                ClassTerm::EliminateClipped,
                Box::new(move |x| -of_rows(x).iter().map(|paid| paid.min(4f64.ln())).sum::<f64>() / 5.0),
            ),
        ];
        for (term, of_encoder) in expected {
            let tensors = |x: &[Tensor]| {
                let labels = Tensor::new(&LABELS, &Device::Cpu)?;
                weighted_sum(&class_terms(&x[0], &x[1], &labels, term, 0.7)?)
            };
            let loops = |x: &[Vec<f64>]| reference::cross_entropy(&x[0], &LABELS, 4) + 0.7 * of_encoder(&x[1]);
            check(&Case { tensors: &tensors, loops: &loops, inputs: &[matrix(5, 4, 1), matrix(5, 4, 2)] });
        }
    }

    #[test]
    fn elimination_stops_where_nothing_is_known() {
        let even = Var::zeros((2, 4), candle_core::DType::F32, &Device::Cpu).unwrap();
        let gradient = |loss: Tensor| {
            let gradient = loss.backward().unwrap().get(&even).unwrap().flatten_all().unwrap();
            gradient.to_vec1::<f32>().unwrap().iter().fold(0f32, |largest, x| largest.max(x.abs()))
        };
        let uniform = against_uniform(&even).unwrap();
        assert!((uniform.to_scalar::<f32>().unwrap() - 4f32.ln()).abs() < 1e-6);
        assert!(gradient(uniform) < 1e-7);
        // Far beyond guessing nothing is left to gain.
        let wrong = Var::new(&[[9f32, 0.0, 0.0, 0.0]], &Device::Cpu).unwrap();
        let labels = Tensor::new(&[1u32], &Device::Cpu).unwrap();
        let loss = clipped_negative(&wrong, &labels).unwrap();
        assert!((loss.to_scalar::<f32>().unwrap() + 4f32.ln()).abs() < 1e-6);
        let gradient = loss.backward().unwrap().get(&wrong).unwrap().to_vec2::<f32>().unwrap();
        assert!(gradient[0].iter().all(|x| *x == 0.0), "{gradient:?}");
    }
}
