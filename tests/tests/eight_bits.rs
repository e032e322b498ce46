//! Training for eight bits: its forward pass is what the deployed integers compute, and `fit --qat` goes from run to run.

use std::path::Path;

use serde_json::Value;
use sextant_export::quantize::{Images, Quantizer};
use sextant_runtime::calibration::for_each_output;
use sextant_runtime::graph::Graph;
use sextant_runtime::rotation::{UnitQuaternion, nearest_rotation};
use sextant_tests::{SMALL_FIT, finished_run, run, run_ok, small_fit};
use sextant_trainer::config::{Config, EncoderKind};
use sextant_trainer::model::Model;
use sextant_trainer::nn::Mode;
use sextant_trainer::{data, device};

const IMAGES: usize = 48;

/// A fresh network that is trained for eight bits, in which every residual branch says something, and images for it.
fn network(encoder: EncoderKind) -> (Model, Vec<u8>) {
    let sets = SMALL_FIT.iter().filter_map(|argument| argument.strip_prefix("--set=")).map(str::to_string);
    let mut config = Config::resolve(None, None, &sets.collect::<Vec<_>>()).unwrap();
    config.fit.qat_from = "another run".into();
    config.model.encoder = encoder;
    let source = data::open(&config.data).unwrap();
    let model = Model::new(&config, source.class_names().len(), &device::select("cpu").unwrap()).unwrap();
    for (name, var) in model.parameters().vars() {
        if name.ends_with("second.scale") {
            var.set(&(var.ones_like().unwrap() * 0.7).unwrap()).unwrap();
        }
    }
    let objects: Vec<usize> = source.training_objects().into_iter().cycle().take(IMAGES).collect();
    let [images, _] = source.pairs(&objects, 7).unwrap().images;
    (model, images)
}

/// All images' values of an output.
fn outputs(graph: &Graph, images: Images<'_>, name: &str) -> Vec<f32> {
    let wanted = graph.outputs.iter().position(|(output, _)| output == name).unwrap();
    let mut all = Vec::new();
    for_each_output(graph, images, |position, values| {
        if position == wanted {
            all.extend_from_slice(values);
        }
    })
    .unwrap();
    all
}

/// Root mean square and largest of the differences.
fn differences(a: &[f32], b: &[f32]) -> [f32; 2] {
    assert_eq!(a.len(), b.len());
    let apart: Vec<f32> = a.iter().zip(b).map(|(a, b)| (a - b).abs()).collect();
    let square: f32 = apart.iter().map(|d| d * d).sum::<f32>() / apart.len() as f32;
    [square.sqrt(), apart.into_iter().fold(0.0, f32::max)]
}

fn largest_angle_deg(a: &[UnitQuaternion], b: &[UnitQuaternion]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a.geodesic_angle_rad(*b).to_degrees()).fold(0.0, f32::max)
}

#[test]
fn what_is_trained_is_what_the_integers_compute() {
    for encoder in [EncoderKind::Tiny, EncoderKind::Resnet18] {
        let (model, pixels) = network(encoder);
        model.calibrate(&pixels).unwrap();
        let images = Images { pixels: &pixels, count: IMAGES };
        let float = &model.lower().unwrap()[0];
        let quantizer = Quantizer { equalization: Some(false), ..Quantizer::default() };
        let int8 = quantizer.quantize_only(float, images).unwrap().graph;

        let images_seen = model.as_trained_on(&model.normalise(&pixels).unwrap()).unwrap();
        let features = model.encoder.forward(&images_seen, Mode::Train).unwrap();
        let half = features.dims()[1] / 2;
        let invariant = features.narrow(1, 0, half).unwrap().contiguous().unwrap();
        let trained: Vec<f32> = invariant.flatten_all().unwrap().to_vec1().unwrap();
        let id = int8.outputs.iter().find(|(name, _)| name == "invariant").unwrap().1;
        let node = int8.nodes.iter().find(|node| node.output == id).unwrap();
        let step = int8.value(node.inputs[0]).quantization.unwrap().scale;
        let in_steps = |found: &[f32]| differences(&trained, found).map(|difference| difference / step);
        let [from_int8, from_float] = [&int8, float].map(|graph| in_steps(&outputs(graph, images, "invariant")));

        let nine = model.rotation_head.forward(&features, Mode::Train).unwrap().to_vec2::<f32>().unwrap();
        let trained: Vec<_> = nine.iter().map(|m| nearest_rotation(&std::array::from_fn(|i| m[i]))).collect();
        let wxyz = |graph| outputs(graph, images, "rotation_wxyz").as_chunks::<4>().0.to_vec();
        let rotations =
            |graph| -> Vec<_> { wxyz(graph).iter().filter_map(|q| UnitQuaternion::from_wxyz(*q)).collect() };
        let angles = [&int8, float].map(|graph| largest_angle_deg(&trained, &rotations(graph)));
        eprintln!("{encoder:?}: {from_int8:?} {from_float:?} {angles:?}");
        assert!(from_int8[1] <= 1.01, "{encoder:?}: {from_int8:?} steps");
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
    let config = Config::from_file(&folder.path().join("tuned/config.toml")).unwrap();
    let of_base = Config::from_file(&Path::new(&base).join("config.toml")).unwrap();
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
        run_ok(
            "export",
            &[&["sxt", "tuned", "--int8", "--equalize", "off", "--overwrite"], more].concat(),
            folder.path(),
        );
        std::fs::read(folder.path().join("tuned/model-int8.sxt")).unwrap()
    };
    // Rounding loses nothing, so that there is nothing to correct biases for.
    assert!(with(&[]) == with(&["--no-bias-correction"]));
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
