//! Every operator against candle's own composition and against central finite differences.

use candle_core::{Device, Result, Tensor, Var};
use sextant_runtime::graph::Quantization;
use sextant_runtime::plane_group::{Fibre, FilterExpansion, PlaneGroup};

use super::kernels::conv2d::{
    Conv2dShape, conv2d_forward_with, conv2d_input_gradient_with, conv2d_weight_gradient_with,
};
use super::kernels::tile::TileKernels;
use super::kernels::unwritten::filled;
use super::*;

/// Numbers in [-0.5, 0.5) that differ from each other.
fn numbers(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    (0..len).map(|_| next()).collect()
}

fn variable(dims: &[usize], seed: u64) -> Result<Var> {
    let data = numbers(dims.iter().product(), seed);
    Var::from_tensor(&Tensor::from_vec(data, dims, &Device::Cpu)?)
}

fn values(x: &Tensor) -> Result<Vec<f32>> {
    x.flatten_all()?.to_vec1()
}

/// Largest difference, relative to the largest value.
fn relative_error(found: &Tensor, expected: &Tensor) -> Result<f32> {
    assert_eq!(found.shape(), expected.shape());
    let (found, expected) = (values(found)?, values(expected)?);
    let scale = expected.iter().fold(1e-3f32, |most, x| most.max(x.abs()));
    Ok(found
        .iter()
        .zip(&expected)
        .map(|(a, b)| (a - b).abs() / scale)
        .fold(0.0, |most, e| if e.is_nan() { f32::INFINITY } else { most.max(e) }))
}

type Operator<'a> = &'a dyn Fn(&[Var]) -> Result<Tensor>;

/// A weighting of the output that tells its elements apart.
fn loss_weights(y: &Tensor) -> Result<Tensor> {
    Tensor::from_vec(numbers(y.elem_count(), 99), y.shape(), &Device::Cpu)
}

/// The loss, accumulated in double precision.
fn loss(operator: Operator, args: &[Var]) -> Result<f64> {
    let y = operator(args)?;
    let weights = values(&loss_weights(&y)?)?;
    Ok(values(&y)?.iter().zip(&weights).map(|(y, w)| f64::from(*y) * f64::from(*w)).sum())
}

fn gradients(operator: Operator, args: &[Var]) -> Result<(Tensor, Vec<Tensor>)> {
    let y = operator(args)?;
    let grads = (&y * loss_weights(&y)?)?.sum_all()?.backward()?;
    let of = |arg: &Var| grads.get(arg).expect("every argument is a variable").clone();
    Ok((y.detach(), args.iter().map(of).collect()))
}

fn assert_like_composed(name: &str, ours: Operator, composed: Operator, args: &[Var]) -> Result<()> {
    let (y, found) = gradients(ours, args)?;
    let (expected_y, expected) = gradients(composed, args)?;
    let error = relative_error(&y, &expected_y)?;
    assert!(error < 2e-5, "{name}: result differs by {error:e}");
    for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let error = relative_error(found, expected)?;
        assert!(error < 1e-4, "{name}: gradient {i} differs by {error:e}");
    }
    let (again_y, again) = gradients(ours, args)?;
    assert_eq!(values(&y)?, values(&again_y)?, "{name}: not deterministic");
    for (found, again) in found.iter().zip(&again) {
        assert_eq!(values(found)?, values(again)?, "{name}: gradient not deterministic");
    }
    Ok(())
}

/// Compares up to 12 elements of every gradient with central differences of `step`.
fn assert_like_differences(name: &str, operator: Operator, args: &[Var], step: f32) -> Result<()> {
    let (_, found) = gradients(operator, args)?;
    for (i, found) in found.iter().enumerate() {
        let analytic = values(found)?;
        let scale = analytic.iter().fold(0.05f32, |most, g| most.max(g.abs()));
        let original = values(args[i].as_tensor())?;
        let dims = args[i].dims().to_vec();
        let shifted = |at: usize, by: f32| -> Result<f64> {
            let mut data = original.clone();
            data[at] += by;
            args[i].set(&Tensor::from_vec(data, &dims[..], &Device::Cpu)?)?;
            loss(operator, args)
        };
        for at in (0..original.len()).step_by(original.len().div_ceil(12)) {
            let numeric = (shifted(at, step)? - shifted(at, -step)?) / f64::from(2.0 * step);
            let error = (numeric - f64::from(analytic[at])).abs() / f64::from(scale);
            assert!(error < 5e-3, "{name}: argument {i}[{at}]: {} against {numeric}", analytic[at]);
        }
        args[i].set(&Tensor::from_vec(original.clone(), &dims[..], &Device::Cpu)?)?;
    }
    Ok(())
}

fn assert_correct(name: &str, ours: Operator, composed: Operator, args: &[Var]) -> Result<()> {
    assert_like_composed(name, ours, composed, args)?;
    assert_like_differences(name, ours, args, 1e-2)
}

struct ConvCase {
    input: [usize; 4],
    /// Output channels, window height and width.
    filter: [usize; 3],
    options: Conv2dOptions,
}

const fn case(input: [usize; 4], filter: [usize; 3], stride: usize, padding: usize, groups: usize) -> ConvCase {
    ConvCase { input, filter, options: Conv2dOptions { stride: [stride; 2], padding: [padding; 2], groups } }
}

fn conv_cases() -> Vec<ConvCase> {
    let uneven = Conv2dOptions { stride: [2, 1], padding: [0, 2], groups: 1 };
    vec![
        case([1, 1, 1, 1], [1, 1, 1], 1, 0, 1),
        case([3, 1, 1, 5], [7, 3, 3], 1, 1, 1),
        case([2, 5, 7, 3], [16, 3, 3], 1, 1, 1),
        case([2, 9, 8, 3], [5, 7, 7], 2, 3, 1),
        case([2, 8, 8, 20], [33, 3, 3], 2, 1, 1),
        case([1, 7, 6, 16], [48, 1, 1], 2, 0, 1),
        case([2, 5, 5, 8], [40, 1, 1], 1, 1, 1),
        case([2, 6, 7, 4], [6, 5, 5], 3, 2, 1),
        case([1, 30, 29, 17], [9, 3, 3], 1, 0, 1),
        case([5, 4, 4, 64], [64, 3, 3], 1, 1, 1),
        // Large enough for Winograd's algorithm, with whole and with ragged tiles.
        case([2, 8, 8, 32], [64, 3, 3], 1, 1, 1),
        case([3, 7, 11, 64], [32, 3, 3], 1, 1, 1),
        case([2, 6, 9, 32], [32, 3, 3], 1, 2, 1),
        case([2, 9, 6, 32], [32, 3, 3], 1, 0, 1),
        case([2, 6, 5, 12], [18, 3, 3], 1, 1, 3),
        case([2, 6, 6, 8], [8, 1, 1], 1, 0, 2),
        case([3, 6, 5, 35], [35, 3, 3], 1, 1, 35),
        case([2, 7, 5, 64], [64, 3, 3], 2, 1, 64),
        case([1, 3, 9, 33], [33, 3, 3], 1, 0, 33),
        case([2, 3, 4, 3], [3, 1, 1], 1, 1, 3),
        case([1, 2, 2, 32], [32, 5, 5], 1, 2, 32),
        ConvCase { input: [2, 6, 5, 3], filter: [4, 2, 3], options: uneven },
    ]
}

#[test]
fn conv2d_is_right() -> Result<()> {
    for ConvCase { input, filter: [outputs, height, width], options } in conv_cases() {
        let name = format!("{input:?} {outputs}x{height}x{width} {options:?}");
        let args = [variable(&input, 1)?, variable(&[outputs, height, width, input[3] / options.groups], 2)?];
        let ours = |args: &[Var]| conv2d(&args[0], &args[1], options);
        let oracle = |args: &[Var]| composed::conv2d(&args[0], &args[1], options);
        assert_correct(&name, &ours, &oracle, &args)?;
    }
    Ok(())
}

#[test]
fn every_instruction_set_agrees() {
    for ConvCase { input: [images, height, width, inputs], filter: [outputs, kh, kw], options } in conv_cases() {
        let Conv2dOptions { stride, padding, groups } = options;
        let (kernel, input_channels, output_channels) = ([kh, kw], inputs, outputs);
        let shape =
            Conv2dShape { images, height, width, input_channels, output_channels, kernel, stride, padding, groups };
        let (x, weight) = (numbers(shape.input_len(), 1), numbers(shape.weight_len(), 2));
        let gradient = numbers(shape.output_len(), 3);
        let all_passes = |kernels| {
            [
                filled(gradient.len(), |y| conv2d_forward_with(kernels, &shape, &x, &weight, y)),
                filled(x.len(), |dx| conv2d_input_gradient_with(kernels, &shape, &weight, &gradient, dx)),
                filled(weight.len(), |dw| conv2d_weight_gradient_with(kernels, &shape, &x, &gradient, dw)),
            ]
        };
        let available = TileKernels::available();
        let scalar = all_passes(available.last().expect("the scalar twin"));
        for kernels in available {
            for (found, expected) in all_passes(kernels).iter().flatten().zip(scalar.iter().flatten()) {
                let set = kernels.instruction_set;
                assert!((found - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{set:?} {shape:?}");
            }
        }
    }
}

#[test]
fn results_do_not_depend_on_threads() -> Result<()> {
    let args =
        [variable(&[9, 12, 12, 24], 1)?, variable(&[40, 3, 3, 24], 2)?, variable(&[40], 3)?, variable(&[40], 4)?];
    let network = |args: &[Var]| {
        let y = conv2d(&args[0], &args[1], Conv2dOptions { padding: [1, 1], ..Default::default() })?;
        let options = BatchNormOptions { eps: 1e-5, activation: Activation::Relu };
        let (y, _) = batch_norm(&y, &args[2], &args[3], None, options)?;
        max_pool2d(&y, [3, 3], [2, 2], [1, 1])
    };
    let with_threads = |threads: usize| -> Result<Vec<Vec<f32>>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
        let (y, grads) = pool.install(|| gradients(&network, &args))?;
        std::iter::once(&y).chain(&grads).map(values).collect()
    };
    let single = with_threads(1)?;
    for threads in [2, 3, 8] {
        assert_eq!(with_threads(threads)?, single, "{threads} threads");
    }
    Ok(())
}

#[test]
fn input_gradient_is_left_out_where_nobody_wants_it() -> Result<()> {
    let x = variable(&[1, 4, 4, 3], 1)?.detach();
    let weight = variable(&[2, 3, 3, 3], 2)?;
    let grads = conv2d(&x, &weight, Conv2dOptions::default())?.sum_all()?.backward()?;
    assert!(grads.get(&x).is_none());
    assert!(grads.get(&weight).is_some());
    Ok(())
}

#[test]
fn batch_norm_is_right() -> Result<()> {
    let shapes: [&[usize]; 6] = [&[2, 3, 5, 7], &[4, 1, 1, 16], &[3, 4, 4, 1], &[9, 33], &[2, 40, 3, 300], &[700, 40]];
    for dims in shapes {
        for (with_residual, activation) in [
            (false, Activation::Identity),
            (false, Activation::Relu),
            (true, Activation::Identity),
            (true, Activation::Relu),
        ] {
            let channels = *dims.last().expect("not empty");
            let mut args = vec![variable(dims, 1)?, variable(&[channels], 2)?, variable(&[channels], 3)?];
            args.extend(with_residual.then(|| variable(dims, 4)).transpose()?);
            let options = BatchNormOptions { eps: 1e-3, activation };
            let residual = |args: &[Var]| args.get(3).map(|residual| residual.as_tensor().clone());
            let ours = |args: &[Var]| Ok(batch_norm(&args[0], &args[1], &args[2], residual(args).as_ref(), options)?.0);
            let oracle = |args: &[Var]| {
                Ok(composed::batch_norm(&args[0], &args[1], &args[2], residual(args).as_ref(), options)?.0)
            };
            let name = format!("{dims:?} {options:?} residual {with_residual}");
            assert_like_composed(&name, &ours, &oracle, &args)?;
            if activation == Activation::Identity {
                assert_like_differences(&name, &ours, &args, 1e-2)?;
            }
        }
    }
    Ok(())
}

#[test]
fn batch_statistics_survive_a_large_mean() -> Result<()> {
    let deviations = numbers(50_000 * 3, 5);
    let data: Vec<f32> = deviations.iter().map(|x| x + 1000.0).collect();
    let exact = |c: usize| {
        let channel: Vec<f64> = data.iter().skip(c).step_by(3).map(|&x| f64::from(x)).collect();
        let mean = channel.iter().sum::<f64>() / channel.len() as f64;
        (mean, channel.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / channel.len() as f64)
    };
    let x = Tensor::from_vec(data.clone(), (50_000, 3), &Device::Cpu)?;
    let (one, zero) =
        (Tensor::from_vec(vec![1f32; 3], 3, &Device::Cpu)?, Tensor::from_vec(vec![0f32; 3], 3, &Device::Cpu)?);
    let options = BatchNormOptions { eps: 1e-5, activation: Activation::Identity };
    let (_, statistics) = batch_norm(&x, &one, &zero, None, options)?;
    assert_eq!(statistics.count, 50_000);
    for c in 0..3 {
        let (mean, variance) = exact(c);
        assert!((f64::from(statistics.mean[c]) - mean).abs() < 1e-4);
        assert!((f64::from(statistics.variance[c]) - variance).abs() < 1e-4 * variance);
    }
    Ok(())
}

#[test]
fn channel_affine_is_right() -> Result<()> {
    for activation in [Activation::Identity, Activation::Relu] {
        let args = [variable(&[3, 5, 4, 7], 1)?, variable(&[7], 2)?, variable(&[7], 3)?, variable(&[3, 5, 4, 7], 4)?];
        for residual in [None, Some(args[3].as_tensor())] {
            let expected = composed::channel_affine(&args[0], &args[1], &args[2], residual, activation)?;
            let tracked = channel_affine(&args[0], &args[1], &args[2], residual, activation)?;
            assert!(tracked.track_op());
            let [x, scale, shift] = [0, 1, 2].map(|i| args[i].detach());
            let fused = channel_affine(&x, &scale, &shift, residual.map(Tensor::detach).as_ref(), activation)?;
            assert!(relative_error(&fused, &expected)? < 1e-6);
            assert!(relative_error(&tracked, &expected)? < 1e-6);
        }
    }
    Ok(())
}

#[test]
fn relu_and_bias_are_right() -> Result<()> {
    let args = [variable(&[3, 5, 2, 9], 1)?, variable(&[9], 2)?];
    assert_like_composed("relu", &|args| relu(&args[0]), &|args| args[0].relu(), &args[..1])?;
    assert_correct("bias", &|args| add_bias(&args[0], &args[1]), &|args| args[0].broadcast_add(&args[1]), &args)
}

#[test]
fn pooling_is_right() -> Result<()> {
    for (dims, kernel, stride, padding) in [
        ([2, 6, 7, 5], [3, 3], [2, 2], [1, 1]),
        ([1, 1, 1, 1], [1, 1], [1, 1], [0, 0]),
        ([3, 1, 1, 4], [3, 3], [2, 2], [1, 1]),
        ([2, 5, 4, 17], [2, 3], [1, 2], [0, 1]),
        ([1, 8, 8, 64], [2, 2], [2, 2], [0, 0]),
    ] {
        let args = [variable(&dims, 1)?];
        let ours = |args: &[Var]| max_pool2d(&args[0], kernel, stride, padding);
        let oracle = |args: &[Var]| composed::max_pool2d(&args[0], kernel, stride, padding);
        assert_like_composed(&format!("max-pool {dims:?} {kernel:?}"), &ours, &oracle, &args)?;
        let (ours, oracle) =
            (|args: &[Var]| global_average_pool(&args[0]), |args: &[Var]| composed::global_average_pool(&args[0]));
        assert_correct(&format!("average {dims:?}"), &ours, &oracle, &args)?;
    }
    Ok(())
}

#[test]
fn max_pool_lets_no_padding_win_and_keeps_not_a_number() -> Result<()> {
    let x = Tensor::from_vec(vec![-3.0f32, -2.0, f32::NAN, -1.0], (1, 1, 4, 1), &Device::Cpu)?;
    let y = values(&max_pool2d(&x, [3, 3], [1, 1], [1, 1])?)?;
    assert_eq!(y[0], -2.0);
    assert!(y[1].is_nan() && y[2].is_nan() && y[3].is_nan());
    Ok(())
}

#[test]
fn linear_is_right() -> Result<()> {
    for (rows, inputs, outputs) in [(1, 1, 1), (5, 3, 17), (31, 40, 33), (64, 129, 70)] {
        let args = [variable(&[rows, inputs], 1)?, variable(&[outputs, inputs], 2)?, variable(&[outputs], 3)?];
        let ours = |args: &[Var]| linear(&args[0], &args[1], Some(&args[2]));
        let oracle = |args: &[Var]| composed::linear(&args[0], &args[1], Some(&args[2]));
        assert_correct(&format!("linear {rows} {inputs} {outputs}"), &ours, &oracle, &args)?;
        assert!(linear(&args[0], &args[1], None)?.dims() == [rows, outputs]);
    }
    Ok(())
}

#[test]
fn expanded_filters_are_right() -> Result<()> {
    for group in PlaneGroup::ALL {
        // Fewer numbers than one thread takes at a time, and more.
        for (fields, side, from) in [(1, 1, 1), (3, 2, 2), (2, 3, 5), (40, 3, 24)] {
            for (reads, channels) in [(Fibre::Trivial, 3), (Fibre::Regular, from * group.order())] {
                let (expansion, base) = (FilterExpansion { group, reads }, [fields, side, side, channels]);
                let args = [variable(&base, 1)?];
                let ours = |args: &[Var]| expand_filters(&args[0], expansion);
                let oracle = |args: &[Var]| composed::expand_filters(&args[0], expansion);
                assert_correct(&format!("{expansion:?} of {base:?}"), &ours, &oracle, &args)?;
                let expanded = expand_filters(&args[0], expansion)?;
                assert_eq!(expanded.dims(), [fields * group.order(), side, side, channels]);
                assert_eq!(values(&expanded.narrow(0, 0, fields)?)?, values(&args[0])?, "{expansion:?}");
            }
        }
    }
    Ok(())
}

#[test]
fn copies_over_quarter_turns_are_turned() -> Result<()> {
    let (base, expansion) =
        (variable(&[2, 3, 3, 5], 1)?, FilterExpansion { group: PlaneGroup::QuarterTurns, reads: Fibre::Trivial });
    let expanded = expand_filters(&base, expansion)?;
    let mut turned = base.as_detached_tensor();
    for orientation in 1..4 {
        turned = turned.transpose(1, 2)?.contiguous()?.flip(&[1])?;
        assert_eq!(values(&expanded.narrow(0, 2 * orientation, 2)?)?, values(&turned)?, "{orientation} quarter turns");
    }
    Ok(())
}

#[test]
fn other_shapes_are_right() -> Result<()> {
    let args = [variable(&[2, 3, 4], 1)?, variable(&[2, 5], 2)?];
    let ours = |args: &[Var]| join_columns(&reshape(&args[0], (2, 12))?, &args[1]);
    let oracle = |args: &[Var]| Tensor::cat(&[&args[0].reshape((2, 12))?, args[1].as_tensor()], 1);
    assert_correct("reshape and join_columns", &ours, &oracle, &args)
}

#[test]
fn hypernetwork_is_right() -> Result<()> {
    for (rows, conditions, outputs, inputs) in [(1, 1, 1, 1), (5, 4, 17, 9), (33, 4, 40, 36), (7, 3, 16, 50)] {
        let args = [
            variable(&[rows, inputs], 1)?,
            variable(&[rows, conditions], 2)?,
            variable(&[conditions, outputs, inputs], 3)?,
        ];
        let ours = |args: &[Var]| apply_hypernetwork(&args[0], &args[1], &args[2]);
        let oracle = |args: &[Var]| composed::apply_hypernetwork(&args[0], &args[1], &args[2]);
        assert_correct(&format!("hypernetwork {rows} {conditions} {outputs} {inputs}"), &ours, &oracle, &args)?;
    }
    Ok(())
}

#[test]
fn batch_terms_are_right() -> Result<()> {
    // Fewer vectors than dimensions, as many, more; whole tiles and ragged ones; a batch of one.
    for [rows, columns] in [[5, 4], [4, 9], [7, 7], [1, 3], [3, 1], [64, 130], [130, 64]] {
        let z = [variable(&[rows, columns], 7)?];
        let name = |term: &str| format!("{term} of [{rows}, {columns}]");
        let (ours, oracle) = (|z: &[Var]| variance_hinge(&z[0]), |z: &[Var]| composed::variance_hinge(&z[0]));
        assert_correct(&name("variance hinge"), &ours, &oracle, &z)?;
        let (ours, oracle) = (|z: &[Var]| covariance_penalty(&z[0]), |z: &[Var]| composed::covariance_penalty(&z[0]));
        assert_correct(&name("covariance penalty"), &ours, &oracle, &z)?;
    }
    Ok(())
}

#[test]
fn accepts_strided_arguments_and_gradients() -> Result<()> {
    let (x, weight) = (variable(&[2, 3, 6, 5], 1)?, variable(&[4, 3, 3, 3], 2)?);
    let options = Conv2dOptions { padding: [1, 1], ..Default::default() };
    let ours = |args: &[Var]| conv2d(&args[0].permute((0, 2, 3, 1))?, &args[1], options)?.permute((0, 3, 1, 2));
    let oracle =
        |args: &[Var]| composed::conv2d(&args[0].permute((0, 2, 3, 1))?, &args[1], options)?.permute((0, 3, 1, 2));
    assert_like_composed("permuted", &ours, &oracle, &[x, weight])
}

#[test]
fn misfits_are_errors() -> Result<()> {
    let t = |dims: &[usize]| Tensor::from_vec(vec![0f32; dims.iter().product()], dims, &Device::Cpu);
    let strided = |stride, groups| Conv2dOptions { stride: [stride; 2], padding: [0, 0], groups };
    let x = t(&[1, 4, 4, 6])?;
    let expansion = FilterExpansion { group: PlaneGroup::QuarterTurns, reads: Fibre::Regular };
    let results = [
        expand_filters(&x, expansion),
        expand_filters(&t(&[1, 3, 2, 4])?, expansion),
        expand_filters(&t(&[0, 3, 3, 4])?, expansion),
        expand_filters(&t(&[3, 4])?, expansion),
        reshape(&x, (4, 25)),
        join_columns(&t(&[2, 3])?, &t(&[3, 3])?),
        conv2d(&x, &t(&[2, 3, 3, 5])?, strided(1, 1)),
        conv2d(&x, &t(&[2, 5, 5, 6])?, strided(1, 1)),
        conv2d(&x, &t(&[3, 1, 1, 3])?, strided(1, 2)),
        conv2d(&x, &t(&[2, 1, 1, 6])?, strided(0, 1)),
        conv2d(&x, &t(&[2, 1, 1, 6])?, strided(1, 0)),
        conv2d(&t(&[0, 4, 4, 6])?, &t(&[2, 1, 1, 6])?, strided(1, 1)),
        max_pool2d(&x, [2, 2], [2, 2], [2, 0]),
        max_pool2d(&x, [5, 5], [1, 1], [0, 0]),
        max_pool2d(&x, [16, 16], [1, 1], [8, 8]),
        max_pool2d(&x, [2, 2], [0, 1], [0, 0]),
        global_average_pool(&t(&[1, 0, 4, 6])?),
        linear(&t(&[2, 3])?, &t(&[4, 2])?, None),
        linear(&t(&[2, 3])?, &t(&[4, 3])?, Some(&t(&[3])?)),
        apply_hypernetwork(&t(&[2, 3])?, &t(&[2, 4])?, &t(&[3, 5, 3])?),
        variance_hinge(&t(&[2, 3, 4])?),
        covariance_penalty(&t(&[0, 4])?),
        channel_affine(&x, &t(&[5])?, &t(&[5])?, None, Activation::Identity),
        channel_affine(&x, &t(&[6])?, &t(&[6])?, Some(&t(&[1, 4, 4, 5])?), Activation::Identity),
    ];
    for (i, result) in results.iter().enumerate() {
        assert!(result.is_err(), "misfit {i} was accepted");
    }
    Ok(())
}

#[test]
fn optimiser_steps_are_right() {
    let (mut w, g) = (numbers(40_001, 1), numbers(40_001, 2));
    let (mut m, mut v) = (vec![0.0; w.len()], vec![0.0; w.len()]);
    let mut exact: Vec<[f64; 3]> = w.iter().map(|&w| [f64::from(w), 0.0, 0.0]).collect();
    for step in 1..=3 {
        let hyper = AdamWStep { lr: 0.01, beta1: 0.9, beta2: 0.99, eps: 1e-8, weight_decay: 0.1, step };
        adamw_step(&mut w, &g, &mut m, &mut v, &hyper);
        for ([w, m, v], &g) in exact.iter_mut().zip(&g) {
            *m = 0.9 * *m + 0.1 * f64::from(g);
            *v = 0.99 * *v + 0.01 * f64::from(g) * f64::from(g);
            let (m_hat, v_hat) = (*m / (1.0 - 0.9f64.powi(step as i32)), *v / (1.0 - 0.99f64.powi(step as i32)));
            *w = *w * (1.0 - 0.01 * 0.1) - 0.01 * m_hat / (v_hat.sqrt() + 1e-8);
        }
    }
    assert!(w.iter().zip(&exact).all(|(w, [exact, ..])| (f64::from(*w) - exact).abs() < 1e-5));

    let mut params = vec![1.0, -2.0];
    let mut velocity = vec![0.5, 0.0];
    sgd_step(
        &mut params,
        &[0.1, 0.2],
        &mut velocity,
        &SgdStep { lr: 0.1, momentum: 0.9, weight_decay: 0.01, gradient_scale: 2.0 },
    );
    assert!((velocity[0] - 0.67).abs() < 1e-6 && (velocity[1] - 0.36).abs() < 1e-6);
    assert!((params[0] - 0.933).abs() < 1e-6 && (params[1] + 2.036).abs() < 1e-6);

    assert!((l2_norm(&[3.0, 4.0]) - 5.0).abs() < 1e-6);
    assert!((lars_trust_ratio(2.0, 1.0, 0.5, 0.1) - 0.1).abs() < 1e-7);
    assert_eq!(lars_trust_ratio(0.0, 1.0, 0.5, 0.1), 1.0);
}

#[test]
fn a_folded_norm_is_the_norm_after_the_convolution() -> Result<()> {
    let x = Tensor::from_vec(numbers(2 * 5 * 5 * 3, 7), (2, 5, 5, 3), &Device::Cpu)?;
    let [mean, deviation] = [8, 9].map(|seed| Tensor::from_vec(numbers(4, seed), 4, &Device::Cpu));
    let (mean, deviation) = (mean?, (deviation? + 1.0)?);
    let options = Conv2dOptions { padding: [1, 1], ..Default::default() };
    let folded = |args: &[Var]| {
        let moments = FixedMoments { mean: mean.clone(), deviation: deviation.clone() };
        let (filters, bias) = fold_norm(&args[0], &args[1], &args[2], moments)?;
        add_bias(&conv2d(&x, &filters, options)?, &bias)
    };
    let after = |args: &[Var]| {
        let centred = conv2d(&x, &args[0], options)?.broadcast_sub(&mean)?.broadcast_div(&deviation)?;
        centred.broadcast_mul(&args[1])?.broadcast_add(&args[2])
    };
    let args = [variable(&[4, 3, 3, 3], 1)?, variable(&[4], 2)?, variable(&[4], 3)?];
    assert_correct("fold_norm", &folded, &after, &args)
}

/// Gradients by each argument of the sum of an operator's result, with the result.
fn of_sum(operator: Operator, args: &[Var]) -> Result<(Vec<f32>, Vec<Vec<f32>>)> {
    let y = operator(args)?;
    let grads = y.sum_all()?.backward()?;
    let by = args.iter().map(|arg| values(grads.get(arg).expect("a variable")));
    Ok((values(&y)?, by.collect::<Result<_>>()?))
}

#[test]
fn rounding_lets_gradients_pass_within_the_range_only() -> Result<()> {
    // From -13.5 to 18.375.
    let quantization = Quantization { scale: 0.125, zero_point: -20 };
    let x = [-14.0f32, -13.5, -0.25, -0.01, 0.0, 0.07, 9.99, 18.375, 18.5, f32::NAN];
    let rounded = [-13.5f32, -13.5, -0.25, 0.0, 0.0, 0.125, 10.0, 18.375, 18.375, 0.0];
    let cases = [
        (Activation::Identity, rounded, [0.0f32, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]),
        (Activation::Relu, rounded.map(|y| y.max(0.0)), [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]),
    ];
    // Several chunks of a kernel, and a part of one.
    let repeat = |numbers: &[f32]| numbers.repeat(4000);
    let var = |numbers: Vec<f32>| Var::from_tensor(&Tensor::new(numbers, &Device::Cpu)?);
    for (activation, expected, passed) in cases {
        let one = |args: &[Var]| fake_quantize(&args[0], activation, quantization);
        let (y, by) = of_sum(&one, &[var(repeat(&x))?])?;
        assert_eq!((y, &by[0]), (repeat(&expected), &repeat(&passed)), "{activation:?}");
        let sum = |args: &[Var]| fake_quantize_sum(&args[0], &args[1], activation, quantization);
        let (y, by) = of_sum(&sum, &[var(repeat(&x.map(|x| x - 2.0)))?, var(repeat(&[2.0; 10]))?])?;
        for ((y, x), expected) in y.iter().zip(x.iter().cycle()).zip(repeat(&expected)) {
            assert!((y - expected).abs() < 1e-6, "{activation:?} of {x}: {y}, not {expected}");
        }
        assert_eq!((&by[0], &by[1]), (&repeat(&passed), &repeat(&passed)), "{activation:?}");
    }
    Ok(())
}

#[test]
fn rounded_filters_are_within_half_a_step_of_their_own() -> Result<()> {
    let weight = (0..6 * 18).map(|i| ((i * 7) as f32).sin() * 10f32.powi(i / 18 - 3)).collect::<Vec<_>>();
    let var = Var::from_tensor(&Tensor::from_vec(weight.clone(), (6, 3, 3, 2), &Device::Cpu)?)?;
    let (rounded, by) = of_sum(&|args| fake_quantize_filters(&args[0]), &[var])?;
    assert!(by[0].iter().all(|gradient| *gradient == 1.0));
    for (filter, rounded) in weight.chunks(18).zip(rounded.chunks(18)) {
        let step = filter.iter().fold(0.0f32, |most, w| most.max(w.abs())) / 127.0;
        assert_ne!(filter, rounded);
        for (weight, rounded) in filter.iter().zip(rounded) {
            assert!((weight - rounded).abs() <= 0.5001 * step, "{weight}: {rounded}");
            let number = rounded / step;
            assert!((number - number.round()).abs() < 1e-3, "{number}");
        }
    }
    Ok(())
}
