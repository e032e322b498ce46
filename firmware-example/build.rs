//! Chooses the board's memory map and the model.
//!
//! `SEXTANT_BOARD` names a file of `boards/` (default `mps2-an386`), `SEXTANT_MODEL` the folder that `export firmware`
//! wrote as `model/` (default that one; relative to this folder).

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-env-changed=SEXTANT_BOARD");
    println!("cargo:rerun-if-env-changed=SEXTANT_MODEL");
    let path = |variable: &str| PathBuf::from(env::var_os(variable).unwrap_or_else(|| panic!("cargo sets {variable}")));
    let (here, out) = (path("CARGO_MANIFEST_DIR"), path("OUT_DIR"));

    let board = env::var("SEXTANT_BOARD").unwrap_or_else(|_| "mps2-an386".to_string());
    let map = here.join("boards").join(format!("{board}.x"));
    println!("cargo:rerun-if-changed={}", map.display());
    fs::copy(&map, out.join("memory.x")).unwrap_or_else(|error| panic!("no memory map {}: {error}", map.display()));
    println!("cargo:rustc-env=SEXTANT_BOARD_NAME={board}");
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg-bins=-Tlink.x");

    let model = here.join(env::var("SEXTANT_MODEL").unwrap_or_else(|_| "model".to_string()));
    for file in ["model.sxt", "golden.bin", "description.rs"] {
        println!("cargo:rerun-if-changed={}", model.join(file).display());
    }
    let description = model.join("description.rs");
    assert!(description.is_file(), "no {}: write the folder with `export firmware RUN`", description.display());
    println!("cargo:rustc-env=SEXTANT_MODEL_FOLDER={}", model.display());
}
