//! Several ranks, and several micro-batches, against one of each.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use candle_core::Device;
use sextant_runtime::rotation::SymmetryGroup;

use super::Training;
use crate::collective::{Alone, Collective, Threads};
use crate::config::{Config, Origin};
use crate::data::{BatchShare, Feed, FeedSettings, GroundTruth, Place, ViewSource};
use crate::method::METHODS;
use crate::optimiser::OptimiserKind;
use crate::registry::Registry;

/// A network and data small enough for a test, with every term of the loss and a limit on the gradient at work.
fn config(method: &str, accumulate: usize) -> Config {
    let text = format!("[method]\nname = \"{method}\"");
    let mut config = Config::from_toml(&Registry::default(), &text, Origin::File("test.toml".into())).unwrap();
    // Of smaller pictures an untrained network sees nothing but a corner, which turned ones lack.
    config.data.image_size = 20;
    config.data.supersampling = 1;
    (config.data.objects_per_family, config.data.held_out_per_family) = (1, 1);
    (config.model.projector_hidden, config.model.embedding) = (32, 24);
    config.heads.hidden = 16;
    (config.fit.batch_size, config.fit.accumulate) = (24, accumulate);
    // AdamW would turn the sign of a gradient that is nothing but rounding into a whole step.
    (config.optimiser.kind, config.optimiser.lr) = (OptimiserKind::Sgd, 0.01);
    config.fit.clip_norm = 3.0;
    config.fit.ema_decay = 0.9;
    let needed = config.needs().unwrap().transformations;
    let on_pixels = needed.iter().filter(|transformation| transformation.on_pixels().is_some());
    config.data.transformations = on_pixels.map(|transformation| transformation.name().into()).collect();
    config
}

/// What a run of the configuration is shown, with what its method predicts.
fn shown(source: &Arc<dyn ViewSource>, config: &Config) -> Arc<dyn ViewSource> {
    config.shown(source).unwrap()
}

/// Name and value of everything that a step reports, for each step, and the sum of the weights' magnitudes.
struct Course {
    steps: Vec<Vec<(String, f64)>>,
    weights: f64,
    embedding_rows: Vec<usize>,
}

fn train(config: &Config, source: &Arc<dyn ViewSource>, steps: usize, ranks: Arc<dyn Collective>) -> Course {
    let share = BatchShare { rank: ranks.rank(), ranks: ranks.size(), micro_batches: config.fit.accumulate };
    let mut training = Training::among(config, GroundTruth::of(source.as_ref()), &Device::Cpu, ranks.clone()).unwrap();
    let views = training.needs().views;
    let settings = FeedSettings { share, views, ..FeedSettings::new(config.fit.batch_size, config.fit.seed) };
    let mut feed = Feed::start(shown(source, config), settings).unwrap();
    let mut course = Course { steps: Vec::new(), weights: 0.0, embedding_rows: Vec::new() };
    for _ in 0..steps {
        let batch = feed.next_batch().unwrap();
        let symmetries: Vec<_> =
            batch.views.subjects.iter().map(|&subject| source.symmetry(subject as usize)).collect();
        let mut report = training.train_step(&batch.views, &symmetries).unwrap();
        let mut figures = vec![("loss".into(), f64::from(report.loss)), ("norm".into(), report.gradient_norm)];
        figures.extend(report.terms.iter().map(|(name, value)| (name.clone(), f64::from(*value))));
        course.steps.push(figures);
        report.gather_embeddings(&ranks).unwrap();
        course.embedding_rows.extend(report.embeddings.iter().map(|(_, rows)| rows.dim(0).unwrap()));
    }
    let checkpoint = training.checkpoint(0, None).unwrap();
    let magnitude = |tensor: &candle_core::Tensor| tensor.abs().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
    course.weights =
        checkpoint.model.values().chain(checkpoint.average.values()).map(|t| f64::from(magnitude(t))).sum();
    course
}

fn on_ranks(config: &Config, source: &Arc<dyn ViewSource>, steps: usize, size: usize) -> Vec<Course> {
    std::thread::scope(|scope| {
        let start = |rank: Threads| scope.spawn(move || train(config, source, steps, Arc::new(rank)));
        let threads: Vec<_> = Threads::ranks(size).into_iter().map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Sums are taken in another order: parts of the batch first, then over ranks. So figures differ by rounding, until it
/// decides the sign of some activation: that one passes ReLU on one side only, which moves the gradient of a network as
/// small as this one by a part of a hundred, and the steps after it go apart.
fn assert_as_one(what: &str, alone: &Course, courses: &[Course]) {
    let mut differences = Vec::new();
    for (step, (alone, shared)) in alone.steps.iter().zip(&courses[0].steps).enumerate() {
        for ((name, a), (other, b)) in alone.iter().zip(shared) {
            assert_eq!(name, other);
            differences.push((a - b).abs() / a.abs().max(1e-2));
            // Losses of the same weights: what ReLU makes of a rounding error moves gradients, not these.
            let has_same_weights = step == 0 && name != "norm";
            assert!(!has_same_weights || differences.last() < Some(&1e-5), "{what}: {name} at first: {a} and {b}");
            assert!(differences.last() < Some(&0.05), "{what}: {name} of step {step}: {a} and {b}");
        }
    }
    differences.sort_by(f64::total_cmp);
    let median = differences[differences.len() / 2];
    assert!(median < 1e-5, "{what}: figures differ by {median:.1e} in the median");
    for course in courses {
        assert_eq!(course.steps, courses[0].steps, "{what}: ranks differ");
        assert_eq!(course.weights.to_bits(), courses[0].weights.to_bits(), "{what}: weights of ranks differ");
        assert!(course.embedding_rows.iter().all(|&rows| rows == 24), "{what}: the monitors see the whole batch");
    }
}

#[test]
fn ranks_train_as_one() {
    for accumulate in [1, 2] {
        let config = config("sie", accumulate);
        let source = config.open_data().unwrap();
        let alone = train(&config, &source, 8, Arc::new(Alone));
        for size in [2, 3] {
            let courses = on_ranks(&config, &source, 8, size);
            assert_as_one(&format!("{size} ranks, {accumulate} micro-batches"), &alone, &courses);
        }
    }
}

#[test]
fn every_method_trains_on_two_ranks_as_on_one() {
    let source = config("sie", 1).open_data().unwrap();
    for entry in METHODS {
        let config = config(entry.name, 1);
        let alone = train(&config, &source, 4, Arc::new(Alone));
        assert_as_one(entry.name, &alone, &on_ranks(&config, &source, 4, 2));
    }
}

/// Every trained tensor after one plain gradient step on some positions of a batch.
fn stepped(method: &str, accumulate: usize, positions: Range<usize>) -> BTreeMap<String, Vec<f32>> {
    let mut config = config(method, accumulate);
    config.fit.batch_size = positions.len();
    config.fit.clip_norm = 0.0;
    (config.optimiser.momentum, config.optimiser.weight_decay, config.schedule.warmup_steps) = (0.0, 0.0, 0);
    let mut training = Training::new(&config, GroundTruth::posed(64), &Device::Cpu).unwrap();
    let source = shown(&config.open_data().unwrap(), &config);
    let places: Vec<Place> = positions.map(|position| Place { position, subject: position }).collect();
    let batch = source.views(&places, training.needs().views, 3).unwrap();
    training.train_step(&batch, &vec![SymmetryGroup::None; places.len()]).unwrap();
    let trained = training.model.parameters().trained().iter();
    trained.map(|(name, var)| (name.clone(), var.flatten_all().unwrap().to_vec1().unwrap())).collect()
}

#[test]
fn accumulated_gradients_are_the_mean_of_the_micro_batches_own() {
    for entry in METHODS {
        let together = stepped(entry.name, 2, 0..12);
        let [first, second] = [0..6, 6..12].map(|half| stepped(entry.name, 1, half));
        for (name, together) in together {
            let halves = first[&name].iter().zip(&second[&name]);
            for (found, (first, second)) in together.iter().zip(halves) {
                let expected = (first + second) / 2.0;
                let scale = 1e-5 + 1e-5 * expected.abs();
                assert!((found - expected).abs() <= scale, "{}: {name}: {found}, not {expected}", entry.name);
            }
        }
    }
}

#[test]
fn what_each_micro_batch_sees_matters() {
    let source = config("sie", 1).open_data().unwrap();
    let losses = [1, 2].map(|accumulate| train(&config("sie", accumulate), &source, 1, Arc::new(Alone)).steps[0][0].1);
    // Moments of half a batch are others, but not far from those of the whole.
    let [whole, halves] = losses;
    assert!(whole != halves && (whole - halves).abs() < 0.3 * whole.abs(), "{whole} and {halves}");
}

#[test]
fn a_batch_that_does_not_divide_is_refused() {
    let rank = Threads::ranks(5).remove(0);
    let error = Training::among(&config("sie", 4), GroundTruth::posed(3), &Device::Cpu, Arc::new(rank))
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("fit.batch_size is 24") && error.contains("multiple of 20"), "{error}");
}
