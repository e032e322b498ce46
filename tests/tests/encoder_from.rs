//! A run that begins with the encoder of another one.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use sextant_tests::{finished_run, program, small_fit};
use sextant_trainer::run::read_tensors;

/// So small that single precision does not see a step.
const STILL: &str = "--set=optimiser.lr=1e-12";

/// The trained tensors of the encoder in a run's last checkpoint; batch norm's statistics follow the data.
fn encoder(run: &Path) -> BTreeMap<String, Vec<f32>> {
    let tensors = read_tensors(&run.join("checkpoints/last/model.safetensors")).unwrap();
    let is_trained = |name: &String| name.starts_with("encoder.") && !name.contains(".running_");
    let encoder = tensors.into_iter().filter(|(name, _)| is_trained(name));
    encoder.map(|(name, tensor)| (name, tensor.flatten_all().unwrap().to_vec1().unwrap())).collect()
}

#[test]
fn the_encoder_of_a_run_or_of_its_file_is_where_another_run_begins() {
    let base = finished_run().join("run");
    let folder = tempfile::tempdir().unwrap();
    let file = base.join("checkpoints/last/model.safetensors");
    for (name, from) in [("of-run", &base), ("of-file", &file)] {
        let from = from.to_str().unwrap();
        small_fit(
            folder.path(),
            &["--set=fit.steps=1", STILL, "--set=method.name=vicreg", "--from", from, "--out", name],
        );
        let (found, expected) = (encoder(&folder.path().join(name)), encoder(&base));
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (tensor, values) in &found {
            let far = values.iter().zip(&expected[tensor]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(far < 1e-5, "{name}: {tensor} is {far} away");
        }
    }
}

#[test]
fn an_encoder_alone_is_half_as_large_and_says_what_it_is() {
    let base = finished_run().join("run");
    let folder = tempfile::tempdir().unwrap();
    let mut write = Command::new(program("trainer"));
    write.arg("encoder").arg(&base).args(["--out", "base.safetensors"]);
    let output = write.current_dir(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let run = folder.path().join("run");
    assert!(Command::new("cp").arg("-r").arg(&base).arg(&run).status().unwrap().success());
    let output = Command::new(program("trainer")).arg("encoder").arg(&run).arg("--json").output().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let beside = std::fs::metadata(run.join("encoder.safetensors")).unwrap().len();
    assert_eq!(told["bytes"], beside, "{told}");
    let numbers: usize = encoder(&base).values().map(Vec::len).sum();
    let bytes = std::fs::metadata(folder.path().join("base.safetensors")).unwrap().len() as usize;
    assert!(bytes > 2 * numbers && bytes < 3 * numbers, "{bytes} bytes for {numbers} numbers");

    small_fit(folder.path(), &["--set=fit.steps=1", STILL, "--from", "base.safetensors", "--out", "begun"]);
    for (tensor, values) in &encoder(&folder.path().join("begun")) {
        let expected = &encoder(&base)[tensor];
        let far = values.iter().zip(expected).map(|(a, b)| (a - b).abs() / b.abs().max(1e-2)).fold(0.0, f32::max);
        assert!(far < 1e-3, "{tensor} is {far} away");
    }
    let mut other = Command::new(program("trainer"));
    other.args(["fit", "--set=model.encoder=resnet18", "--from", "base.safetensors", "--out", "other"]);
    let error = String::from_utf8(other.current_dir(folder.path()).output().unwrap().stderr).unwrap();
    assert!(error.contains("it was made with data.image_size=") && error.contains("model.encoder=tiny"), "{error}");
}

#[test]
fn what_holds_no_encoder_is_refused_by_name() {
    let base = finished_run().join("run");
    let folder = tempfile::tempdir().unwrap();
    let refused = |from: &Path, more: &[&str]| -> String {
        let mut command = Command::new(program("trainer"));
        command.args(["fit", "--set=fit.steps=1", "--out", "other"]).args(more).arg("--from").arg(from);
        let output = command.current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let golden = base.join("golden.safetensors");
    let error = refused(&golden, &["--overwrite"]);
    assert!(error.contains("golden.safetensors"), "{error}");
    let error = refused(&base, &["--overwrite", "--set=model.encoder=resnet18"]);
    assert!(error.contains("is of another encoder") && error.contains("model.encoder"), "{error}");
    let error = refused(&folder.path().join("nowhere"), &["--overwrite"]);
    assert!(error.contains("nowhere"), "{error}");
}
