//! Pictures a second of 32 pixels a side through each transformation and augmentation, on one core.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sextant_trainer::transformation::{Augmentation, TRANSFORMATIONS};

const SIZE: usize = 32;

/// Colours all over, as a photograph has them.
fn picture() -> Vec<u8> {
    (0..SIZE * SIZE * 3).map(|at| (at * at / 7 % 251) as u8).collect()
}

fn transformations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("transformations");
    group.throughput(Throughput::Elements(1));
    for transformation in TRANSFORMATIONS {
        let Some(on_pixels) = transformation.on_pixels() else { continue };
        let (mut rng, mut picture, mut scratch) = (ChaCha8Rng::seed_from_u64(1), picture(), Vec::new());
        group.bench_function(transformation.name(), |bencher| {
            bencher.iter(|| {
                let value = on_pixels.draw(&mut rng);
                on_pixels.apply(&value, black_box(&mut picture), SIZE, &mut scratch);
            });
        });
    }
}

fn augmentations(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("augmentations");
    group.throughput(Throughput::Elements(1));
    let original = picture();
    for augmentation in Augmentation::ALL {
        let (mut rng, mut picture, mut scratch) = (ChaCha8Rng::seed_from_u64(1), picture(), Vec::new());
        group.bench_function(augmentation.name(), |bencher| {
            bencher.iter(|| {
                // What is augmented again and again ends as one colour.
                picture.copy_from_slice(&original);
                augmentation.apply(&mut rng, black_box(&mut picture), SIZE, &mut scratch);
            });
        });
    }
}

criterion_group!(benches, transformations, augmentations);
criterion_main!(benches);
