//! Runs of models without pose and classes, through every export and back: one that says by how many quarter turns a picture is
//! rotated, and one of features alone.

#[allow(dead_code)]
#[path = "random/networks.rs"]
mod networks;
#[path = "random/reference.rs"]
mod reference;
#[allow(dead_code)]
#[path = "random/run.rs"]
mod run;

use std::path::Path;
use std::process::{Command, Output};

use sextant_runtime::backend::{BackendKind, BackendOptions};
use sextant_runtime::graph::Graph;
use sextant_runtime::pose::{PictureView, PixelFormat, Prediction, Predictor, PredictorOptions};

const CLASSES: (&str, &str) = ("transformations", r#"{"quarter-turns": ["0°", "90°", "180°", "270°"]}"#);
const SIZE: usize = 28;
const IMAGES: usize = 8;

/// A run of such a network, calibrated on its golden images, and all that can be exported of it.
fn exported(graph: Graph, metadata: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    std::fs::create_dir(&run).unwrap();
    run::write_of(&run, &[graph], metadata, IMAGES).unwrap();
    std::fs::copy(run.join("golden.safetensors"), run.join("calibration.safetensors")).unwrap();
    for arguments in ["onnx run", "int8 run", "firmware run --out fw"] {
        let output = export(folder.path(), arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !stderr.contains("warning"), "{arguments}: {stderr}");
    }
    folder
}

fn export(folder: &Path, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sextant-export"));
    command.args(arguments.split_whitespace()).current_dir(folder).env("CARGO", "cargo").output().unwrap()
}

fn stdout(folder: &Path, arguments: &str) -> String {
    let output = export(folder, arguments);
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What each deployed file says of the same pictures: our engine, tract, and ONNX Runtime where the environment names it.
fn predictions(run: &Path) -> Vec<(String, Vec<Prediction>)> {
    let mut files = vec![];
    for name in ["model.sxt", "model-int8.sxt"] {
        files.push((name, BackendKind::Native));
    }
    for name in ["model.onnx", "model-int8.onnx"] {
        files.push((name, BackendKind::Tract));
        if std::env::var_os("ORT_DYLIB_PATH").is_some() {
            files.push((name, BackendKind::Ort));
        }
    }
    let pictures: Vec<Vec<u8>> = (0..IMAGES)
        .map(|seed| (0..3 * SIZE * SIZE).map(|i| ((i / 7 * (seed + 3) * 29 + i * seed) % 256) as u8).collect())
        .collect();
    let views: Vec<_> =
        pictures.iter().map(|rgb| PictureView::new(rgb, PixelFormat::Rgb8, SIZE, SIZE).unwrap()).collect();
    let of_file = |(name, kind): (&str, BackendKind)| {
        let backend = BackendOptions { kind: Some(kind), ..BackendOptions::default() };
        let options = PredictorOptions { backend, ..PredictorOptions::default() };
        let mut predictor = Predictor::open_with(run.join(name), &options).unwrap();
        let answers = predictor.predict_batch(&views).into_iter().map(Result::unwrap).collect();
        (format!("{name} with {kind}"), answers)
    };
    files.into_iter().map(of_file).collect()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn every_form_of_a_model_says_what_was_done_to_a_picture() {
    let folder = exported(networks::orientation(5), &[CLASSES, ("visible", "circle")]);
    let all = predictions(&folder.path().join("run"));
    let expected = &all[0].1;
    for (file, answers) in &all {
        let tolerance = if file.contains("int8") { 0.1 } else { 1e-4 };
        for (answer, expected) in answers.iter().zip(expected) {
            assert_eq!((answer.rotation(), answer.class()), (None, None), "{file}");
            let ([turns], [wanted]) = (answer.transformations(), expected.transformations()) else { panic!("{file}") };
            assert_eq!((&*turns.transformation.name, turns.probabilities.len()), ("quarter-turns", 4), "{file}");
            let difference = largest_difference(&turns.probabilities, &wanted.probabilities);
            assert!(difference < tolerance, "{file}: {turns:?} for {wanted:?}");
            assert!(tolerance > 1e-3 || turns.class() == wanted.class(), "{file}: {turns:?} for {wanted:?}");
            assert!(turns.angle_deg().is_some(), "{file}");
        }
    }
}

#[test]
fn reports_tell_how_many_classes_stay() {
    let folder = exported(networks::orientation(5), &[CLASSES]);
    let verified = stdout(folder.path(), "verify run");
    assert!(verified.contains("native   transformation_logits.quarter-turns "), "{verified}");
    assert!(
        verified.contains("\nquarter-turns: ") && verified.contains(" % of the images keep their class\n"),
        "{verified}"
    );
    let text = stdout(folder.path(), "sxt run --int8 --layers");
    assert!(
        text.contains("\n  quarter-turns  ") && text.contains(" points of the images change their class\n"),
        "{text}"
    );
    let report: serde_json::Value = serde_json::from_str(&stdout(folder.path(), "verify run --json")).unwrap();
    let changes = &report["int8"]["drift"]["transformation_changes_percent"]["quarter-turns"];
    assert!(changes.as_f64().is_some_and(|percent| (0.0..=20.0).contains(&percent)), "{report}");
    let description = std::fs::read_to_string(folder.path().join("fw/model/description.rs")).unwrap();
    let classes = r#"TRANSFORMATIONS: [(&str, &[&str]); 1] = [("quarter-turns", &["0°", "90°", "180°", "270°"])];"#;
    assert!(description.contains(classes), "{description}");
    for file in ["run/model.sxt", "run/model.onnx", "run/model-int8.sxt"] {
        let inspected = export(folder.path(), &format!("inspect {file}"));
        let next = String::from_utf8(inspected.stderr).unwrap();
        assert_eq!(next, format!("next: cargo runtime predict {file} IMAGE.png\n"));
        assert!(String::from_utf8(inspected.stdout).unwrap().contains("transformations = {"), "{file}");
    }
}

#[test]
fn features_alone_are_a_model_too() {
    let folder = exported(networks::features_alone(6), &[]);
    let all = predictions(&folder.path().join("run"));
    let expected = &all[0].1;
    for (file, answers) in &all {
        for (answer, expected) in answers.iter().zip(expected) {
            assert_eq!((answer.rotation(), answer.class(), answer.transformations().len()), (None, None, 0), "{file}");
            for (half, wanted) in
                [(answer.invariant(), expected.invariant()), (answer.equivariant(), expected.equivariant())]
            {
                let difference = largest_difference(half.unwrap(), wanted.unwrap());
                assert!(difference < if file.contains("int8") { 0.2 } else { 1e-4 }, "{file}: {difference}");
            }
        }
    }
    let verified = stdout(folder.path(), "verify run");
    assert!(!verified.contains("keep their class") && !verified.contains("rotation"), "{verified}");
    let next = export(folder.path(), "inspect run/model.sxt").stderr;
    assert_eq!(String::from_utf8(next).unwrap(), "next: cargo runtime predict run/model.sxt IMAGE.png\n");
}
