//! The command that runs the operator cases, and the table that it has written.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use safetensors::SafeTensors;
use sextant_export::operators::Suite;

fn operators(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sextant-export"));
    command.arg("operators").args(arguments).current_dir(folder).env_remove("ORT_DYLIB_PATH").output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Columns of engines that are not here stay as they are committed; `./test operators` compares those.
#[test]
fn the_committed_table_is_what_the_command_writes() {
    let folder = tempfile::tempdir().unwrap();
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operators.md");
    let copy = folder.path().join("operators.md");
    fs::copy(&committed, &copy).unwrap();
    let output = operators(&["--markdown", "operators.md"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
    let (committed, written) = (fs::read_to_string(&committed).unwrap(), fs::read_to_string(&copy).unwrap());
    for (committed, written) in committed.lines().zip(written.lines()) {
        assert_eq!(committed, written, "write it: cargo export operators --markdown docs/operators.md");
    }
    assert_eq!(committed, written);
}

#[test]
fn the_report_has_every_case_and_counts_engines() {
    let folder = tempfile::tempdir().unwrap();
    let output = operators(&["--json"], folder.path());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let engines: Vec<_> = report["engines"].as_array().unwrap().iter().map(|engine| &engine["engine"]).collect();
    assert_eq!(engines, ["native", "prepared", "int8", "int8 prepared", "tract"]);
    assert_eq!(report["cases"].as_array().unwrap().len(), Suite::new().unwrap().cases.len());
    let told = operators(&[], folder.path());
    assert!(
        text(&told.stdout).starts_with("engine        version    agree  ignored  fail\nnative "),
        "{}",
        text(&told.stdout)
    );
}

/// As a program of others does it.
#[test]
fn cases_are_written_and_answers_compared() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(operators(&["--write-cases", "cases"], folder.path()).status.code(), Some(0));
    let cases = folder.path().join("cases");
    let list: Vec<serde_json::Value> = serde_json::from_slice(&fs::read(cases.join("cases.json")).unwrap()).unwrap();
    let mut answers = vec![];
    for case in &list {
        let file = case["file"].as_str().unwrap();
        assert!(cases.join(file).with_extension("onnx").is_file());
        let bytes = fs::read(cases.join(file).with_extension("safetensors")).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        assert!(tensors.names().iter().any(|name| name.starts_with("input")), "{file}");
        let result = tensors.tensor("result").unwrap();
        answers.push((file.to_string(), result.dtype(), result.shape().to_vec(), result.data().to_vec()));
    }
    // One number of one answer is wrong.
    let wrong = list.iter().position(|case| case["name"] == "Linear: by hand").unwrap();
    answers[wrong].3[..4].copy_from_slice(&7f32.to_le_bytes());
    let views = answers.iter().map(|(name, data_type, shape, bytes)| {
        (name, safetensors::tensor::TensorView::new(*data_type, shape.clone(), bytes).unwrap())
    });
    let values = safetensors::serialize(views.collect::<Vec<_>>(), None).unwrap();
    fs::write(cases.join("answers.safetensors"), values).unwrap();
    fs::write(cases.join("answers.json"), r#"{"engine": "OpenVINO", "version": "2026.1", "errors": {}}"#).unwrap();
    let output = operators(&["--answers", "cases"], folder.path());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stderr),
        "failed: Linear: by hand in OpenVINO: differs by 6.000e0 (allowed: 0.0e0, exact)\n"
    );
    assert!(text(&output.stdout).contains("OpenVINO      2026.1 "), "{}", text(&output.stdout));
    let refused = operators(&["--answers", "nothing"], folder.path());
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("answers.json: cannot read"), "{}", text(&refused.stderr));
}
