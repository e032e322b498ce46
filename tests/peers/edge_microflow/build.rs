//! `EDGE_MICROFLOW_MODEL` names a folder with `model.tflite` and `images.bin`, int8 numbers rows first.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-env-changed=EDGE_MICROFLOW_MODEL");
    let path = |variable: &str| PathBuf::from(env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set")));
    let (model, here, out) = (path("EDGE_MICROFLOW_MODEL"), path("CARGO_MANIFEST_DIR"), path("OUT_DIR"));
    let [network, images] = ["model.tflite", "images.bin"].map(|name| model.join(name));
    // The macro wants the path spelt out.
    let source = format!(
        "#[microflow::model({network:?})]\nstruct Network;\n\nstatic IMAGES: &[u8] = include_bytes!({images:?});\n"
    );
    fs::write(out.join("network.rs"), source).unwrap_or_else(|error| panic!("{}: {error}", out.display()));
    let map = here.join("../../../firmware-example/boards/mps2-an386.x");
    fs::copy(&map, out.join("memory.x")).unwrap_or_else(|error| panic!("{}: {error}", map.display()));
    for file in [network, images, map] {
        println!("cargo:rerun-if-changed={}", file.display());
    }
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
}
