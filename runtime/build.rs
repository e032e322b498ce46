//! Tells the crate which kernels the microcontroller has instructions for, since the compiler does not say so on the stable
//! channel, and lists the engine's source for firmware projects.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What a microcontroller does not run: modules of `src/` that need `alloc` or `std`, and this list.
const OF_HOSTS: [&str; 10] = [
    "backend",
    "calibration",
    "command",
    "durable",
    "engine_source.rs",
    "firmware.rs",
    "main.rs",
    "patchwise",
    "preprocess.rs",
    "typed_command.rs",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(sextant_dsp, sextant_thumb1, sextant_thumb2)");
    if let Some(kernels) = kernels(&env::var("TARGET").unwrap_or_default()) {
        println!("cargo::rustc-cfg={kernels}");
    }
    if env::var_os("CARGO_FEATURE_ENGINE_SOURCE").is_some() {
        list_engine_source().unwrap_or_else(|error| panic!("cannot list the engine's source: {error}"));
    }
}

/// Every Cortex-M4 and M7 has the DSP extension. An M33 that has it runs an M4's code; built for thumbv8m.main it may not
/// have it.
fn kernels(target: &str) -> Option<&'static str> {
    if target.starts_with("thumbv7em") {
        Some("sextant_dsp")
    } else if target.starts_with("thumbv7m") || target.starts_with("thumbv8m.main") {
        Some("sextant_thumb2")
    } else if target.starts_with("thumbv6m") || target.starts_with("thumbv8m.base") {
        Some("sextant_thumb1")
    } else {
        None
    }
}

/// Writes `engine_source.rs`: an array of names and texts.
fn list_engine_source() -> io::Result<()> {
    let folder = |variable: &str| PathBuf::from(env::var_os(variable).unwrap_or_default());
    let package = folder("CARGO_MANIFEST_DIR");
    println!("cargo::rerun-if-changed=src");
    let mut files: Vec<PathBuf> = ["build.rs", "LICENSE-MIT", "LICENSE-APACHE"].map(|name| package.join(name)).into();
    add_sources(&package.join("src"), &mut files)?;
    files.sort();
    let mut text = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(&package).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        text += &format!("    ({name:?}, include_str!({:?})),\n", file.display().to_string());
    }
    fs::write(folder("OUT_DIR").join("engine_source.rs"), text + "]\n")
}

fn add_sources(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_test = name.trim_end_matches(".rs").ends_with("tests");
        if is_test || OF_HOSTS.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            add_sources(&path, files)?;
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    Ok(())
}
