//! The engine's modules stand on each other as floors do, and its int8 kernels know no processor.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn engine() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtime/src")
}

/// Program text: without comments, and without the tests that end a file.
fn program_text(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let program = text.split("\nmod tests {").next().unwrap_or_default();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    program.lines().filter(is_code).map(|line| format!("{line}\n")).collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with("tests") || name == "arbitrary" || name == "allocated" {
            continue;
        }
        match path.is_dir() {
            true => found.extend(sources(&path)),
            false => found.extend(path.extension().is_some_and(|extension| extension == "rs").then_some(path)),
        }
    }
    found
}

/// The modules at the top of the crate that each of them names.
fn uses() -> BTreeMap<String, BTreeSet<String>> {
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in sources(&engine()) {
        let inside = path.strip_prefix(engine()).unwrap().components().next().unwrap();
        let module = inside.as_os_str().to_string_lossy().trim_end_matches(".rs").to_string();
        if module == "lib" || module == "main" {
            continue;
        }
        let text = program_text(&path);
        let named = text.split("crate::").skip(1).map(|rest| {
            rest.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect::<String>()
        });
        uses.entry(module.clone()).or_default().extend(named.filter(|other| *other != module));
    }
    uses
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    let mut left = uses();
    // Whatever uses nothing that is left stands on the floors that were taken away before.
    loop {
        let free = |(_, used): &(&String, &BTreeSet<String>)| used.iter().all(|other| !left.contains_key(other));
        let floor: Vec<String> = left.iter().filter(free).map(|(module, _)| module.clone()).collect();
        if floor.is_empty() {
            break;
        }
        floor.iter().for_each(|module| drop(left.remove(module)));
    }
    assert!(left.is_empty(), "these use each other in a circle, or use one: {left:#?}");
}

#[test]
fn the_int8_kernels_know_no_processor() {
    for path in sources(&engine().join("kernels/int8")) {
        let text = program_text(&path);
        for word in ["processors::", "x86", "target_arch", "target_feature", "sextant_dsp", "sextant_thumb", "asm!"] {
            assert!(!text.contains(word), "{} names {word}", path.display());
        }
    }
}
