//! Same seed, same bits; killed and resumed, same bits.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sextant_tests::{SMALL_FIT, program, run_ok, small_fit};

const STEPS: &str = "--set=fit.steps=10";

fn model(folder: &Path, run: &str) -> Vec<u8> {
    std::fs::read(folder.join(run).join("checkpoints/last/model.safetensors")).unwrap()
}

/// Starts a run and kills it with SIGKILL as soon as `path` below it exists.
fn kill_when_there_is(folder: &Path, run: &str, path: &str) {
    let mut child = Command::new(program("trainer"))
        .args([&["fit"], SMALL_FIT, &[STEPS, "--out", run]].concat())
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let awaited: PathBuf = folder.join(run).join(path);
    let start = Instant::now();
    while !awaited.exists() {
        assert!(start.elapsed() < Duration::from_secs(120), "{} never came", awaited.display());
        assert!(child.try_wait().unwrap().is_none(), "the run ended before {}", awaited.display());
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn two_runs_with_one_seed_are_bit_identical_and_another_seed_differs() {
    let folder = tempfile::tempdir().unwrap();
    small_fit(folder.path(), &[STEPS, "--out", "a"]);
    small_fit(folder.path(), &[STEPS, "--out", "b"]);
    small_fit(folder.path(), &[STEPS, "--set=fit.seed=1", "--out", "c"]);
    assert!(model(folder.path(), "a") == model(folder.path(), "b"));
    assert!(model(folder.path(), "a") != model(folder.path(), "c"));
    let deployed = |run: &str| std::fs::read(folder.path().join(run).join("model.sxt")).unwrap();
    assert!(deployed("a") == deployed("b"));
}

#[test]
fn a_killed_run_resumes_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    small_fit(folder.path(), &[STEPS, "--out", "whole"]);
    let moments = [
        ("before-the-first-checkpoint", "config.toml"),
        ("after-it", "checkpoints/last"),
        ("at-the-best", "checkpoints/best"),
    ];
    for (run, moment) in moments {
        kill_when_there_is(folder.path(), run, moment);
        run_ok("trainer", &["fit", "--resume", "--out", run], folder.path());
        assert!(model(folder.path(), "whole") == model(folder.path(), run), "{run}");
        let metrics = std::fs::read_to_string(folder.path().join(run).join("metrics.jsonl")).unwrap();
        let whole = std::fs::read_to_string(folder.path().join("whole/metrics.jsonl")).unwrap();
        assert_eq!(metrics.lines().count(), whole.lines().count(), "{run}: no record is lost or doubled");
    }
}
