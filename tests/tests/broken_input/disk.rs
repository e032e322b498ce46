//! A full disk, and readers that go away.

use std::fs;
use std::process::{Command, Output, Stdio};

use sextant_tests::{SMALL_FIT, finished_run, program, run_ok};

use super::fixtures::{Place, meshes};

/// Runs a command where no file may grow beyond so many KiB, which is what a full disk looks like.
fn with_little_room(place: &Place, kib: usize, arguments: &[&str]) -> Output {
    let shell = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", kib * 2);
    let mut command = Command::new("sh");
    command.args(["-c", &shell]).arg(program("trainer")).args(arguments).current_dir(place.path("."));
    command.env("NO_COLOR", "1").output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn assert_names_the_disk(output: &Output, file: &str) {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    let error = stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
    assert!(error.contains(file) && error.contains("File too large"), "{stderr}");
    assert!(stderr.contains("\nhint: make room on the disk") && !stderr.contains("panicked"), "{stderr}");
}

#[test]
fn a_full_disk_leaves_no_data_set() {
    let place = Place::new();
    meshes::write_parts(&place.path("parts"));
    let before = place.contents();
    for (format, room_kib, file) in [("sextant", 64, "shard-00000.safetensors"), ("3diebench", 0, ".tmp-set/")] {
        let arguments = ["render", "--source", "meshes", "--meshes", "parts", "--views", "50", "--format", format];
        let output = with_little_room(&place, room_kib, &[&arguments[..], &["--out", "set"]].concat());
        assert_names_the_disk(&output, file);
        assert_eq!(place.contents(), before, "{format}");
    }
}

#[test]
fn a_full_disk_keeps_the_last_checkpoint_of_a_run() {
    let place = Place::new();
    place.copy(&finished_run().join("run"), "run");
    let last = |place: &Place| fs::read(place.path("run/checkpoints/last/model.safetensors")).unwrap();
    let before = last(&place);
    let output = with_little_room(&place, 16, &["fit", "--resume", "--out", "run", "--set=fit.steps=7"]);
    assert_names_the_disk(&output, "run/checkpoints/");
    assert!(last(&place) == before);
    let names = fs::read_dir(place.path("run/checkpoints")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| ["last", "best"].contains(&name.to_str().unwrap())), "nothing half-written");
    run_ok("trainer", &["fit", "--resume", "--out", "run"], &place.path("."));
}

#[test]
fn a_run_that_cannot_begin_leaves_no_folder() {
    let place = Place::new();
    let before = place.contents();
    let output =
        with_little_room(&place, 0, &[&["fit"], SMALL_FIT, &["--set=fit.steps=1", "--out", "runs/a"]].concat());
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert_eq!(place.contents(), before);
}

/// Commands that print data, in a folder with a run and a data set.
const PRINTING: [&[&str]; 8] = [
    &["trainer", "methods"],
    &["trainer", "methods", "--json"],
    &["trainer", "eval", "run"],
    &["trainer", "data", "info", "set"],
    &["export", "verify", "run"],
    &["export", "inspect", "run/model.sxt"],
    &["runtime", "predict", "run/model.sxt", "part.png"],
    &["runtime", "bench", "run/model.sxt"],
];

fn printing_place() -> Place {
    let place = Place::new();
    place.copy(&finished_run().join("run"), "run");
    place.write_picture("part.png");
    meshes::write_parts(&place.path("parts"));
    let render = ["render", "--source", "meshes", "--meshes", "parts", "--views", "2", "--image-size", "16"];
    run_ok("trainer", &[&render[..], &["--out", "set"]].concat(), &place.path("."));
    place
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = printing_place();
    for arguments in PRINTING {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(program(arguments[0]));
        command.args(&arguments[1..]).current_dir(place.path(".")).stdout(writer).stderr(Stdio::piped());
        let output = command.spawn().unwrap().wait_with_output().unwrap();
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("panicked"), "{arguments:?}: {stderr}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_an_error() {
    let place = printing_place();
    for arguments in PRINTING {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = Command::new(program(arguments[0]));
        command.args(&arguments[1..]).current_dir(place.path(".")).stdout(full).stderr(Stdio::piped());
        let output = command.spawn().unwrap().wait_with_output().unwrap();
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains("error: ") && stderr.contains("No space left on device"), "{arguments:?}: {stderr}");
    }
}
