//! What the online probes, nearest neighbours and the deployed rotation head say of held-out objects during a run.

use std::sync::Arc;

use candle_core::Tensor;

use super::training::Training;
use crate::config::Config;
use crate::data::ViewSource;
use crate::evaluate::{PoseErrors, RotationR2, fixed_objects, knn_top1, pair_features};

/// Figures of one probe round on held-out objects.
#[derive(Clone, Copy, Debug)]
pub struct ProbeFigures {
    /// Online linear probe on whole features, in [0, 1].
    pub class_top1: f64,
    /// Nearest neighbours among training images, in [0, 1].
    pub knn_top1: f64,
    /// Online probe of the rotation between two views.
    pub rotation_r2: RotationR2,
    /// Symmetry-aware errors of the deployed rotation head.
    pub pose: PoseErrors,
}

/// Held-out pairs of a round: enough to see a trend, few enough not to slow the run.
const HELD_OUT_PAIRS: usize = 256;
/// Training pairs whose images are the bank of the nearest-neighbour classifier.
const BANK_PAIRS: usize = 512;

/// Measures the deployed weights as they stand.
///
/// # Errors
/// When data or network fail.
pub fn probe_round(
    training: &mut Training,
    source: &Arc<dyn ViewSource>,
    config: &Config,
) -> anyhow::Result<ProbeFigures> {
    let seed = config.evaluation.seed;
    let held_out = fixed_objects(&source.held_out_subjects(), HELD_OUT_PAIRS.min(config.evaluation.pairs), seed);
    let bank = fixed_objects(&source.training_subjects(), BANK_PAIRS.min(config.evaluation.train_pairs), seed);
    let (held_out, bank) = training.with_deployed_weights(|training| {
        let model = &training.model;
        Ok((pair_features(model, source, &held_out, seed)?, pair_features(model, source, &bank, seed)?))
    })?;
    let errors_deg: Vec<f32> = (0..2)
        .flat_map(|view| {
            let truth_and_answer = held_out.rotations[view].iter().zip(&held_out.predicted[view]);
            truth_and_answer
                .zip(&held_out.objects)
                .map(|((truth, answer), object)| source.symmetry(*object).distance_rad(*truth, *answer).to_degrees())
        })
        .collect();
    let images = |pairs: &crate::evaluate::PairFeatures| Tensor::cat(&pairs.features, 0);
    Ok(ProbeFigures {
        class_top1: training.probes.class_top1(&held_out)?,
        knn_top1: knn_top1(
            &images(&bank)?,
            &bank.labels.repeat(2),
            &images(&held_out)?,
            &held_out.labels.repeat(2),
            config.evaluation.neighbours,
            source.class_names().len(),
        )?,
        rotation_r2: training.probes.rotation_r2(&held_out)?,
        pose: PoseErrors::of(&errors_deg).ok_or_else(|| anyhow::anyhow!("there is no held-out object to probe"))?,
    })
}

impl ProbeFigures {
    /// What the best checkpoint has most of: class top-1 plus rotation R2.
    pub fn score(&self) -> f64 {
        self.class_top1 + self.rotation_r2.sie
    }

    /// The figures by the names they have in `metrics.jsonl`.
    pub fn named(&self) -> Vec<(String, f64)> {
        let entries = [
            ("probe/class_top1", self.class_top1),
            ("probe/knn_top1", self.knn_top1),
            ("probe/rotation_r2_sie", self.rotation_r2.sie),
            ("probe/rotation_r2_per_component", self.rotation_r2.per_component),
            ("probe/rotation_r2_floor", self.rotation_r2.floor),
            ("probe/pose_symmetric_median_deg", self.pose.median_deg),
            ("probe/pose_symmetric_acc30", self.pose.acc30),
        ];
        entries.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
    }

    /// The figures that the progress bar has room for, as name and text.
    pub fn shown(&self) -> Vec<(String, String)> {
        let entries = [
            ("top-1", format!("{:.3}", self.class_top1)),
            ("k-NN", format!("{:.3}", self.knn_top1)),
            ("R2", format!("{:.3}", self.rotation_r2.sie)),
            ("pose", format!("{:.1}°", self.pose.median_deg)),
        ];
        entries.into_iter().map(|(name, text)| (name.to_string(), text)).collect()
    }
}
