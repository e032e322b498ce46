use candle_core::{Result, Tensor, bail};
use sextant_runtime::contract::{self, output};
use sextant_runtime::graph::{DataType, Graph, GraphBuilder, Op};

use super::{MethodConfig, Setting};
use crate::nn::{Linear, Mode, Predictor, PredictorConfig, PredictorKind, Projector, Scope, split_halves};
use crate::options::ConfigOption;
use crate::transformation::{Action, Condition};
use sextant_runtime::graph::Activation;

/// Which part of the features a branch reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sees {
    /// The half that has the branch's name.
    OwnHalf,
    /// All of them.
    Whole,
}

impl Sees {
    /// How many numbers that are.
    pub fn width(self, feature_width: usize) -> usize {
        match self {
            Self::OwnHalf => feature_width / 2,
            Self::Whole => feature_width,
        }
    }
}

/// Projector, predictor and what the predictor is told: what every method that predicts a transformed embedding has.
pub struct EquivariantBranch {
    sees: Sees,
    condition: Condition,
    /// Condition to what the predictor sees of it, where it is embedded first.
    action_embedding: Option<Linear>,
    projector: Projector,
    predictor: Predictor,
}

impl EquivariantBranch {
    /// The predictor that is the rotation itself.
    pub const ROTATION: &'static str = "rotation";
    /// The form of the predictor, linear first.
    pub const PREDICTOR: ConfigOption = ConfigOption::choice(
        "predictor",
        &["linear", "deep", "mlp", Self::ROTATION],
        "predictor: linear hypernetwork, hypernetwork with two hidden ReLU layers, MLP on [embedding, condition], or the \
         rotation's matrix on each three numbers of the embedding",
    );
    /// Whether a hypernetwork has a part that does not depend on the condition.
    pub const BIAS: ConfigOption =
        ConfigOption::flag("predictor_bias", false, "a hypernetwork's part that does not depend on the condition");
    /// Hidden width of the deep hypernetwork.
    pub const HIDDEN: ConfigOption =
        ConfigOption::count("hypernetwork_hidden", 16, 1, 1024, "hidden width of the deep hypernetwork");

    /// As the options of the method say; the names of the parts are those of SIE.
    ///
    /// # Errors
    /// When the method does not have the options, or the device has no memory for it.
    pub fn new(sees: Sees, setting: Setting, scope: &mut Scope) -> Result<Self> {
        let method = setting.method;
        let kind = predictor_kind(method)?;
        let hidden = match kind {
            PredictorKind::Mlp => setting.model.projector_hidden,
            _ => method.count(Self::HIDDEN.key)?,
        };
        let bias = method.flag(Self::BIAS.key)?;
        // Whole vectors of three numbers.
        let embedding = match kind {
            PredictorKind::Rotation => setting.model.embedding / 3 * 3,
            _ => setting.model.embedding,
        };
        Self::with_predictor(sees, embedding, setting, scope, |width, condition_width| PredictorConfig {
            kind,
            width,
            condition_width,
            hidden,
            bias,
        })
    }

    /// With an MLP on the embedding and `embedded` numbers that a linear layer makes of the condition (EquiMod).
    ///
    /// # Errors
    /// When the method does not have the options of [`Condition`], or the device has no memory for it.
    pub fn with_embedded_action(sees: Sees, embedded: usize, setting: Setting, scope: &mut Scope) -> Result<Self> {
        let condition = Condition::of(setting.method)?;
        let layer = Linear::new(condition.width(), embedded, &mut scope.child("action_embedding"))?;
        let hidden = setting.model.projector_hidden;
        let embedding = setting.model.embedding;
        let branch = Self::with_predictor(sees, embedding, setting, scope, |width, _| PredictorConfig {
            kind: PredictorKind::Mlp,
            width,
            condition_width: embedded,
            hidden,
            bias: false,
        })?;
        Ok(Self { action_embedding: Some(layer), ..branch })
    }

    fn with_predictor(
        sees: Sees,
        embedding: usize,
        setting: Setting,
        scope: &mut Scope,
        predictor: impl FnOnce(usize, usize) -> PredictorConfig,
    ) -> Result<Self> {
        let Setting { method, model, feature_width, .. } = setting;
        let condition = Condition::of(method)?;
        let hidden = model.projector_hidden;
        let width_in = sees.width(feature_width);
        Ok(Self {
            sees,
            condition,
            action_embedding: None,
            projector: Projector::new(width_in, hidden, embedding, &mut scope.child("equivariant_projector"))?,
            predictor: predictor(embedding, condition.width()).init(&mut scope.child("predictor"))?,
        })
    }

    /// The equivariant embedding `[n, d]` of features `[n, feature_width]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn embed(&self, features: &Tensor, mode: Mode) -> Result<Tensor> {
        match self.sees {
            Sees::Whole => self.projector.forward(features, mode),
            Sees::OwnHalf => self.projector.forward(&split_halves(features)?.1, mode),
        }
    }

    /// The embedding after an action each, `[n, d]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn predict(&self, embedding: &Tensor, actions: &[Action]) -> Result<Tensor> {
        let condition = self.condition.rows(actions, embedding.device())?;
        let condition = match &self.action_embedding {
            None => condition,
            Some(layer) => layer.forward(&condition)?,
        };
        self.predictor.forward(embedding, &condition)
    }

    /// The graph of [`super::Method::lower_predictor`].
    ///
    /// # Errors
    /// When a folded weight is not finite.
    pub fn lower(&self, half_width: usize) -> anyhow::Result<Graph> {
        let mut graph = GraphBuilder::new(contract::graph::PREDICT_LATENT);
        let invariant =
            (self.sees == Sees::Whole).then(|| graph.input(output::INVARIANT, &[half_width], DataType::F32));
        let equivariant = graph.input(output::EQUIVARIANT, &[half_width], DataType::F32);
        let condition = graph.input(contract::input::CONDITION, &[self.condition.width()], DataType::F32);
        let features = match invariant {
            None => equivariant,
            Some(invariant) => graph.node("features", Op::Concat, &[invariant, equivariant])?,
        };
        let embedding = self.projector.lower(&mut graph, features)?;
        let condition = match &self.action_embedding {
            None => condition,
            Some(layer) => layer.lower(&mut graph, condition, Activation::Identity)?,
        };
        let predicted = self.predictor.lower(&mut graph, embedding, condition)?;
        graph.output(output::EMBEDDING, embedding);
        graph.output(output::PREDICTED_EMBEDDING, predicted);
        Ok(graph.finish())
    }
}

fn predictor_kind(method: &MethodConfig) -> Result<PredictorKind> {
    Ok(match method.choice(EquivariantBranch::PREDICTOR.key)?.as_str() {
        "linear" => PredictorKind::Linear,
        "deep" => PredictorKind::Deep,
        "mlp" => PredictorKind::Mlp,
        EquivariantBranch::ROTATION => PredictorKind::Rotation,
        other => bail!("there is no predictor '{other}'"),
    })
}

/// Options that are set but say nothing beside the others: key, and what is allowed instead.
pub(super) fn meaningless_options(method: &MethodConfig) -> Vec<(&'static str, &'static str)> {
    let has = |option: ConfigOption| method.options.get(option.key).is_some();
    let changed = |option: ConfigOption| method.options.get(option.key).is_some_and(|v| *v != option.default_value());
    let choice =
        |option: ConfigOption| if has(option) { method.choice(option.key).unwrap_or_default() } else { String::new() };
    let predictor = choice(EquivariantBranch::PREDICTOR);
    let mut found = Vec::new();
    if predictor == "mlp" && changed(EquivariantBranch::BIAS) {
        found.push((EquivariantBranch::BIAS.key, "false for predictor = \"mlp\", which has biases of its own"));
    }
    if !matches!(predictor.as_str(), "deep" | "") && changed(EquivariantBranch::HIDDEN) {
        found.push((EquivariantBranch::HIDDEN.key, "a change only for predictor = \"deep\""));
    }
    if predictor == EquivariantBranch::ROTATION {
        for option in [Condition::CODE, Condition::TRANSFORMATION, EquivariantBranch::BIAS] {
            if changed(option) {
                found.push((
                    option.key,
                    "no change for predictor = \"rotation\", which is the rotation's matrix itself",
                ));
            }
        }
    } else if matches!(choice(Condition::TRANSFORMATION).as_str(), "colour" | "quarter-turns")
        && changed(Condition::CODE)
    {
        found.push((Condition::CODE.key, "a change only where transformation is rotation or rotation-colour"));
    }
    found
}
