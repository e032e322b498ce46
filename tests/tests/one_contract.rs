//! The names of `sextant_runtime::contract` stand there and nowhere else.

use std::fs;
use std::path::Path;

use sextant_runtime::contract::{graph, metadata, output, run_folder};

/// Names that are nothing but these. Words such as `image` and `name` also name columns, keys and tensors of other files.
fn names() -> Vec<&'static str> {
    let mut names = run_folder::FILES.to_vec();
    names.extend([graph::ENCODE, graph::PREDICT_LATENT]);
    names.extend([output::ROTATION_WXYZ, output::CLASS_LOGITS, output::INVARIANT, output::EQUIVARIANT]);
    names.push(output::TRANSFORMATION_LOGITS);
    names.extend([metadata::CLASS_NAMES, metadata::CLASS_SYMMETRY, metadata::IMAGE_LAYOUT]);
    names.extend([metadata::NORMALIZE_MEAN, metadata::NORMALIZE_STD, metadata::ROTATION_FRAME]);
    names.extend([metadata::ROTATION_CONVENTION, metadata::CAMERA_AXES, metadata::EULER_ORDER]);
    names.extend([metadata::OBJECT_FRAME, metadata::CAMERA_POSE]);
    names.extend([run_folder::EVENTS_PREFIX, run_folder::CHECKPOINTS, run_folder::LOCK]);
    names
}

/// The program text of a file: without comments, and without the tests that end it.
fn program_text(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let program = text.split("\nmod tests {").next().unwrap_or_default();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    program.lines().filter(is_code).map(|line| format!("{line}\n")).collect()
}

fn check(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with("tests") || name == "arbitrary" || path.ends_with("runtime/src/contract.rs") {
            continue;
        }
        if path.is_dir() {
            check(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = program_text(&path);
            let literals = names().into_iter().filter(|name| text.contains(&format!("\"{name}\"")));
            found.extend(literals.map(|literal| format!("{}: \"{literal}\"", path.display())));
        }
    }
}

#[test]
fn no_program_writes_a_name_of_the_contract_by_itself() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for folder in ["runtime/src", "runtime/examples", "trainer/src", "export/src", "export/examples"] {
        check(&repository.join(folder), &mut found);
    }
    assert!(found.is_empty(), "take them from sextant_runtime::contract:\n{}", found.join("\n"));
}
