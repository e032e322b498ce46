use serde::{Deserialize, Serialize};

/// `[model]`: encoder and projectors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// The network that is deployed (`tiny`).
    pub encoder: EncoderKind,
    /// Width of the hidden layers of each projector (1024).
    pub projector_hidden: usize,
    /// Width of each half of the embedding that the loss sees (1024).
    pub embedding: usize,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self { encoder: EncoderKind::Tiny, projector_hidden: 1024, embedding: 1024 }
    }
}

/// Networks that turn an image into features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EncoderKind {
    /// For CPUs and microcontrollers: at most 12 M multiply-adds at 64 px.
    Tiny,
    /// ResNet-18, 512 features, as in the SIE paper.
    Resnet18,
}

/// `[method]`: the self-supervised loss and its weights.
///
/// SIE, Garrido et al., ICML 2023: `invariance MSE(z_inv, z_inv') + equivariance MSE(p(z_equi), z_equi')` and the
/// variance and covariance terms; a weight of 0 leaves a term out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MethodConfig {
    /// Which method, by its name in `trainer methods` (`sie`).
    pub name: String,
    /// Weight of the distance between the invariant halves (10).
    pub invariance_weight: f64,
    /// Weight of the distance between predicted and true equivariant half (4.5).
    pub equivariance_weight: f64,
    /// Weight of the hinge on each dimension's standard deviation (10).
    pub variance_weight: f64,
    /// Weight of the same hinge on the prediction (10).
    pub predictor_variance_weight: f64,
    /// Weight of the squared off-diagonal covariance (1).
    pub covariance_weight: f64,
    /// What the predictor is told of the relative rotation (`quaternion`, as the paper).
    pub condition: Condition,
}

impl Default for MethodConfig {
    fn default() -> Self {
        Self {
            name: "sie".into(),
            invariance_weight: 10.0,
            equivariance_weight: 4.5,
            variance_weight: 10.0,
            predictor_variance_weight: 10.0,
            covariance_weight: 1.0,
            condition: Condition::Quaternion,
        }
    }
}

/// How a relative rotation is written down for the predictor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Four numbers, of either sign, as the paper's code.
    Quaternion,
    /// Four numbers with w >= 0, so that one rotation has one condition.
    CanonicalQuaternion,
    /// The nine entries of the rotation matrix, row by row.
    Matrix,
}

/// `[heads]`: rotation and class from the deployed features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeadsConfig {
    /// Whether the heads' gradients reach the encoder (`joint`).
    pub gradient: HeadGradient,
    /// Weight of the rotation head's squared error (1).
    pub rotation_weight: f64,
    /// Weight of the class head's cross-entropy (1).
    pub class_weight: f64,
    /// Width of the rotation head's hidden layer (128).
    pub hidden: usize,
}

impl Default for HeadsConfig {
    fn default() -> Self {
        Self { gradient: HeadGradient::Joint, rotation_weight: 1.0, class_weight: 1.0, hidden: 128 }
    }
}

/// Where the heads' gradients end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeadGradient {
    /// In the encoder, which then learns from pose and class labels too: for deployment.
    Joint,
    /// At the features, so that the encoder stays self-supervised: for research.
    Detached,
}
