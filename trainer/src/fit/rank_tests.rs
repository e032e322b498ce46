//! Several ranks, and several micro-batches, against one of each.

use std::sync::Arc;

use candle_core::Device;

use super::Training;
use crate::collective::{Alone, Collective, Threads};
use crate::config::Config;
use crate::data::{self, BatchShare, Feed, FeedSettings, PairSource};

const STEPS: usize = 20;

/// A network and data small enough for a test, with every term of the loss and a limit on the gradient at work.
fn config(accumulate: usize) -> Config {
    let mut config = Config::default();
    config.data.image_size = 16;
    config.data.supersampling = 1;
    (config.data.objects_per_family, config.data.held_out_per_family) = (1, 1);
    (config.model.projector_hidden, config.model.embedding) = (32, 24);
    config.heads.hidden = 16;
    config.fit.steps = STEPS as u64;
    (config.fit.batch_size, config.fit.accumulate) = (24, accumulate);
    config.fit.clip_norm = 3.0;
    config.fit.ema_decay = 0.9;
    config
}

/// Name and value of everything that a step reports, for each step, and the sum of the weights' magnitudes.
struct Course {
    steps: Vec<Vec<(String, f64)>>,
    weights: f64,
    embedding_rows: usize,
}

fn train(config: &Config, source: &Arc<dyn PairSource>, ranks: Arc<dyn Collective>) -> Course {
    let share = BatchShare { rank: ranks.rank(), ranks: ranks.size(), micro_batches: config.fit.accumulate };
    let settings = FeedSettings { share, ..FeedSettings::new(config.fit.batch_size, config.fit.seed) };
    let mut feed = Feed::start(source.clone(), settings).unwrap();
    let mut training = Training::among(config, source.class_names().len(), &Device::Cpu, ranks).unwrap();
    let mut course = Course { steps: Vec::new(), weights: 0.0, embedding_rows: 0 };
    for _ in 0..STEPS {
        let batch = feed.next_batch().unwrap();
        let symmetries: Vec<_> = batch.pairs.objects.iter().map(|&object| source.symmetry(object as usize)).collect();
        let report = training.train_step(&batch.pairs, &batch.further, &symmetries).unwrap();
        let mut figures = vec![("loss".into(), f64::from(report.loss)), ("norm".into(), report.gradient_norm)];
        figures.extend(report.terms.into_iter().map(|(name, value)| (name, f64::from(value))));
        course.steps.push(figures);
        course.embedding_rows = report.embeddings[0].1.dim(0).unwrap();
    }
    let checkpoint = training.checkpoint(0, None).unwrap();
    let magnitude = |tensor: &candle_core::Tensor| tensor.abs().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
    course.weights =
        checkpoint.model.values().chain(checkpoint.average.values()).map(|t| f64::from(magnitude(t))).sum();
    course
}

fn on_ranks(config: &Config, source: &Arc<dyn PairSource>, size: usize) -> Vec<Course> {
    std::thread::scope(|scope| {
        let start = |rank: Threads| scope.spawn(move || train(config, source, Arc::new(rank)));
        let threads: Vec<_> = Threads::ranks(size).into_iter().map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Largest relative difference of any figure in any step.
fn largest_difference(a: &Course, b: &Course) -> (f64, String) {
    let mut worst = (0.0, String::new());
    for (step, (a, b)) in a.steps.iter().zip(&b.steps).enumerate() {
        for ((name, a), (other, b)) in a.iter().zip(b) {
            assert_eq!(name, other);
            let difference = (a - b).abs() / a.abs().max(1e-2);
            if difference > worst.0 {
                worst = (difference, format!("{name} of step {step}: {a} and {b}"));
            }
        }
    }
    worst
}

#[test]
fn ranks_train_as_one() {
    for accumulate in [1, 2] {
        let config = config(accumulate);
        let source = data::open(&config.data).unwrap();
        let alone = train(&config, &source, Arc::new(Alone));
        for size in [2, 3] {
            let courses = on_ranks(&config, &source, size);
            let (difference, at) = largest_difference(&alone, &courses[0]);
            // Sums are taken in another order: parts of the batch first, then over ranks.
            assert!(difference < 1e-4, "{size} ranks, {accumulate} micro-batches: {at}");
            for course in &courses {
                assert_eq!(course.steps, courses[0].steps, "ranks differ");
                assert_eq!(course.weights.to_bits(), courses[0].weights.to_bits(), "weights of ranks differ");
                assert_eq!(course.embedding_rows, 24, "the monitors see the whole batch");
            }
        }
    }
}

#[test]
fn what_each_micro_batch_sees_matters() {
    let source = data::open(&config(1).data).unwrap();
    let (whole, halves) = (train(&config(1), &source, Arc::new(Alone)), train(&config(2), &source, Arc::new(Alone)));
    // Moments of half a batch are others, but not far from those of the whole.
    let ((_, whole), (_, halves)) = (&whole.steps[0][0], &halves.steps[0][0]);
    assert!(whole != halves && (whole - halves).abs() < 0.3 * whole.abs(), "{whole} and {halves}");
}

#[test]
fn a_batch_that_does_not_divide_is_refused() {
    let config = config(4);
    let rank = Threads::ranks(5).remove(0);
    let error = Training::among(&config, 3, &Device::Cpu, Arc::new(rank)).err().unwrap().to_string();
    assert!(error.contains("fit.batch_size is 24") && error.contains("multiple of 20"), "{error}");
}
