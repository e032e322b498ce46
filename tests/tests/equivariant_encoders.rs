//! Encoders over a group as a user meets them: trained, exported and in eight bits.

use serde_json::Value;
use sextant_tests::{run_ok, small_fit};

/// Trains a few steps, writes every deployed form, and compares them with the trainer's own answers.
fn is_deployed(sets: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let sets: Vec<String> = sets.iter().map(|set| format!("--set={set}")).collect();
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    small_fit(folder.path(), &[&["--set=fit.steps=3"], &sets[..], &["--out", "run"]].concat());
    run_ok("export", &["onnx", "run"], folder.path());
    run_ok("export", &["sxt", "run", "--int8"], folder.path());
    run_ok("export", &["verify", "run"], folder.path());
    folder
}

#[test]
fn a_small_encoder_is_deployed() {
    is_deployed(&["model.encoder=eqtiny-c4"]);
    is_deployed(&["model.encoder=eqtiny-c4", "model.downsampling=strided", "model.matched=multiplications"]);
}

#[test]
fn an_encoder_for_maps_of_odd_sides_is_tuned_for_eight_bits_and_deployed() {
    let folder = is_deployed(&["model.encoder=eqtiny-d4", "model.downsampling=anti-aliased", "data.image_size=33"]);
    run_ok("trainer", &["fit", "--qat", "run", "--set=fit.steps=2", "--out", "tuned"], folder.path());
    run_ok("export", &["sxt", "tuned", "--int8"], folder.path());
    run_ok("export", &["verify", "tuned"], folder.path());
}

#[test]
fn a_large_encoder_is_deployed() {
    let small = ["data.image_size=16", "fit.batch_size=4", "fit.steps=1", "fit.probe_every=0"];
    is_deployed(&[&["model.encoder=eqresnet18-c4", "model.matched=multiplications"][..], &small].concat());
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
