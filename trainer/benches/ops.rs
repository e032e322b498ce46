//! Throughput of the convolution, batch norm and pooling kernels per layer shape.
//!
//! Criterion's `Gelem/s` are floating-point operations (GFLOP/s; a multiplication with its addition counts two) for
//! convolutions, and numbers read or written for the others.

use std::hint::black_box;
use std::mem::MaybeUninit;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use sextant_trainer::ops::kernels::batch_norm::{BatchNormBackward, channel_affine, channel_moments};
use sextant_trainer::ops::kernels::conv2d::{
    Conv2dShape, conv2d_forward, conv2d_input_gradient, conv2d_weight_gradient,
};
use sextant_trainer::ops::kernels::pooling::{PoolShape, max_pool2d, max_pool2d_gradient};

const IMAGES: usize = 256;

/// A convolution of square maps with padding that keeps their size.
struct Layer {
    name: &'static str,
    size: usize,
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
    groups: usize,
}

const fn layer(name: &'static str, size: usize, channels: [usize; 2], kernel: usize, stride: usize) -> Layer {
    Layer { name, size, channels, kernel, stride, groups: 1 }
}

const LAYERS: [Layer; 18] = [
    layer("3x3 64-64 at 16", 16, [64, 64], 3, 1),
    layer("3x3 128-128 at 8", 8, [128, 128], 3, 1),
    layer("3x3 256-256 at 4", 4, [256, 256], 3, 1),
    layer("3x3 512-512 at 2", 2, [512, 512], 3, 1),
    layer("3x3 64-128 step 2 at 16", 16, [64, 128], 3, 2),
    layer("1x1 64-128 step 2 at 16", 16, [64, 128], 1, 2),
    layer("7x7 3-64 step 2 at 64", 64, [3, 64], 7, 2),
    layer("3x3 3-16 step 2 at 64", 64, [3, 16], 3, 2),
    layer("3x3 16-32 step 2 at 32", 32, [16, 32], 3, 2),
    layer("3x3 32-32 at 16", 16, [32, 32], 3, 1),
    layer("3x3 32-64 step 2 at 16", 16, [32, 64], 3, 2),
    layer("3x3 64-64 at 8", 8, [64, 64], 3, 1),
    layer("3x3 64-96 step 2 at 8", 8, [64, 96], 3, 2),
    layer("3x3 96-96 at 4", 4, [96, 96], 3, 1),
    layer("1x1 64-64 at 8", 8, [64, 64], 1, 1),
    Layer { name: "depthwise 3x3 64 at 16", size: 16, channels: [64, 64], kernel: 3, stride: 1, groups: 64 },
    layer("linear 512-2048", 1, [512, 2048], 1, 1),
    layer("linear 2048-2048", 1, [2048, 2048], 1, 1),
];

impl Layer {
    fn shape(&self) -> Conv2dShape {
        Conv2dShape {
            images: IMAGES,
            height: self.size,
            width: self.size,
            input_channels: self.channels[0],
            output_channels: self.channels[1],
            kernel: [self.kernel; 2],
            stride: [self.stride; 2],
            padding: [self.kernel / 2; 2],
            groups: self.groups,
        }
    }
}

/// Room that is kept from run to run, so that none of them waits for the system's memory.
fn room(len: usize) -> Box<[MaybeUninit<f32>]> {
    let mut room = Box::new_uninit_slice(len);
    room.fill(MaybeUninit::new(0.0));
    room
}

/// Something of a result that a benchmark can hand out while the result stays.
fn first_of(result: &[f32]) -> f32 {
    result[0]
}

/// Numbers in [-0.5, 0.5].
fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 7919 % 1009) as f32 / 1008.0 - 0.5).collect()
}

fn group<'a>(criterion: &'a mut Criterion, name: &str, elements: usize) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.throughput(Throughput::Elements(elements as u64));
    group
}

fn convolutions(criterion: &mut Criterion) {
    for layer in &LAYERS {
        let shape = layer.shape();
        let (x, weight, gradient) =
            (numbers(shape.input_len()), numbers(shape.weight_len()), numbers(shape.output_len()));
        let [mut y, mut dx, mut dw] = [&gradient, &x, &weight].map(|like| room(like.len()));
        let mut group = group(criterion, layer.name, 2 * shape.multiplications());
        group.bench_function("forward", |b| b.iter(|| first_of(conv2d_forward(&shape, &x, &weight, &mut y))));
        group.bench_function("by input", |b| {
            b.iter(|| first_of(conv2d_input_gradient(&shape, &weight, &gradient, &mut dx)))
        });
        group.bench_function("by weight", |b| {
            b.iter(|| first_of(conv2d_weight_gradient(&shape, &x, &gradient, &mut dw)))
        });
    }
}

fn batch_norms(criterion: &mut Criterion) {
    for (size, channels) in [(32, 16), (16, 64), (8, 64)] {
        let len = IMAGES * size * size * channels;
        let (x, gradient) = (numbers(len), numbers(len));
        let (mut y, mut dx) = (room(len), room(len));
        let ones = vec![1.0; channels];
        let mut group = group(criterion, &format!("batch norm {channels} at {size}"), len);
        group.bench_function("forward", |b| {
            b.iter(|| {
                black_box(channel_moments(&x, channels));
                black_box(channel_affine(&x, &ones, &ones, None, true, &mut y));
            });
        });
        let backward = BatchNormBackward {
            x: &x,
            rectified: Some(&gradient),
            output_gradient: &gradient,
            mean: &ones,
            inverse_deviation: &ones,
            gamma: &ones,
        };
        group.bench_function("backward", |b| {
            b.iter(|| {
                let (gamma, beta) = backward.parameter_gradients();
                black_box(backward.input_gradient([&gamma, &beta], &mut dx));
            });
        });
    }
}

fn max_pools(criterion: &mut Criterion) {
    let (images, height, width, channels) = (IMAGES, 32, 32, 64);
    let shape = PoolShape { images, height, width, channels, kernel: [3, 3], stride: [2, 2], padding: [1, 1] };
    let x = numbers(images * height * width * channels);
    let gradient = numbers(x.len() / 4);
    let (mut y, mut dx) = (room(gradient.len()), room(x.len()));
    let mut positions = vec![0; y.len()];
    let mut group = group(criterion, "max-pool 3x3 step 2, 64 at 32", x.len());
    group.bench_function("forward", |b| b.iter(|| first_of(max_pool2d(&shape, &x, &mut y, &mut positions))));
    group.bench_function("backward", |b| {
        b.iter(|| first_of(max_pool2d_gradient(&shape, &positions, &gradient, &mut dx)))
    });
}

criterion_group!(benches, convolutions, batch_norms, max_pools);
criterion_main!(benches);
