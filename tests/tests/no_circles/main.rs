//! The folders and files at the top of a crate stand on floors: none uses one that uses it, directly or by way of others.
//! What only tests compile may use anything.

mod circle;
mod program_text;
mod references;

use std::fs;
use std::path::Path;

use circle::{circle, told};
use references::{SourceFile, references};

/// Adds all Rust files of a folder, `within` being its path below `src/`.
fn read(folder: &Path, within: &str, files: &mut Vec<SourceFile>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = format!("{within}{}", path.file_name().unwrap().to_string_lossy());
        if path.is_dir() {
            read(&path, &format!("{name}/"), files);
        } else if name.ends_with(".rs") {
            files.push(SourceFile { path: name, text: fs::read_to_string(&path).unwrap() });
        }
    }
}

#[test]
fn no_room_of_a_crate_uses_one_that_uses_it() {
    for name in ["runtime", "trainer", "export"] {
        let mut files = Vec::new();
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src"), "", &mut files);
        let references = references(&files);
        assert!(references.len() > 20, "{name}: {} references", references.len());
        if let Some(found) = circle(&references) {
            panic!("{name}/src has a circle: {}", told(&found, &references));
        }
    }
}

/// Files with their text, and the circle among them.
struct Case {
    files: &'static [(&'static str, &'static str)],
    circle: Option<&'static str>,
}

const CASES: &[Case] = &[
    Case { files: &[("a.rs", "use crate::b::B;"), ("b.rs", "pub struct B;")], circle: None },
    Case { files: &[("a.rs", "use crate::b::B;"), ("b.rs", "fn f() { crate::a::f() }")], circle: Some("a -> b -> a") },
    Case {
        files: &[("a/mod.rs", "mod x;"), ("a/x.rs", "use crate::b;"), ("b.rs", "use super::a;")],
        circle: Some("a -> b -> a"),
    },
    Case { files: &[("a/mod.rs", "mod x;"), ("a/x.rs", "use super::y;"), ("a/y.rs", "use super::x;")], circle: None },
    Case {
        files: &[
            ("a/x.rs", "use super::super::b;"),
            ("b.rs", "use crate::{\n    c::{self, C},\n};"),
            ("c.rs", "use crate::a;"),
        ],
        circle: Some("a -> b -> c -> a"),
    },
    Case {
        files: &[("lib.rs", "mod a;\npub use a::{A, f as g};"), ("a.rs", "use crate::b;"), ("b.rs", "use crate::g;")],
        circle: Some("a -> b -> a"),
    },
    Case {
        files: &[("a.rs", "use crate::b;"), ("b.rs", "// crate::a\n/* crate::a */ const B: &str = \"crate::a\";")],
        circle: None,
    },
    Case {
        files: &[("a.rs", "use crate::b;"), ("b.rs", "#[cfg(test)]\nmod tests {\n    use crate::a;\n}\nfn f() {}")],
        circle: None,
    },
    Case {
        files: &[("a.rs", "use crate::b;"), ("b.rs", "#[cfg(test)]\nmod tests {}\nfn f() { crate::a::f() }")],
        circle: Some("a -> b -> a"),
    },
    Case {
        files: &[
            ("a.rs", "use crate::b;"),
            ("b/mod.rs", "#[cfg(test)]\npub mod loops;"),
            ("b/loops.rs", "use crate::a;"),
        ],
        circle: None,
    },
    Case { files: &[("a.rs", "use crate::b;"), ("b/tests.rs", "use crate::a;")], circle: None },
];

#[test]
fn circles_are_found_and_nothing_else_is() {
    for Case { files, circle: expected } in CASES {
        let file = |(path, text): &(&str, &str)| SourceFile { path: (*path).into(), text: (*text).into() };
        let references = references(&files.iter().map(file).collect::<Vec<_>>());
        let found = circle(&references).map(|rooms| rooms.join(" -> "));
        assert_eq!(found.as_deref(), *expected, "{files:?}");
    }
}

#[test]
fn a_circle_is_told_with_its_lines() {
    let files = [("a.rs", "\nuse crate::b::B;"), ("b.rs", "fn f() {\n    crate::a::f()\n}")];
    let files = files.map(|(path, text)| SourceFile { path: path.into(), text: text.into() });
    let references = references(&files);
    let told = told(&circle(&references).unwrap(), &references);
    assert_eq!(told, "a -> b -> a\n  a.rs:2: use crate::b::B;\n  b.rs:2: crate::a::f()");
}
