//! How features answer to a transformation of held-out pictures: how far it moves them, and whether more of it moves them
//! farther.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::features::fixed_batches;
use super::measure::held_out_pairs;
use super::{EvaluationError, Unit};
use crate::config::Config;
use crate::data::{DataError, ViewSource};
use crate::model::Model;
use crate::transformation::{Augmentation, Transformation, Value};

/// How the features of held-out pictures answer to a transformation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResponseReport {
    /// Its name.
    pub transformation: String,
    /// Pictures.
    pub pictures: usize,
    /// Values of the transformation that each picture was shown with: strengths at even distances, or classes.
    pub values: usize,
    /// Mean distance of a picture under one value to itself under another, over that of two pictures under the same one: 0 for
    /// perfect invariance, 1 where the transformation moves features as far as another picture does.
    pub drift: f64,
    /// Kendall's tau between distance and strength: 1 where more of it is always farther away, 0 by chance; only where it has
    /// an ordered scale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tau: Option<f64>,
    /// The same where each strength is shown under a `data.augmentation` of its own; only where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tau_augmented: Option<f64>,
}

/// Strengths that an ordered scale is measured at.
const STRENGTHS: u32 = 8;
/// Most classes that are shown of a transformation without a scale.
const MOST_CLASSES: usize = 8;
/// Most pictures that are looked at.
const MOST_PICTURES: usize = 500;

/// A report on each of `evaluation.responses`.
///
/// # Errors
/// When data or network fail.
pub(super) fn response_reports(
    model: &Model,
    source: &Arc<dyn ViewSource>,
    config: &Config,
) -> Result<Vec<ResponseReport>, EvaluationError> {
    let known = config.registry().transformations();
    let named = config.evaluation.responses.iter().map(|name| {
        let unknown = || DataError::Unusable(format!("there is no transformation `{name}`"));
        known.find(name).copied().ok_or_else(unknown)
    });
    named.map(|transformation| report(model, source, config, transformation?)).collect()
}

fn report(
    model: &Model,
    source: &Arc<dyn ViewSource>,
    config: &Config,
    transformation: &'static dyn Transformation,
) -> Result<ResponseReport, EvaluationError> {
    let values = shown_values(transformation);
    let (mut subjects, seed) = held_out_pairs(source.as_ref(), config);
    subjects.truncate(MOST_PICTURES.min(source.held_out_subjects().len()));
    let pictures = |is_augmented: bool| -> Result<Vec<Vec<Vec<f32>>>, EvaluationError> {
        let shown = config.listed_values(source, transformation, values.clone(), is_augmented)?;
        unit_features(model, &shown, &subjects, values.len(), seed)
    };
    let (plain, is_ordered) = (pictures(false)?, transformation.scale().is_some());
    let tau = |pictures: &[Vec<Vec<f32>>]| {
        pictures.iter().map(|looks| order_kept(looks)).sum::<f64>() / pictures.len() as f64
    };
    let is_augmented = is_ordered && config.data.augmentation != Augmentation::None;
    Ok(ResponseReport {
        transformation: transformation.name().into(),
        pictures: subjects.len(),
        values: values.len(),
        drift: drift(&plain),
        tau: is_ordered.then(|| tau(&plain)),
        tau_augmented: if is_augmented { Some(tau(&pictures(true)?)) } else { None },
    })
}

/// Strengths at even distances from none to most, or the first classes.
fn shown_values(transformation: &dyn Transformation) -> Vec<Value> {
    match transformation.scale() {
        Some(scale) => scale.at_even_distances(STRENGTHS),
        None => (0..transformation.kind().classes().unwrap_or(0).min(MOST_CLASSES) as u32).map(Value::Class).collect(),
    }
}

/// Features of unit length of the first `views` views of each subject: `[subjects][views][width]`.
pub(super) fn unit_features(
    model: &Model,
    source: &Arc<dyn ViewSource>,
    subjects: &[usize],
    views: usize,
    seed: u64,
) -> Result<Vec<Vec<Vec<f32>>>, EvaluationError> {
    let mut found = Vec::with_capacity(subjects.len());
    fixed_batches(source, subjects, views, seed, |batch| {
        let mut of_batch = vec![Vec::with_capacity(views); batch.len()];
        for view in 0..views {
            let features = model.encode(&model.normalise(batch.images_of(view))?)?.features.to_vec2::<f32>()?;
            of_batch.iter_mut().zip(features).for_each(|(looks, features)| looks.push(of_unit_length(features)));
        }
        found.extend(of_batch);
        Ok::<(), EvaluationError>(())
    })?;
    Ok(found)
}

fn of_unit_length(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-12);
    vector.iter_mut().for_each(|x| *x /= length);
    vector
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
}

/// Mean distance of a picture's looks to each other, over that of a picture to the next one in the same look; 0 where nothing
/// moves.
fn drift(pictures: &[Vec<Vec<f32>>]) -> f64 {
    let (mut own, mut own_pairs, mut others, mut other_pairs) = (0.0, 0usize, 0.0, 0usize);
    for (at, looks) in pictures.iter().enumerate() {
        let next = &pictures[(at + 1) % pictures.len()];
        for (first, look) in looks.iter().enumerate() {
            own += looks[first + 1..].iter().map(|later| distance(look, later)).sum::<f64>();
            own_pairs += looks.len() - first - 1;
            others += distance(look, &next[first]);
            other_pairs += 1;
        }
    }
    let mean = |sum: f64, count: usize| sum / count.max(1) as f64;
    if others == 0.0 { 0.0 } else { mean(own, own_pairs) / mean(others, other_pairs) }
}

/// Kendall's tau between distance and strength, of the looks of one picture in the order of their strengths: from each look
/// on, in both directions, every two others are compared. A pair counts +1 where the one with the nearer strength lies
/// nearer, -1 where it lies farther away, and 0 at the same distance; this is the mean.
fn order_kept(looks: &[Vec<f32>]) -> f64 {
    let (mut sum, mut pairs) = (0.0, 0);
    for (start, look) in looks.iter().enumerate() {
        let [after, before] = [(start + 1..looks.len()).collect::<Vec<_>>(), (0..start).rev().collect()];
        for direction in [after, before] {
            let distances: Vec<f64> = direction.into_iter().map(|other| distance(look, &looks[other])).collect();
            for (near, nearer) in distances.iter().enumerate() {
                for farther in &distances[near + 1..] {
                    sum += match nearer.total_cmp(farther) {
                        std::cmp::Ordering::Less => 1.0,
                        std::cmp::Ordering::Equal => 0.0,
                        std::cmp::Ordering::Greater => -1.0,
                    };
                    pairs += 1;
                }
            }
        }
    }
    sum / f64::from(pairs.max(1))
}

/// The mean over those that have an order, by how it is read; `None` where none has.
pub(super) fn mean_tau(reports: &[ResponseReport], read: fn(&ResponseReport) -> Option<f64>) -> Option<f64> {
    let taus: Vec<f64> = reports.iter().filter_map(read).collect();
    (!taus.is_empty()).then(|| taus.iter().sum::<f64>() / taus.len() as f64)
}

impl ResponseReport {
    /// Titles of [`Self::cells`].
    pub const TITLES: [&str; 6] = ["answer to", "values", "pictures", "drift", "order", "augmented"];

    /// A row of a table.
    pub fn cells(&self) -> [String; 6] {
        let text = |tau: Option<f64>| tau.map_or_else(String::new, |tau| Unit::Ratio.text(tau));
        [
            self.transformation.clone(),
            self.values.to_string(),
            self.pictures.to_string(),
            Unit::Ratio.text(self.drift),
            text(self.tau),
            text(self.tau_augmented),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origin;
    use crate::data::GroundTruth;
    use crate::evaluate::evaluate;
    use crate::registry::Registry;
    use crate::transformation::{BLUR_SCALE, HORIZONTAL_FLIP, JIGSAW};

    fn on_circle(angles: &[f32]) -> Vec<Vec<f32>> {
        angles.iter().map(|angle| vec![angle.cos(), angle.sin()]).collect()
    }

    #[test]
    fn order_by_hand() {
        let cases: [(&[f32], f64); 4] = [
            (&[0.0, 0.1, 0.5, 3.0], 1.0),
            // From each look on every pair is at one distance.
            (&[0.7, 0.7, 0.7], 0.0),
            // From the first the last is nearer: -1. From the last the middle is farther: -1.
            (&[0.0, 1.0, 0.1], -1.0),
            // From the first 0.1, 0.4, 0.22: +1. From the second 0.3, 0.12: -1. From the third 0.3, 0.4: +1. From the last
            // 0.18, 0.12, 0.22: +1. In all 2 of 8.
            (&[0.0, 0.1, 0.4, 0.22], 0.25),
        ];
        for (angles, expected) in cases {
            let found = order_kept(&on_circle(angles));
            assert!((found - expected).abs() < 1e-6, "{angles:?}: {found}");
        }
    }

    #[test]
    fn order_is_by_chance_none() {
        use rand::{RngExt, SeedableRng};

        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let taus = (0..2000).map(|_| {
            let looks: Vec<Vec<f32>> = (0..8).map(|_| (0..4).map(|_| rng.random_range(-1.0..1.0)).collect()).collect();
            order_kept(&looks)
        });
        let mean = taus.sum::<f64>() / 2000.0;
        assert!(mean.abs() < 0.02, "{mean}");
    }

    #[test]
    fn drift_by_hand() {
        let pictures = [vec![vec![0.0, 0.0], vec![0.0, 1.0]], vec![vec![4.0, 0.0], vec![4.0, 1.0]]];
        assert!((drift(&pictures) - 0.25).abs() < 1e-9);
        assert_eq!(drift(&[vec![vec![1.0]; 3], vec![vec![1.0]; 3]]), 0.0);
    }

    #[test]
    fn strengths_are_spread_over_the_whole_scale() {
        let positions: Vec<f32> = shown_values(BLUR_SCALE).iter().map(|value| value.numbers()[0] * 16.0).collect();
        assert_eq!(positions, [0.0, 2.0, 5.0, 7.0, 9.0, 11.0, 14.0, 16.0]);
        assert_eq!(shown_values(HORIZONTAL_FLIP), [0, 1].map(Value::Class));
        assert_eq!(shown_values(JIGSAW).len(), 8);
    }

    #[test]
    fn all_that_is_asked_of_transformed_pictures_is_measured() {
        let toml = r#"
            [data]
            families = ["mug", "car", "chair"]
            objects_per_family = 2
            held_out_per_family = 3
            image_size = 32
            augmentation = "simclr"
            transformations = ["blur-scale"]
            [model]
            encoder = "tiny"
            projector_hidden = 16
            embedding = 16
            [method]
            name = "simclr"
            [evaluation]
            pairs = 9
            train_pairs = 12
            probe_epochs = 1
            neighbours = 3
            gallery_objects = 0
            responses = ["blur-scale", "horizontal-flip"]
            inner_products = true
            transformed_class = true
        "#;
        let config = Config::from_toml(&Registry::default(), toml, Origin::File("my.toml".into())).unwrap();
        let source = config.open_data().unwrap();
        let truth = GroundTruth::of(config.shown(&source).unwrap().as_ref());
        let model = Model::new(&config, truth, &candle_core::Device::Cpu).unwrap();
        let found = evaluate(&model, &source, &config).unwrap();
        let [blur, flip] = &found.responses[..] else { panic!("{:?}", found.responses) };
        assert_eq!((blur.pictures, blur.values, flip.values), (9, 8, 2));
        // The encoder is random: more blur is farther away all the same.
        assert!(blur.tau > Some(0.5) && blur.tau_augmented < blur.tau, "{blur:?}");
        assert!(blur.drift > 0.0 && flip.drift > 0.0 && flip.tau.is_none() && flip.tau_augmented.is_none());
        assert_eq!((found.order_tau, found.order_tau_augmented), (blur.tau, blur.tau_augmented));
        assert!(found.inner_products.is_some_and(|products| products.relative_change > 0.0));
        assert!(found.class_top1_transformed.is_some());
        let told: Vec<_> =
            found.transformations.iter().map(|report| (&report.transformation[..], report.classes)).collect();
        assert_eq!(told, [("blur-scale", 4)]);
        // What is not asked is not measured.
        let mut silent = config.clone();
        silent.evaluation.responses.clear();
        (silent.evaluation.inner_products, silent.evaluation.transformed_class) = (false, false);
        let found = evaluate(&model, &source, &silent).unwrap();
        assert!(found.responses.is_empty() && found.order_tau.is_none() && found.inner_products.is_none());
        assert_eq!(found.class_top1_transformed, None);
    }
}
