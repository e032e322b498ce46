//! Same seed, same bits; killed or interrupted and resumed, same bits.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sextant_tests::{SMALL_FIT, finished_run, program, run_ok, small_fit};

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

/// Starts `trainer` in a folder.
fn start(folder: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new(program("trainer"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1");
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Numbers in [0, 1) from a seed (`SplitMix64`).
fn fractions(mut seed: u64) -> impl Iterator<Item = f64> {
    std::iter::repeat_with(move || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    })
}

/// Files that must not differ by a bit.
fn results(folder: &Path, run: &str) -> Vec<(String, Vec<u8>)> {
    let checkpoint = ["model", "optimizer", "average"].map(|name| format!("checkpoints/last/{name}.safetensors"));
    let all = checkpoint.into_iter().chain(["model.sxt".into(), "golden.safetensors".into()]);
    let read = |name: String| std::fs::read(folder.join(run).join(&name)).ok().map(|bytes| (name, bytes));
    all.filter_map(read).collect()
}

fn assert_same(folder: &Path, run: &str) {
    let (whole, other) = (results(folder, "whole"), results(folder, run));
    assert_eq!(whole.len(), other.len(), "{run}");
    for ((name, expected), (_, found)) in whole.iter().zip(&other) {
        assert!(expected == found, "{run}: {name} differs");
    }
}

/// Kills a run five times at moments that a seed decides, each time after going on, and lets it end.
fn survives_kills(seed: u64, more: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let beginning = Instant::now();
    small_fit(folder.path(), &[more, &[STEPS, "--out", "whole"]].concat());
    let duration = beginning.elapsed();
    let anew = [&["fit", "--out", "killed"], SMALL_FIT, more, &[STEPS]].concat();
    let resume = ["fit", "--resume", "--out", "killed"];
    let command = || {
        let has_begun = folder.path().join("killed/config.toml").exists();
        if has_begun { resume.to_vec() } else { anew.clone() }
    };
    for fraction in fractions(seed).take(5) {
        let mut child = start(folder.path(), &command());
        std::thread::sleep(duration.mul_f64(fraction));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    run_ok("trainer", &command(), folder.path());
    assert_same(folder.path(), "killed");
}

#[test]
fn a_run_with_a_moving_average_survives_kills() {
    survives_kills(1, &["--set=fit.ema_decay=0.9"]);
}

#[test]
fn a_run_with_sgd_survives_kills() {
    survives_kills(2, &["--set=optimiser.kind=sgd", "--set=optimiser.lr=0.001"]);
}

#[test]
fn a_run_with_lars_survives_kills() {
    survives_kills(3, &["--set=optimiser.kind=lars", "--set=optimiser.lr=0.1", "--set=schedule.warmup_steps=2"]);
}

#[test]
fn a_run_for_eight_bits_survives_kills() {
    let base = finished_run().join("run");
    survives_kills(4, &["--qat", base.to_str().unwrap()]);
}

/// Waits until `is_there`, while the process lives.
fn wait_until(child: &mut Child, is_there: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_there() {
        assert!(start.elapsed() < Duration::from_secs(120), "it never came");
        assert!(child.try_wait().unwrap().is_none(), "the process ended before");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Sends a signal, and gives the exit code and what was printed on standard error.
#[cfg(unix)]
fn signal(child: Child, name: &str) -> (Option<i32>, String) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_saves_and_says_how_to_go_on() {
    const STEPS: &str = "--set=fit.steps=60";
    let folder = tempfile::tempdir().unwrap();
    small_fit(folder.path(), &[STEPS, "--set=fit.probe_every=0", "--out", "whole"]);
    for name in ["INT", "TERM"] {
        let arguments = [&["fit"], SMALL_FIT, &[STEPS, "--set=fit.probe_every=0", "--out", name]].concat();
        let mut child = start(folder.path(), &arguments);
        let log = folder.path().join(name).join("log.txt");
        wait_until(&mut child, || std::fs::read_to_string(&log).is_ok_and(|text| text.contains("step 2/")));
        let (code, stderr) = signal(child, name);
        assert_eq!(code, Some(130), "{stderr}");
        let last: Vec<&str> = stderr.lines().rev().take(2).collect();
        assert!(last[1].starts_with("stopped after step ") && last[1].ends_with(", saved"), "{stderr}");
        let next = last[0].strip_prefix("next: cargo trainer ").unwrap_or_else(|| panic!("{stderr}"));
        run_ok("trainer", &next.split(' ').collect::<Vec<_>>(), folder.path());
        assert_same(folder.path(), name);
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_rendering_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for format in ["sextant", "3diebench"] {
        let arguments = ["render", "--out", "set", "--objects-per-family", "500", "--format", format];
        let mut child = start(folder.path(), &arguments);
        wait_until(&mut child, || folder.path().join(".tmp-set").is_dir());
        let (code, stderr) = signal(child, "INT");
        assert_eq!(code, Some(130), "{stderr}");
        assert!(stderr.ends_with("interrupted: nothing was written\n"), "{stderr}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{format}");
    }
}
