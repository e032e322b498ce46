use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::Tensor;

use super::parts::{FEATURES, Part, parts};
use super::pose::{absolute_errors, pose_report, relative_errors};
use super::{
    ClassProbe, ClassReport, Drift, Evaluation, EvaluationError, Gallery, GeodesicError, PairFeatures, PairProbe,
    ProbeSettings, RotationR2, by_relative_angle, effective_rank, fixed_objects, knn_top1, out_of_range, pair_features,
    pair_features_and_embeddings, predictor_laws, rotation_r2,
};
use crate::config::Config;
use crate::data::ViewSource;
use crate::model::Model;
use crate::transformation::{Condition, HUES};

/// Measures a network with its present weights on the source of its configuration.
///
/// # Errors
/// When a split has no object, or data or network fail.
pub fn evaluate(model: &Model, source: &Arc<dyn ViewSource>, config: &Config) -> Result<Evaluation, EvaluationError> {
    let evaluation = &config.evaluation;
    let classes = source.class_names().len();
    let train_objects = fixed_objects(&source.training_subjects(), evaluation.train_pairs, evaluation.seed);
    let held_out = source.held_out_subjects();
    let (test_objects, test_seed) = held_out_pairs(source.as_ref(), config);
    // The embeddings of the training pairs are large, and only the probes of parts look at them.
    let train_features = if evaluation.part_probes { pair_features_and_embeddings } else { pair_features };
    let train = train_features(model, source, &train_objects, evaluation.seed.wrapping_add(2))?;
    let test = pair_features_and_embeddings(model, source, &test_objects, test_seed)?;

    let settings = ProbeSettings { epochs: evaluation.probe_epochs, lr: evaluation.probe_lr, seed: evaluation.seed };
    let (train_images, train_labels) = images_of(&train)?;
    let (test_images, test_labels) = images_of(&test)?;
    let probed = ClassProbe::linear(&train_images, &train_labels, classes, settings)?.classes(&test_images)?;
    let mlp = || -> Result<f64, EvaluationError> {
        let probe = ClassProbe::mlp(&train_images, &train_labels, classes, settings)?;
        Ok(share_equal(&probe.classes(&test_images)?, &test_labels))
    };
    let head = Tensor::cat(&test.class_logits, 0)?.argmax(1)?.to_vec1::<u32>()?;
    let rotation = Target::rotation(&train, &test)?;
    let rotation_probe = PairProbe::train(&train.features, &rotation.train, settings)?;
    let (train_parts, test_parts) = (parts(&train)?, parts(&test)?);
    let relative = relative_errors(&test, source.as_ref());

    Ok(Evaluation {
        objects: held_out.len(),
        pairs: test_objects.len(),
        class_top1: share_equal(&probed, &test_labels),
        class_top1_head: share_equal(&head, &test_labels),
        class_top1_knn: {
            let neighbours = evaluation.neighbours;
            knn_top1(&train_images, &train_labels, &test_images, &test_labels, neighbours, classes)?
        },
        class_top1_mlp: evaluation.mlp_probe.then(mlp).transpose()?,
        rotation_r2: rotation_r2(&rotation.test, &rotation_probe.predict(&test.features)?, rotation.width),
        rotation_r2_parts: if evaluation.part_probes {
            rotation.of_each(&train_parts, &test_parts, settings)?
        } else {
            BTreeMap::new()
        },
        colour_r2: colour_r2(&train, &test, config, settings)?,
        pose: pose_report(&absolute_errors(&test, source.as_ref()))?,
        by_relative_angle: by_relative_angle(&test, &relative),
        relative_pose: pose_report(&relative)?,
        retrieval: Gallery::of(model, source, evaluation)?.map(|gallery| gallery.retrieval()).transpose()?,
        predictor: predictor_laws(model, &test)?,
        drift: Drift::of(&test)?,
        effective_rank: ranks(&test, &test_parts)?,
        out_of_range: out_of_range::measure(model, config, &rotation_probe)?,
        per_class: per_class(&test, &probed, source.as_ref())?,
    })
}

/// The object of each held-out pair, and the seed of its views.
pub(super) fn held_out_pairs(source: &dyn ViewSource, config: &Config) -> (Vec<usize>, u64) {
    let evaluation = &config.evaluation;
    let objects = fixed_objects(&source.held_out_subjects(), evaluation.pairs, evaluation.seed.wrapping_add(1));
    (objects, evaluation.seed.wrapping_add(3))
}

/// What a probe on pairs is to say.
struct Target {
    /// `[n, width]` for the training pairs.
    train: Tensor,
    /// The same for the held-out pairs, row-major.
    test: Vec<f32>,
    width: usize,
}

impl Target {
    /// The rotation between the views as `wxyz` with `w >= 0`.
    fn rotation(train: &PairFeatures, test: &PairFeatures) -> candle_core::Result<Self> {
        let of = relative_quaternions;
        Ok(Self { train: of(train)?, test: of(test)?.flatten_all()?.to_vec1()?, width: 4 })
    }

    /// The differences of the hues of floor and light.
    fn colour(train: &PairFeatures, test: &PairFeatures) -> candle_core::Result<Self> {
        let of = hue_differences;
        Ok(Self { train: of(train)?, test: of(test)?.flatten_all()?.to_vec1()?, width: 2 })
    }

    /// How well a probe says it from each part.
    fn of_each(
        &self,
        train: &[Part],
        test: &[Part],
        settings: ProbeSettings,
    ) -> Result<BTreeMap<String, RotationR2>, EvaluationError> {
        let r2 = |(train, test): (&Part, &Part)| {
            let probe = PairProbe::train(&train.views, &self.train, settings)?;
            Ok((train.name.to_string(), rotation_r2(&self.test, &probe.predict(&test.views)?, self.width)))
        };
        train.iter().zip(test).map(r2).collect()
    }
}

fn colour_r2(
    train: &PairFeatures,
    test: &PairFeatures,
    config: &Config,
    settings: ProbeSettings,
) -> Result<BTreeMap<String, RotationR2>, EvaluationError> {
    if !config.evaluation.colour_probe {
        return Ok(BTreeMap::new());
    }
    let target = Target::colour(train, test)?;
    let whole = |pairs: &PairFeatures| Part { name: FEATURES, views: pairs.features.clone() };
    let mut r2 = target.of_each(&[whole(train)], &[whole(test)], settings)?;
    if config.evaluation.part_probes {
        r2.extend(target.of_each(&parts(train)?, &parts(test)?, settings)?);
    }
    Ok(r2)
}

/// Effective ranks of the first views' features and parts.
fn ranks(test: &PairFeatures, parts: &[Part]) -> candle_core::Result<BTreeMap<String, f64>> {
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

/// `R1^-1 R2` of each pair as `wxyz` with `w >= 0`, `[n, 4]`.
pub(super) fn relative_quaternions(pairs: &PairFeatures) -> candle_core::Result<Tensor> {
    let [first, second] = &pairs.rotations;
    let numbers: Vec<f32> = first.iter().zip(second).flat_map(|(a, b)| a.relative_rotation(*b).wxyz()).collect();
    Tensor::from_vec(numbers, (first.len(), 4), pairs.features[0].device())
}

/// `[floor, light]` hue of the second view less that of the first, `[n, 2]`.
fn hue_differences(pairs: &PairFeatures) -> candle_core::Result<Tensor> {
    Condition { rotation: None, others: &[HUES] }.rows(&pairs.actions(), pairs.features[0].device())
}

fn per_class(
    pairs: &PairFeatures,
    probed: &[u32],
    source: &dyn ViewSource,
) -> Result<Vec<ClassReport>, EvaluationError> {
    let errors = absolute_errors(pairs, source);
    let labels = pairs.labels.repeat(2);
    let mut reports = Vec::new();
    for (label, class) in source.class_names().iter().enumerate() {
        let rows: Vec<usize> = (0..labels.len()).filter(|row| labels[*row] as usize == label).collect();
        if rows.is_empty() {
            continue;
        }
        let of_class: Vec<GeodesicError> = rows.iter().map(|row| errors[*row]).collect();
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
