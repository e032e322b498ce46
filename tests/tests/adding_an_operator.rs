//! The example in `docs/adding-an-operator.md` can be applied to the sources as they are.

use std::fs;
use std::path::Path;

/// One place of a file that the example changes.
struct Hunk {
    file: String,
    before: String,
    after: String,
}

/// The hunks of all `diff` listings. Each listing names its file first; hunks are divided by `@@`.
fn hunks(document: &str) -> Vec<Hunk> {
    let mut found = vec![];
    for listing in document.split("```diff\n").skip(1) {
        let listing = listing.split("```").next().unwrap_or_default();
        let (name, changes) = listing.split_once('\n').unwrap();
        for hunk in changes.split("@@\n").filter(|hunk| !hunk.is_empty()) {
            let (mut before, mut after) = (String::new(), String::new());
            for line in hunk.lines() {
                let (mark, text) = line.split_at(line.len().min(1));
                if mark != "+" {
                    before += &format!("{text}\n");
                }
                if mark != "-" {
                    after += &format!("{text}\n");
                }
            }
            found.push(Hunk { file: name.trim_start_matches("+++ ").to_string(), before, after });
        }
    }
    found
}

#[test]
fn the_example_applies_and_touches_five_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let hunks = hunks(&fs::read_to_string(root.join("docs/adding-an-operator.md")).unwrap());
    for Hunk { file, before, after } in &hunks {
        let text = fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(text.matches(before.as_str()).count(), 1, "{file} has this text once:\n{before}");
        assert!(!text.contains(after.as_str()), "{file} has the example already");
    }
    let mut files: Vec<&str> = hunks.iter().map(|hunk| hunk.file.as_str()).collect();
    files.dedup();
    assert_eq!(
        files,
        [
            "runtime/src/operators/mod.rs",
            "runtime/src/operators/elementwise.rs",
            "export/src/onnx/lowering.rs",
            "export/src/operators/cases/elementwise.rs",
            "docs/model-format.md"
        ]
    );
}
