//! Hostile models and pictures through the commands, each under a limit of memory and time: whatever a file holds, a
//! command ends by itself with an answer or an error. `cargo test` tries a few of each; `tests/hostile` tries
//! 100 `.sxt` files, 1000 damaged ONNX files and 20,000 damaged pictures. Everything is a function of one seed.
#![cfg(target_os = "linux")]

mod limits;
mod models;
mod pictures;
mod random;

use limits::{Ending, MEMORY_BYTES, limited};
use random::Random;

/// How many times more than `cargo test` tries: one, or what `tests/hostile` sets.
fn scale() -> usize {
    std::env::var("SEXTANT_HOSTILE").ok().map_or(1, |text| text.parse().expect("SEXTANT_HOSTILE is a number"))
}

fn seed() -> u64 {
    std::env::var("SEXTANT_HOSTILE_SEED").ok().map_or(1, |text| text.parse().expect("SEXTANT_HOSTILE_SEED is a number"))
}

/// Without this, the other tests would say nothing.
#[test]
fn the_limit_of_memory_bites() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("m.sxt"), models::colour_model()).unwrap();
    // 30,000 x 15,000 pixels, whose memory the command is told to take.
    std::fs::write(place.path().join("large.png"), pictures::png_of_zeros(30_000, 15_000)).unwrap();
    let arguments = ["predict", "m.sxt", "large.png", "--max-picture-memory", "4000"];
    let (ending, output) = limited("runtime", &arguments, place.path());
    assert!(matches!(ending, Ending::Aborted(_)), "{ending:?} with {MEMORY_BYTES} bytes: {output:?}");
    let (ending, output) = limited("runtime", &arguments[..3], place.path());
    assert!(matches!(ending, Ending::Refused), "{ending:?}: {output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("of memory to decode"), "{output:?}");
}

#[test]
fn hostile_models_are_run_or_refused() {
    models::try_many(Random::new(seed()), 10 * scale(), "sxt", models::hostile_sxt);
}

#[test]
fn damaged_onnx_files_are_run_or_refused() {
    models::try_many(Random::new(seed()), 100 * scale(), "onnx", models::damaged_onnx);
}

#[test]
fn damaged_pictures_are_predicted_or_named() {
    pictures::try_many(Random::new(seed()), 2000 * scale());
}
