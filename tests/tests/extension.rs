//! A crate of another workspace, `tests/extension`, brings a method, an encoder, a source of data and a
//! transformation of its own. Its files
//! are compiled once more here, where the dependencies are built already.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use candle_core::{Device, Tensor};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sextant_runtime::contract::run_folder::{METRICS, MODEL};
use sextant_tests::run_ok;
use sextant_trainer::config::{Config, ConfigError};
use sextant_trainer::fit::{FitOptions, FitOutcome, TrainedRun, fit};
use sextant_trainer::nn::{Mode, ParameterStore};
use sextant_trainer::registry::Registry;
use sextant_trainer::run::{CheckpointSlot, RunFolder, read_metrics};
use sextant_trainer::stop::StopFlag;
use sextant_trainer::transformation::Value;

#[path = "../extension/src/lib.rs"]
mod extension;

const OWN: [&str; 8] = [
    "method.name=barlow-twins",
    "model.projector_hidden=32",
    "model.embedding=16",
    "method.redundancy_weight=0.01",
    "model.encoder=four-sided",
    "data.source=bricks",
    "data.bricks=8",
    "data.seed=3",
];

const SMALL: [&str; 8] = [
    "fit.steps=30",
    "fit.batch_size=8",
    "fit.log_every=1",
    "fit.probe_every=0",
    "evaluation.pairs=20",
    "evaluation.train_pairs=40",
    "evaluation.probe_epochs=1",
    "evaluation.gallery_objects=0",
];

fn resolve(registry: &Registry, sets: &[&str]) -> Result<Config, ConfigError> {
    let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
    Config::resolve(registry, None, None, &sets)
}

#[test]
fn a_crate_trains_with_a_method_an_encoder_and_a_source_of_its_own() {
    let registry = extension::registry().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let config = resolve(&registry, &[&OWN[..], &SMALL].concat()).unwrap();
    let run = RunFolder::create(&path, false).unwrap();
    let options = FitOptions { config, run, resume: false, device: "cpu".into(), stop: StopFlag::default() };
    let FitOutcome::Finished { figures, .. } = fit(options).unwrap() else { panic!("nobody stops it") };
    assert!(figures.rotation.as_ref().unwrap().rotation_r2.sie.is_finite());
    let losses: Vec<f64> =
        read_metrics(&path.join(METRICS)).unwrap().iter().map(|record| record.values["loss"]).collect();
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    assert!(mean(&losses[20..]) < mean(&losses[..10]), "{losses:?}");
    // The deployed network is checked against the trainer's own outputs before the file is written.
    assert!(path.join(MODEL).is_file());
    run_ok("export", &["onnx", "run"], folder.path());
    let trained = TrainedRun::open(&registry, &path, CheckpointSlot::Last, &[], "cpu").unwrap();
    assert_eq!(trained.source.class_names(), ["rod", "slab"]);
    let error = TrainedRun::open(&Registry::default(), &path, CheckpointSlot::Last, &[], "cpu").err().unwrap();
    assert!(error.to_string().contains("`data.source` should be one of"), "{error}");
}

#[test]
fn colours_change_places_as_they_say() {
    let registry = extension::registry().unwrap();
    let turns = registry.transformations().find("colour-turns").unwrap().on_pixels().unwrap();
    for (class, expected) in [(0, [10, 20, 30]), (1, [30, 10, 20]), (2, [20, 30, 10])] {
        let mut picture = [10, 20, 30];
        turns.apply(&Value::Class(class), &mut picture, 1, &mut Vec::new());
        assert_eq!(picture, expected, "class {class}");
    }
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let drawn: BTreeSet<u32> = (0..50).map(|_| turns.draw(&mut rng).class()).collect();
    assert_eq!(drawn, BTreeSet::from([0, 1, 2]));
}

/// Of 1,600 answers by chance a third would be right, within 0.012.
#[test]
fn a_transformation_of_the_crate_is_done_and_predicted() {
    let registry = extension::registry().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let predicts = ["method.name=predict-transform", "method.transforms=[\"colour-turns\"]", "data.source=bricks"];
    let message = |sets: &[&str]| resolve(&registry, sets).unwrap_err().to_string();
    assert_eq!(
        message(&["method.name=predict-transform", "method.transforms=[\"color-turns\"]"]),
        "--set method.transforms=[\"color-turns\"]: `method.transforms` is [\"color-turns\"]; allowed: a list of \
         quarter-turns, rotations-4, rotations-8, rotations-16, rotations-32, horizontal-flip, vertical-flip, jigsaw, \
         jigsaw-apart, crop-position, scale, blur, grayscale, inversion, brightness, hue, colour-turns, each once"
    );
    let done = ["data.transformations=[\"colour-turns\"]", "fit.steps=150", "fit.batch_size=16"];
    let config = resolve(&registry, &[&SMALL[..], &predicts, &done].concat()).unwrap();
    let run = RunFolder::create(&path, false).unwrap();
    let options = FitOptions { config, run, resume: false, device: "cpu".into(), stop: StopFlag::default() };
    assert!(matches!(fit(options).unwrap(), FitOutcome::Finished { .. }));
    let accuracies: Vec<f64> =
        read_metrics(&path.join(METRICS)).unwrap().iter().map(|record| record.values["loss/accuracy"]).collect();
    let late = accuracies[100..].iter().sum::<f64>() / 50.0;
    assert!(late > 0.4, "{late} of the answers are right, where a third is by chance");
}

#[test]
fn keys_of_one_source_are_refused_beside_another() {
    let registry = extension::registry().unwrap();
    let message = |sets: &[&str]| resolve(&registry, sets).unwrap_err().to_string();
    assert_eq!(
        message(&["data.bricks=8"]),
        "--set data.bricks=8: the source `procedural` has no option `data.bricks`; it has families, objects_per_family, \
         held_out_per_family, seed, one_picture"
    );
    assert_eq!(
        message(&["data.source=bricks", "data.bricks=2"]),
        "--set data.bricks=2: `data.bricks` is 2; allowed: 4 to 1000"
    );
    assert_eq!(
        message(&["data.source=bricks", "data.y_up=true"]),
        "--set data.y_up=true: `data.y_up` has no effect here; it goes with data.source = meshes"
    );
    assert_eq!(
        message(&["data.brick=8", "data.source=bricks"]),
        "--set data.brick=8: unknown key `data.brick`; the nearest is `data.bricks`"
    );
    let error = resolve(&registry, &["data.source=brick"]).unwrap_err();
    assert_eq!(error.hint(), "did you mean `bricks`?");
    // What a layer below the choice of the source has set for another goes silently, as options of other methods do.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    fs::write(&file, "[data]\nsource = \"bricks\"\nbricks = 8\n").unwrap();
    let sets = ["data.source=procedural".to_string()];
    let config = Config::resolve(&registry, None, Some(&file), &sets).unwrap();
    assert!(!config.to_toml().contains("bricks"));
    let config = Config::resolve(&registry, None, Some(&file), &[]).unwrap();
    assert!(config.to_toml().contains("bricks = 8\n"));
    let stored = folder.path().join("stored.toml");
    fs::write(&stored, config.to_toml()).unwrap();
    assert_eq!(Config::from_file(&registry, &stored).unwrap(), config);
}

#[test]
fn the_map_of_the_encoder_turns_with_the_picture() -> anyhow::Result<()> {
    let registry = extension::registry()?;
    let mut store = ParameterStore::new(1, &Device::Cpu);
    let encoder = registry.encoders().find("four-sided").unwrap().init_by_default(32, &mut store.root())?;
    let waves: Vec<f32> = (0..2 * 32 * 32 * 3).map(|at| (at as f32 * 0.37).sin()).collect();
    let images = Tensor::from_vec(waves, (2, 32, 32, 3), &Device::Cpu).unwrap();
    let turned = |maps: &Tensor| maps.transpose(1, 2).unwrap().contiguous().unwrap().flip(&[1]).unwrap();
    let map = |images: &Tensor| encoder.encode(images, Mode::Evaluate).unwrap().map;
    let (of_turned, expected) = (map(&turned(&images)), turned(&map(&images)));
    let numbers = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let largest = numbers(&expected).into_iter().fold(0.0, f32::max);
    assert!(largest > 0.0);
    for (found, expected) in numbers(&of_turned).into_iter().zip(numbers(&expected)) {
        assert!((found - expected).abs() <= 1e-5 * largest, "{found} is not {expected}");
    }
    Ok(())
}

/// What stands in the guide stands in the crate.
#[test]
fn the_guide_shows_the_crate() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = fs::read_to_string(tests.join("../docs/extending.md")).unwrap();
    let files = ["lib", "method", "encoder", "source", "transformation"]
        .map(|name| fs::read_to_string(tests.join(format!("extension/src/{name}.rs"))).unwrap());
    let blocks: Vec<&str> = guide.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), files.len());
    for (block, file) in blocks.into_iter().zip(files) {
        assert!(file.contains(block), "not in the crate as it is shown:\n{block}");
    }
}

#[test]
fn each_addition_is_short() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("extension/src");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines < 80, "{}: {lines} lines", path.display());
    }
}
