//! Packed kernels against the scalar ones, over windows, strides, padding, groups and channels of all kinds.

use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::depthwise_float::FloatDepthwise;
use super::depthwise_int8::Int8Depthwise;
use super::float::FloatConvolution;
use super::int8::Int8Convolution;
use super::is_available;
use super::multiply::has_quads;
use super::winograd::FloatWinograd;
use crate::kernels::convolution::{Convolution, convolve};
use crate::kernels::int8::{self, OutputScale};
use crate::kernels::processors::Native;
use crate::kernels::window::WindowAxis;
use crate::tensor::{Activation, filter_row_bytes};

/// A convolution whose window fits the padded map.
#[derive(Clone, Debug)]
struct Shape {
    size: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 4],
    cin: usize,
    cout: usize,
    groups: usize,
}

impl Shape {
    fn axis(&self, a: usize) -> WindowAxis {
        let (size, kernel, stride, padding_before) = (self.size[a], self.kernel[a], self.stride[a], self.padding[a]);
        WindowAxis { size, kernel, stride, padding_before }
    }

    fn output(&self) -> [usize; 2] {
        [0, 1].map(|a| (self.size[a] + self.padding[a] + self.padding[a + 2] - self.kernel[a]) / self.stride[a] + 1)
    }

    fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.cin / self.groups
    }
}

prop_compose! {
    fn any_shape()(
        size in [1usize..12, 1usize..12],
        kernel in [1usize..6, 1usize..6],
        stride in [1usize..4, 1usize..4],
        padding in prop::array::uniform4(0usize..4),
        kind in 0..4,
        groups in 2usize..5,
        channels in [1usize..40, 1usize..40],
    ) -> Shape {
        let [cin, cout] = channels;
        let (cin, cout, groups) = match kind {
            0 => (cin + 1, cin + 1, cin + 1),
            1 => (cin.div_ceil(groups) * groups, cout.div_ceil(groups) * groups, groups),
            _ => (cin, cout, 1),
        };
        let kernel = [0, 1].map(|a| kernel[a].min(size[a] + padding[a] + padding[a + 2]));
        Shape { size, kernel, stride, padding, cin, cout, groups }
    }
}

/// Numbers in [-1, 1) that look random.
fn floats(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(next).collect()
}

/// Numbers that look random, of the whole range.
fn bytes(count: usize, seed: u32) -> Vec<i8> {
    floats(count, seed).iter().map(|number| (number * 128.0) as i8).collect()
}

/// An int8 convolution of 1x1 pixels with that many input channels, and what it makes of one input by itself and scalar.
fn int8_point(cin: usize, quads: bool) -> (&'static str, [Vec<i8>; 2]) {
    let (cout, row_bytes) = (24, filter_row_bytes(cin));
    let point = WindowAxis { size: 1, kernel: 1, stride: 1, padding_before: 0 };
    let mut filters = bytes(cout * row_bytes, 2);
    filters.chunks_mut(row_bytes).for_each(|filter| filter[cin..].fill(0));
    let (bias, multipliers) = (vec![77; cout], vec![1 << 29; cout]);
    let options = int8::convolution::Convolution {
        vertical: point,
        horizontal: point,
        input_channels: cin,
        output: [1, 1, cout],
        groups: 1,
        filters: &filters,
        row_bytes,
        padding_value: 0,
        scale: OutputScale { bias: &bias, multipliers: &multipliers, shift: 8, zero_point: 3, bounds: [-128, 127] },
    };
    let mut found = vec![0; cout];
    found.extend(bytes(cin, 1));
    let mut expected = found.clone();
    int8::convolution::convolve_with::<Native>(&options, &mut expected, cout, 0, &mut vec![0; 4 * row_bytes]);
    let packed = Int8Convolution::packed(&options, quads).unwrap();
    let [numbers, more] = packed.scratch();
    packed.run(&mut found, cout, 0, &mut vec![0; numbers], &mut vec![0; more]).unwrap();
    (packed.multiplies(), [found[..cout].to_vec(), expected[..cout].to_vec()])
}

/// Names the kernels that this processor has run: a machine without AVX-512 VNNI has not tested them all.
#[test]
fn every_multiplication_that_the_processor_has_is_run() {
    if !is_available() {
        std::eprintln!("no AVX2 and FMA: no kernel of this module was run");
        return;
    }
    let mut run = vec![];
    for (cin, quads) in [(20, false), (200, false), (20, true), (200, true)] {
        if quads && !has_quads() {
            continue;
        }
        let (name, [found, expected]) = int8_point(cin, quads);
        assert_eq!(found, expected, "{name}");
        run.push(name);
    }
    run.dedup();
    std::eprintln!("int8 kernels run: {}", run.join(", "));
    let all = ["vpmaddwd of 16 bits", "vpmaddwd of 8 bits, widened", "vpdpbusd (AVX-512 VNNI)"];
    assert_eq!(run, all[..if has_quads() { 3 } else { 2 }]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn float32_is_within_rounding_of_scalar(shape in any_shape(), activation in 0usize..3) {
        let limited = Activation::Clamp { low: -0.5, high: 0.75 };
        let activation = [Activation::Identity, Activation::Relu, limited][activation];
        let [height, width] = shape.output();
        let options = Convolution {
            vertical: shape.axis(0),
            horizontal: shape.axis(1),
            input_channels: shape.cin,
            output_width: width,
            output_channels: shape.cout,
            groups: shape.groups,
            activation,
        };
        let input = floats(shape.size[0] * shape.size[1] * shape.cin, 1);
        let (weight, bias) = (floats(shape.cout * shape.taps(), 2), floats(shape.cout, 3));
        let mut expected = vec![f32::NAN; height * width * shape.cout];
        let mut found = expected.clone();
        convolve(&options, &input, &weight, &bias, &mut expected);
        prop_assume!(is_available());
        let depthwise = shape.groups == shape.cin && shape.groups == shape.cout && shape.groups > 1;
        if depthwise {
            let packed = FloatDepthwise::new(&options, height, &weight, &bias).unwrap();
            packed.run(&input, &mut found, &mut vec![f32::NAN; packed.scratch()]).unwrap();
        } else {
            let packed = FloatConvolution::new(&options, height, &weight, &bias).unwrap();
            packed.run(&input, &mut found, &mut vec![f32::NAN; packed.scratch()]).unwrap();
        }
        // Products are at most 1 and so are biases: the sum of all terms' sizes is at most the number of terms.
        let tolerance = (shape.taps() + 1) as f32 * 4.0 * f32::EPSILON;
        for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
            prop_assert!((found - expected).abs() <= tolerance, "{index}: {found} for {expected}");
        }
    }

    #[test]
    fn winograd_is_close_to_scalar(
        size in [1usize..14, 1usize..14],
        padding in [0usize..3, 0usize..3],
        channels in [2usize..6, 2usize..6],
        relu in any::<bool>(),
    ) {
        let [cin, cout] = channels.map(|blocks| 8 * blocks);
        let [top, left] = padding;
        let [down, across] = [0, 1].map(|a| size[a] + 2);
        let shape = Shape { size: [down, across], kernel: [3; 2], stride: [1; 2], padding: [top, left, top, left], cin, cout, groups: 1 };
        let [height, width] = shape.output();
        let options = Convolution {
            vertical: shape.axis(0),
            horizontal: shape.axis(1),
            input_channels: cin,
            output_width: width,
            output_channels: cout,
            groups: 1,
            activation: if relu { Activation::Relu } else { Activation::Identity },
        };
        let input = floats(down * across * cin, 1);
        let (weight, bias) = (floats(cout * shape.taps(), 2), floats(cout, 3));
        prop_assume!(is_available());
        let Some(packed) = FloatWinograd::new(&options, height, &weight, &bias) else { return Ok(()) };
        let mut expected = vec![f32::NAN; height * width * cout];
        let mut found = expected.clone();
        convolve(&options, &input, &weight, &bias, &mut expected);
        packed.run(&input, &mut found, &mut vec![f32::NAN; packed.scratch()]).unwrap();
        let largest = expected.iter().fold(1.0f32, |most, value| most.max(value.abs()));
        for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
            prop_assert!((found - expected).abs() <= 1e-5 * largest, "{index}: {found} for {expected}, {largest}");
        }
    }

    #[test]
    fn int8_repeats_scalar_bit_for_bit(shape in any_shape(), shift in 0u32..=30, extreme in any::<bool>()) {
        let [height, width] = shape.output();
        let length = height * width * shape.cout;
        // Products of the largest size and sums that wrap, or numbers of all kinds.
        let pick = |numbers: Vec<i8>| -> Vec<i8> {
            if extreme { numbers.iter().map(|n| if *n < 0 { -128 } else { 127 }).collect() } else { numbers }
        };
        let input = pick(bytes(shape.size[0] * shape.size[1] * shape.cin, 1));
        let bias: Vec<i32> = bytes(shape.cout, 3).iter().map(|n| i32::from(*n) << if extreme { 24 } else { 7 }).collect();
        let multipliers: Vec<i32> = bytes(shape.cout, 4).iter().map(|n| i32::MAX - (i32::from(*n) + 128) * 8_000_000).collect();
        let scale =
            OutputScale { bias: &bias, multipliers: &multipliers, shift, zero_point: -9, bounds: [-100, 127] };
        let (vertical, horizontal, padding_value) = (shape.axis(0), shape.axis(1), 5);
        // Once with the output before the input, once over it.
        for from in [length, 0] {
            let mut arena = vec![0; length.max(from + input.len())];
            arena[from..from + input.len()].copy_from_slice(&input);
            let mut found = arena.clone();
            // The scalar kernel's output may not lie over all of its input.
            let mut expected = vec![0; length];
            expected.extend(&input);
            prop_assume!(is_available());
            if shape.groups == shape.cin && shape.groups == shape.cout && shape.groups > 1 {
                let filters = pick(bytes(shape.taps() * shape.cout, 2));
                let (channels, output) = (shape.cin, shape.output());
                let filters = &filters;
                let options =
                    int8::depthwise::Depthwise { vertical, horizontal, channels, output, filters, padding_value, scale };
                int8::depthwise::convolve_with::<Native>(&options, &mut expected, length, 0);
                let packed = Int8Depthwise::new(&options).unwrap();
                let (mut scratch, mut more) = (vec![0x5A5A; packed.scratch()], vec![0x5A; packed.scratch_bytes()]);
                packed.run(&mut found, from, 0, &mut scratch, &mut more).unwrap();
            } else {
                let row_bytes = filter_row_bytes(shape.taps());
                let mut filters = pick(bytes(shape.cout * row_bytes, 2));
                filters.chunks_mut(row_bytes).for_each(|filter| filter[shape.taps()..].fill(0));
                let options = int8::convolution::Convolution {
                    vertical,
                    horizontal,
                    input_channels: shape.cin,
                    output: [height, width, shape.cout],
                    groups: shape.groups,
                    filters: &filters,
                    row_bytes,
                    padding_value,
                    scale,
                };
                let mut windows = vec![0; 4 * row_bytes];
                int8::convolution::convolve_with::<Native>(&options, &mut expected, length, 0, &mut windows);
                let packed = Int8Convolution::new(&options).unwrap();
                let [numbers, more] = packed.scratch();
                let mut of_quads = found.clone();
                packed.run(&mut found, from, 0, &mut vec![0x5A5A; numbers], &mut vec![0x5A; more]).unwrap();
                let packed = Int8Convolution::packed(&options, true).unwrap();
                packed.run_model(&mut of_quads, from, 0, &mut vec![0x5A; packed.scratch()[1]]).unwrap();
                prop_assert_eq!(&of_quads[..length], &expected[..length], "four taps at a time");
            }
            prop_assert_eq!(&found[..length], &expected[..length]);
        }
    }
}
