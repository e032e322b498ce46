//! Every kernel on sizes that reach its branches and no more, against the plain sum: few enough numbers for Miri, which
//! checks every access to memory.

#![allow(unsafe_code)]

use sextant_runtime::graph::Quantization;

use super::aligned::{AlignedBuffer, PooledBuffer, SharedSlice, with_scratch};
use super::batch_norm::{BatchNormBackward, channel_affine, channel_moments};
use super::conv2d::{Conv2dShape, conv2d_forward_with, conv2d_input_gradient_with, conv2d_weight_gradient_with};
use super::covariance::Centred;
use super::fake_quantize::{EightBitRange, fake_quantize, fake_quantize_sum, pass_inside, pass_sum_inside};
use super::optimizer::{AdamWStep, SgdStep, adamw_step, l2_norm, sgd_step};
use super::pooling::{PoolShape, global_average_pool, global_average_pool_gradient, max_pool2d, max_pool2d_gradient};
use super::predictor::PredictorShape;
use super::tile::TileKernels;
use super::unwritten::{all_filled, filled};
use super::{channel_sums, elementwise};

/// Numbers in [-0.5, 0.5] that differ from their neighbours.
fn numbers(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|i| ((i + 31 * seed) * 7919 % 1009) as f32 / 1008.0 - 0.5).collect()
}

fn assert_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{what} [{at}]: {found}, not {expected}");
    }
}

/// Adds `x * w` of every product of a convolution: `visit(y, x, w)` gets their places.
fn each_product(shape: &Conv2dShape, mut visit: impl FnMut(usize, usize, usize)) {
    let [rows, columns] = shape.output_size().unwrap();
    let (inputs, outputs) = (shape.input_channels / shape.groups, shape.output_channels / shape.groups);
    for pixel in 0..shape.images * rows * columns {
        let (image, row, column) = (pixel / (rows * columns), pixel / columns % rows, pixel % columns);
        for tap in 0..shape.kernel[0] * shape.kernel[1] {
            let (tap_row, tap_column) = (tap / shape.kernel[1], tap % shape.kernel[1]);
            let y = (row * shape.stride[0] + tap_row).checked_sub(shape.padding[0]).filter(|&y| y < shape.height);
            let x = (column * shape.stride[1] + tap_column).checked_sub(shape.padding[1]).filter(|&x| x < shape.width);
            let (Some(y), Some(x)) = (y, x) else { continue };
            let from = ((image * shape.height + y) * shape.width + x) * shape.input_channels;
            for output in 0..shape.output_channels {
                for input in 0..inputs {
                    let weight = (output * shape.kernel[0] * shape.kernel[1] + tap) * inputs + input;
                    visit(pixel * shape.output_channels + output, from + output / outputs * inputs + input, weight);
                }
            }
        }
    }
}

const fn conv(
    [images, height, width]: [usize; 3],
    [input_channels, output_channels]: [usize; 2],
    kernel: [usize; 2],
    stride: usize,
    padding: usize,
    groups: usize,
) -> Conv2dShape {
    let (stride, padding) = ([stride; 2], [padding; 2]);
    Conv2dShape { images, height, width, input_channels, output_channels, kernel, stride, padding, groups }
}

/// A name for what is special, and the shape.
const CONVOLUTIONS: [(&str, Conv2dShape); 11] = [
    ("Winograd's algorithm, with pixels outside the map", conv([2, 5, 4], [32, 32], [3, 3], 1, 1, 1)),
    ("Winograd's algorithm without padding", conv([1, 6, 6], [32, 64], [3, 3], 1, 0, 1)),
    ("one tile and one panel, which Miri takes for Winograd's algorithm", conv([1, 3, 4], [16, 16], [3, 3], 1, 1, 1)),
    ("step 2 and ragged channels", conv([2, 5, 4], [3, 5], [3, 3], 2, 1, 1)),
    ("pixels that no window reaches", conv([1, 5, 5], [2, 3], [1, 1], 3, 0, 1)),
    ("windows read where they lie", conv([2, 3, 4], [7, 9], [1, 1], 1, 0, 1)),
    ("groups", conv([2, 4, 3], [6, 10], [3, 2], 1, 1, 2)),
    ("a linear layer", conv([5, 1, 1], [9, 37], [1, 1], 1, 0, 1)),
    ("depthwise", conv([2, 4, 5], [35, 35], [3, 3], 1, 1, 35)),
    ("depthwise, step 2", conv([1, 5, 4], [3, 3], [3, 3], 2, 1, 3)),
    ("no images", conv([0, 4, 4], [3, 5], [3, 3], 1, 1, 1)),
];

/// Products of a convolution that Miri has time for.
const PRODUCTS_UNDER_MIRI: usize = 30_000;
/// Products that Miri has time to sum plainly, too. Beyond them it runs the fastest kernels alone, for their accesses to
/// memory.
const PLAIN_PRODUCTS_UNDER_MIRI: usize = 10_000;

#[test]
fn convolutions_are_plain_sums_on_every_instruction_set() {
    for (what, shape) in &CONVOLUTIONS {
        let products = shape.output_len() * shape.weight_len() / shape.output_channels;
        if cfg!(miri) && products > PRODUCTS_UNDER_MIRI {
            continue;
        }
        let is_compared = !cfg!(miri) || products <= PLAIN_PRODUCTS_UNDER_MIRI;
        let (x, w) = (numbers(shape.input_len(), 1), numbers(shape.weight_len(), 2));
        let g = numbers(shape.output_len(), 3);
        let (mut y, mut dx, mut dw) = (vec![0.0; g.len()], vec![0.0; x.len()], vec![0.0; w.len()]);
        let sum_plainly = |visit: &mut dyn FnMut(usize, usize, usize)| {
            if is_compared {
                each_product(shape, visit)
            }
        };
        sum_plainly(&mut |to, from, weight| {
            y[to] += x[from] * w[weight];
            dx[from] += g[to] * w[weight];
            dw[weight] += g[to] * x[from];
        });
        let all = TileKernels::available();
        for kernels in if is_compared { all } else { &all[..1] } {
            let what = |pass: &str| format!("{what}: {pass}, {:?}", kernels.instruction_set);
            let compare = |found: &[f32], sums: &[f32], what: &str| {
                if is_compared {
                    assert_close(found, sums, what)
                }
            };
            let found = filled(g.len(), |y| conv2d_forward_with(kernels, shape, &x, &w, y));
            compare(&found, &y, &what("forward"));
            let found = filled(x.len(), |dx| conv2d_input_gradient_with(kernels, shape, &w, &g, dx));
            compare(&found, &dx, &what("by input"));
            let found = filled(w.len(), |dw| conv2d_weight_gradient_with(kernels, shape, &x, &g, dw));
            compare(&found, &dw, &what("by weight"));
        }
    }
}

#[test]
fn misfits_are_refused_before_anything_is_written() {
    let right = conv([1, 4, 4], [4, 6], [3, 3], 1, 1, 2);
    let (x, w) = (numbers(right.input_len(), 1), numbers(right.weight_len(), 2));
    let misfits = [
        Conv2dShape { groups: 4, ..right },
        Conv2dShape { groups: 0, ..right },
        Conv2dShape { stride: [0, 1], ..right },
        Conv2dShape { kernel: [9, 9], ..right },
        Conv2dShape { images: 2, ..right },
    ];
    for shape in misfits {
        let run =
            || filled(right.output_len(), |y| conv2d_forward_with(&TileKernels::available()[0], &shape, &x, &w, y));
        assert!(std::panic::catch_unwind(run).is_err(), "{shape:?}");
    }
}

#[test]
fn elementwise_kernels_are_right() {
    let (x, g) = (numbers(70, 1), numbers(70, 2));
    let expected: Vec<f32> = x.iter().map(|x| x.max(0.0)).collect();
    let y = filled(70, |y| elementwise::relu(&x, y));
    assert_eq!(y, expected);
    let masked: Vec<f32> = y.iter().zip(&g).map(|(y, g)| if *y > 0.0 { *g } else { 0.0 }).collect();
    assert_eq!(filled(70, |dx| elementwise::relu_gradient(&y, &g, dx)), masked);
    let sums: Vec<f32> = x.iter().enumerate().map(|(i, x)| x + g[i % 7]).collect();
    assert_eq!(filled(70, |y| elementwise::add_bias(&x, &g[..7], y)), sums);
    let channels: Vec<f32> = (0..7).map(|c| x.iter().skip(c).step_by(7).sum()).collect();
    assert_close(&channel_sums::channel_sums(&x, 7), &channels, "sums");
}

#[test]
fn rounding_is_right() {
    let range = EightBitRange { quantization: Quantization { scale: 0.25, zero_point: 3 }, bounds: [-1, 4] };
    let (a, b, g) = ([-2.0, -0.9, 0.1, 0.2, 9.0], [0.0, 0.1, 0.1, 0.0, -8.8], [1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(filled(5, |y| fake_quantize(&a, range, y)), [-1.0, -1.0, 0.0, 0.25, 0.25]);
    assert_eq!(filled(5, |y| fake_quantize_sum(&a, &b, range, y)), [-1.0, -0.75, 0.25, 0.25, 0.25]);
    assert_eq!(filled(5, |dx| pass_inside(&a, &g, range, dx)), [0.0, 2.0, 3.0, 4.0, 0.0]);
    assert_eq!(filled(5, |dx| pass_sum_inside([&a, &b], &g, range, dx)), [0.0, 2.0, 3.0, 4.0, 5.0]);
}

#[test]
fn pooling_is_right() {
    let shape =
        PoolShape { images: 2, height: 3, width: 4, channels: 3, kernel: [3, 3], stride: [2, 2], padding: [1, 1] };
    let (x, mut positions) = (numbers(72, 1), vec![0; 24]);
    let y = filled(24, |y| max_pool2d(&shape, &x, y, &mut positions));
    let at = |image: usize, row: usize, column: usize, c: usize| ((image * 3 + row) * 4 + column) * 3 + c;
    let mut largest = Vec::new();
    for (image, row, column, c) in (0..24usize).map(|i| (i / 12, i / 6 % 2, i / 3 % 2, i % 3)) {
        let rows = (2 * row).saturating_sub(1)..(2 * row + 2).min(3);
        let pixels = rows.flat_map(|y| ((2 * column).saturating_sub(1)..(2 * column + 2).min(4)).map(move |x| (y, x)));
        let best = pixels.map(|(row, column)| at(image, row, column, c)).max_by(|a, b| x[*a].total_cmp(&x[*b]));
        largest.push(best.unwrap());
    }
    assert_eq!(y, largest.iter().map(|&at| x[at]).collect::<Vec<_>>());
    let g = numbers(24, 2);
    let mut expected = vec![0.0; 72];
    largest.iter().zip(&g).for_each(|(&at, g)| expected[at] += g);
    assert_close(&filled(72, |dx| max_pool2d_gradient(&shape, &positions, &g, dx)), &expected, "by input");

    let means: Vec<f32> = (0..6).map(|i| (0..12).map(|p| x[i / 3 * 36 + p * 3 + i % 3]).sum::<f32>() / 12.0).collect();
    assert_close(&filled(6, |y| global_average_pool(&x, 12, 3, y)), &means, "average");
    let spread: Vec<f32> = (0..72).map(|i| g[i / 36 * 3 + i % 3] / 12.0).collect();
    assert_close(&filled(72, |dx| global_average_pool_gradient(&g[..6], 12, 3, dx)), &spread, "average by input");
}

#[test]
fn batch_norm_is_right() {
    let (x, g, residual) = (numbers(60, 1), numbers(60, 2), numbers(60, 3));
    let moments = channel_moments(&x, 5);
    let channel = |of: &[f32], c: usize| -> Vec<f32> { of.iter().skip(c).step_by(5).copied().collect() };
    for c in 0..5 {
        let mean = channel(&x, c).iter().sum::<f32>() / 12.0;
        assert_close(&[moments.mean[c]], &[mean], "mean");
        let variance = channel(&x, c).iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 12.0;
        assert_close(&[moments.variance[c]], &[variance], "variance");
    }
    let (gamma, beta) = (numbers(5, 4), numbers(5, 5));
    let inverse_deviation: Vec<f32> = moments.variance.iter().map(|v| 1.0 / v.sqrt()).collect();
    let affine = |i: usize| x[i] * gamma[i % 5] + beta[i % 5] + residual[i];
    let rectified: Vec<f32> = (0..60).map(|i| affine(i).max(0.0)).collect();
    let y = filled(60, |y| channel_affine(&x, &gamma, &beta, Some(&residual), true, y));
    assert_close(&y, &rectified, "affine");
    let plain: Vec<f32> = (0..60).map(|i| x[i] * gamma[i % 5] + beta[i % 5]).collect();
    assert_close(&filled(60, |y| channel_affine(&x, &gamma, &beta, None, false, y)), &plain, "affine");

    let backward = BatchNormBackward {
        x: &x,
        rectified: Some(&y),
        output_gradient: &g,
        mean: &moments.mean,
        inverse_deviation: &inverse_deviation,
        gamma: &gamma,
    };
    let masked: Vec<f32> = y.iter().zip(&g).map(|(y, g)| if *y > 0.0 { *g } else { 0.0 }).collect();
    let normalised = |i: usize| (x[i] - moments.mean[i % 5]) * inverse_deviation[i % 5];
    let sum = |c: usize, of: &dyn Fn(usize) -> f32| (0..12).map(|p| of(p * 5 + c)).sum::<f32>();
    let by_gamma: Vec<f32> = (0..5).map(|c| sum(c, &|i| masked[i] * normalised(i))).collect();
    let by_beta: Vec<f32> = (0..5).map(|c| sum(c, &|i| masked[i])).collect();
    let found = backward.parameter_gradients();
    assert_close(&found.0, &by_gamma, "by gamma");
    assert_close(&found.1, &by_beta, "by beta");
    let by_input = |i: usize| {
        let centred = masked[i] - by_beta[i % 5] / 12.0 - normalised(i) * by_gamma[i % 5] / 12.0;
        gamma[i % 5] * inverse_deviation[i % 5] * centred
    };
    let by_input: Vec<f32> = (0..60).map(by_input).collect();
    let sums = [&found.0[..], &found.1[..]];
    assert_close(&filled(60, |dx| backward.input_gradient(sums, dx)), &by_input, "by input");
    let [dx, by_residual] = all_filled(60, |targets| backward.input_and_residual_gradients(sums, targets));
    assert_close(&dx, &by_input, "by input, beside the residual");
    assert_eq!(by_residual, masked);
}

#[test]
fn the_predictor_is_right() {
    let shape = PredictorShape { rows: 3, conditions: 2, outputs: 5, inputs: 7 };
    let (z, q, w, g) = (numbers(21, 1), numbers(6, 2), numbers(70, 3), numbers(15, 4));
    let (mut y, mut dz, mut dq, mut dw) = (vec![0.0; 15], vec![0.0; 21], vec![0.0; 6], vec![0.0; 70]);
    for (row, i, o, k) in (0..210).map(|at| (at / 70, at / 35 % 2, at / 7 % 5, at % 7)) {
        let (to, from, condition, weight) = (row * 5 + o, row * 7 + k, row * 2 + i, (i * 5 + o) * 7 + k);
        y[to] += q[condition] * w[weight] * z[from];
        dz[from] += g[to] * q[condition] * w[weight];
        dq[condition] += g[to] * w[weight] * z[from];
        dw[weight] += g[to] * q[condition] * z[from];
    }
    assert_close(&filled(15, |y| shape.forward(&z, &q, &w, y)), &y, "forward");
    let found = shape.backward(&z, &q, &w, &g);
    assert_close(&found.z, &dz, "by z");
    assert_close(&found.condition, &dq, "by condition");
    assert_close(&found.weight, &dw, "by weight");
}

#[test]
fn batch_terms_are_right() {
    for [rows, columns] in [[3, 5], [5, 3]] {
        let z = numbers(rows * columns, 1);
        let mean = |c: usize| (0..rows).map(|r| z[r * columns + c]).sum::<f32>() / rows as f32;
        let covariance = |i: usize, j: usize| {
            let product = |r: usize| (z[r * columns + i] - mean(i)) * (z[r * columns + j] - mean(j));
            (0..rows).map(product).sum::<f32>() / (rows - 1) as f32
        };
        let off_diagonal = (0..columns * columns).map(|at| (at / columns, at % columns)).filter(|(i, j)| i != j);
        let penalty = off_diagonal.map(|(i, j)| covariance(i, j).powi(2)).sum::<f32>() / columns as f32;
        let found = Centred::new(&z, columns).covariance_penalty();
        assert_close(&[found], &[penalty], "covariance");
        let hinge = (0..columns).map(|c| (1.0 - (covariance(c, c) + 1e-4).sqrt()).max(0.0)).sum::<f32>();
        assert_close(&[Centred::new(&z, columns).variance_hinge()], &[hinge / columns as f32], "variance");
        let gradients = [
            Centred::new(&z, columns).covariance_penalty_gradient(1.0),
            Centred::new(&z, columns).variance_hinge_gradient(1.0),
        ];
        let terms: [fn(&Centred) -> f32; 2] = [Centred::covariance_penalty, Centred::variance_hinge];
        for (gradient, term) in gradients.iter().zip(terms) {
            let at = |at: usize, by: f32| {
                let mut z = z.clone();
                z[at] += by;
                term(&Centred::new(&z, columns))
            };
            let differences: Vec<f32> = (0..z.len()).map(|i| (at(i, 1e-2) - at(i, -1e-2)) / 2e-2).collect();
            for (found, expected) in gradient.iter().zip(&differences) {
                assert!((found - expected).abs() < 2e-3, "{rows}x{columns}: {found}, not {expected}");
            }
        }
    }
}

#[test]
fn optimiser_steps_write_every_parameter() {
    let (mut w, g) = (numbers(21, 1), numbers(21, 2));
    let (mut m, mut v) = (vec![0.0; 21], vec![0.0; 21]);
    let before = w.clone();
    let step = AdamWStep { lr: 0.1, beta1: 0.0, beta2: 0.0, eps: 0.0, weight_decay: 0.0, step: 1 };
    adamw_step(&mut w, &g, &mut m, &mut v, &step);
    // Without memory a step goes by the sign of the gradient.
    let expected: Vec<f32> = before.iter().zip(&g).map(|(w, g)| w - 0.1 * g.signum()).collect();
    assert_close(&w, &expected, "AdamW");
    let step = SgdStep { lr: 1.0, momentum: 0.5, weight_decay: 0.0, gradient_scale: 1.0 };
    sgd_step(&mut w, &g, &mut m, &step);
    let expected: Vec<f32> = expected.iter().zip(&g).map(|(w, g)| w - 1.5 * g).collect();
    assert_close(&w, &expected, "SGD");
    assert_close(&[l2_norm(&[3.0, 4.0])], &[5.0], "norm");
}

#[test]
fn buffers_are_aligned_and_used_again() {
    let mut buffer = AlignedBuffer::zeros(17);
    assert_eq!((buffer.len(), buffer.as_ptr().addr() % 64), (32, 0));
    buffer[16] = 3.0;
    assert_eq!(buffer.reserve(20)[16], 3.0);
    assert_eq!(buffer.reserve(33).len(), 48);
    for len in [1, 100, 5, 1000, 0, 40, 30] {
        // Some are those of the turn before, with what was written there.
        let mut buffer = PooledBuffer::take(len);
        assert!(buffer.len() >= len && buffer.as_ptr().addr().is_multiple_of(64));
        buffer.iter_mut().for_each(|number| *number += 1.0);
    }
    with_scratch(|scratch| scratch.panel.reserve(5)[4] = 1.0);
    with_scratch(|scratch| assert_eq!(scratch.panel[4], 1.0));
}

#[test]
fn parts_of_a_shared_slice_are_written_by_their_threads() {
    let mut all = vec![0u32; 40];
    let shared = SharedSlice::new(&mut all);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for part in (thread..8).step_by(4) {
                    // SAFETY: every part is one thread's.
                    unsafe { shared.slice(part * 5, 5) }.fill(thread as u32);
                }
            });
        }
    });
    assert!(all.chunks(5).enumerate().all(|(part, chunk)| chunk == [part as u32 % 4; 5]));
}

#[test]
#[should_panic(expected = "end <= self.len")]
fn a_part_beyond_a_shared_slice_is_refused() {
    let mut all = [0.0; 4];
    // SAFETY: it panics.
    unsafe { SharedSlice::new(&mut all).slice(2, usize::MAX) };
}
