use std::sync::Arc;

use candle_core::{D, DType, Tensor};
use serde::{Deserialize, Serialize};

use super::information::{Information, Sample, information};
use super::measure::{held_out_pairs, probe_settings, share_equal};
use super::pose::{PoseReport, errors_of, pose_report};
use super::{ClassProbe, EvaluationError, ImageFeatures, Unit, fixed_objects, image_features};
use crate::config::Config;
use crate::data::ViewSource;
use crate::model::Model;
use crate::transformation::Transformation;

/// How well it is told what a transformation with finite classes, or with a scale of four quarters, did to held-out pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransformationReport {
    /// Its name.
    pub transformation: String,
    /// How many classes it has; guessing is right once in so many times.
    pub classes: usize,
    /// Pictures, one view of each.
    pub images: usize,
    /// Share that the deployed network gets right, in [0, 1]; only for methods that predict it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top1: Option<f64>,
    /// Mean cross-entropy of the deployed network's answers, in bits: log2 of `classes` where nothing is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cross_entropy_bits: Option<f64>,
    /// Share that a linear probe on the frozen features gets right, in [0, 1].
    pub probe_top1: f64,
    /// What features and class tell of it; only with `evaluation.information`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub information: Option<Information>,
}

/// What is measured on pictures with `data.transformations`, without base augmentation.
#[derive(Debug, Default)]
pub(super) struct OfTransformed {
    /// A report on each transformation with finite classes, or with quarters of a scale.
    pub reports: Vec<TransformationReport>,
    /// The mean share that the deployed network gets right; `None` where it predicts none.
    pub top1: Option<f64>,
    /// Share of pictures of which a linear probe tells the class; only with `evaluation.transformed_class`.
    pub class_top1: Option<f64>,
    /// Errors of the deployed rotation head; `None` where no rotation is known of such pictures, or none is predicted.
    pub pose: Option<PoseReport>,
}

/// Measures how well it is told what was done to held-out pictures, of what class they are then, and how they are turned.
///
/// # Errors
/// When data or network fail.
pub(super) fn of_transformed(
    model: &Model,
    source: &Arc<dyn ViewSource>,
    config: &Config,
) -> Result<OfTransformed, EvaluationError> {
    let known = config.registry().transformations();
    let named = config.data.transformations.iter().filter_map(|name| known.find(name).copied());
    let finite: Vec<(&'static dyn Transformation, usize)> =
        named.filter_map(|transformation| Some((transformation, transformation.probed_classes()?))).collect();
    if finite.is_empty() {
        return Ok(OfTransformed::default());
    }
    let evaluation = &config.evaluation;
    let asked = config.asked(source)?;
    // What is drawn differs with the place in the list, so a subject may come again.
    let train = fixed_objects(&source.training_subjects(), evaluation.train_pairs, evaluation.seed);
    let (test_subjects, test_seed) = held_out_pairs(source.as_ref(), config);
    let train = image_features(model, &asked, &train, evaluation.seed.wrapping_add(6))?;
    let test = image_features(model, &asked, &test_subjects, test_seed.wrapping_add(4))?;
    let class_count = source.class_names().len();
    let report = |(transformation, classes): (&'static dyn Transformation, usize)| {
        let [truth_in_training, truth] = [&train, &test].map(|images| images.classes_of(transformation));
        let probe =
            ClassProbe::linear(&train.outputs.features, &truth_in_training, classes, probe_settings(evaluation))?;
        let logits = test.outputs.transformation_logits.iter().find(|(said, _)| *said == transformation);
        let said = logits.map(|(_, logits)| Said::of(logits, &truth)).transpose()?;
        let sample = |images: &ImageFeatures, transformed: &[u32]| -> candle_core::Result<Sample> {
            let (features, class) = (images.outputs.features.clone(), images.labels.clone());
            Ok(Sample { features, transformed: transformed.to_vec(), class })
        };
        let measure = evaluation.information && class_count > 0;
        Ok(TransformationReport {
            transformation: transformation.name().into(),
            classes,
            images: truth.len(),
            top1: said.as_ref().map(|said| said.top1),
            cross_entropy_bits: said.as_ref().map(|said| said.cross_entropy_bits),
            probe_top1: share_equal(&probe.classes(&test.outputs.features)?, &truth),
            information: measure
                .then(|| {
                    let (train, test) = (sample(&train, &truth_in_training)?, sample(&test, &truth)?);
                    information(&train, &test, [classes, class_count], evaluation.seed)
                })
                .transpose()?,
        })
    };
    let reports = finite.into_iter().map(report).collect::<Result<Vec<_>, EvaluationError>>()?;
    let class_top1 = || -> Result<f64, EvaluationError> {
        let features = [&train, &test].map(|images| &images.outputs.features);
        let probe = ClassProbe::linear(features[0], &train.labels, class_count, probe_settings(evaluation))?;
        Ok(share_equal(&probe.classes(features[1])?, &test.labels))
    };
    let is_asked = evaluation.transformed_class && class_count > 0;
    let pose = pose_of(&test, &test_subjects, source.as_ref())?;
    Ok(OfTransformed { top1: mean_top1(&reports), class_top1: is_asked.then(class_top1).transpose()?, pose, reports })
}

/// Errors of the rotations that the deployed network tells of one image of each subject; `None` where it tells none.
fn pose_of(
    images: &ImageFeatures,
    subjects: &[usize],
    source: &dyn ViewSource,
) -> Result<Option<PoseReport>, EvaluationError> {
    let predicted = images.outputs.rotations.as_deref().unwrap_or_default();
    let errors = errors_of(subjects, &images.rotations, predicted, source);
    (!errors.is_empty()).then(|| pose_report(&errors)).transpose()
}

/// The mean share that the deployed network gets right; `None` where it predicts none.
fn mean_top1(reports: &[TransformationReport]) -> Option<f64> {
    let shares: Vec<f64> = reports.iter().filter_map(|report| report.top1).collect();
    (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64)
}

impl TransformationReport {
    /// Titles of [`Self::cells`].
    pub const TITLES: [&str; 5] = ["transformation", "classes", "images", "right", "linear probe"];

    /// A row of a table.
    pub fn cells(&self) -> [String; 5] {
        [
            self.transformation.clone(),
            self.classes.to_string(),
            self.images.to_string(),
            self.top1.map_or_else(String::new, |share| Unit::Share.text(share)),
            Unit::Share.text(self.probe_top1),
        ]
    }
}

/// What a network's answers come to.
struct Said {
    top1: f64,
    cross_entropy_bits: f64,
}

impl Said {
    /// Of logits `[n, classes]`.
    fn of(logits: &Tensor, truth: &[u32]) -> candle_core::Result<Self> {
        let losses = losses_bits(logits, truth)?;
        Ok(Self {
            top1: share_equal(&logits.argmax(D::Minus1)?.to_vec1::<u32>()?, truth),
            cross_entropy_bits: losses.iter().sum::<f64>() / losses.len().max(1) as f64,
        })
    }
}

/// `-log2` of the probability that the softmax of each row of logits `[n, classes]` gives to the true class.
pub(super) fn losses_bits(logits: &Tensor, truth: &[u32]) -> candle_core::Result<Vec<f64>> {
    let rows = logits.to_dtype(DType::F32)?.to_vec2::<f32>()?;
    let loss = |(row, truth): (&Vec<f32>, &u32)| {
        let largest = row.iter().fold(f32::NEG_INFINITY, |largest, x| largest.max(*x));
        let sum: f64 = row.iter().map(|x| f64::from(x - largest).exp()).sum();
        (sum.ln() - f64::from(row[*truth as usize] - largest)) / std::f64::consts::LN_2
    };
    Ok(rows.iter().zip(truth).map(loss).collect())
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn answers_are_judged_by_hand() {
        let logits = Tensor::new(&[[0f32, 0.0, 0.0, 0.0], [2f32.ln(), 0.0, 0.0, 0.0]], &Device::Cpu).unwrap();
        let losses = losses_bits(&logits, &[3, 0]).unwrap();
        // One of four alike, then 2 of 5.
        assert!((losses[0] - 2.0).abs() < 1e-9 && (losses[1] - 2.5f64.log2()).abs() < 1e-6, "{losses:?}");
        let said = Said::of(&logits, &[0, 1]).unwrap();
        assert_eq!(said.top1, 0.5);
        assert!((said.cross_entropy_bits - (2.0 + 5f64.log2()) / 2.0).abs() < 1e-6);
    }
}
