//! Training for eight bits: its forward pass is what the deployed integers compute, and `fit --qat` goes from run to run.

use std::path::Path;

use candle_core::{Device, Result, Tensor};
use serde_json::Value;
use sextant_export::quantize::{Images, Quantizer};
use sextant_runtime::calibration::for_each_output;
use sextant_runtime::contract::output;
use sextant_runtime::graph::{self, DataType, Graph, GraphBuilder, Op, ValueId};
use sextant_runtime::plane_group::PlaneGroup;
use sextant_tests::{SMALL_FIT, finished_run, run, run_ok, small_fit};
use sextant_trainer::config::Config;
use sextant_trainer::data::{GroundTruth, Place};
use sextant_trainer::model::Model;
use sextant_trainer::nn::{
    BasicBlockConfig, ConvNormConfig, Downsampling, EightBits, Halving, Mode, ParameterStore, calibrate,
};
use sextant_trainer::ops::Activation;
use sextant_trainer::registry::Registry;

const IMAGES: usize = 32;
const SIZE: usize = 12;

/// All images' values of the output `features`, and of an int8 graph the distance of two of its numbers.
fn features(graph: &Graph, images: Images<'_>) -> (Vec<f32>, Option<f32>) {
    let position = graph.outputs.iter().position(|(name, _)| name == "features").unwrap();
    let mut all = Vec::new();
    let see = |at: usize, values: &[f32]| {
        if at == position {
            all.extend_from_slice(values);
        }
    };
    for_each_output(graph, images, see).unwrap();
    let made_by = graph.nodes.iter().find(|node| node.output == graph.outputs[position].1).unwrap();
    (all, graph.value(made_by.inputs[0]).quantization.map(|quantization| quantization.scale))
}

fn int8(float: &Graph, images: Images<'_>) -> Graph {
    Quantizer { equalization: Some(false), ..Quantizer::default() }.quantize_only(float, images).unwrap().graph
}

/// Differences in steps of `step`.
fn in_steps(a: &[f32], b: &[f32], step: f32) -> Vec<f32> {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs() / step).collect()
}

fn root_mean_square(numbers: &[f32]) -> f32 {
    (numbers.iter().map(|x| x * x).sum::<f32>() / numbers.len() as f32).sqrt()
}

/// Numbers in [-1, 1) that look random.
fn noise(count: usize, seed: u64) -> impl Iterator<Item = f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    })
    .take(count)
}

/// Gives every norm of a network statistics, scales and shifts that are not those it starts with.
fn disturb_norms(store: &ParameterStore) {
    for (seed, (name, var)) in (1..).zip(store.vars()) {
        let centre = match name.rsplit('.').next() {
            Some("scale" | "running_variance") => 1.0,
            Some("shift" | "running_mean") => 0.0,
            _ => continue,
        };
        let values = noise(var.elem_count(), seed).map(|x| centre + 0.3 * x).collect::<Vec<_>>();
        var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu).unwrap()).unwrap();
    }
}

/// Trains forward and lowers one layer on images; largest difference between the forward pass and the integers, and share
/// of the numbers that differ at all.
fn trained_and_deployed(
    mut store: ParameterStore,
    forward: &dyn Fn(&Tensor) -> Result<Tensor>,
    lower: &dyn Fn(&mut GraphBuilder, ValueId) -> ValueId,
) -> (f32, f32) {
    let image_numbers = EightBits::of("normalize", &mut store.root().child("image").for_eight_bits(true)).unwrap();
    disturb_norms(&store);
    let (mean, std) = (0.5f32, 0.25f32);
    let pixels: Vec<u8> = noise(IMAGES * SIZE * SIZE * 3, 99).map(|x| (127.5 + 127.5 * x) as u8).collect();
    let images = Images { pixels: &pixels, count: IMAGES };

    let mut builder = GraphBuilder::new("encode");
    let image = builder.input("image", &[SIZE, SIZE, 3], DataType::U8);
    let normalized = builder.node("normalize", Op::Normalize { mean: [mean; 3], std: [std; 3] }, &[image]).unwrap();
    let made = lower(&mut builder, normalized);
    builder.output("features", made);
    let float = builder.finish();
    calibrate(store.eight_bit_values(), &float, images).unwrap();

    let normalized = pixels.iter().map(|byte| (f32::from(*byte) / 255.0 - mean) / std).collect();
    let normalized = Tensor::from_vec(normalized, (IMAGES, SIZE, SIZE, 3), &Device::Cpu).unwrap();
    let seen = image_numbers.follow(&normalized, Activation::Identity, Mode::Train).unwrap();
    let trained: Vec<f32> = forward(&seen).unwrap().flatten_all().unwrap().to_vec1().unwrap();
    let (deployed, step) = features(&int8(&float, images), images);
    let apart = in_steps(&trained, &deployed, step.unwrap());
    let (real, _) = features(&float, images);
    let rounding = root_mean_square(&in_steps(&real, &deployed, step.unwrap()));
    assert!(rounding > 0.25, "rounding costs {rounding} steps, so that there is something to see");
    let differ = apart.iter().filter(|apart| **apart > 0.5).count() as f32 / apart.len() as f32;
    (apart.into_iter().fold(0.0, f32::max), differ)
}

#[test]
fn a_layer_trains_with_what_its_integers_compute() {
    let plain = ConvNormConfig::new(3, 16, 3).stride(2);
    let activations =
        [(Activation::Relu, graph::Activation::Relu), (Activation::Identity, graph::Activation::Identity)];
    for (config, (activation, lowered)) in
        [plain, plain.lifting_to(PlaneGroup::QuarterTurns)].into_iter().flat_map(|c| activations.map(|a| (c, a)))
    {
        let mut store = ParameterStore::new(3, &Device::Cpu);
        let conv = config.init(&mut store.root().child("conv").for_eight_bits(true)).unwrap();
        let (most, differ) =
            trained_and_deployed(store, &|x| conv.forward(x, None, activation, Mode::Train), &|graph, x| {
                conv.lower(graph, x, None, lowered).unwrap()
            });
        assert!(
            most < 1.01 && differ < 0.02,
            "{config:?}, {activation:?}: {most} steps, {differ} of the numbers differ"
        );
    }
}

#[test]
fn a_block_trains_with_what_its_integers_compute() {
    let plain = BasicBlockConfig::new(3, 16);
    for config in [plain, plain.halving(Halving::OddWindow)] {
        let mut store = ParameterStore::new(4, &Device::Cpu);
        let block = config.init(&mut store.root().child("block").for_eight_bits(true)).unwrap();
        let (most, differ) =
            trained_and_deployed(store, &|x| block.forward(x, Mode::Train), &|graph, x| block.lower(graph, x).unwrap());
        // What was rounded the other way in one of the four operators moves all that the next ones make of it.
        assert!(most < 4.01 && differ < 0.05, "{config:?}: {most} steps, {differ} of the numbers differ");
    }
}

#[test]
fn a_block_over_a_group_trains_with_what_its_integers_compute() {
    let group = PlaneGroup::TurnsAndMirrors;
    for name in Downsampling::NAMES {
        let halving = Halving::Symmetric { downsampling: Downsampling::named(name).unwrap(), side: SIZE };
        let mut store = ParameterStore::new(6, &Device::Cpu);
        let lift = ConvNormConfig::new(3, 16, 3).lifting_to(group);
        let lift = lift.init(&mut store.root().child("lift").for_eight_bits(true)).unwrap();
        let block = BasicBlockConfig::new(16, 16).over(group).halving(halving);
        let block = block.init(&mut store.root().child("block").for_eight_bits(true)).unwrap();
        let forward = |x: &Tensor| block.forward(&lift.forward(x, None, Activation::Relu, Mode::Train)?, Mode::Train);
        let (most, differ) = trained_and_deployed(store, &forward, &|graph, x| {
            let lifted = lift.lower(graph, x, None, graph::Activation::Relu).unwrap();
            block.lower(graph, lifted).unwrap()
        });
        // As above, with one more operator or two.
        assert!(most < 8.01 && differ < 0.15, "{name}: {most} steps, {differ} of the numbers differ");
    }
}

/// In a whole network a number that is rounded the other way changes what later layers round: not each number is the same,
/// but there is as much noise.
#[test]
fn a_network_trains_with_as_much_noise_as_its_integers_have() {
    let networks: [&[&str]; 4] = [
        &["model.encoder=tiny"],
        &["model.encoder=resnet18"],
        &["model.encoder=eqtiny-c4"],
        &["model.encoder=eqtiny-d4", "model.downsampling=anti-aliased"],
    ];
    for network in networks {
        let sets =
            SMALL_FIT.iter().filter_map(|argument| argument.strip_prefix("--set=")).chain(network.iter().copied());
        let sets: Vec<String> = sets.map(str::to_string).collect();
        let mut config = Config::resolve(&Registry::default(), None, None, &sets).unwrap();
        config.fit.qat_from = "another run".into();
        let source = config.open_data().unwrap();
        let model = Model::new(&config, GroundTruth::of(source.as_ref()), &Device::Cpu).unwrap();
        disturb_norms(model.parameters());
        let objects: Vec<usize> = source.training_subjects().into_iter().cycle().take(IMAGES).collect();
        let pixels = source.views(&Place::all(&objects), 1, 7).unwrap().images;
        model.calibrate(&pixels).unwrap();
        let images = Images { pixels: &pixels, count: IMAGES };

        let seen = model.as_trained_on(&model.normalise(&pixels).unwrap()).unwrap();
        let trained = model.encoder.forward(&seen, Mode::Train).unwrap();
        let hidden = model.rotation_head.as_ref().unwrap().forward(&trained, Mode::Train).unwrap();
        let mut float = model.lower().unwrap().remove(0);
        let flat = float.nodes.iter().find(|node| node.name == output::INVARIANT).unwrap().inputs[0];
        let last = float.nodes.iter().find(|node| node.name == "rotation_head.last").unwrap().output;
        for (made, output) in [(&trained, flat), (&hidden, last)] {
            float.outputs = vec![("features".into(), output)];
            let (real, _) = features(&float, images);
            let (deployed, _) = features(&int8(&float, images), images);
            let made: Vec<f32> = made.flatten_all().unwrap().to_vec1().unwrap();
            let [trained, deployed] = [made, deployed].map(|found| root_mean_square(&in_steps(&found, &real, 1.0)));
            assert!((0.8..1.25).contains(&(trained / deployed)), "{network:?}: noise of {trained} and {deployed}");
        }
    }
}

fn base() -> String {
    finished_run().join("run").to_str().unwrap().to_string()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

#[test]
fn a_finished_run_is_tuned_and_deployed() {
    let folder = tempfile::tempdir().unwrap();
    let base = base();
    run_ok("trainer", &["fit", "--qat", &base, "--set=fit.steps=4", "--out", "tuned"], folder.path());
    let config = Config::from_file(&Registry::default(), &folder.path().join("tuned/config.toml")).unwrap();
    let of_base = Config::from_file(&Registry::default(), &Path::new(&base).join("config.toml")).unwrap();
    assert_eq!((config.fit.qat_from, config.fit.steps), (base, 4));
    assert_eq!((config.name, config.data), (format!("{}-qat", of_base.name), of_base.data));
    assert!(config.optimiser.lr < of_base.optimiser.lr);

    run_ok("export", &["sxt", "tuned", "--int8"], folder.path());
    run_ok("export", &["verify", "tuned"], folder.path());
    let figures = json(&run_ok("trainer", &["eval", "tuned", "--json"], folder.path()));
    let deployed = ["eval", "tuned", "--model", "tuned/model-int8.sxt", "--json"];
    let compared = json(&run_ok("trainer", &deployed, folder.path()));
    let median = |figures: &Value| figures["pose"]["median_deg"].as_f64().unwrap();
    // What is measured of the run is its model.sxt.
    assert!((median(&figures) - median(&compared["float32"])).abs() < 0.02);
    assert_ne!(compared["float32"]["pose"], compared["deployed"]["pose"]);
}

#[test]
fn weights_of_a_tuned_run_are_eight_bits_already() {
    let folder = tempfile::tempdir().unwrap();
    run_ok("trainer", &["fit", "--qat", &base(), "--set=fit.steps=2", "--out", "tuned"], folder.path());
    let with = |more: &[&str]| {
        run_ok("export", &[&["sxt", "tuned", "--int8", "--overwrite"], more].concat(), folder.path());
        std::fs::read(folder.path().join("tuned/model-int8.sxt")).unwrap()
    };
    // Rounding loses nothing, so that there is nothing to correct biases for, and balancing would lose.
    assert!(with(&[]) == with(&["--no-bias-correction", "--equalize", "off"]));
}

#[test]
fn what_cannot_be_tuned_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let base = base();
    small_fit(folder.path(), &["--set=fit.steps=3", "--out", "more"]);
    let config = folder.path().join("more/config.toml");
    let longer = std::fs::read_to_string(&config).unwrap().replace("\nsteps = 3\n", "\nsteps = 5\n");
    std::fs::write(&config, longer).unwrap();
    let cases: [(&[&str], &str); 7] = [
        (&["--qat", "nothing"], "nothing: no run here (no config.toml)\nhint: "),
        (&["--qat", "more"], "more: the run has done 3 of its 5 steps\nhint: finish it first: "),
        (&["--qat", &base, "--out", &base, "--overwrite"], "a run cannot start from itself"),
        (&["--qat", &base, "--set=model.embedding=64"], "last: tensor 'method."),
        (&["--qat", &base, "--set=model.encoder=resnet18"], "last: unknown tensor 'encoder."),
        (&["--qat", &base, "--preset", "household"], "cannot be used with"),
        (&["--qat", &base, "--resume", "--out", "more"], "cannot be used with"),
    ];
    for (arguments, expected) in cases {
        let output = run("trainer", &[&["fit"], arguments].concat(), folder.path());
        let stderr = String::from_utf8_lossy(&output.stderr).to_string();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
        assert!(!folder.path().join("runs").exists(), "{arguments:?} leaves nothing");
    }
    assert!(Path::new(&base).join("model.sxt").is_file(), "the base is untouched");
}
