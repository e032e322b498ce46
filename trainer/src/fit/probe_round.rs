//! What the online probes, nearest neighbours and the deployed rotation head say of validation objects during a run.

use std::sync::Arc;

use candle_core::Tensor;

use super::training::Training;
use crate::config::Config;
use crate::data::ViewSource;
use crate::evaluate::{
    ImageFeatures, PoseErrors, RotationR2, fixed_objects, image_features, images_of, knn_top1, pair_features,
};

/// Figures of one probe round on validation objects; `None` of what the data do not know.
#[derive(Clone, Copy, Debug)]
pub struct ProbeFigures {
    /// Online linear probe on whole features, in [0, 1].
    pub class_top1: Option<f64>,
    /// Nearest neighbours among training images, in [0, 1].
    pub knn_top1: Option<f64>,
    /// Online probe of the rotation between two views.
    pub rotation_r2: Option<RotationR2>,
    /// Symmetry-aware errors of the deployed rotation head.
    pub pose: Option<PoseErrors>,
    /// Mean over transformations of the share that the method tells, in [0, 1]; only for methods that predict some.
    pub transformation_top1: Option<f64>,
}

/// Validation pairs of a round: enough to see a trend, few enough not to slow the run.
const VALIDATION_PAIRS: usize = 256;
/// Training pairs whose images are the bank of the nearest-neighbour classifier.
const BANK_PAIRS: usize = 512;

/// The same of single pictures, which cost no rendering.
const VALIDATION_PICTURES: usize = 2048;
const BANK_PICTURES: usize = 4096;

/// Measures the deployed weights as they stand.
///
/// # Errors
/// When data or network fail.
pub fn probe_round(
    training: &mut Training,
    source: &Arc<dyn ViewSource>,
    config: &Config,
) -> anyhow::Result<ProbeFigures> {
    match training.model.rotation_head.is_some() {
        true => of_poses(training, source, config),
        false => of_pictures(training, source, config),
    }
}

fn of_poses(training: &mut Training, source: &Arc<dyn ViewSource>, config: &Config) -> anyhow::Result<ProbeFigures> {
    let seed = config.evaluation.seed;
    let validation = fixed_objects(&source.validation_subjects(), VALIDATION_PAIRS.min(config.evaluation.pairs), seed);
    let bank = fixed_objects(&source.training_subjects(), BANK_PAIRS.min(config.evaluation.train_pairs), seed);
    let plain = config.untransformed(source)?;
    let (pairs, bank) = training.with_deployed_weights(|training| {
        let model = &training.model;
        Ok((pair_features(model, &plain, &validation, seed)?, pair_features(model, &plain, &bank, seed)?))
    })?;
    let errors_deg: Vec<f32> = (0..2)
        .flat_map(|view| {
            let truth_and_answer = pairs.rotations[view].iter().zip(&pairs.predicted[view]);
            truth_and_answer
                .zip(&pairs.objects)
                .map(|((truth, answer), object)| source.symmetry(*object).distance_rad(*truth, *answer).to_degrees())
        })
        .collect();
    let pose = PoseErrors::of(&errors_deg);
    anyhow::ensure!(pose.is_some(), "there is no validation object to probe");
    let rotation_r2 = training.probes.rotation_r2(&pairs)?;
    let of_classes = class_figures(training, &images_of(&bank)?, &images_of(&pairs)?, config)?;
    let transformation_top1 = transformation_top1(training, source, &validation, config)?;
    Ok(ProbeFigures { rotation_r2, pose, transformation_top1, ..of_classes })
}

fn of_pictures(training: &mut Training, source: &Arc<dyn ViewSource>, config: &Config) -> anyhow::Result<ProbeFigures> {
    let seed = config.evaluation.seed;
    let validation =
        fixed_objects(&source.validation_subjects(), VALIDATION_PICTURES.min(config.evaluation.pairs), seed);
    let bank = fixed_objects(&source.training_subjects(), BANK_PICTURES.min(config.evaluation.train_pairs), seed);
    let of_classes = match training.model.class_head.is_some() {
        false => ProbeFigures::NONE,
        true => {
            let plain = config.untransformed(source)?;
            let (bank, pictures) = training.with_deployed_weights(|training| {
                let features = |subjects: &[usize]| image_features(&training.model, &plain, subjects, seed);
                Ok((features(&bank)?, features(&validation)?))
            })?;
            let labelled = |images: ImageFeatures| (images.outputs.features, images.labels);
            class_figures(training, &labelled(bank), &labelled(pictures), config)?
        }
    };
    Ok(ProbeFigures { transformation_top1: transformation_top1(training, source, &validation, config)?, ..of_classes })
}

/// Features `[n, d]` with the class of each row.
type Labelled = (Tensor, Vec<u32>);

/// What the online probe and nearest neighbours say; nothing where the data know no classes.
fn class_figures(
    training: &Training,
    bank: &Labelled,
    shown: &Labelled,
    config: &Config,
) -> anyhow::Result<ProbeFigures> {
    let Some(class_top1) = training.probes.class_top1(&shown.0, &shown.1)? else {
        return Ok(ProbeFigures::NONE);
    };
    let classes = bank.1.iter().chain(&shown.1).max().map_or(0, |largest| *largest as usize + 1);
    let knn = knn_top1(&bank.0, &bank.1, &shown.0, &shown.1, config.evaluation.neighbours, classes)?;
    Ok(ProbeFigures { class_top1: Some(class_top1), knn_top1: Some(knn), ..ProbeFigures::NONE })
}

fn transformation_top1(
    training: &mut Training,
    source: &Arc<dyn ViewSource>,
    subjects: &[usize],
    config: &Config,
) -> anyhow::Result<Option<f64>> {
    if training.model.method.told_transformations().is_empty() {
        return Ok(None);
    }
    let asked = config.asked(source)?;
    let images = training.with_deployed_weights(|training| {
        Ok(image_features(&training.model, &asked, subjects, config.evaluation.seed)?)
    })?;
    let shares = images.transformation_shares()?;
    Ok((!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64))
}

impl ProbeFigures {
    const NONE: Self =
        Self { class_top1: None, knn_top1: None, rotation_r2: None, pose: None, transformation_top1: None };

    /// What the best checkpoint has most of: class top-1 plus rotation R2, or without both how well transformations are
    /// told.
    pub fn score(&self) -> f64 {
        let of_features = [self.class_top1, self.rotation_r2.map(|r2| r2.sie)];
        match of_features.iter().any(Option::is_some) {
            true => of_features.into_iter().flatten().sum(),
            false => self.transformation_top1.unwrap_or(0.0),
        }
    }

    /// The figures by the names they have in `metrics.jsonl`.
    pub fn named(&self) -> Vec<(String, f64)> {
        let entries = [
            ("probe/class_top1", self.class_top1),
            ("probe/knn_top1", self.knn_top1),
            ("probe/rotation_r2_sie", self.rotation_r2.map(|r2| r2.sie)),
            ("probe/rotation_r2_per_component", self.rotation_r2.map(|r2| r2.per_component)),
            ("probe/rotation_r2_floor", self.rotation_r2.map(|r2| r2.floor)),
            ("probe/pose_symmetric_median_deg", self.pose.map(|pose| pose.median_deg)),
            ("probe/pose_symmetric_acc30", self.pose.map(|pose| pose.acc30)),
            ("probe/transformation_top1", self.transformation_top1),
        ];
        entries.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?))).collect()
    }

    /// The figures that the progress bar has room for, as name and text.
    pub fn shown(&self) -> Vec<(String, String)> {
        let entries = [
            ("top-1", self.class_top1.map(|share| format!("{share:.3}"))),
            ("k-NN", self.knn_top1.map(|share| format!("{share:.3}"))),
            ("R2", self.rotation_r2.map(|r2| format!("{:.3}", r2.sie))),
            ("pose", self.pose.map(|pose| format!("{:.1}°", pose.median_deg))),
            ("transformation", self.transformation_top1.map(|share| format!("{share:.3}"))),
        ];
        entries.into_iter().filter_map(|(name, text)| Some((name.to_string(), text?))).collect()
    }
}
