use sextant_runtime::graph::{Activation, DataType, Graph, GraphBuilder, Op, Padding, ValueId};
use sextant_runtime::plane_group::{Fibre, FilterExpansion, PlaneGroup};

use super::*;

const SIZE: usize = 8;

/// Numbers that look random, in `[-scale, scale)`.
fn numbers(count: usize, seed: usize, scale: f32) -> Vec<f32> {
    let hashed = |index: usize| ((index * 2_654_435_761 + seed * 40_503) ^ (index * 97)) % 10_007;
    (0..count).map(|index| scale * (hashed(index) as f32 / 5003.5 - 1.0)).collect()
}

struct Layers(GraphBuilder);

impl Layers {
    fn conv(
        &mut self,
        name: &str,
        x: ValueId,
        cout: usize,
        size: usize,
        groups: usize,
        activation: Activation,
    ) -> ValueId {
        let cin = self.0.shape(x)[2];
        let shape = [cout, size, size, cin / groups];
        let fan_in = (size * size * cin / groups) as f32;
        let weight = numbers(shape.iter().product(), name.len() + cout, (3.0 / fan_in).sqrt());
        let weight = self.0.weight(&format!("{name}.weight"), &shape, weight).unwrap();
        let bias = self.0.weight(&format!("{name}.bias"), &[cout], numbers(cout, 5, 0.2)).unwrap();
        let half = size as u16 / 2;
        let padding = Padding { top: half, left: half, bottom: half, right: half };
        let op = Op::Conv2d { weight, bias, stride: [1, 1], padding, groups: groups as u32, activation };
        self.0.node(name, op, &[x]).unwrap()
    }

    fn linear(&mut self, name: &str, x: ValueId, cout: usize, activation: Activation) -> ValueId {
        let cin = self.0.shape(x)[0];
        let weight = numbers(cout * cin, name.len(), (3.0 / cin as f32).sqrt());
        let weight = self.0.weight(&format!("{name}.weight"), &[cout, cin], weight).unwrap();
        let bias = self.0.weight(&format!("{name}.bias"), &[cout], numbers(cout, 8, 0.1)).unwrap();
        self.0.node(name, Op::Linear { weight, bias, activation }, &[x]).unwrap()
    }
}

/// A residual network with a depthwise layer and both heads.
fn network() -> Graph {
    let mut layers = Layers(GraphBuilder::new("encode"));
    let image = layers.0.input("image", &[SIZE, SIZE, 3], DataType::U8);
    let normalize = Op::Normalize { mean: [0.5, 0.4, 0.3], std: [0.25, 0.2, 0.3] };
    let x = layers.0.node("normalize", normalize, &[image]).unwrap();
    let stem = layers.conv("stem", x, 16, 3, 1, Activation::Relu);
    let inner = layers.conv("inner", stem, 16, 3, 16, Activation::Relu6);
    let inner = layers.conv("second", inner, 16, 1, 1, Activation::Identity);
    let sum = layers.0.node("sum", Op::Add { activation: Activation::Relu }, &[inner, stem]).unwrap();
    let pool = Op::MaxPool2d { kernel: [2, 2], stride: [2, 2], padding: Padding::default() };
    let pooled = layers.0.node("pool", pool, &[sum]).unwrap();
    let wide = layers.conv("wide", pooled, 32, 3, 1, Activation::Relu);
    let features = layers.0.node("features", Op::GlobalAveragePool, &[wide]).unwrap();
    let half = layers.0.node("invariant", Op::Slice { start: 0, end: 16 }, &[features]).unwrap();
    let logits = layers.linear("logits", half, 5, Activation::Identity);
    let hidden = layers.linear("hidden", features, 24, Activation::Relu);
    let matrix = layers.linear("matrix", hidden, 9, Activation::Identity);
    let rotation = layers.0.node("rotation", Op::NearestRotation, &[matrix]).unwrap();
    for (name, value) in [("rotation_wxyz", rotation), ("class_logits", logits), ("invariant", half)] {
        layers.0.output(name, value);
    }
    layers.0.finish()
}

fn pixels(count: usize) -> Vec<u8> {
    let bytes = SIZE * SIZE * 3;
    let shade = |index: usize| 128.0 + 120.0 * ((index % bytes) as f32 * (0.02 + 0.003 * (index / bytes) as f32)).sin();
    (0..count * bytes).map(|index| shade(index) as u8).collect()
}

#[test]
fn eight_bits_follow_the_float_network() {
    let (graph, pixels) = (network(), pixels(24));
    let images = Images { pixels: &pixels, count: 24 };
    for calibration in [Calibration::MinMax, Calibration::Percentile, Calibration::MeanSquaredError] {
        for (bias_correction, equalization) in [(false, Some(false)), (true, Some(true)), (true, None)] {
            let quantizer = Quantizer { calibration, bias_correction, equalization, reduce_range: false };
            let quantized = quantizer.quantize(&graph, images, images).unwrap();
            assert!(quantized.drift.signal_to_noise_db > 25.0, "{quantizer:?}: {:?}", quantized.drift);
        }
    }
}

/// Rows of one map, joined in another order, and rows of two maps.
#[test]
fn rows_are_joined_in_eight_bits_where_their_scales_are_one() {
    let mut layers = Layers(GraphBuilder::new("encode"));
    let image = layers.0.input("image", &[SIZE, SIZE, 3], DataType::U8);
    let normalize = Op::Normalize { mean: [0.5, 0.4, 0.3], std: [0.25, 0.2, 0.3] };
    let x = layers.0.node("normalize", normalize, &[image]).unwrap();
    let [one, other] = ["one", "other"].map(|name| layers.conv(name, x, 8, 3, 1, Activation::Relu));
    let upper = layers.0.node("upper", Op::SliceRows { start: 0, end: 3 }, &[one]).unwrap();
    let lower = layers.0.node("lower", Op::SliceRows { start: 3, end: 8 }, &[one]).unwrap();
    let turned = layers.0.node("turned", Op::ConcatRows, &[lower, upper]).unwrap();
    let mixed = layers.0.node("mixed", Op::ConcatRows, &[turned, other]).unwrap();
    let last = layers.conv("last", mixed, 4, 3, 1, Activation::Identity);
    layers.0.output("map", last);
    let (graph, pixels) = (layers.0.finish(), pixels(4));
    let images = Images { pixels: &pixels, count: 4 };
    let quantized = Quantizer::default().quantize(&graph, images, images).unwrap();
    let type_of = |name: &str| quantized.graph.values.iter().find(|value| value.name == name).unwrap().data_type;
    assert_eq!(
        ["upper", "turned", "mixed", "last"].map(type_of),
        [DataType::I8, DataType::I8, DataType::F32, DataType::I8]
    );
    assert!(quantized.drift.signal_to_noise_db > 25.0, "{:?}", quantized.drift);
}

#[test]
fn only_heads_stay_float() {
    let (graph, pixels) = (network(), pixels(4));
    let images = Images { pixels: &pixels, count: 4 };
    let quantized = Quantizer::default().quantize(&graph, images, images).unwrap();
    let type_of = |name: &str| {
        let value = quantized.graph.values.iter().find(|value| value.name == name).unwrap();
        value.data_type
    };
    for name in ["normalize", "stem", "inner", "second", "sum", "pool", "wide", "features", "invariant", "hidden"] {
        assert_eq!(type_of(name), DataType::I8, "{name}");
    }
    for name in ["logits", "matrix", "rotation"] {
        assert_eq!(type_of(name), DataType::F32, "{name}");
    }
    let named: Vec<&str> = quantized.layers.iter().map(|layer| layer.name.as_str()).collect();
    assert_eq!(named, ["normalize", "stem", "inner", "second", "sum", "wide", "features", "hidden"]);
    assert!(quantized.layers.iter().all(|layer| layer.signal_to_noise_db.is_some_and(|db| db > 25.0)));
}

#[test]
fn balancing_does_not_change_the_function() {
    let (graph, pixels) = (network(), pixels(4));
    let balanced = equalize::equalize(&graph);
    assert_ne!(balanced, graph);
    let drift = loss::drift(&graph, &balanced, Images { pixels: &pixels, count: 4 }).unwrap();
    assert!(drift.signal_to_noise_db > 90.0, "{drift:?}");
}

/// Two 1x1 layers: `[8, 3]`, then `[4, 8]`.
fn two_layers(first: impl Fn(usize, usize) -> f32, second: impl Fn(usize, usize) -> f32) -> Graph {
    let mut layers = Layers(GraphBuilder::new("encode"));
    let image = layers.0.input("image", &[SIZE, SIZE, 3], DataType::U8);
    let normalize = Op::Normalize { mean: [0.4; 3], std: [0.3; 3] };
    let mut x = layers.0.node("normalize", normalize, &[image]).unwrap();
    let first: Vec<f32> = (0..8 * 3).map(|index| first(index / 3, index % 3)).collect();
    let second: Vec<f32> = (0..4 * 8).map(|index| second(index / 8, index % 8)).collect();
    for (name, cout, cin, weights) in [("first", 8, 3, first), ("second", 4, 8, second)] {
        let weight = layers.0.weight(&format!("{name}.weight"), &[cout, 1, 1, cin], weights).unwrap();
        let bias = layers.0.weight(&format!("{name}.bias"), &[cout], vec![0.0; cout]).unwrap();
        let (stride, padding, activation) = ([1, 1], Padding::default(), Activation::Relu);
        x = layers.0.node(name, Op::Conv2d { weight, bias, stride, padding, groups: 1, activation }, &[x]).unwrap();
    }
    layers.0.output("map", x);
    layers.0.finish()
}

/// Signal-to-noise ratio of the outputs, in decibels.
fn quality(graph: &Graph, quantizer: Quantizer) -> f64 {
    let pixels = pixels(16);
    let images = Images { pixels: &pixels, count: 16 };
    quantizer.quantize(graph, images, images).unwrap().drift.signal_to_noise_db
}

#[test]
fn balancing_helps_channels_of_different_sizes() {
    // Each channel is up to 64 times smaller than the largest, and read with as much larger weights.
    let size = |channel: usize| 4f32.powi(channel as i32 % 4);
    let sign = |a: usize, b: usize| if (a * 5 + b * 3).is_multiple_of(4) { -0.5 } else { 0.8 };
    let graph = two_layers(|out, read| sign(out, read) / size(out), |out, read| sign(out, read) * size(read));
    let with = |equalization| quality(&graph, Quantizer { equalization: Some(equalization), ..Quantizer::default() });
    let (plain, balanced) = (with(false), with(true));
    assert!(balanced > plain + 6.0, "{balanced} dB after {plain} dB");
    let automatic = quality(&graph, Quantizer::default());
    assert_eq!(automatic, balanced);
}

#[test]
fn corrected_biases_help_where_small_weights_are_rounded_away() {
    // Seven weights of 0.4 steps beside a large one: the sum of what is lost is always positive.
    let graph = two_layers(
        |out, read| 0.3 + 0.1 * ((out + read) % 3) as f32,
        |out, read| if out == read { 1.0 } else { 0.4 / 127.0 },
    );
    let settings = Quantizer { equalization: Some(false), ..Quantizer::default() };
    let plain = quality(&graph, Quantizer { bias_correction: false, ..settings });
    let corrected = quality(&graph, Quantizer { bias_correction: true, ..settings });
    assert!(corrected > plain + 3.0, "{corrected} dB after {plain} dB");
}

#[test]
fn seven_bits_cost_more_than_eight() {
    let graph = network();
    let [eight, seven] =
        [false, true].map(|reduce_range| quality(&graph, Quantizer { reduce_range, ..Quantizer::default() }));
    assert!(seven < eight && seven > eight - 8.0, "{seven} dB, {eight} dB");
}

#[test]
fn unfit_inputs_are_refused() {
    let (graph, pixels) = (network(), pixels(2));
    let images = Images { pixels: &pixels, count: 2 };
    let refuse = |graph: &Graph, images| Quantizer::default().quantize(graph, images, images).unwrap_err();
    assert!(matches!(refuse(&graph, Images { pixels: &[], count: 0 }), QuantizeError::NoImages));
    let odd = refuse(&graph, Images { pixels: &pixels[2..], count: 2 });
    assert!(matches!(odd, QuantizeError::ImageSize { expected: 192, found: 191 }));
    let mut builder = GraphBuilder::new("predict_latent");
    builder.input("z", &[4], DataType::F32);
    assert!(matches!(refuse(&builder.finish(), images), QuantizeError::NoImage { .. }));
}

/// A network over quarter turns whose second layer reads channels of different sizes.
fn equivariant() -> Graph {
    let mut layers = Layers(GraphBuilder::new("encode"));
    let image = layers.0.input("image", &[SIZE, SIZE, 3], DataType::U8);
    let normalize = Op::Normalize { mean: [0.5, 0.4, 0.3], std: [0.25, 0.2, 0.3] };
    let mut x = layers.0.node("normalize", normalize, &[image]).unwrap();
    let group = PlaneGroup::QuarterTurns;
    for (name, fields, reads) in [("lifted", 4, Fibre::Trivial), ("regular", 3, Fibre::Regular)] {
        let shape = [fields, 3, 3, layers.0.shape(x)[2]];
        let taps: usize = shape[1..].iter().product();
        let size = |field: usize| 4f32.powi(field as i32 % 4);
        let scaled = |(index, value): (usize, f32)| match reads {
            Fibre::Trivial => value / size(index / taps),
            Fibre::Regular => value * size(index % 4),
        };
        let values = numbers(fields * taps, fields, (3.0 / taps as f32).sqrt()).into_iter().enumerate().map(scaled);
        let expansion = FilterExpansion { group, reads };
        let weight = layers.0.expanded_weight(&format!("{name}.weight"), &shape, values.collect(), expansion).unwrap();
        let bias = layers.0.weight(&format!("{name}.bias"), &[fields], vec![0.0; fields]).unwrap();
        let (padding, activation) = (Padding { top: 1, left: 1, bottom: 1, right: 1 }, Activation::Relu);
        let op = Op::Conv2d { weight, bias, stride: [1, 1], padding, groups: 1, activation };
        x = layers.0.node(name, op, &[x]).unwrap();
    }
    layers.0.output("map", x);
    layers.0.finish()
}

#[test]
fn base_filters_are_quantised_once_for_all_orientations() {
    let (graph, pixels) = (equivariant(), pixels(16));
    let images = Images { pixels: &pixels, count: 16 };
    for equalization in [false, true] {
        let quantizer = Quantizer { equalization: Some(equalization), ..Quantizer::default() };
        let base = quantizer.quantize(&graph, images, images).unwrap();
        assert_eq!(base.graph.weights.iter().filter(|weight| weight.expansion.is_some()).count(), 2);
        // A layer alone keeps base filters, too.
        assert_eq!(base.layers.len(), 3);
        let all = quantizer.quantize(&graph.with_expanded_filters(), images, images).unwrap();
        let (base, all) = (base.drift.signal_to_noise_db, all.drift.signal_to_noise_db);
        assert!(base > all - 1.0, "balanced: {equalization}, {base} dB, all filters apart {all} dB");
    }
    let with = |equalization| quality(&graph, Quantizer { equalization: Some(equalization), ..Quantizer::default() });
    let (plain, balanced) = (with(false), with(true));
    assert!(balanced > plain + 3.0, "{balanced} dB after {plain} dB");
}
