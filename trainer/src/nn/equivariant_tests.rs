//! What encoders over a group promise: that they follow motions, in training and deployed, and what they cost.

use candle_core::{Device, Tensor};
use sextant_runtime::graph::{DataType, Graph, GraphBuilder};
use sextant_runtime::memory::AlignedVec;
use sextant_runtime::model::{Model, write};
use sextant_runtime::plane_group::PlaneGroup;
use sextant_runtime::session::{Input, Session};

use super::equivariant::Plain;
use super::matched::Matched;
use super::{
    Cost, Downsampling, ENCODERS, Encoded, Encoder, EncoderEntry, EncoderSetting, Mode, ParameterStore, ResNet18, Stem,
    Tiny, cross_entropy, eqresnet18, eqtiny, split_halves,
};
use crate::ops::tape;
use crate::options::Options;

/// Largest relative error of single-precision numbers that are summed in another order.
const TOLERANCE: f32 = 1e-5;

fn equivariant_entries() -> Vec<EncoderEntry> {
    let entries: Vec<EncoderEntry> = ENCODERS.into_iter().filter(|entry| entry.name.starts_with("eq")).collect();
    assert_eq!(entries.len(), 4);
    entries
}

fn options(matched: &str, downsampling: &str) -> Options {
    let table = format!("matched = {matched:?}\ndownsampling = {downsampling:?}");
    toml::from_str(&table).unwrap()
}

/// Numbers in [-1, 1) that look random.
fn noise(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// An encoder whose norms are not those that it starts with, so that the branches of its blocks count.
fn disturbed(entry: EncoderEntry, image_size: usize, options: &Options) -> (ParameterStore, Box<dyn Encoder>) {
    let mut store = ParameterStore::new(5, &Device::Cpu);
    let encoder = entry.init(EncoderSetting { image_size, options, invariant_head: 0 }, &mut store.root()).unwrap();
    for (seed, (name, var)) in (1..).zip(store.vars()) {
        let centre = match name.rsplit('.').next() {
            Some("scale" | "running_variance") => 1.0,
            Some("shift" | "running_mean") => 0.0,
            _ => continue,
        };
        let values: Vec<f32> = noise(var.elem_count(), seed).iter().map(|x| centre + 0.3 * x).collect();
        var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu).unwrap()).unwrap();
    }
    (store, encoder)
}

fn images(count: usize, side: usize) -> Tensor {
    Tensor::from_vec(noise(count * side * side * 3, 77), (count, side, side, 3), &Device::Cpu).unwrap()
}

fn numbers(x: &Tensor) -> Vec<f32> {
    x.flatten_all().unwrap().to_vec1().unwrap()
}

/// Square maps `[n, side, side, channels]` after a motion; `channel_before` tells which channel each one was.
fn moved_maps(maps: &Tensor, element: usize, channel_before: impl Fn(usize) -> usize) -> Vec<f32> {
    let &[n, side, _, channels] = maps.dims() else { panic!("maps") };
    let before = numbers(maps);
    let mut after = vec![0.0; before.len()];
    for (image, pixel) in (0..n * side * side).map(|at| (at / (side * side), at % (side * side))) {
        let [row, column] = PlaneGroup::TurnsAndMirrors.moved(element, [pixel / side, pixel % side], side);
        let (from, to) = (image * side * side + pixel, (image * side + row) * side + column);
        for channel in 0..channels {
            after[to * channels + channel] = before[from * channels + channel_before(channel)];
        }
    }
    after
}

fn moved_images(images: &Tensor, element: usize) -> Tensor {
    Tensor::from_vec(moved_maps(images, element, |channel| channel), images.shape(), &Device::Cpu).unwrap()
}

/// The channel of a map over a group that one is after a motion.
fn channel_before(group: PlaneGroup, channels: usize, element: usize) -> impl Fn(usize) -> usize {
    let fields = channels / group.order();
    move |channel| group.product(group.inverse(element), channel / fields) * fields + channel % fields
}

/// Length of the difference over the length of what is expected.
fn relative_error(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let length = |numbers: &mut dyn Iterator<Item = f32>| numbers.map(|x| x * x).sum::<f32>().sqrt();
    let apart = length(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    apart / length(&mut expected.iter().copied())
}

/// How far what is made of moved images is from what it should be: the invariant half, the equivariant half, and the map.
fn errors(encoder: &dyn Encoder, images: &Tensor, element: usize) -> [f32; 3] {
    let encode = |images: &Tensor| encoder.encode(images, Mode::Evaluate).unwrap();
    let (before, after) = (encode(images), encode(&moved_images(images, element)));
    let [invariant, equivariant] =
        errors_of_halves(encoder.equivariant_to(), &before.features, &after.features, element);
    let group = encoder.equivariant_to();
    let map = moved_maps(&before.map, element, channel_before(group, encoder.map_channels(), element));
    [invariant, equivariant, relative_error(&numbers(&after.map), &map)]
}

fn errors_of_halves(group: PlaneGroup, before: &Tensor, after: &Tensor, element: usize) -> [f32; 2] {
    let (before, after) = (split_halves(before).unwrap(), split_halves(after).unwrap());
    let width = before.1.dim(1).unwrap();
    let channel_before = channel_before(group, width, element);
    let fibre = numbers(&before.1);
    let expected: Vec<f32> =
        (0..fibre.len()).map(|at| fibre[at / width * width + channel_before(at % width)]).collect();
    [relative_error(&numbers(&after.0), &numbers(&before.0)), relative_error(&numbers(&after.1), &expected)]
}

/// Sides of pictures and numbers of them: each layer of one network or another sees even and odd maps.
fn cases(entry: EncoderEntry) -> Vec<(usize, usize)> {
    if entry.name.starts_with("eqtiny") {
        vec![(32, 1), (33, 7), (47, 1), (64, 1), (16, 7)]
    } else {
        vec![(16, 1), (17, 1), (22, 2)]
    }
}

#[test]
fn features_follow_every_motion() {
    for entry in equivariant_entries() {
        for (downsampling, (side, count)) in
            Downsampling::NAMES.into_iter().flat_map(|name| cases(entry).into_iter().map(move |case| (name, case)))
        {
            let matched = if entry.name.starts_with("eqtiny") { "parameters" } else { "width" };
            let (_store, encoder) = disturbed(entry, side, &options(matched, downsampling));
            let images = images(count, side);
            for element in 1..encoder.equivariant_to().order() {
                // Of larger networks one turn, one mirror image, and both.
                if !entry.name.starts_with("eqtiny") && ![1, 4, 7].contains(&element) {
                    continue;
                }
                for error in errors(encoder.as_ref(), &images, element) {
                    assert!(
                        error < TOLERANCE,
                        "{} {downsampling} {count} of {side} px, {element}: {error:e}",
                        entry.name
                    );
                }
            }
        }
    }
}

/// Otherwise features that are all the same would pass.
#[test]
fn features_tell_pictures_apart_and_the_equivariant_half_tells_turns() {
    for entry in equivariant_entries() {
        let (_store, encoder) = disturbed(entry, 16, &options("width", "max-pool"));
        let images = images(2, 16);
        let features = |images: &Tensor| split_halves(&encoder.forward(images, Mode::Evaluate).unwrap()).unwrap();
        let (invariant, equivariant) = features(&images);
        let row = |half: &Tensor, at: usize| numbers(&half.get(at).unwrap());
        for half in [&invariant, &equivariant] {
            assert!(relative_error(&row(half, 0), &row(half, 1)) > 0.01, "{}", entry.name);
        }
        let (_, of_turned) = features(&moved_images(&images, 1));
        assert!(relative_error(&numbers(&of_turned), &numbers(&equivariant)) > 0.01, "{}", entry.name);
    }
}

/// Share of right answers of a linear classifier of quarter turns, which learns from one half of the features of pictures in all
/// turns.
fn turns_told(half: &Tensor) -> f64 {
    // Rows of length 1 in the mean, for which steps of this size are safe.
    let squares = half.sqr().unwrap().sum(1).unwrap().mean_all().unwrap().to_scalar::<f32>().unwrap();
    let half = (half / f64::from(squares.sqrt())).unwrap();
    let count = half.dim(0).unwrap();
    let labels: Vec<u32> = (0..count).map(|row| (row % 4) as u32).collect();
    let truth = Tensor::from_slice(&labels, count, &Device::Cpu).unwrap();
    let weights = candle_core::Var::zeros((half.dim(1).unwrap(), 4), candle_core::DType::F32, &Device::Cpu).unwrap();
    let logits = || half.matmul(&weights).unwrap();
    for _ in 0..300 {
        let gradients = cross_entropy(&logits(), &truth).unwrap().backward().unwrap();
        let step = (gradients.get(&weights).unwrap() * 2.0).unwrap();
        weights.set(&(weights.as_detached_tensor() - step).unwrap()).unwrap();
    }
    // Where rounding would decide between classes, each of them has a part of the answer.
    let rows: Vec<Vec<f32>> = logits().to_vec2().unwrap();
    let most = rows.iter().flatten().fold(0f32, |most, logit| most.max(logit.abs()));
    let part = |(row, label): (&Vec<f32>, &u32)| {
        let largest = row.iter().copied().fold(f32::MIN, f32::max);
        let is_largest = |logit: f32| largest - logit <= 1e-3 * most;
        let count = row.iter().filter(|logit| is_largest(**logit)).count();
        if is_largest(row[*label as usize]) { 1.0 / count as f64 } else { 0.0 }
    };
    rows.iter().zip(&labels).map(part).sum::<f64>() / count as f64
}

/// Group pool and spatial pool: what turns leave as it is tells nothing of them, however it is trained.
#[test]
fn quarter_turns_cannot_be_learned_from_the_invariant_half() {
    for entry in equivariant_entries() {
        let (_store, encoder) = disturbed(entry, 16, &options("width", "max-pool"));
        let upright = images(8, 16);
        let turns: Vec<Tensor> = (0..4).map(|element| moved_images(&upright, element)).collect();
        let pictures = Tensor::stack(&turns, 1).unwrap().flatten(0, 1).unwrap();
        let features = encoder.forward(&pictures, Mode::Evaluate).unwrap();
        let told = turns_told(&split_halves(&features).unwrap().0);
        assert!((told - 0.25).abs() < 0.02, "{}: {told}", entry.name);
    }
}

/// The deployed network alone, of normalised images.
fn lowered(encoder: &dyn Encoder, side: usize) -> Graph {
    let mut graph = GraphBuilder::new("encode");
    let images = graph.input("images", &[side, side, 3], DataType::F32);
    let features = encoder.lower(&mut graph, images).unwrap();
    graph.output("features", features);
    graph.finish()
}

/// Features of images in the runtime.
fn run_deployed(graph: &Graph, images: &Tensor) -> Tensor {
    let bytes = AlignedVec::copy_of(&write(&Default::default(), std::slice::from_ref(graph)).unwrap());
    let model = Model::parse(&bytes).unwrap();
    let mut arena = AlignedVec::zeroed(model.graph("encode").unwrap().arena_bytes());
    let mut session = Session::new(&model, "encode", &mut arena).unwrap();
    let width = graph.value(graph.outputs[0].1).shape[0];
    let count = images.dim(0).unwrap();
    let mut features = vec![0.0; count * width];
    for (image, features) in (0..count).zip(features.chunks_exact_mut(width)) {
        session.run(&[Input::F32(&numbers(&images.get(image).unwrap()))], &mut [features]).unwrap();
    }
    Tensor::from_vec(features, (count, width), &Device::Cpu).unwrap()
}

#[test]
fn the_deployed_network_is_the_same_and_follows_motions() {
    for (entry, downsampling) in
        equivariant_entries().into_iter().flat_map(|entry| Downsampling::NAMES.map(|name| (entry, name)))
    {
        let sides: &[usize] = if entry.name.starts_with("eqtiny") { &[32, 47] } else { &[16, 17] };
        for &side in sides {
            let (_store, encoder) = disturbed(entry, side, &options("multiplications", downsampling));
            let (graph, images) = (lowered(encoder.as_ref(), side), images(1, side));
            let name = format!("{} {downsampling} {side} px", entry.name);
            let deployed = run_deployed(&graph, &images);
            let features = encoder.forward(&images, Mode::Evaluate).unwrap();
            let error = relative_error(&numbers(&deployed), &numbers(&features));
            assert!(error < TOLERANCE, "{name}: {error:e}");
            let group = encoder.equivariant_to();
            for element in [1, 5].into_iter().filter(|element| *element < group.order()) {
                let moved = run_deployed(&graph, &moved_images(&images, element));
                for error in errors_of_halves(group, &deployed, &moved, element) {
                    assert!(error < TOLERANCE, "{name}, {element}: {error:e}");
                }
            }
        }
    }
}

/// Pictures of one orientation pull the weights any way, and the network follows motions as before.
#[test]
fn training_on_one_orientation_keeps_what_is_followed() {
    for entry in [eqtiny::C4_ENTRY, eqtiny::D4_ENTRY] {
        let (store, encoder) = disturbed(entry, 32, &options("width", "max-pool"));
        let upright = images(4, 32);
        let weights = |store: &ParameterStore| store.trained().values().map(|var| numbers(var)).collect::<Vec<_>>();
        let before = weights(&store);
        for _ in 0..5 {
            let recording = tape::Recording::start();
            let Encoded { features, .. } = encoder.encode(&upright, Mode::Train).unwrap();
            let mut gradients = (features - 1.0).unwrap().sqr().unwrap().mean_all().unwrap().backward().unwrap();
            recording.finish(&mut gradients).unwrap();
            for var in store.trained().values() {
                let step = (gradients.get(var).unwrap() * 0.05).unwrap();
                var.set(&(var.as_detached_tensor() - step).unwrap()).unwrap();
            }
        }
        let change = relative_error(&weights(&store).concat(), &before.concat());
        assert!(change > 1e-4, "the weights have moved by {change}");
        for element in 1..encoder.equivariant_to().order() {
            for error in errors(encoder.as_ref(), &upright, element) {
                assert!(error < TOLERANCE, "{} {element}: {error:e}", entry.name);
            }
        }
    }
}

#[test]
fn pictures_of_another_size_are_refused() {
    for entry in equivariant_entries() {
        let (_store, encoder) = disturbed(entry, 16, &options("width", "strided"));
        for shape in [(1, 32, 32, 3), (1, 17, 17, 3), (1, 16, 17, 3), (1, 8, 16, 3)] {
            let images = Tensor::zeros(shape, candle_core::DType::F32, &Device::Cpu).unwrap();
            let error = encoder.encode(&images, Mode::Evaluate).unwrap_err().to_string();
            assert!(error.contains("square images of 16 pixels"), "{error}");
            let mut graph = GraphBuilder::new("encode");
            let input = graph.input("images", &[shape.1, shape.2, 3], DataType::F32);
            let error = encoder.lower(&mut graph, input).unwrap_err().to_string();
            assert!(error.contains("square images of 16 pixels"), "{error}");
        }
    }
}

#[test]
fn options_that_are_not_there_are_told() {
    let mut store = ParameterStore::new(0, &Device::Cpu);
    let mut error = |options: &Options| {
        let setting = EncoderSetting { image_size: 32, options, invariant_head: 0 };
        eqtiny::C4_ENTRY.init(setting, &mut store.root()).err().unwrap().to_string()
    };
    assert!(error(&Options::default()).contains("`matched` is not there"));
    assert!(error(&options("depth", "strided")).contains("matched by 'depth'"));
    assert!(error(&options("width", "nearest")).contains("halved by 'nearest'"));
}

fn found_cost(store: &ParameterStore, graph: &Graph) -> Cost {
    Cost {
        weights: store.trained().values().map(|var| var.elem_count() as u64).sum(),
        multiplications: graph.nodes.iter().map(|node| graph.macs(node)).sum(),
    }
}

#[test]
fn costs_are_those_of_the_networks() {
    for side in [32, 47] {
        let mut store = ParameterStore::new(0, &Device::Cpu);
        let tiny = Tiny::new(side, &mut store.root()).unwrap();
        assert_eq!(found_cost(&store, &lowered(&tiny, side)), Tiny::cost(side));
    }
    let mut store = ParameterStore::new(0, &Device::Cpu);
    let resnet = ResNet18::new(Stem::Small, &mut store.root()).unwrap();
    assert_eq!(found_cost(&store, &lowered(&resnet, 17)), ResNet18::small_cost(17));
    for (matched, downsampling) in
        Matched::NAMES.into_iter().flat_map(|matched| Downsampling::NAMES.map(|downsampling| (matched, downsampling)))
    {
        for (plain, group, entry, side) in [
            (eqtiny::TINY, PlaneGroup::QuarterTurns, eqtiny::C4_ENTRY, 32),
            (eqtiny::TINY, PlaneGroup::TurnsAndMirrors, eqtiny::D4_ENTRY, 47),
            (eqresnet18::RESNET18, PlaneGroup::QuarterTurns, eqresnet18::C4_ENTRY, 16),
        ] {
            let options = options(matched, downsampling);
            let expected = plain
                .config(group, EncoderSetting { image_size: side, options: &options, invariant_head: 0 })
                .unwrap()
                .cost();
            let (store, encoder) = disturbed(entry, side, &options);
            let found = found_cost(&store, &lowered(encoder.as_ref(), side));
            assert_eq!(found, expected, "{} {matched} {downsampling}", entry.name);
        }
    }
}

/// The plain network, and its name.
const PLAINS: [(&str, Plain); 2] = [("tiny", eqtiny::TINY), ("resnet18", eqresnet18::RESNET18)];

#[test]
fn matched_networks_cost_what_they_are_matched_by() {
    for ((name, plain), side) in PLAINS.into_iter().flat_map(|plain| [32, 47, 64].map(|side| (plain, side))) {
        for (group, downsampling) in [PlaneGroup::QuarterTurns, PlaneGroup::TurnsAndMirrors]
            .into_iter()
            .flat_map(|group| Downsampling::NAMES.map(|downsampling| (group, downsampling)))
        {
            let ratio = |matched: &str| {
                let options = options(matched, downsampling);
                let cost = plain
                    .config(group, EncoderSetting { image_size: side, options: &options, invariant_head: 0 })
                    .unwrap()
                    .cost();
                let of_plain = (plain.cost)(side);
                [
                    cost.weights as f64 / of_plain.weights as f64,
                    cost.multiplications as f64 / of_plain.multiplications as f64,
                ]
            };
            let (width, by_weights, by_products) = (ratio("width"), ratio("parameters"), ratio("multiplications"));
            let told = format!("{name} {side} {group:?} {downsampling}: {width:?} {by_weights:?} {by_products:?}");
            println!("{told}");
            assert!((by_weights[0] - 1.0).abs() < 0.1, "{told}");
            assert!((by_products[1] - 1.0).abs() < 0.1, "{told}");
            // A fourth or an eighth of the filters; larger windows, and the layers of the halves, add to that.
            let order = group.order() as f64;
            assert!(width[0] < 3.0 / order && width[0] > 0.9 / order, "{told}");
            assert!(width[1] > 0.95 && by_weights[1] > 0.5 * order, "{told}");
        }
    }
}
