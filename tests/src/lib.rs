//! Runs the project's commands as a user does, for tests that cross crates.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::sync::OnceLock;

/// Path of `trainer`, `export` or `runtime`, built by `cargo build --workspace --bins`.
///
/// # Panics
/// When it has not been built.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let folder = test.ancestors().nth(2).expect("tests run in target/PROFILE/deps");
    let path = folder.join(format!("sextant-{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is missing: run `cargo build --workspace --bins` first", path.display());
    path
}

/// Runs a program in a folder to its end.
///
/// # Panics
/// When it cannot be started.
pub fn run(name: &str, arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(program(name));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1").env_remove("ORT_DYLIB_PATH");
    // As if through cargo, whoever runs the tests.
    command.env("CARGO", "cargo");
    command.output().expect("the program starts")
}

/// As [`run`], for a command that must succeed; what it printed on standard output.
///
/// # Panics
/// When it fails.
pub fn run_ok(name: &str, arguments: &[&str], folder: &Path) -> String {
    let output = run(name, arguments, folder);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {arguments:?} failed: {:?}\n{stderr}", output.status.code());
    String::from_utf8(output.stdout).expect("output is UTF-8")
}

/// Runs a program until it comes to a moment `MOMENT:NAME:N` of its own, where it ends as if it were killed.
///
/// # Panics
/// When it ends in another way. Only debug builds know such moments.
pub fn run_to_abort(name: &str, arguments: &[&str], folder: &Path, moment: &str) {
    let mut command = Command::new(program(name));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1").env("SEXTANT_ABORT_AT", moment);
    let output = command.output().expect("the program starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(was_aborted(output.status), "{name} {arguments:?} did not die at {moment}: {}\n{stderr}", output.status);
}

#[cfg(unix)]
fn was_aborted(status: ExitStatus) -> bool {
    const SIGABRT: i32 = 6;
    std::os::unix::process::ExitStatusExt::signal(&status) == Some(SIGABRT)
}

/// Not one of the codes that the program documents.
#[cfg(not(unix))]
fn was_aborted(status: ExitStatus) -> bool {
    status.code().is_none_or(|code| ![0, 1, 2, 130].contains(&code))
}

/// Arguments that make `trainer fit` a matter of seconds.
pub const SMALL_FIT: &[&str] = &[
    "--set=data.objects_per_family=2",
    "--set=data.held_out_per_family=1",
    "--set=data.image_size=32",
    "--set=model.projector_hidden=32",
    "--set=model.embedding=32",
    "--set=fit.batch_size=16",
    "--set=fit.log_every=2",
    "--set=fit.probe_every=4",
    "--set=fit.checkpoint_every=3",
    "--set=evaluation.pairs=40",
    "--set=evaluation.train_pairs=80",
    "--set=evaluation.probe_epochs=2",
    "--set=evaluation.gallery_objects=2",
    "--set=evaluation.gallery_views=5",
    "--set=evaluation.out_of_range_pairs=8",
];

/// `trainer fit` with [`SMALL_FIT`] and more arguments; what it printed on standard output.
///
/// # Panics
/// When it fails.
pub fn small_fit(folder: &Path, arguments: &[&str]) -> String {
    run_ok("trainer", &[&["fit"], SMALL_FIT, arguments].concat(), folder)
}

/// A folder with a finished small run in `run`, made once for all tests of a program.
///
/// # Panics
/// When training fails.
pub fn finished_run() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        small_fit(folder.path(), &["--set=fit.steps=6", "--out", "run"]);
        folder
    });
    folder.path()
}

/// The README's program is a doctest, so that it compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
