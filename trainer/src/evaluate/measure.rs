use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::Tensor;

use super::parts::{FEATURES, Part};
use super::{
    ClassFigures, ClassProbe, ClassReport, Evaluation, EvaluationError, GeodesicError, PairFeatures, ProbeSettings,
    effective_rank, fixed_objects, knn_top1, of_pictures, of_poses,
};
use crate::config::{Config, EvaluationConfig};
use crate::data::ViewSource;
use crate::evaluate::pose::pose_report;
use crate::model::Model;

/// Measures a network with its present weights on the source of its configuration.
///
/// # Errors
/// When a split has no object, or data or network fail.
pub fn evaluate(model: &Model, source: &Arc<dyn ViewSource>, config: &Config) -> Result<Evaluation, EvaluationError> {
    match model.rotation_head.is_some() {
        true => of_poses::evaluate(model, source, config),
        false => of_pictures::evaluate(model, source, config),
    }
}

/// The object of each held-out pair, and the seed of its views.
pub(super) fn held_out_pairs(source: &dyn ViewSource, config: &Config) -> (Vec<usize>, u64) {
    let evaluation = &config.evaluation;
    let objects = fixed_objects(&source.held_out_subjects(), evaluation.pairs, evaluation.seed.wrapping_add(1));
    (objects, evaluation.seed.wrapping_add(3))
}

/// How the configuration's probes are trained.
pub(crate) fn probe_settings(evaluation: &EvaluationConfig) -> ProbeSettings {
    ProbeSettings { epochs: evaluation.probe_epochs, lr: evaluation.probe_lr, seed: evaluation.seed }
}

/// Features `[n, d]` of images with the class of each.
pub(super) struct LabelledFeatures {
    pub features: Tensor,
    pub labels: Vec<u32>,
}

/// What is measured of classes.
pub(super) struct ClassMeasurement {
    pub figures: ClassFigures,
    /// The linear probe's answer for each test image.
    pub probed: Vec<u32>,
}

/// Figures of classes, from probes that learn on `train` and the deployed head's logits on `test`, `[n, classes]`.
pub(super) fn class_figures(
    train: &LabelledFeatures,
    test: &LabelledFeatures,
    head_logits: &Tensor,
    evaluation: &EvaluationConfig,
) -> Result<ClassMeasurement, EvaluationError> {
    let (settings, classes) = (probe_settings(evaluation), head_logits.dim(1)?);
    let probed = ClassProbe::linear(&train.features, &train.labels, classes, settings)?.classes(&test.features)?;
    let mlp = || -> Result<f64, EvaluationError> {
        let probe = ClassProbe::mlp(&train.features, &train.labels, classes, settings)?;
        Ok(share_equal(&probe.classes(&test.features)?, &test.labels))
    };
    let head = head_logits.argmax(1)?.to_vec1::<u32>()?;
    let figures = ClassFigures {
        class_top1: share_equal(&probed, &test.labels),
        class_top1_head: share_equal(&head, &test.labels),
        class_top1_knn: {
            let neighbours = evaluation.neighbours;
            knn_top1(&train.features, &train.labels, &test.features, &test.labels, neighbours, classes)?
        },
        class_top1_mlp: evaluation.mlp_probe.then(mlp).transpose()?,
    };
    Ok(ClassMeasurement { figures, probed })
}

/// Effective ranks of the first views' features and parts.
pub(super) fn ranks(test: &PairFeatures, parts: &[Part]) -> candle_core::Result<BTreeMap<String, f64>> {
    let mut ranks = BTreeMap::from([(FEATURES.to_string(), effective_rank(&test.features[0])?)]);
    for part in parts {
        ranks.insert(part.name.to_string(), effective_rank(&part.views[0])?);
    }
    Ok(ranks)
}

/// Features of both views under one another, `[2 n, d]`, with their labels.
pub(crate) fn images_of(pairs: &PairFeatures) -> candle_core::Result<(Tensor, Vec<u32>)> {
    Ok((Tensor::cat(&pairs.features, 0)?, pairs.labels.repeat(2)))
}

/// Figures of each class that has an image; `errors` are those of the rotations, where they are known.
pub(super) fn per_class(
    labels: &[u32],
    probed: &[u32],
    errors: Option<&[GeodesicError]>,
    class_names: &[String],
) -> Result<Vec<ClassReport>, EvaluationError> {
    let mut reports = Vec::new();
    for (label, class) in class_names.iter().enumerate() {
        let rows: Vec<usize> = (0..labels.len()).filter(|row| labels[*row] as usize == label).collect();
        if rows.is_empty() {
            continue;
        }
        let of_class = errors.map(|errors| rows.iter().map(|row| errors[*row]).collect::<Vec<_>>());
        let right = rows.iter().filter(|row| probed[**row] == labels[**row]).count();
        reports.push(ClassReport {
            class: class.clone(),
            images: rows.len(),
            class_top1: right as f64 / rows.len() as f64,
            pose: of_class.map(|errors| pose_report(&errors)).transpose()?,
        });
    }
    Ok(reports)
}

pub(super) fn share_equal(a: &[u32], b: &[u32]) -> f64 {
    a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / b.len().max(1) as f64
}
