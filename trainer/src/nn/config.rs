use serde::{Deserialize, Serialize};
use toml::Table;

use super::{EncoderEntry, tiny};
use crate::options::{Checks, Entries, LARGEST_WEIGHT, Options, UnusedKey};

/// `[model]`: encoder and projectors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelConfig {
    /// The network that is deployed (`tiny`).
    pub encoder: String,
    /// Width of the two hidden layers, deployed ones, that only the invariant half goes through; 0 without them (0).
    pub invariant_head: usize,
    /// Width of the hidden layers of each projector (1024).
    pub projector_hidden: usize,
    /// Width of each half of the embedding that the loss sees (1024).
    pub embedding: usize,
    /// The keys that only the encoder has.
    #[serde(flatten)]
    pub options: Options,
}

impl Default for ModelConfig {
    fn default() -> Self {
        let options = Options::defaults(tiny::ENTRY.options);
        Self { encoder: tiny::ENTRY.name.into(), invariant_head: 0, projector_hidden: 1024, embedding: 1024, options }
    }
}

impl ModelConfig {
    /// Whether the section has a key that is no option of one encoder.
    pub fn has_key(key: &str) -> bool {
        Table::try_from(Self::default()).expect("the defaults are representable").contains_key(key)
    }

    /// Notes an unknown encoder, options that it does not have, and every value that is out of its range.
    pub fn check(&self, encoders: &Entries<EncoderEntry>, checks: &mut Checks) {
        let encoder = encoders.find(&self.encoder);
        checks.require(encoder.is_some(), "model.encoder", format!("{:?}", self.encoder), encoders.names().join(", "));
        if let Some(encoder) = encoder {
            self.options.check("model", encoder.name, encoder.options, checks);
        }
        checks.within("model.invariant_head", self.invariant_head, 0..=16_384);
        checks.within("model.projector_hidden", self.projector_hidden, 1..=16_384);
        checks.within("model.embedding", self.embedding, 1..=16_384);
    }
}

/// `[heads]`: rotation and class from the deployed features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeadsConfig {
    /// Where the heads' gradients go: into all features that they read, each into its own half, or nowhere (`joint`).
    pub gradient: HeadGradient,
    /// Weight of the rotation head's squared error (1).
    pub rotation_weight: f64,
    /// Weight of the class head's cross-entropy (1).
    pub class_weight: f64,
    /// Weight of the penalty on nearest neighbours by the invariant half that agree in pose; labels of pose make the half forget
    /// it (0).
    pub blindness_weight: f64,
    /// Share of the training objects of each class whose class and pose the heads learn, at least one of each; half of all views
    /// are of these, as far as they are fewer (1).
    pub label_share: f32,
    /// Width of the rotation head's hidden layer (128).
    pub hidden: usize,
}

impl Default for HeadsConfig {
    fn default() -> Self {
        Self {
            gradient: HeadGradient::Joint,
            rotation_weight: 1.0,
            class_weight: 1.0,
            blindness_weight: 0.0,
            label_share: 1.0,
            hidden: 128,
        }
    }
}

impl HeadsConfig {
    /// Notes every value that is out of its range.
    pub fn check(&self, checks: &mut Checks) {
        checks.within("heads.rotation_weight", self.rotation_weight, 0.0..=LARGEST_WEIGHT);
        checks.within("heads.class_weight", self.class_weight, 0.0..=LARGEST_WEIGHT);
        checks.within("heads.blindness_weight", self.blindness_weight, 0.0..=LARGEST_WEIGHT);
        checks.within("heads.label_share", self.label_share, 0.0..=1.0);
        checks.within("heads.hidden", self.hidden, 1..=16_384);
    }
}

impl HeadsConfig {
    /// The keys that have no use beside the values of others.
    pub fn unused_keys(&self) -> Vec<UnusedKey> {
        let trains = self.gradient != HeadGradient::Detached;
        let goes_with = "heads.gradient = joint or routed";
        UnusedKey::unless(trains, "heads.blindness_weight", "heads.gradient", goes_with).into_iter().collect()
    }
}

/// Where the heads' gradients end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeadGradient {
    /// In the encoder, which then learns from pose and class labels too.
    Joint,
    /// The rotation head's in the equivariant half, the class head's in the invariant half: labels teach each half its own, and
    /// no pose reaches the invariant one. For deployment.
    Routed,
    /// At the features, so that the encoder stays self-supervised: for research.
    Detached,
}
