//! Features in which more of a transformation is farther away, and which others leave alone: our reading of the abstract of
//! Xie et al., "What Should Be Equivariant in Self-Supervised Learning" (CVPR Workshops 2022), of which no more is public.

mod objective;

use candle_core::{Result, Tensor};
use sextant_runtime::graph::{GraphBuilder, ValueId};

use super::simclr::TEMPERATURE;
use super::{
    Embeddings, LoweredFeatures, Method, MethodConfig, MethodEntry, MethodOutput, ModelKey, Needs, Setting,
    TransformationHeads, TransformationLogits, Views, nt_xent,
};
use crate::data::{CONTRASTED_VIEWS, Drawing, LOOKS};
use crate::nn::{Encoded, Encoder, Mode, Projector, Scope};
use crate::options::ConfigOption;
use crate::transformation::{Transformation, Transformations};

use objective::{Objective, Scales};

pub(super) const ENTRY: MethodEntry = MethodEntry {
    name: "ordered-scales",
    paper: "our reading of the abstract of Xie et al., CVPR Workshops 2022; its reconstruction as in arXiv 2503.18753",
    loss: "NT-Xent of two views without the chosen transformations + order of the features of one view under more and more \
           of one of them",
    reads_map_alone: false,
    needs: |config, known| {
        let contrasted = [ORDERED, PREDICTED].map(|option| config.transformations(option.key, known));
        let [ordered, predicted] = contrasted;
        let contrasted = [ordered?, predicted?].concat();
        let drawing = Drawing::contrasting(contrasted.clone());
        Ok(Needs { drawing, ..Needs::of(LOOKS + CONTRASTED_VIEWS, contrasted) })
    },
    labels: &[],
    options: &[
        TEMPERATURE,
        ORDERED,
        PREDICTED,
        OBJECTIVE,
        ORDER_WEIGHT,
        MARGIN,
        PREDICTION_WEIGHT,
        TransformationHeads::LAYERS,
    ],
    model_keys: &ModelKey::OF_PROJECTOR,
    build: |setting, scope| Ok(Box::new(OrderedScales::new(setting, scope)?)),
};

const ORDERED: ConfigOption = ConfigOption::ordered_transformations(
    "ordered",
    &["rotation-scale"],
    "whose order the features keep; to all other changes they are invariant",
)
.or_none();
const PREDICTED: ConfigOption = ConfigOption::finite_transformations(
    "predicted",
    &[],
    "whose classes are predicted from the features, since they have no order",
)
.or_none();
const OBJECTIVE: ConfigOption = ConfigOption::choice(
    "objective",
    &["ranking", "reconstruction"],
    "what keeps the order: less of it lies nearer than more, or what lies between two strengths is found from both",
);
const ORDER_WEIGHT: ConfigOption = ConfigOption::weight("order_weight", 10.0, "ranking or reconstruction");
const MARGIN: ConfigOption = ConfigOption::number(
    "margin",
    0.2,
    0.0,
    2.0,
    "by how much more of the whole scale is to be farther away, in 1 less the cosine",
);
const PREDICTION_WEIGHT: ConfigOption =
    ConfigOption::weight("prediction_weight", 0.4, "cross-entropy of the predicted transformations");

/// Options that are changed and have no effect beside the others, with what is allowed there.
pub(super) fn options_without_effect(method: &MethodConfig) -> Vec<(&'static str, &'static str)> {
    let names = |option: ConfigOption| method.names(option.key);
    let (Ok(ordered), Ok(predicted)) = (names(ORDERED), names(PREDICTED)) else { return Vec::new() };
    let is_changed =
        |option: &ConfigOption| method.options.get(option.key).is_some_and(|v| *v != option.default_value());
    let changed = |options: &[ConfigOption], allowed: &'static str| -> Vec<_> {
        options.iter().filter(|option| is_changed(option)).map(|option| (option.key, allowed)).collect()
    };
    let mut found = Vec::new();
    if ordered.is_empty() && predicted.is_empty() {
        found.push((ORDERED.key, "a name here or in method.predicted; the method simclr is invariant to all"));
    }
    if ordered.is_empty() {
        found.extend(changed(&[OBJECTIVE, ORDER_WEIGHT, MARGIN], "a change only where ordered lists a name"));
    } else if method.choice(OBJECTIVE.key).is_ok_and(|chosen| chosen != "ranking") {
        found.extend(changed(&[MARGIN], "a change only for objective = \"ranking\""));
    }
    if predicted.is_empty() {
        let of_heads = [PREDICTION_WEIGHT, TransformationHeads::LAYERS];
        found.extend(changed(&of_heads, "a change only where predicted lists a name"));
    }
    found
}

/// A projector for the contrast, an objective that keeps order, and classifiers of what has none; all on the whole features.
pub struct OrderedScales {
    temperature: f64,
    order_weight: f64,
    prediction_weight: f64,
    projector: Projector,
    ordered: Vec<&'static dyn Transformation>,
    objective: Objective,
    heads: TransformationHeads,
}

impl OrderedScales {
    /// As the options say, with the config's projector sizes.
    ///
    /// # Errors
    /// When a transformation is unknown, or the device has no memory for it.
    pub fn new(setting: Setting, scope: &mut Scope) -> Result<Self> {
        let Setting { method, model, feature_width, transformations, .. } = setting;
        let listed = |option: ConfigOption, known: &Transformations| method.transformations(option.key, known);
        let (ordered, predicted) = (listed(ORDERED, transformations)?, listed(PREDICTED, transformations)?);
        let temperature = method.number(TEMPERATURE.key)?;
        let (hidden, embedding) = (model.projector_hidden, model.embedding);
        let objective = match method.choice(OBJECTIVE.key)?.as_str() {
            "reconstruction" => {
                Objective::reconstruction(feature_width, hidden, temperature, &mut scope.child("reconstruction"))?
            }
            _ => Objective::Ranking { margin: method.number(MARGIN.key)? },
        };
        Ok(Self {
            temperature,
            order_weight: method.number(ORDER_WEIGHT.key)?,
            prediction_weight: method.number(PREDICTION_WEIGHT.key)?,
            projector: Projector::new(feature_width, hidden, embedding, &mut scope.child("projector"))?,
            ordered,
            objective,
            heads: TransformationHeads::of(predicted, feature_width, setting, scope)?,
        })
    }

    /// The encoder's features of each view, `[n, feature_width]`. All views go through it at once, so that batch norm takes
    /// no strength for the mean of a view.
    fn features(&self, encoder: &dyn Encoder, views: &Views) -> Result<Vec<Tensor>> {
        let images: Vec<&Tensor> = views.views.iter().map(|view| &view.images).collect();
        let together = encoder.forward(&Tensor::cat(&images, 0)?, Mode::Train)?;
        let rows = together.dim(0)? / images.len();
        (0..images.len()).map(|view| together.narrow(0, view * rows, rows)?.contiguous()).collect()
    }
}

impl Method for OrderedScales {
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput> {
        let features = self.features(encoder, views)?;
        let a = self.projector.forward(&features[0], Mode::Train)?;
        let b = self.projector.forward(&features[1], Mode::Train)?;
        let [all_a, all_b] = views.of_whole_batch([&a, &b])?;
        let mut terms = vec![("contrast", 1.0, nt_xent(&[all_a, all_b], self.temperature)?)];
        if !self.ordered.is_empty() {
            let shown: Vec<usize> = [0].into_iter().chain(LOOKS..features.len()).collect();
            let scales = Scales::of(views, &self.ordered, &shown)?;
            let of_scales: Vec<&Tensor> = shown.iter().map(|view| &features[*view]).collect();
            terms.extend(self.objective.terms(&of_scales, &scales, views, self.order_weight)?);
        }
        terms.extend(self.heads.terms(&features[LOOKS..], views, LOOKS, self.prediction_weight)?);
        MethodOutput::of(terms, features, vec![("embedding", a)])
    }

    fn embed(&self, encoded: &Encoded) -> Result<Embeddings> {
        let embedding = self.projector.forward(&encoded.features, Mode::Evaluate)?;
        Ok(Embeddings { invariant: Some(embedding), equivariant: None })
    }

    fn transformation_logits(&self, features: &Tensor) -> Result<Vec<TransformationLogits>> {
        self.heads.logits(features)
    }

    fn lower_transformation_logits(
        &self,
        graph: &mut GraphBuilder,
        features: LoweredFeatures,
    ) -> anyhow::Result<Vec<(&'static dyn Transformation, ValueId)>> {
        self.heads.lower(graph, features.whole)
    }
}
