//! Every method on real views: it trains, what it saves is all that it needs, its deployed predictor says the same.

use std::sync::{Arc, OnceLock};

use sextant_runtime::graph::{DataType, GraphBuilder};
use sextant_runtime::memory::AlignedVec;
use sextant_runtime::model::{Model as DeployedModel, write};
use sextant_runtime::session::{Input, Session};

use super::*;
use crate::config::{Config, Origin};
use crate::data::{Drawing, GroundTruth, Place, RenderedViews, TransformedViews, ViewBatch, ViewSource};
use crate::fit::Training;
use crate::model::Model;
use crate::nn::{HeadGradient, split_halves};
use crate::registry::Registry;
use crate::scene::{Procedural, ProceduralSettings, Renderer, RotationSampling, SceneSettings};
use crate::transformation::{Condition, QUARTER_TURNS, ROTATION, ROTATION_SCALE};

/// Views as they are, with quarter turns, and with more and more of a turn.
fn sources() -> &'static [Arc<dyn ViewSource>; 3] {
    static SOURCES: OnceLock<[Arc<dyn ViewSource>; 3]> = OnceLock::new();
    SOURCES.get_or_init(|| {
        let settings = ProceduralSettings { objects_per_family: 1, held_out_per_family: 1, ..Default::default() };
        let renderer = Renderer::new(SceneSettings { image_size: 32, supersampling: 1, ..Default::default() }).unwrap();
        let objects = Arc::new(Procedural::new(settings).unwrap());
        let upright: Arc<dyn ViewSource> = Arc::new(RenderedViews::new(objects, renderer, RotationSampling::default()));
        let turned = TransformedViews::new(upright.clone(), &[QUARTER_TURNS]).unwrap();
        let contrasted = Drawing::contrasting(vec![ROTATION_SCALE]);
        let scaled = TransformedViews::new(upright.clone(), &[ROTATION_SCALE]).unwrap().with_drawing(contrasted);
        [upright, Arc::new(turned), Arc::new(scaled)]
    })
}

/// Five views of six objects.
fn batch(source: &dyn ViewSource, index: u64) -> ViewBatch {
    let objects = source.training_subjects();
    let some: Vec<usize> = (0..6).map(|k| objects[(index as usize * 6 + k) % 12]).collect();
    source.views(&Place::all(&some), 5, index).unwrap()
}

/// Eight batches of each source, made once for all tests.
fn batches() -> &'static [[ViewBatch; 3]] {
    static BATCHES: OnceLock<Vec<[ViewBatch; 3]>> = OnceLock::new();
    BATCHES
        .get_or_init(|| (0..8).map(|index| sources().each_ref().map(|source| batch(source.as_ref(), index))).collect())
}

/// Classes of the procedural source: labels are below this.
const CLASSES: usize = 64;

fn config(method: &str, options: &str) -> Config {
    let text = format!(
        "[data]\nimage_size = 32\n[fit]\nsteps = 200\nbatch_size = 6\n\
         [optimiser]\nlr = 2e-3\n[heads]\ngradient = \"detached\"\nhidden = 8\n[method]\nname = \"{method}\"\n{options}"
    );
    let mut config = Config::from_toml(&Registry::default(), &text, Origin::File("test.toml".into())).unwrap();
    (config.model.projector_hidden, config.model.embedding) = (16, 16);
    config
}

fn training(method: &str, options: &str) -> Training {
    Training::new(&config(method, options), GroundTruth::posed(CLASSES), &candle_core::Device::Cpu).unwrap()
}

/// Trains for some steps from the present one on, on turned views where the method needs turns, or scales; the losses.
fn train(training: &mut Training, steps: u64) -> Vec<f32> {
    let symmetries = vec![sextant_runtime::rotation::SymmetryGroup::None; 6];
    let needed = &training.needs().transformations;
    let source = needed
        .first()
        .map_or(0, |first| [ROTATION, QUARTER_TURNS, ROTATION_SCALE].iter().position(|t| t == first).unwrap_or(0));
    (0..steps)
        .map(|_| {
            let batch = &batches()[training.step as usize % batches().len()][source];
            let report = training.train_step(batch, &symmetries).unwrap();
            assert!(
                report.loss.is_finite() && report.terms.iter().all(|(name, term)| term.is_finite() && !name.is_empty())
            );
            report.loss
        })
        .collect()
}

/// What remains of the loss of the first steps in the last ones: mean over the last 16 over mean of the first 4.
fn remaining(losses: &[f32]) -> f32 {
    let mean = |part: &[f32]| part.iter().sum::<f32>() / part.len() as f32;
    mean(&losses[losses.len() - 16..]) / mean(&losses[..4])
}

#[test]
fn the_names_are_those_that_were_promised() {
    let names: Vec<&str> = METHODS.iter().map(|entry| entry.name).collect();
    let promised = [
        "sie",
        "vicreg",
        "simclr",
        "byol",
        "simclr-augself",
        "simclr-equimod",
        "vicreg-equimod",
        "sen",
        "only-equivariance",
        "supervised",
        "equicaps",
        "seq-jepa",
        "ser",
        "predict-transform",
        "essl",
        "care",
        "ordered-scales",
        "class-information",
        "random-encoder",
        "heads-only",
        "sextant",
    ];
    assert_eq!(names, promised);
}

#[test]
fn every_method_learns_in_200_steps_without_a_nan() {
    for entry in METHODS {
        let losses = train(&mut training(entry.name, ""), 200);
        let remaining = remaining(&losses);
        assert!(remaining < 0.95, "{}: {remaining} of the loss remains", entry.name);
    }
}

/// Every picture is new when it is asked for. Random answers are right a quarter of the time.
#[test]
fn turns_of_pictures_are_predicted() {
    let mut training = training("predict-transform", "");
    let [_, turned, _] = sources();
    let symmetries = vec![sextant_runtime::rotation::SymmetryGroup::None; 6];
    let mut accuracies = Vec::new();
    for index in 0..150 {
        let report = training.train_step(&batch(turned.as_ref(), 100 + index), &symmetries).unwrap();
        let (_, accuracy) = report.terms.iter().find(|(name, _)| name == "accuracy").unwrap();
        accuracies.push(*accuracy);
    }
    let last = accuracies[110..].iter().sum::<f32>() / 40.0;
    assert!(last > 0.6, "{last} of the turns of 480 new pictures are right");
}

#[test]
fn the_variants_of_ordered_scales_learn() {
    for options in ["objective = \"reconstruction\"", "order_weight = 0.0", "margin = 0.0"] {
        let remaining = remaining(&train(&mut training("ordered-scales", options), 60));
        assert!(remaining < 0.95, "{options}: {remaining} of the loss remains");
    }
}

#[test]
fn options_of_ordered_scales_go_together() {
    let error = |options: &str| {
        let text = format!("[method]\nname = \"ordered-scales\"\n{options}");
        let config = Config::from_toml(&Registry::default(), &text, Origin::File("my.toml".into()));
        config.err().map(|error| error.to_string()).unwrap_or_default()
    };
    let cases = [
        ("ordered = [\"blur-scale\", \"hue-scale\"]", ""),
        ("ordered = []\npredicted = [\"horizontal-flip\"]\nhead_layers = 2", ""),
        ("ordered = []", "a name here or in method.predicted; the method simclr is invariant to all"),
        (
            "ordered = [\"blur\"]",
            "a list of rotation-scale, blur-scale, brightness-scale, hue-scale, crop-scale, each once",
        ),
        ("predicted = [\"blur-scale\"]", "a list of quarter-turns, "),
        ("prediction_weight = 1.0", "a change only where predicted lists a name"),
        ("objective = \"reconstruction\"\nmargin = 0.1", "a change only for objective = \"ranking\""),
        ("ordered = []\npredicted = [\"jigsaw\"]\nmargin = 0.1", "a change only where ordered lists a name"),
    ];
    for (options, expected) in cases {
        let message = error(options);
        assert_eq!(message.is_empty(), expected.is_empty(), "{options}: {message}");
        assert!(message.contains(expected), "{options}\n  got      {message}\n  expected {expected}");
    }
}

#[test]
fn the_variants_of_sie_learn() {
    let variants = [
        "predictor = \"deep\"",
        "predictor = \"mlp\"",
        "predictor_variance_weight = 0.0",
        "condition = \"canonical-quaternion\"",
        "condition = \"matrix\"\npredictor_bias = true",
        "transformation = \"colour\"",
        "transformation = \"rotation-colour\"",
        "transformation = \"quarter-turns\"",
    ];
    for options in variants {
        let remaining = remaining(&train(&mut training("sie", options), 60));
        assert!(remaining < 0.95, "{options}: {remaining} of the loss remains");
    }
}

#[test]
fn a_restored_checkpoint_goes_on_to_the_same_bits() {
    for method in ["byol", "seq-jepa", "ser", "equicaps"] {
        let mut whole = training(method, "");
        train(&mut whole, 6);
        let checkpoint = whole.checkpoint(0, None).unwrap();
        let mut resumed = training(method, "");
        resumed.restore(checkpoint, std::path::Path::new("checkpoint")).unwrap();
        assert_eq!(train(&mut whole, 4), train(&mut resumed, 4), "{method}");
        let numbers = |training: &Training| {
            let tensors = training.model.parameters().tensors();
            tensors.into_values().map(|t| t.flatten_all().unwrap().to_vec1::<f32>().unwrap()).collect::<Vec<_>>()
        };
        assert!(numbers(&whole) == numbers(&resumed), "{method}");
    }
}

#[test]
fn a_target_moves_but_has_no_gradient() {
    let mut training = training("byol", "target_momentum = 0.5");
    let target = |training: &Training| {
        let buffers = training.model.parameters().buffers();
        buffers["method.target_encoder.stem.weight"].flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    let before = target(&training);
    train(&mut training, 3);
    assert_ne!(before, target(&training));
}

#[test]
fn an_option_that_says_nothing_is_refused() {
    let error = |options: &str| {
        let text = format!("[method]\n{options}");
        Config::from_toml(&Registry::default(), &text, Origin::File("my.toml".into())).unwrap_err().to_string()
    };
    let cases = [
        (
            "name = \"vicreg\"\ncondition = \"matrix\"",
            "the method `vicreg` has no option `method.condition`; it has invariance_weight, variance_weight, covariance_weight",
        ),
        (
            "name = \"simclr\"\ntemprature = 1.0",
            "the method `simclr` has no option `method.temprature`; it has temperature",
        ),
        ("name = \"simclr\"\ntemperature = -1.0", "`method.temperature` is -1.0; allowed: 0.001 to 10"),
        ("condition = \"euler\"", "allowed: quaternion, canonical-quaternion, matrix"),
        ("predictor = \"mlp\"\npredictor_bias = true", "`method.predictor_bias` is set; allowed: false for predictor"),
        (
            "predictor = \"rotation\"\ncondition = \"matrix\"",
            "`method.condition` is set; allowed: no change for predictor = \"rotation\"",
        ),
        ("hypernetwork_hidden = 8", "`method.hypernetwork_hidden` is set; allowed: a change only for predictor"),
        (
            "name = \"sie\"\ntransformation = \"colour\"\ncondition = \"matrix\"",
            "`method.condition` is set; allowed: a change only where",
        ),
        ("name = \"seqjepa\"", "`method.name` is \"seqjepa\"; allowed: sie, vicreg"),
    ];
    for (options, expected) in cases {
        let message = error(options);
        assert!(message.contains(expected), "{options}\n  got      {message}\n  expected {expected}");
    }
}

#[test]
fn a_wrong_list_of_transformations_is_told_once() {
    let names = Registry::default().transformations().names_with_classes().join(", ");
    let known = format!("a list of {names}, each once");
    for (list, allowed) in [
        (r#"["flips"]"#, known.as_str()),
        (r#"["flips", "flips"]"#, "a list of transformations with finite classes, each once"),
    ] {
        let text = format!("[method]\nname = \"predict-transform\"\ntransforms = {list}\n");
        let error = Config::from_toml(&Registry::default(), &text, Origin::File("my.toml".into())).unwrap_err();
        assert_eq!(error.to_string(), format!("my.toml: `method.transforms` is {list}; allowed: {allowed}"));
    }
}

#[test]
fn another_method_drops_the_options_of_the_layer_below() {
    let resolve = |sets: &[&str]| {
        let sets: Vec<String> = ["data.path=d"].iter().chain(sets).map(ToString::to_string).collect();
        Config::resolve(&Registry::default(), Some("sie-3diebench"), None, &sets)
    };
    let config = resolve(&["method.name=simclr", "method.temperature=0.2"]).unwrap();
    assert_eq!(config.method.options.keys().collect::<Vec<_>>(), ["temperature"]);
    assert_eq!(config.method.number("temperature").unwrap(), 0.2);
    let error = resolve(&["method.condition=matrix", "method.name=simclr"]).unwrap_err().to_string();
    assert!(error.contains("the method `simclr` has no option `method.condition`"), "{error}");
    assert_eq!(resolve(&["method.name=sie"]).unwrap().method, config_of_sie());
}

fn config_of_sie() -> super::MethodConfig {
    super::MethodConfig::of(&super::sie::ENTRY)
}

/// A row of the deployed predictor's outputs, by name.
fn run_deployed(graph: &Graph, inputs: &[&[f32]]) -> Vec<(String, Vec<f32>)> {
    let bytes = AlignedVec::copy_of(&write(&Default::default(), std::slice::from_ref(graph)).unwrap());
    let model = DeployedModel::parse(&bytes).unwrap();
    let mut arena = AlignedVec::zeroed(model.graph(&graph.name).unwrap().arena_bytes());
    let mut session = Session::new(&model, &graph.name, &mut arena).unwrap();
    let length = |id| graph.value(id).shape.iter().product::<usize>();
    let mut outputs: Vec<Vec<f32>> = graph.outputs.iter().map(|(_, id)| vec![0.0; length(*id)]).collect();
    let mut places: Vec<&mut [f32]> = outputs.iter_mut().map(Vec::as_mut_slice).collect();
    let inputs: Vec<Input> = inputs.iter().map(|numbers| Input::F32(numbers)).collect();
    session.run(&inputs, &mut places).unwrap();
    graph.outputs.iter().map(|(name, _)| name.clone()).zip(outputs).collect()
}

/// Views without turns are refused with what is missing, wherever a caller forgot to look at the needs.
#[test]
fn a_head_without_its_answers_says_so() {
    let symmetries = vec![sextant_runtime::rotation::SymmetryGroup::None; 6];
    let [upright, ..] = &batches()[0];
    let error = training("predict-transform", "").train_step(upright, &symmetries).err().unwrap().to_string();
    assert!(error.contains("the views have no quarter-turns"), "{error}");
}

#[test]
fn the_deployed_predictor_says_what_the_method_says() {
    let cases = [
        ("sie", ""),
        ("sie", "predictor = \"deep\"\npredictor_bias = true"),
        ("sie", "predictor = \"mlp\"\ncondition = \"matrix\""),
        ("sie", "transformation = \"rotation-colour\"\npredictor_bias = true"),
        ("sie", "predictor = \"rotation\""),
        ("sie", "transformation = \"quarter-turns\""),
        ("sextant", ""),
        ("sen", ""),
        ("only-equivariance", ""),
        ("simclr-equimod", ""),
        ("vicreg-equimod", "condition = \"matrix\""),
    ];
    for (method, options) in cases {
        let config = config(method, options);
        let model = Model::new(&config, GroundTruth::posed(CLASSES), &candle_core::Device::Cpu).unwrap();
        let [batch, turned, _] = &batches()[0];
        let batch = if options.contains("quarter-turns") { turned } else { batch };
        let encoded = model.encode(&model.normalise(batch.images_of(0)).unwrap()).unwrap();
        let embedding = model.method.embed(&encoded).unwrap().equivariant.unwrap();
        let action = Action::between(&batch.transformations_of(0)[0], &batch.transformations_of(1)[0]);
        let first = embedding.narrow(0, 0, 1).unwrap();
        let predicted = model.method.predict(&first, std::slice::from_ref(&action)).unwrap().unwrap();

        let (invariant, equivariant) = split_halves(&encoded.features).unwrap();
        let half = invariant.dim(1).unwrap();
        let graph = model.method.lower_predictor(half).unwrap().unwrap();
        let [invariant, equivariant] = [invariant, equivariant].map(|t| t.get(0).unwrap().to_vec1::<f32>().unwrap());
        let condition = Condition::of(&config.method).unwrap().numbers(&action);
        let inputs: Vec<&[f32]> = graph
            .inputs
            .iter()
            .map(|id| match graph.value(*id).name.as_str() {
                "invariant" => invariant.as_slice(),
                "equivariant" => equivariant.as_slice(),
                _ => condition.as_slice(),
            })
            .collect();
        let row = |t: &Tensor| t.get(0).unwrap().to_vec1::<f32>().unwrap();
        let expected = [("embedding", row(&first)), ("predicted_embedding", row(&predicted))];
        for ((name, deployed), (expected_name, expected)) in run_deployed(&graph, &inputs).iter().zip(&expected) {
            assert_eq!(name, expected_name);
            let largest = expected.iter().fold(0f32, |largest, x| largest.max(x.abs()));
            let error = deployed.iter().zip(expected).fold(0f32, |worst, (a, b)| worst.max((a - b).abs()));
            assert!(error < 1e-4 * largest.max(1e-3), "{method} {options} {name}: off by {error} of {largest}");
        }
    }
}

/// Each half of the features matters to what the heads of its method say.
#[test]
fn the_deployed_heads_say_what_the_method_says_of_transformations() {
    for (method, options) in
        [("predict-transform", ""), ("predict-transform", "head_layers = 2"), ("essl", ""), ("class-information", "")]
    {
        let config = config(method, options);
        let model = Model::new(&config, GroundTruth::posed(CLASSES), &candle_core::Device::Cpu).unwrap();
        let [_, batch, _] = &batches()[0];
        let features = model.encode(&model.normalise(batch.images_of(0)).unwrap()).unwrap().features;
        let said = model.method.transformation_logits(&features).unwrap();
        let [(transformation, logits)] = &said[..] else { panic!("{method} predicts {}", said.len()) };
        assert_eq!((*transformation, logits.dims()), (QUARTER_TURNS, &[6, 4][..]), "{method}");
        assert_eq!(model.method.told_transformations(), [QUARTER_TURNS], "{method}");

        let mut graph = GraphBuilder::new("heads");
        let input = graph.input("features", &[features.dim(1).unwrap()], DataType::F32);
        let input = LoweredFeatures::of(&mut graph, input).unwrap();
        let lowered = model.method.lower_transformation_logits(&mut graph, input).unwrap();
        lowered.iter().for_each(|(transformation, value)| graph.output(transformation.name(), *value));
        let row = |t: &Tensor| t.get(3).unwrap().to_vec1::<f32>().unwrap();
        let deployed = run_deployed(&graph.finish(), &[&row(&features)]);
        let expected = row(logits);
        assert_eq!(deployed[0].0, "quarter-turns");
        let error = deployed[0].1.iter().zip(&expected).fold(0f32, |worst, (a, b)| worst.max((a - b).abs()));
        assert!(error < 1e-4, "{method}: {:?} is not {expected:?}", deployed[0].1);
    }
}

#[test]
fn a_random_encoder_keeps_its_weights_and_heads_alone_move_them() {
    let weights = |training: &Training| -> Vec<Vec<f32>> {
        let of_encoder = training.model.parameters().trained().iter().filter(|(name, _)| name.starts_with("encoder."));
        of_encoder.map(|(_, var)| var.flatten_all().unwrap().to_vec1().unwrap()).collect()
    };
    let is_moved = |method: &str, gradient: HeadGradient| {
        let mut config = config(method, "");
        config.heads.gradient = gradient;
        let mut training = Training::new(&config, GroundTruth::posed(CLASSES), &candle_core::Device::Cpu).unwrap();
        let before = weights(&training);
        train(&mut training, 5);
        assert!(before.len() > 20);
        weights(&training) != before
    };
    assert!(!is_moved("random-encoder", HeadGradient::Joint) && !is_moved("heads-only", HeadGradient::Detached));
    assert!(is_moved("heads-only", HeadGradient::Joint) && is_moved("heads-only", HeadGradient::Routed));
}

#[test]
fn embeddings_and_predictions_have_one_row_an_image() {
    for entry in METHODS {
        let model =
            Model::new(&config(entry.name, ""), GroundTruth::posed(CLASSES), &candle_core::Device::Cpu).unwrap();
        let [batch, ..] = &batches()[0];
        let encoded = model.encode(&model.normalise(batch.images_of(0)).unwrap()).unwrap();
        let embeddings = model.method.embed(&encoded).unwrap();
        for embedding in [&embeddings.invariant, &embeddings.equivariant].into_iter().flatten() {
            assert_eq!(embedding.dim(0).unwrap(), 6, "{}", entry.name);
        }
        let Some(equivariant) = &embeddings.equivariant else { continue };
        let predicted = model.method.predict(equivariant, &[Action::IDENTITY; 6]).unwrap();
        let predicted = predicted.unwrap_or_else(|| panic!("{} has embeddings but no prediction", entry.name));
        assert_eq!(predicted.dims(), equivariant.dims(), "{}", entry.name);
    }
}

#[test]
fn without_a_projector_invariance_is_asked_of_what_is_deployed() {
    for (options, is_deployed) in [("", false), ("invariant_projector = \"none\"", true)] {
        let config = config("sextant", options);
        let model = Model::new(&config, GroundTruth::posed(CLASSES), &candle_core::Device::Cpu).unwrap();
        let encoded = model.encode(&model.normalise(batches()[0][0].images_of(0)).unwrap()).unwrap();
        let half = split_halves(&encoded.features).unwrap().0;
        let embedding = model.method.embed(&encoded).unwrap().invariant.unwrap();
        let is_half =
            embedding.dims() == half.dims() && embedding.to_vec2::<f32>().unwrap() == half.to_vec2::<f32>().unwrap();
        assert_eq!(is_half, is_deployed, "{options}");
        let has_projector = model.parameters().trained().keys().any(|name| name.contains("invariant_projector"));
        assert_eq!(has_projector, !is_deployed, "{options}");
    }
}
