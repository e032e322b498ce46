//! A program of another workspace, `tests/consumer`, depends on the runtime by its path, as a robot's does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use image::{Rgb, RgbImage};
use sextant_tests::run_ok;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("consumer")
}

/// cargo on the consumer, in a target folder of its own: with another workspace's, each would wait for the other's lock.
fn cargo(command: &str) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("consumer");
    cargo.args([command, "--quiet", "--locked"]).current_dir(folder()).env("CARGO_TARGET_DIR", target);
    cargo
}

fn answer(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_program_of_another_workspace_predicts_from_a_cameras_buffer() {
    let place = tempfile::tempdir().unwrap();
    let model = folder().join("../../firmware-example/model/model.sxt");
    let colour = |x: u32, y: u32| [x * 3 + y, 255 - y * 2, (x * y) % 200].map(|value| value as u8);
    let picture = RgbImage::from_fn(80, 60, |x, y| Rgb(colour(x, y)));
    picture.save(place.path().join("frame.png")).unwrap();
    let bgr: Vec<u8> = picture.pixels().flat_map(|Rgb([r, g, b])| [*b, *g, *r]).collect();
    fs::write(place.path().join("frame.bgr"), bgr).unwrap();

    let model_path = model.display().to_string();
    let predict = ["predict", &model_path, "frame.png", "--json", "--crop", "20,5,48,48"];
    let told: serde_json::Value = serde_json::from_str(&run_ok("runtime", &predict, place.path())).unwrap();
    let wxyz: Vec<f32> = serde_json::from_value(told[0]["rotation_wxyz"].clone()).unwrap();
    let symmetry = told[0]["class_symmetry"].as_str().unwrap_or("none");
    let want = format!("{wxyz:?} {} {symmetry}\n", told[0]["class"].as_str().unwrap());

    let mut consumer = cargo("run");
    consumer.arg("--").arg(&model).arg(place.path().join("frame.bgr")).args(["80", "60", "20", "5", "48"]);
    assert_eq!(answer(&mut consumer), want);
}

#[test]
fn the_program_is_short_and_brings_few_crates() {
    let program = fs::read_to_string(folder().join("src/main.rs")).unwrap();
    assert!(program.lines().count() <= 25, "{} lines", program.lines().count());
    let tree = answer(cargo("tree").args(["--edges", "normal", "--prefix", "none"]));
    // The consumer itself is the first line.
    assert!(tree.lines().count() <= 1 + 6, "{tree}");
}
