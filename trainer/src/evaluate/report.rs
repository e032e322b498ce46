use std::fmt;
use std::sync::Arc;

use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};

use super::{
    EvaluationError, LinearProbe, PairFeatures, PoseErrors, PoseReport, ProbeSettings, RotationProbe, RotationR2,
    fixed_objects, knn_top1, pair_features, rotation_r2,
};
use crate::config::EvaluationConfig;
use crate::data::PairSource;
use crate::model::Model;

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
    /// How well a probe reads the rotation between two views from their frozen features.
    pub rotation_r2: RotationR2,
    /// Errors of the deployed rotation head on each image.
    pub pose: PoseReport,
    /// Errors of the rotation between two views, from the deployed rotation head's two answers.
    pub relative_pose: PoseReport,
    /// The same for each class.
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

/// Measures a network with its present weights.
///
/// # Errors
/// When a split has no object, or data or network fail.
pub fn evaluate(
    model: &Model,
    source: &Arc<dyn PairSource>,
    config: &EvaluationConfig,
) -> Result<Evaluation, EvaluationError> {
    let classes = source.class_names().len();
    let train_objects = fixed_objects(&source.training_objects(), config.train_pairs, config.seed);
    let held_out = source.held_out_objects();
    let test_objects = fixed_objects(&held_out, config.pairs, config.seed.wrapping_add(1));
    let train = pair_features(model, source, &train_objects, config.seed.wrapping_add(2))?;
    let test = pair_features(model, source, &test_objects, config.seed.wrapping_add(3))?;

    let settings = ProbeSettings { epochs: config.probe_epochs, lr: config.probe_lr, seed: config.seed };
    let (train_images, train_labels) = images_of(&train)?;
    let (test_images, test_labels) = images_of(&test)?;
    let probed = LinearProbe::train(&train_images, &train_labels, classes, settings)?.classes(&test_images)?;
    let head = Tensor::cat(&test.class_logits, 0)?.argmax(1)?.to_vec1::<u32>()?;
    let probe = RotationProbe::train(&train.features, &relative_quaternions(&train)?, settings)?;
    let truth = relative_quaternions(&test)?.flatten_all()?.to_vec1::<f32>()?;

    let neighbours = config.neighbours;
    Ok(Evaluation {
        objects: held_out.len(),
        pairs: test_objects.len(),
        class_top1: share_equal(&probed, &test_labels),
        class_top1_head: share_equal(&head, &test_labels),
        class_top1_knn: knn_top1(&train_images, &train_labels, &test_images, &test_labels, neighbours, classes)?,
        rotation_r2: rotation_r2(&truth, &probe.predict(&test.features)?, 4),
        pose: pose_report(&absolute_errors(&test, source.as_ref()))?,
        relative_pose: pose_report(&relative_errors(&test, source.as_ref()))?,
        per_class: per_class(&test, &probed, source.as_ref())?,
    })
}

/// Geodesic error of one answer in degrees: plain, and against the nearest rotation that looks the same.
#[derive(Clone, Copy)]
struct Errors {
    plain_deg: f32,
    symmetric_deg: f32,
}

/// Features of both views under one another, `[2 n, d]`, with their labels.
fn images_of(pairs: &PairFeatures) -> candle_core::Result<(Tensor, Vec<u32>)> {
    Ok((Tensor::cat(&pairs.features, 0)?, pairs.labels.repeat(2)))
}

/// `R1^-1 R2` of each pair as `wxyz` with `w >= 0`, `[n, 4]`.
fn relative_quaternions(pairs: &PairFeatures) -> candle_core::Result<Tensor> {
    let [first, second] = &pairs.rotations;
    let numbers: Vec<f32> = first.iter().zip(second).flat_map(|(a, b)| a.relative_rotation(*b).wxyz()).collect();
    Tensor::from_vec(numbers, (first.len(), 4), pairs.features[0].device())
}

/// Errors of each image's rotation: all first views, then all second views.
fn absolute_errors(pairs: &PairFeatures, source: &dyn PairSource) -> Vec<Errors> {
    let symmetries = symmetries(pairs, source);
    let view = |v: usize| {
        let truth_and_answer = pairs.rotations[v].iter().zip(&pairs.predicted[v]);
        truth_and_answer.zip(&symmetries).map(|((truth, answer), symmetry)| Errors {
            plain_deg: truth.geodesic_angle_rad(*answer).to_degrees(),
            symmetric_deg: symmetry.distance_rad(*truth, *answer).to_degrees(),
        })
    };
    view(0).chain(view(1)).collect()
}

/// Errors of each pair's relative rotation.
fn relative_errors(pairs: &PairFeatures, source: &dyn PairSource) -> Vec<Errors> {
    let symmetries = symmetries(pairs, source);
    let errors = (0..symmetries.len()).map(|i| {
        let truth = [pairs.rotations[0][i], pairs.rotations[1][i]];
        let answer = [pairs.predicted[0][i], pairs.predicted[1][i]];
        let [truth, answer] =
            [truth, answer].map(|[first, second]: [UnitQuaternion; 2]| first.relative_rotation(second));
        Errors {
            plain_deg: truth.geodesic_angle_rad(answer).to_degrees(),
            symmetric_deg: symmetries[i].relative_distance_rad(truth, answer).to_degrees(),
        }
    });
    errors.collect()
}

fn symmetries(pairs: &PairFeatures, source: &dyn PairSource) -> Vec<SymmetryGroup> {
    pairs.objects.iter().map(|object| source.symmetry(*object)).collect()
}

fn pose_report(errors: &[Errors]) -> Result<PoseReport, EvaluationError> {
    let summary = |pick: fn(&Errors) -> f32| PoseErrors::of(&errors.iter().map(pick).collect::<Vec<_>>());
    match (summary(|e| e.plain_deg), summary(|e| e.symmetric_deg)) {
        (Some(plain), Some(symmetric)) => Ok(PoseReport { plain, symmetric }),
        _ => Err(EvaluationError::Empty("there is no image to measure rotations on".into())),
    }
}

fn per_class(
    pairs: &PairFeatures,
    probed: &[u32],
    source: &dyn PairSource,
) -> Result<Vec<ClassReport>, EvaluationError> {
    let errors = absolute_errors(pairs, source);
    let labels = pairs.labels.repeat(2);
    let mut reports = Vec::new();
    for (label, class) in source.class_names().iter().enumerate() {
        let rows: Vec<usize> = (0..labels.len()).filter(|row| labels[*row] as usize == label).collect();
        if rows.is_empty() {
            continue;
        }
        let of_class: Vec<Errors> = rows.iter().map(|row| errors[*row]).collect();
        let right = rows.iter().filter(|row| probed[**row] == labels[**row]).count();
        reports.push(ClassReport {
            class: class.clone(),
            images: rows.len(),
            class_top1: right as f64 / rows.len() as f64,
            pose: pose_report(&of_class)?,
        });
    }
    Ok(reports)
}

fn share_equal(a: &[u32], b: &[u32]) -> f64 {
    a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / b.len().max(1) as f64
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "held-out objects {}, pairs of views {}", self.objects, self.pairs)?;
        writeln!(
            f,
            "class top-1        linear probe {:.3}   deployed head {:.3}   k-NN {:.3}",
            self.class_top1, self.class_top1_head, self.class_top1_knn
        )?;
        let RotationR2 { sie, per_component, floor } = self.rotation_r2;
        writeln!(f, "rotation R2        SIE {sie:.3} (floor {floor:.3})   per component {per_component:.3}")?;
        writeln!(f, "                                 median    mean     p90   Acc@15  Acc@30")?;
        let rows = [
            ("pose", &self.pose.plain),
            ("pose, symmetry-aware", &self.pose.symmetric),
            ("relative pose", &self.relative_pose.plain),
            ("relative pose, symmetry-aware", &self.relative_pose.symmetric),
        ];
        for (name, e) in rows {
            writeln!(
                f,
                "{name:<31}{:>7.1}°{:>7.1}°{:>7.1}°{:>9.3}{:>8.3}",
                e.median_deg, e.mean_deg, e.p90_deg, e.acc15, e.acc30
            )?;
        }
        writeln!(f, "\n{:<20}{:>8}{:>8}{:>10}{:>16}", "class", "images", "top-1", "median", "symmetry-aware")?;
        for c in &self.per_class {
            writeln!(
                f,
                "{:<20}{:>8}{:>8.3}{:>9.1}°{:>15.1}°",
                c.class, c.images, c.class_top1, c.pose.plain.median_deg, c.pose.symmetric.median_deg
            )?;
        }
        Ok(())
    }
}
