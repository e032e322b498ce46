//! From `trainer fit` to `runtime predict`, as a user goes.

use std::path::Path;

use serde_json::Value;
use sextant_tests::{finished_run, run_ok};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

fn assert_numbers(object: &Value, keys: &[&str]) {
    for key in keys {
        assert!(object[*key].is_f64(), "{key} is missing in {object}");
    }
}

/// A picture of a test pattern, taller than wide.
fn write_picture(path: &Path) {
    let picture = image::RgbImage::from_fn(90, 120, |x, y| image::Rgb([(2 * x) as u8, (2 * y) as u8, (x ^ y) as u8]));
    picture.save(path).unwrap();
}

#[test]
fn eval_prints_every_figure() {
    let figures = json(&run_ok("trainer", &["eval", "run", "--json"], finished_run()));
    assert_numbers(&figures, &["class_top1", "class_top1_head", "class_top1_knn"]);
    assert_numbers(&figures["rotation_r2"], &["sie", "per_component", "floor"]);
    let pose = ["median_deg", "mean_deg", "p90_deg", "acc15", "acc30"];
    for report in ["pose", "relative_pose"] {
        assert_numbers(&figures[report], &pose);
        assert_numbers(&figures[report]["symmetric"], &pose);
        assert!(figures[report]["symmetric"]["median_deg"].as_f64() <= figures[report]["median_deg"].as_f64());
    }
    assert!(figures["per_class"].as_array().is_some_and(|classes| classes.len() == 12));
    let written = std::fs::read_to_string(finished_run().join("run/evaluation.json")).unwrap();
    assert_eq!(json(&written), figures, "fit and eval measure the same");
}

#[test]
fn a_deployed_file_is_measured_on_the_images_of_eval() {
    let folder = tempfile::tempdir().unwrap();
    let run = finished_run().join("run");
    let run = run.to_str().unwrap();
    let figures = json(&run_ok("trainer", &["eval", run, "--json"], folder.path()));
    run_ok("export", &["sxt", run, "--int8", "--out", "int8.sxt"], folder.path());
    let compared = json(&run_ok("trainer", &["eval", run, "--model", "int8.sxt", "--json"], folder.path()));
    let number = |value: &Value| value.as_f64().unwrap();
    // The same weights in another engine.
    for report in [&["pose", "median_deg"][..], &["pose", "symmetric", "median_deg"], &["class_top1_head"]] {
        let find = |object: &Value| number(report.iter().fold(object, |object, key| &object[*key]));
        let (trained, float32) = (find(&figures), find(&compared["float32"]));
        assert!((trained - float32).abs() < 0.02, "{report:?}: {trained}, {float32}");
    }
    let medians = ["float32", "deployed"].map(|which| number(&compared[which]["pose"]["median_deg"]));
    assert!((medians[1] - medians[0] - number(&compared["rotation_cost_deg"])).abs() < 1e-9);
    assert_ne!(compared["float32"]["pose"], compared["deployed"]["pose"]);
    let right = ["float32", "deployed"].map(|which| number(&compared[which]["class_top1_head"]));
    let cost_points = number(&compared["class_cost_points"]);
    assert!((cost_points - 100.0 * (right[0] - right[1])).abs() < 1e-9, "{cost_points}, {right:?}");
    // Of 12 classes, the same network in eight bits is right about one image in ten more or fewer at most.
    assert!(cost_points.abs() <= 10.0, "{cost_points}");
}

#[test]
fn export_then_predict_agree_on_every_backend() {
    let folder = tempfile::tempdir().unwrap();
    let run = finished_run().join("run");
    write_picture(&folder.path().join("part.png"));
    run_ok("export", &["onnx", run.to_str().unwrap(), "--out", "part.onnx"], folder.path());
    let sxt = run.join("model.sxt");
    let native = json(&run_ok(
        "runtime",
        &["predict", sxt.to_str().unwrap(), "part.png", "--json", "--features"],
        folder.path(),
    ));
    let tract = json(&run_ok("runtime", &["predict", "part.onnx", "part.png", "--json", "--features"], folder.path()));
    for (key, width) in [("rotation_wxyz", 4), ("euler_deg", 3), ("invariant", 64), ("equivariant", 64)] {
        let (a, b) = (native[0][key].as_array().unwrap(), tract[0][key].as_array().unwrap());
        assert_eq!((a.len(), b.len()), (width, width), "{key}");
        for (a, b) in a.iter().zip(b) {
            assert!((a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-2, "{key}: {a} and {b}");
        }
    }
    assert_eq!(native[0]["class"], tract[0]["class"]);
    let probability = native[0]["class_probability"].as_f64().unwrap();
    assert!(probability > 0.0 && probability <= 1.0);
}

#[test]
fn parity_holds_on_the_golden_vectors() {
    let run = finished_run().join("run");
    let table = json(&run_ok("export", &["verify", run.to_str().unwrap(), "--json"], finished_run()));
    assert!(table.to_string().contains("tract") && table.to_string().contains("native"), "{table}");
}
