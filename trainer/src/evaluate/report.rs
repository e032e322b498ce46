use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AngleBin, Drift, OutOfRange, PoseReport, PredictorLaws, Retrieval, RotationR2};

/// Everything `trainer eval` measures, on held-out objects with fixed pairs of views.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Held-out objects.
    pub objects: usize,
    /// Pairs of views of them.
    pub pairs: usize,
    /// Share of images that a linear probe on the whole frozen features gets right, in [0, 1].
    pub class_top1: f64,
    /// The same of the deployed class head.
    pub class_top1_head: f64,
    /// The same of nearest neighbours among training images.
    pub class_top1_knn: f64,
    /// The same of a probe with two hidden layers; only with `evaluation.mlp_probe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_top1_mlp: Option<f64>,
    /// How well a probe reads the rotation between two views from their frozen features.
    pub rotation_r2: RotationR2,
    /// The same from `invariant` and `equivariant`, the halves of the features, and `invariant_embedding` and
    /// `equivariant_embedding`, where the method has them; only with `evaluation.part_probes`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub rotation_r2_parts: BTreeMap<String, RotationR2>,
    /// How well a probe reads the differences of the hues of floor and light, from `features` and from each part as
    /// above; only with `evaluation.colour_probe`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub colour_r2: BTreeMap<String, RotationR2>,
    /// Errors of the deployed rotation head on each image.
    pub pose: PoseReport,
    /// Errors of the rotation between two views, from the deployed rotation head's two answers.
    pub relative_pose: PoseReport,
    /// The same for ranges of the true angle between the views.
    pub by_relative_angle: Vec<AngleBin>,
    /// How well the method's prediction of a view finds that view; only for methods that predict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retrieval: Option<Retrieval>,
    /// Errors of the learned predictor, and of the laws that it should obey; only for methods that predict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predictor: Option<PredictorLaws>,
    /// How far the features of two views of an object lie apart.
    pub drift: Drift,
    /// How many dimensions features, halves and embeddings fill, by name (RankMe).
    pub effective_rank: BTreeMap<String, f64>,
    /// Figures for rotations that training never showed; only for sources that are rendered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out_of_range: Option<OutOfRange>,
    /// Classification and pose for each class.
    pub per_class: Vec<ClassReport>,
}

/// Figures of one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassReport {
    /// Name of the class.
    pub class: String,
    /// Held-out images of it.
    pub images: usize,
    /// Share that the linear probe gets right.
    pub class_top1: f64,
    /// Errors of the deployed rotation head.
    pub pose: PoseReport,
}
