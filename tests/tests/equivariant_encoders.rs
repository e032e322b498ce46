//! Encoders over a group as a user meets them: trained, exported and in eight bits.

use std::path::Path;

use serde_json::Value;
use sextant_runtime::plane_group::PlaneGroup;
use sextant_tests::{run_ok, small_fit};

/// Trains a few steps, writes every deployed form, compares them with the trainer's own answers, and turns a picture before
/// those of single precision.
fn is_deployed(group: PlaneGroup, side: u32, sets: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let sets: Vec<String> = sets.iter().map(|set| format!("--set={set}")).collect();
    let size = format!("--set=data.image_size={side}");
    let arguments = ["--set=fit.steps=3", &size, "--out", "run"];
    let sets: Vec<&str> = arguments.into_iter().chain(sets.iter().map(String::as_str)).collect();
    small_fit(folder.path(), &sets);
    run_ok("export", &["onnx", "run"], folder.path());
    run_ok("export", &["sxt", "run", "--int8"], folder.path());
    run_ok("export", &["verify", "run"], folder.path());
    for model in ["run/model.sxt", "run/model.onnx"] {
        follows_a_quarter_turn(group, side, model, folder.path());
    }
    folder
}

/// What `trainer equivariance` says of the network before and after training, of both files of single precision, and of eight
/// bits, which have no error at all: seven pictures at once.
fn is_measured(group: PlaneGroup, folder: &Path) {
    let command =
        ["equivariance", "run", "--pictures=7", "--model=run/model.onnx", "--model=run/model-int8.sxt", "--json"];
    let said: Value = serde_json::from_str(&run_ok("trainer", &command, folder)).unwrap();
    let forms = said.as_array().unwrap();
    let names: Vec<&str> = forms.iter().map(|form| form["of"].as_str().unwrap()).collect();
    let files = ["run/model.sxt", "run/model.onnx", "run/model-int8.sxt"];
    assert_eq!(names, [&["before training", "after training"][..], &files].concat());
    for form in forms {
        let most = if form["of"] == "run/model-int8.sxt" { 0.0 } else { 1e-5 };
        let follows =
            form["exact"].as_array().unwrap().iter().filter(|motion| motion.get("reordering_error").is_some());
        let follows: Vec<&Value> = follows.collect();
        assert_eq!(follows.len(), group.order() - 1, "{}", form["of"]);
        for (motion, key) in
            follows.iter().flat_map(|motion| ["invariant_change", "reordering_error"].map(|key| (motion, key)))
        {
            let error = motion[key].as_f64().unwrap();
            assert!(error <= most, "{}, {key}: {motion}", form["of"]);
        }
        assert!(follows.iter().any(|motion| motion["equivariant_change"].as_f64().unwrap() > 0.01), "{form}");
    }
}

fn follows_a_quarter_turn(group: PlaneGroup, side: u32, model: &str, folder: &Path) {
    let pattern = |x: u32, y: u32| image::Rgb([x * x * 7 + y, x ^ (5 * y), x * y * 3 + 40].map(|number| number as u8));
    let picture = image::RgbImage::from_fn(side, side, pattern);
    // Three quarter turns clockwise are one counter-clockwise.
    let turned = image::imageops::rotate270(&picture);
    let halves = |picture: image::RgbImage| {
        picture.save(folder.join("picture.png")).unwrap();
        let said = run_ok("runtime", &["predict", model, "picture.png", "--json", "--features"], folder);
        let said: Value = serde_json::from_str(&said).unwrap();
        let numbers = |half: &str| -> Vec<f64> {
            said[0][half].as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
        };
        ["invariant", "equivariant"].map(numbers)
    };
    let ([invariant, fibre], [of_turned, fibre_of_turned]) = (halves(picture), halves(turned));
    let fields = fibre.len() / group.order();
    let before = |at: usize| fibre[group.product(group.inverse(1), at / fields) * fields + at % fields];
    let expected: Vec<f64> = (0..fibre.len()).map(before).collect();
    for (name, found, expected) in [("invariant", of_turned, invariant), ("equivariant", fibre_of_turned, expected)] {
        let apart = found.iter().zip(&expected).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
        let error = (apart / expected.iter().map(|x| x * x).sum::<f64>()).sqrt();
        assert!(error < 1e-5, "{model}, {name} half: {error:e}");
    }
}

#[test]
fn a_small_encoder_is_deployed() {
    let strided = ["model.encoder=eqtiny-c4", "model.downsampling=strided", "model.matched=multiplications"];
    let folder = is_deployed(PlaneGroup::QuarterTurns, 32, &["model.encoder=eqtiny-c4"]);
    is_measured(PlaneGroup::QuarterTurns, folder.path());
    is_deployed(PlaneGroup::QuarterTurns, 32, &strided);
}

#[test]
fn an_encoder_for_maps_of_odd_sides_is_tuned_for_eight_bits_and_deployed() {
    let sets = ["model.encoder=eqtiny-d4", "model.downsampling=anti-aliased"];
    let folder = is_deployed(PlaneGroup::TurnsAndMirrors, 33, &sets);
    is_measured(PlaneGroup::TurnsAndMirrors, folder.path());
    run_ok("trainer", &["fit", "--qat", "run", "--set=fit.steps=2", "--out", "tuned"], folder.path());
    run_ok("export", &["sxt", "tuned", "--int8"], folder.path());
    run_ok("export", &["verify", "tuned"], folder.path());
}

#[test]
fn a_large_encoder_is_deployed() {
    let sets = ["model.encoder=eqresnet18-c4", "model.matched=multiplications", "fit.batch_size=4", "fit.steps=1"];
    is_deployed(PlaneGroup::QuarterTurns, 16, &sets);
}

#[test]
fn encoders_are_listed_with_what_they_cost_and_their_options() {
    let folder = tempfile::tempdir().unwrap();
    let listed: Value = serde_json::from_str(&run_ok("trainer", &["encoders", "--json"], folder.path())).unwrap();
    let find = |name: &str| listed.as_array().unwrap().iter().find(|entry| entry["name"] == name).unwrap();
    let number = |name: &str, key: &str| find(name)[key].as_f64().unwrap();
    for (plain, equivariant, to) in [
        ("tiny", "eqtiny-c4", "quarter turns"),
        ("tiny", "eqtiny-d4", "quarter turns and mirror images"),
        ("resnet18-cifar", "eqresnet18-c4", "quarter turns"),
        ("resnet18-cifar", "eqresnet18-d4", "quarter turns and mirror images"),
    ] {
        assert_eq!(find(equivariant)["equivariant_to"], to);
        assert_eq!(number(plain, "features"), number(equivariant, "features"));
        assert!(number(equivariant, "weights") < 0.6 * number(plain, "weights"), "{equivariant}");
        assert!(number(equivariant, "multiply_adds") > number(plain, "multiply_adds"), "{equivariant}");
        let options = find(equivariant)["options"].as_array().unwrap();
        let keys: Vec<&str> = options.iter().map(|option| option["key"].as_str().unwrap()).collect();
        assert_eq!(keys, ["model.matched", "model.downsampling"]);
        assert!(find(plain)["options"].as_array().unwrap().is_empty());
    }
    let text = run_ok("trainer", &["encoders"], folder.path());
    assert!(text.contains("M multiply-adds at 64 px; equivariant to: quarter turns\n    model.matched"), "{text}");
}
