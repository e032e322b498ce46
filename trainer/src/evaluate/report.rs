use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
#[cfg(test)]
use serde_json::{Value, json};
#[cfg(test)]
use sextant_runtime::contract::output::{EQUIVARIANT, INVARIANT};
use sextant_runtime::contract::run_folder::EVALUATION;

#[cfg(test)]
use super::PARTS;
use super::{
    AngleBin, Drift, InnerProducts, OutOfRange, PoseReport, PredictorLaws, References, ResponseReport, Retrieval,
    RotationR2, Split, TransformationReport, Unit,
};

/// Everything `trainer eval` measures, on held-out objects with fixed pairs of views.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Held-out objects.
    pub objects: usize,
    /// Pairs of views of them.
    pub pairs: usize,
    /// How well classes are told; only where the data know classes.
    #[serde(flatten)]
    pub class: Option<ClassFigures>,
    /// How well rotations are told; only where the data know rotations.
    #[serde(flatten)]
    pub rotation: Option<RotationFigures>,
    /// How well a probe reads the differences of the hues of floor and light, from `features` and from each part as
    /// above; only with `evaluation.colour_probe`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub colour_r2: BTreeMap<String, RotationR2>,
    /// Mean over `transformations` of the share that the deployed network tells; only for methods that predict some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transformation_top1: Option<f64>,
    /// How well it is told what was done to pictures, of each of `data.transformations` with finite classes or an ordered
    /// scale.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub transformations: Vec<TransformationReport>,
    /// Share of pictures with `data.transformations` of which a linear probe on the frozen features tells the class, in [0, 1];
    /// only with `evaluation.transformed_class`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_top1_transformed: Option<f64>,
    /// Mean over `responses` of Kendall's tau between distance and strength; only where one of them has an ordered scale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_tau: Option<f64>,
    /// The same under `data.augmentation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_tau_augmented: Option<f64>,
    /// How features answer to each of `evaluation.responses`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub responses: Vec<ResponseReport>,
    /// Whether augmentations keep inner products; only with `evaluation.inner_products`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inner_products: Option<InnerProducts>,
    /// How well the method's prediction of a view finds that view; only for methods that predict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retrieval: Option<Retrieval>,
    /// How well a few reference views tell the pose of an object that was never trained on; only where rotations are known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub references: Option<References>,
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

/// Shares of images whose class is right, in [0, 1].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassFigures {
    /// Of a linear probe on the whole frozen features.
    pub class_top1: f64,
    /// Of the deployed class head.
    pub class_top1_head: f64,
    /// Of nearest neighbours among training images.
    pub class_top1_knn: f64,
    /// Of a probe with two hidden layers; only with `evaluation.mlp_probe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_top1_mlp: Option<f64>,
}

/// How well rotations are told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RotationFigures {
    /// How well a probe reads the rotation between two views from their frozen features.
    pub rotation_r2: RotationR2,
    /// The same of a probe whose target is SIE's: the product of two quaternions, whose sign is not canonical.
    pub rotation_r2_sie_target: RotationR2,
    /// The same from `invariant` and `equivariant`, the halves of the features, and `invariant_embedding` and
    /// `equivariant_embedding`, where the method has them; only with `evaluation.part_probes`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub rotation_r2_parts: BTreeMap<String, RotationR2>,
    /// What each half of the features tells.
    pub split: Split,
    /// Errors of the deployed rotation head on each image.
    pub pose: PoseReport,
    /// The same on pictures with `data.transformations`; only where these keep the rotation known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pose_transformed: Option<PoseReport>,
    /// Errors of the rotation between two views, from the deployed rotation head's two answers.
    pub relative_pose: PoseReport,
    /// The same for ranges of the true angle between the views.
    pub by_relative_angle: Vec<AngleBin>,
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
    /// Errors of the deployed rotation head; only where the data know rotations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pose: Option<PoseReport>,
}

impl Evaluation {
    /// The figures that training has left in a run's folder; `None` when there are none.
    ///
    /// # Errors
    /// When they cannot be read, as when another version of the program wrote them.
    pub fn stored(run: &Path) -> anyhow::Result<Option<Self>> {
        let file = run.join(EVALUATION);
        if !file.is_file() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&file)?;
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| anyhow::anyhow!("{}: {error}; delete the file to measure again", file.display()))
    }
}

impl ClassReport {
    /// Titles of [`Self::cells`].
    pub const TITLES: [&str; 5] = ["class", "images", "top-1", "median", "symmetry-aware"];

    /// A row of a table.
    pub fn cells(&self) -> [String; 5] {
        let degrees = |of: fn(&PoseReport) -> f64| {
            self.pose.as_ref().map_or_else(String::new, |pose| Unit::Degrees.text(of(pose)))
        };
        [
            self.class.clone(),
            self.images.to_string(),
            Unit::Share.text(self.class_top1),
            degrees(|pose| pose.plain.median_deg),
            degrees(|pose| pose.symmetric.median_deg),
        ]
    }
}

#[cfg(test)]
impl Evaluation {
    /// Everything measured, with another number for each figure.
    pub(crate) fn example() -> Self {
        let r2 = json!({ "sie": 0, "floor": 0, "per_component": 0 });
        let errors = json!({ "median_deg": 0, "mean_deg": 0, "p90_deg": 0, "acc15": 0, "acc30": 0 });
        let with = |mut object: Value, more: Value| {
            object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            object
        };
        let pose = with(errors.clone(), json!({ "symmetric": errors }));
        let of_parts = |each: &Value, names: &[&str]| {
            names.iter().map(|name| ((*name).to_string(), each.clone())).collect::<serde_json::Map<_, _>>()
        };
        let parts: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
        let of_kinds = json!({ "all": 0, "asymmetric": 0, "symmetric": 0 });
        let half = json!({
            "class_top1": 0, "neighbour_class": 0, "neighbour_deg": of_kinds, "r2_above_floor": of_kinds,
        });
        let queries = json!({ "pre": 0, "mrr": 0, "h1": 0, "h5": 0, "h10": 0 });
        let asymmetric = with(queries.clone(), json!({ "objects": 1, "standard_error": queries }));
        let retrieval = json!({
            "objects": 2, "views": 5, "without_identity": queries, "standard_error": queries, "asymmetric": asymmetric,
            "chance": queries,
        });
        let mut example = json!({
            "objects": 12,
            "pairs": 40,
            "class_top1": 0,
            "class_top1_head": 0,
            "class_top1_knn": 0,
            "class_top1_mlp": 0,
            "rotation_r2": r2,
            "rotation_r2_sie_target": r2,
            "rotation_r2_parts": of_parts(&r2, &parts[1..]),
            "colour_r2": of_parts(&r2, &parts),
            "transformation_top1": 0,
            "transformations": [{
                "transformation": "quarter-turns", "classes": 4, "images": 40, "top1": 0.875, "cross_entropy_bits": 0.5,
                "probe_top1": 0.75,
                "information": {
                    "entropy_bits": 2.0,
                    "i_a_z": { "bits": 1.5, "standard_error": 0.25 },
                    "i_c_a": { "bits": 0.0, "standard_error": 0.125 },
                    "i_c_a_given_z": { "bits": 0.375, "standard_error": 0.0625 },
                },
            }],
            "class_top1_transformed": 0.5,
            "order_tau": 0.75,
            "order_tau_augmented": 0.25,
            "responses": [
                {
                    "transformation": "rotation-scale", "values": 8, "pictures": 40, "drift": 0.625, "tau": 0.75,
                    "tau_augmented": 0.25,
                },
                { "transformation": "horizontal-flip", "values": 2, "pictures": 40, "drift": 0.375 },
            ],
            "inner_products": { "squared_change": 0.0625, "relative_change": 0.4375 },
            "pose": pose,
            "pose_transformed": pose,
            "split": { (INVARIANT): half, (EQUIVARIANT): half, "blind_deg": of_kinds },
            "relative_pose": pose,
            "by_relative_angle": [
                { "from_deg": 0.0, "to_deg": 30.0, "pairs": 7, "median_deg": 0, "symmetric_median_deg": 0 },
                { "from_deg": 150.0, "to_deg": 180.0, "pairs": 33, "median_deg": 0, "symmetric_median_deg": 0 },
            ],
            "retrieval": with(queries.clone(), retrieval),
            "references": { "objects": 2, "views": 3, "median_deg": 30.5, "nearest_deg": 20.25, "random_deg": 90.75 },
            "predictor": { "equivariance_error": 0, "identity_error": 0, "inverse_error": 0, "composition_error": 0 },
            "drift": { "features": 0, (INVARIANT): 0, (EQUIVARIANT): 0 },
            "effective_rank": of_parts(&json!(0), &parts),
            "out_of_range": { "pairs": 8, "pose": pose, "rotation_r2": r2, "equivariance_error": 0 },
            "per_class": [
                { "class": "cup", "images": 3, "class_top1": 0, "pose": pose },
                { "class": "watering-can", "images": 77, "class_top1": 0, "pose": pose },
            ],
        });
        number_zeros(&mut example, &mut 0);
        serde_json::from_value(example).unwrap()
    }
}

/// Replaces every whole 0, in the order of keys, by another number.
#[cfg(test)]
fn number_zeros(value: &mut Value, count: &mut u32) {
    match value {
        Value::Object(object) => {
            let mut values: Vec<(&String, &mut Value)> = object.iter_mut().collect();
            values.sort_by_key(|(key, _)| key.as_str());
            values.into_iter().for_each(|(_, value)| number_zeros(value, count));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| number_zeros(value, count)),
        value if value.as_u64() == Some(0) => {
            *count += 1;
            *value = json!(f64::from(*count) / 8.0);
        }
        _ => {}
    }
}
