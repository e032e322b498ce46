//! Self-supervised methods: each is one file that implements [`Method`] and one line of [`METHODS`].

mod branch;
mod byol;
mod care;
mod class_information;
mod condition;
mod config;
mod equicaps;
mod equimod;
mod equivariant;
mod essl;
mod loss;
mod model_keys;
mod needs;
mod no_loss;
mod only_equivariance;
mod ordered_scales;
mod predict_transform;
#[cfg(test)]
pub(crate) mod reference;
mod sen;
mod seq_jepa;
mod ser;
mod sextant;
mod sie;
mod simclr;
mod simclr_augself;
mod supervised;
#[cfg(test)]
mod tensors;
#[cfg(test)]
mod tests;
mod transformation_heads;
mod vicreg;
mod views;

use candle_core::{Result, Tensor};
use sextant_runtime::contract::output;
use sextant_runtime::graph::{Graph, GraphBuilder, Op, ValueId};

use crate::nn::{Encoded, Encoder, EncoderEntry, EncoderSetting, ModelConfig, Scope};
use crate::options::{ConfigOption, Named, OptionKind};
use crate::transformation::{Action, Transformation, Transformations};

use branch::meaningless_options;
pub use branch::{EquivariantBranch, Sees};
pub use config::MethodConfig;
pub use equivariant::{EquivariantMethod, InvariantBranch};
pub use loss::{
    Negatives, mean_cosine_distance, mean_squared_error, negative_log_softmax, nt_xent, unit_rows, vicreg_terms,
    view_nce,
};
pub use model_keys::ModelKey;
pub use needs::{Needs, UnmetNeeds};
pub use no_loss::HEADS_ONLY;
pub use sextant::SEXTANT;
pub use transformation_heads::TransformationHeads;
pub use views::{Embeddings, MethodOutput, Moment, View, Views, WeightedTerm, weighted_sum};

/// Every method of this project.
pub const METHODS: [MethodEntry; 21] = [
    sie::ENTRY,
    vicreg::ENTRY,
    simclr::ENTRY,
    byol::ENTRY,
    simclr_augself::ENTRY,
    equimod::SIMCLR_ENTRY,
    equimod::VICREG_ENTRY,
    sen::ENTRY,
    only_equivariance::ENTRY,
    supervised::ENTRY,
    equicaps::ENTRY,
    seq_jepa::ENTRY,
    ser::ENTRY,
    predict_transform::ENTRY,
    essl::ENTRY,
    care::ENTRY,
    ordered_scales::ENTRY,
    class_information::ENTRY,
    no_loss::RANDOM_ENCODER,
    HEADS_ONLY,
    SEXTANT,
];

/// One way to learn features from views of objects.
pub trait Method {
    /// The loss of a batch, in training mode. Terms in which rows of the batch meet are computed on
    /// [`Views::of_whole_batch`].
    ///
    /// # Errors
    /// When shapes differ.
    fn loss(&self, encoder: &dyn Encoder, views: &Views) -> Result<MethodOutput>;

    /// Called after the weights have moved, for networks that follow others; `moment` is that of the step just done.
    ///
    /// # Errors
    /// When a device fails.
    fn after_step(&self, _moment: Moment) -> Result<()> {
        Ok(())
    }

    /// Embeddings of images in evaluation mode.
    ///
    /// # Errors
    /// When shapes differ.
    fn embed(&self, encoded: &Encoded) -> Result<Embeddings>;

    /// The transformations that it tells of images, in the order of [`Self::transformation_logits`].
    fn told_transformations(&self) -> Vec<&'static dyn Transformation> {
        Vec::new()
    }

    /// What it says was done to images of features `[n, feature_width]`, in evaluation mode and without gradient; nothing
    /// where it is never asked.
    ///
    /// # Errors
    /// When shapes differ.
    fn transformation_logits(&self, _features: &Tensor) -> Result<Vec<TransformationLogits>> {
        Ok(Vec::new())
    }

    /// Appends what [`Self::transformation_logits`] computes to the deployed graph: the value of each transformation.
    ///
    /// # Errors
    /// When the value does not fit, or a weight is not finite.
    fn lower_transformation_logits(
        &self,
        _graph: &mut GraphBuilder,
        _features: LoweredFeatures,
    ) -> anyhow::Result<Vec<(&'static dyn Transformation, ValueId)>> {
        Ok(Vec::new())
    }

    /// The equivariant embeddings after an action each, in evaluation mode; `None` when the method predicts nothing.
    ///
    /// # Shapes
    /// `equivariant` is `[n, d]` from [`Self::embed`], with `n` actions; the result is `[n, d]`.
    ///
    /// # Errors
    /// When shapes differ.
    fn predict(&self, _equivariant: &Tensor, _actions: &[Action]) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// The deployed predictor: a graph `predict_latent` from the halves of the features that it reads (`invariant`,
    /// `equivariant`) and `condition` to `embedding` and `predicted_embedding`; `None` when there is nothing to deploy.
    ///
    /// # Errors
    /// When a folded weight is not finite.
    fn lower_predictor(&self, _half_width: usize) -> anyhow::Result<Option<Graph>> {
        Ok(None)
    }
}

/// A number for each class of a transformation, before softmax: `[n, classes]`.
pub type TransformationLogits = (&'static dyn Transformation, Tensor);

/// Features in a graph.
#[derive(Clone, Copy, Debug)]
pub struct LoweredFeatures {
    /// Both halves.
    pub whole: ValueId,
    /// The first half.
    pub invariant: ValueId,
    /// The second half.
    pub equivariant: ValueId,
}

impl LoweredFeatures {
    /// Appends the slices of an encoder's features, named as the outputs that they are.
    ///
    /// # Errors
    /// When the value is no vector.
    pub fn of(graph: &mut GraphBuilder, features: ValueId) -> anyhow::Result<Self> {
        let width = graph.shape(features).iter().product::<usize>() as u32;
        Ok(Self {
            whole: features,
            invariant: graph.node(output::INVARIANT, Op::Slice { start: 0, end: width / 2 }, &[features])?,
            equivariant: graph.node(output::EQUIVARIANT, Op::Slice { start: width / 2, end: width }, &[features])?,
        })
    }
}

/// What a method is made for.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// The method's options.
    pub method: &'a MethodConfig,
    /// Sizes of projectors, and the encoder's options.
    pub model: &'a ModelConfig,
    /// The encoder that is trained.
    pub encoder: &'a EncoderEntry,
    /// Rows and columns of an image.
    pub image_size: usize,
    /// Numbers in a feature vector.
    pub feature_width: usize,
    /// Channels of the encoder's last map.
    pub map_channels: usize,
    /// Classes of the data; 0 where nothing is known of classes.
    pub classes: usize,
    /// The transformations that options may name.
    pub transformations: &'a Transformations,
}

impl Setting<'_> {
    /// A further encoder like the one that is trained, with fresh weights.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new_encoder(&self, scope: &mut Scope) -> Result<Box<dyn Encoder>> {
        let ModelConfig { options, invariant_head, .. } = self.model;
        let setting = EncoderSetting { image_size: self.image_size, options, invariant_head: *invariant_head };
        self.encoder.init(setting, scope)
    }
}

/// What a method needs with some options, which may name transformations, without its networks.
pub type FindNeeds = fn(&MethodConfig, &Transformations) -> Result<Needs>;

/// Makes a method's networks.
pub type BuildMethod = fn(Setting, &mut Scope) -> Result<Box<dyn Method>>;

/// A method as users see it.
#[derive(Clone, Copy, Debug)]
pub struct MethodEntry {
    /// The value of `method.name`.
    pub name: &'static str,
    /// Where it was published.
    pub paper: &'static str,
    /// Its loss in one line.
    pub loss: &'static str,
    /// Whether its loss reads the encoder's last map and nothing behind it, so that layers between map and features stay untrained.
    pub reads_map_alone: bool,
    /// What it needs of its views.
    pub needs: FindNeeds,
    /// The labels that its loss learns to give; none where it is self-supervised. Where an option chooses among several,
    /// [`Label::name`] is what it calls each alone.
    pub labels: &'static [Label],
    /// The keys that it has in `[method]`.
    pub options: &'static [ConfigOption],
    /// The keys of `[model]` that it reads; beside it the others are refused.
    pub model_keys: &'static [ModelKey],
    /// Makes it.
    pub build: BuildMethod,
}

impl Named for MethodEntry {
    fn name(&self) -> &'static str {
        self.name
    }
}

impl MethodEntry {
    /// Whether its loss moves a weight: one without options has none.
    pub fn has_loss(&self) -> bool {
        !self.options.is_empty()
    }

    /// The option, and its value, by which it learns one of several labels alone; `None` when no option chooses among them.
    pub fn alone(&self, label: Label) -> Option<(&'static str, &'static str)> {
        let chooses = |option: &&ConfigOption| match option.kind {
            OptionKind::Choice(names) => self.labels.iter().all(|label| names.contains(&label.name())),
            _ => false,
        };
        let is_one_of_several = self.labels.len() > 1 && self.labels.contains(&label);
        let option = self.options.iter().find(chooses).filter(|_| is_one_of_several)?;
        Some((option.key, label.name()))
    }

    /// Whether it learns a label, with these options.
    pub fn learns(&self, label: Label, config: &MethodConfig) -> bool {
        let is_chosen = |other: &Label| {
            let chosen =
                self.alone(*other).map(|(option, name)| config.choice(option).is_ok_and(|choice| choice == name));
            chosen == Some(true)
        };
        let another_alone = self.labels.iter().any(|other| *other != label && is_chosen(other));
        self.labels.contains(&label) && !another_alone
    }
}

/// What a person has to know of an object beside its images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// Its class.
    Class,
    /// How it is turned, in one view or from one to another, as the answer that is learned.
    Rotation,
}

impl Label {
    /// Its name in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Rotation => "rotation",
        }
    }
}
