//! Manifests and what they promise: no dependency is there for nothing, each has its reason, and all packages agree on the
//! version of Rust.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders of the workspace's packages.
const MEMBERS: [&str; 5] = ["runtime", "trainer", "export", "tests", "firmware-example/runner"];
/// Manifests of workspaces of their own.
const APART: [&str; 6] = [
    "firmware-example",
    "runtime/fuzz",
    "tests/extension",
    "tests/operators",
    "tests/peers/edge_engines",
    "tests/peers/edge_microflow",
];
const DEPENDENCY_TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn manifest(folder: &str) -> toml::Table {
    let path = repository().join(folder).join("Cargo.toml");
    fs::read_to_string(&path).unwrap().parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn dependencies(manifest: &toml::Table) -> BTreeSet<String> {
    let tables = DEPENDENCY_TABLES.iter().filter_map(|table| manifest.get(*table)?.as_table());
    tables.flat_map(|table| table.keys().cloned()).collect()
}

/// All Rust text of a folder but that of packages within it.
fn source(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.join("Cargo.toml").exists() && !path.ends_with("target") {
            source(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            *text += &fs::read_to_string(&path).unwrap();
        }
    }
}

#[test]
fn every_dependency_is_used() {
    for member in MEMBERS {
        let mut text = String::new();
        source(&repository().join(member), &mut text);
        if member == "firmware-example/runner" {
            // It has the runtime's example as a program.
            source(&repository().join("runtime/examples"), &mut text);
        }
        for name in dependencies(&manifest(member)) {
            assert!(names(&text, &name.replace('-', "_")), "{member}/Cargo.toml: {name} is used nowhere");
        }
    }
}

/// Whether a text has a name as a whole word.
fn names(text: &str, name: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(name)
        .any(|(at, _)| !text[..at].ends_with(is_word) && !text[at + name.len()..].starts_with(is_word))
}

#[test]
fn every_dependency_of_the_workspace_has_a_user_and_a_reason() {
    let root = manifest("");
    let declared: BTreeSet<String> = root["workspace"]["dependencies"].as_table().unwrap().keys().cloned().collect();
    let used: BTreeSet<String> = MEMBERS.iter().flat_map(|member| dependencies(&manifest(member))).collect();
    assert_eq!(
        declared.difference(&used).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "declared and used by no package"
    );
    let architecture = fs::read_to_string(repository().join("ARCHITECTURE.md")).unwrap();
    let foreign = declared.iter().filter(|name| !name.starts_with("sextant-"));
    let unnamed: Vec<_> = foreign.filter(|name| !architecture.contains(&format!("`{name}`"))).collect();
    assert!(unnamed.is_empty(), "ARCHITECTURE.md gives no reason for {unnamed:?}");
}

/// The version of a package in a lock file.
fn locked(folder: &str, package: &str) -> String {
    let lock = fs::read_to_string(repository().join(folder).join("Cargo.lock")).unwrap();
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \"")).unwrap();
    rest.split('"').next().unwrap().to_string()
}

#[test]
fn the_oracle_of_operators_is_of_the_trainers_version_of_candle() {
    assert_eq!(locked("tests/operators", "candle-core"), locked("", "candle-core"));
    assert_eq!(locked("tests/operators", "candle-onnx"), locked("", "candle-core"));
}

#[test]
fn all_packages_agree_on_the_version_of_rust() {
    let root = manifest("");
    let expected = &root["workspace"]["package"]["rust-version"];
    for member in MEMBERS {
        assert_eq!(manifest(member)["package"]["rust-version"]["workspace"], true.into(), "{member}");
    }
    for folder in APART {
        let version = manifest(folder)["package"].get("rust-version").cloned();
        assert!(version.is_none_or(|version| version == *expected), "{folder}");
    }
    let script = fs::read_to_string(repository().join("firmware-example/run-in-qemu")).unwrap();
    let minor = expected.as_str().unwrap().trim_start_matches("1.");
    assert!(script.contains(&format!("oldest_rustc_minor={minor}\n")));
}
