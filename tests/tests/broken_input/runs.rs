//! Broken run folders.

use std::fs::{self, File};

use sextant_tests::finished_run;

use super::fixtures::Place;
use super::fixtures::archive::crc32;
use super::{fails_as_printed, one_tensor};

const MODEL: &str = "checkpoints/last/model.safetensors";
const STATE: &str = "checkpoints/last/state.json";

/// A copy of a finished run, in which a test breaks one file.
fn copied(place: &Place, name: &str, file: &str) -> String {
    place.copy(&finished_run().join("run"), name);
    format!("{name}/{file}")
}

fn remove(place: &Place, file: &str) {
    fs::remove_file(place.path(file)).unwrap();
}

/// Puts NaN into the first weight, and makes every checksum agree with it.
fn poison(place: &Place, run: &str) {
    let mut old = 0;
    let mut new = 0;
    place.edit(&format!("{run}/{MODEL}"), |bytes| {
        old = crc32(bytes);
        let header_length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + header_length..12 + header_length].copy_from_slice(&f32::NAN.to_le_bytes());
        new = crc32(bytes);
    });
    place.replace(&format!("{run}/{STATE}"), &old.to_string(), &new.to_string());
    seal(place, run);
}

/// Writes the checksum of `state.json` anew, which covers the text before its key.
fn seal(place: &Place, run: &str) {
    let file = format!("{run}/{STATE}");
    let text = fs::read_to_string(place.path(&file)).unwrap();
    let start = text.rfind("\"crc32\"").unwrap();
    place.write(&file, format!("{}\"crc32\": {}\n}}\n", &text[..start], crc32(&text.as_bytes()[..start])).as_bytes());
}

#[test]
fn run_folders() {
    let place = Place::new();
    place.write("no-run/notes.txt", b"mine");
    place.copy(&finished_run().join("run"), "run");
    remove(&place, &copied(&place, "no-config", "config.toml"));
    place.truncate(&copied(&place, "config-cut", "config.toml"), 25);
    place.edit(&copied(&place, "config-newer", "config.toml"), |bytes| bytes.extend(b"\n[fusion]\nheat = 1\n"));
    fs::remove_dir_all(place.path(&copied(&place, "no-checkpoint", "checkpoints"))).unwrap();
    place.write("no-checkpoint/checkpoints/.keep", b"");
    remove(&place, &copied(&place, "no-state", STATE));
    place.truncate(&copied(&place, "state-cut", STATE), 60);
    place.replace(&copied(&place, "state-changed", STATE), "\"step\": 6", "\"step\": 5");
    place.replace(&copied(&place, "state-newer", STATE), "\"format_version\": 1", "\"format_version\": 2");
    remove(&place, &copied(&place, "no-weights", MODEL));
    place.truncate(&copied(&place, "weights-empty", MODEL), 0);
    place.truncate(&copied(&place, "weights-cut", MODEL), 5000);
    place.edit(&copied(&place, "weights-flipped", MODEL), |bytes| *bytes.last_mut().unwrap() ^= 1);
    copied(&place, "weights-nan", MODEL);
    poison(&place, "weights-nan");
    place.truncate(&copied(&place, "optimiser-cut", "checkpoints/last/optimizer.safetensors"), 5000);
    place.write(&copied(&place, "optimiser-foreign", "checkpoints/last/optimizer.safetensors"), &one_tensor());
    place.write(&copied(&place, "metrics-broken", "metrics.jsonl"), b"{\"step\": 2}\n{\"loss\": 1}\n");
    place.write(&copied(&place, "metrics-binary", "metrics.jsonl"), b"{\"step\": 2}\n\xff\xfe\n");
    let lock = place.path(&copied(&place, "locked", ".lock"));
    let lock = File::options().write(true).create(true).truncate(false).open(lock).unwrap();
    lock.lock().unwrap();
    fails_as_printed(&place, "run");
    drop(lock);
}

#[test]
fn deployable_files() {
    let place = Place::new();
    place.write_picture("part.png");
    let (sxt, golden) = ("model.sxt", "golden.safetensors");
    remove(&place, &copied(&place, "no-model", sxt));
    place.truncate(&copied(&place, "model-cut", sxt), 2000);
    place.edit(&copied(&place, "model-flipped", sxt), |bytes| *bytes.last_mut().unwrap() ^= 1);
    place.edit(&copied(&place, "model-newer", sxt), |bytes| bytes[8] = 9);
    remove(&place, &copied(&place, "no-golden", golden));
    place.truncate(&copied(&place, "golden-cut", golden), 3000);
    place.write(&copied(&place, "golden-foreign", golden), &one_tensor());
    fails_as_printed(&place, "deployable");
}
