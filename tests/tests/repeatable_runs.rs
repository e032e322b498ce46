//! Same seed, same bits; killed or interrupted and resumed, same bits.
//!
//! A run that is to be killed does that to itself, at a moment that has a name, so that it was alive just then.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sextant_tests::{SMALL_FIT, finished_run, program, run_ok, run_to_abort, small_fit};

const STEPS: &str = "--set=fit.steps=10";

fn model(folder: &Path, run: &str) -> Vec<u8> {
    std::fs::read(folder.join(run).join("checkpoints/last/model.safetensors")).unwrap()
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

/// Starts `trainer` in a folder.
fn start(folder: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new(program("trainer"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1");
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
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

/// Steps of the records of `metrics.jsonl`.
fn recorded_steps(folder: &Path, run: &str) -> Vec<u64> {
    let text = std::fs::read_to_string(folder.join(run).join("metrics.jsonl")).unwrap();
    let record = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    text.lines().map(|line| record(line)["step"].as_u64().unwrap()).collect()
}

/// Where a run dies, as [`run_to_abort`] takes it, and what lies in its folder then and what does not.
type Death = (&'static str, &'static [&'static str], &'static [&'static str]);

const LAST: &str = "checkpoints/last/state.json";
const BEST: &str = "checkpoints/best/state.json";
/// The checkpoint before, while a new one takes its place, and the new one.
const OLD_LAST: &str = "checkpoints/.old-last/state.json";
const NEW_LAST: &str = "checkpoints/.tmp-last/state.json";

/// Lets a run die at each moment in turn, going on after each death, and lets it end.
///
/// A run has 10 steps: it logs after every second, saves after every third, and probes after every fourth, where it
/// keeps the best.
fn survives(deaths: &[Death], more: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    small_fit(folder.path(), &[more, &[STEPS, "--out", "whole"]].concat());
    let anew = [&["fit", "--out", "killed"], SMALL_FIT, more, &[STEPS]].concat();
    let resume = ["fit", "--resume", "--out", "killed"];
    let run = folder.path().join("killed");
    let command = || if run.join("config.toml").exists() { resume.to_vec() } else { anew.clone() };
    for (moment, present, absent) in deaths {
        run_to_abort("trainer", &command(), folder.path(), moment);
        for name in *present {
            assert!(run.join(name).exists(), "{moment}: {name} is missing");
        }
        for name in *absent {
            assert!(!run.join(name).exists(), "{moment}: {name} is there");
        }
    }
    run_ok("trainer", &command(), folder.path());
    assert_same(folder.path(), "killed");
    let [whole, killed] = ["whole", "killed"].map(|run| recorded_steps(folder.path(), run));
    assert_eq!(whole, killed, "no record is lost or doubled");
}

#[cfg_attr(not(debug_assertions), ignore = "only debug builds can be told where to die")]
#[test]
fn a_run_survives_deaths_before_and_while_it_saves_for_the_first_time() {
    let deaths: [Death; 6] = [
        // The configuration is written, but has not got its name: there is no run yet.
        ("unfinished:config.toml:1", &[], &["config.toml", LAST]),
        // Figures of step 2, and no checkpoint.
        ("appended:metrics.jsonl:1", &["config.toml", "metrics.jsonl"], &[LAST, NEW_LAST]),
        ("written:model.safetensors:1", &["checkpoints/.tmp-last/model.safetensors"], &[LAST, NEW_LAST]),
        ("filled:last:1", &[NEW_LAST], &[LAST, OLD_LAST]),
        ("renamed:last:1", &[LAST], &[NEW_LAST, OLD_LAST, BEST]),
        // Figures of step 4, one step after the checkpoint.
        ("appended:metrics.jsonl:1", &[LAST], &[NEW_LAST, OLD_LAST, BEST]),
    ];
    survives(&deaths, &[]);
}

#[cfg_attr(not(debug_assertions), ignore = "only debug builds can be told where to die")]
#[test]
fn a_run_with_a_moving_average_and_turned_pictures_survives_deaths_while_it_replaces_a_checkpoint() {
    let deaths: [Death; 5] = [
        ("saved:last:1", &[LAST], &[NEW_LAST, OLD_LAST]),
        ("written:optimizer.safetensors:2", &[LAST, "checkpoints/.tmp-last/optimizer.safetensors"], &[NEW_LAST]),
        ("filled:last:1", &[LAST, NEW_LAST], &[OLD_LAST]),
        ("set-aside:last:1", &[OLD_LAST, NEW_LAST], &[LAST]),
        ("renamed:last:1", &[LAST, OLD_LAST], &[NEW_LAST]),
    ];
    survives(&deaths, &["--set=fit.ema_decay=0.9", "--set=data.transformations=[\"quarter-turns\"]"]);
}

#[cfg_attr(not(debug_assertions), ignore = "only debug builds can be told where to die")]
#[test]
fn a_run_with_sgd_survives_deaths_around_the_best_checkpoint() {
    let deaths: [Death; 5] = [
        ("filled:best:1", &[LAST, "checkpoints/.tmp-best/state.json"], &[BEST]),
        // Best is of step 4, the last of step 3: going on, step 4 is the best again.
        ("saved:best:1", &[LAST, BEST], &[]),
        ("set-aside:best:1", &[LAST, "checkpoints/.old-best/state.json"], &[BEST]),
        ("renamed:best:1", &[LAST, BEST, "checkpoints/.old-best/state.json"], &[]),
        ("saved:last:2", &[LAST, BEST], &["model.sxt", NEW_LAST, OLD_LAST]),
    ];
    survives(&deaths, &["--set=optimiser.kind=sgd", "--set=optimiser.lr=0.001"]);
}

#[cfg_attr(not(debug_assertions), ignore = "only debug builds can be told where to die")]
#[test]
fn a_run_with_lars_survives_deaths_when_all_steps_are_done() {
    let deaths: [Death; 5] = [
        // Of steps 3, 6, 9 and of the end.
        ("saved:last:4", &[LAST], &["model.sxt"]),
        ("unfinished:model.sxt:1", &[LAST], &["model.sxt", "golden.safetensors"]),
        ("unfinished:golden.safetensors:1", &["model.sxt"], &["golden.safetensors"]),
        ("unfinished:calibration.safetensors:1", &["golden.safetensors"], &["calibration.safetensors"]),
        ("unfinished:evaluation.json:1", &["calibration.safetensors"], &["evaluation.json"]),
    ];
    survives(&deaths, &["--set=optimiser.kind=lars", "--set=optimiser.lr=0.1", "--set=schedule.warmup_steps=2"]);
}

#[cfg_attr(not(debug_assertions), ignore = "only debug builds can be told where to die")]
#[test]
fn a_run_for_eight_bits_survives_deaths() {
    let base = finished_run().join("run");
    let deaths: [Death; 5] = [
        ("appended:metrics.jsonl:1", &["config.toml"], &[LAST]),
        ("saved:last:1", &[LAST], &[NEW_LAST]),
        ("set-aside:last:1", &[OLD_LAST, NEW_LAST], &[LAST]),
        ("saved:last:2", &[LAST], &[OLD_LAST]),
        ("unfinished:model.sxt:1", &[LAST], &["model.sxt"]),
    ];
    survives(&deaths, &["--qat", base.to_str().unwrap()]);
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
