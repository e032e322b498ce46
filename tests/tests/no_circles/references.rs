use std::collections::{BTreeMap, BTreeSet};

use super::program_text::{modules_of_tests, program_text};

/// A file of a crate.
pub struct SourceFile {
    /// Below `src/`, with `/`.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// A room, that is a folder or file at the top of a crate, names another.
pub struct Reference {
    pub from: String,
    pub to: String,
    /// `path:number: text` of the line.
    pub line: String,
}

/// Every mention of one room in the program text of another.
pub fn references(files: &[SourceFile]) -> Vec<Reference> {
    let is_root = |file: &&SourceFile| matches!(file.path.as_str(), "lib.rs" | "main.rs");
    let rooms: BTreeSet<String> = files.iter().filter(|file| !is_root(file)).map(|file| room(&file.path)).collect();
    let at_root: BTreeMap<String, String> =
        files.iter().filter(is_root).flat_map(|root| used_at_root(&root.text)).collect();
    let of_tests: Vec<String> = files.iter().flat_map(|file| modules_of_tests(&file.path, &file.text)).collect();
    let is_of_tests = |file: &&SourceFile| {
        let is_named_so = file.path.split(['/', '.']).any(|part| part.ends_with("tests"));
        is_named_so || of_tests.iter().any(|module| is_within(&file.path, module))
    };
    let program = files.iter().filter(|file| !is_root(file) && !is_of_tests(file));
    program.flat_map(|file| of_file(file, &rooms, &at_root)).collect()
}

/// The first part of a path.
fn room(path: &str) -> String {
    path.split(['/', '.']).next().unwrap_or_default().into()
}

/// Whether a file is the module `a/b` or lies in it.
fn is_within(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}

fn of_file(file: &SourceFile, rooms: &BTreeSet<String>, at_root: &BTreeMap<String, String>) -> Vec<Reference> {
    let from = room(&file.path);
    let text = program_text(&file.text);
    let named = names_of_root(&text, depth(&file.path));
    let line = |at: usize| {
        let number = text[..at].matches('\n').count();
        format!("{}:{}: {}", file.path, number + 1, file.text.lines().nth(number).unwrap_or_default().trim())
    };
    let reference = |(at, name): (usize, String)| {
        let to = if rooms.contains(&name) { name } else { at_root.get(&name)?.clone() };
        (to != from).then(|| Reference { from: from.clone(), to, line: line(at) })
    };
    named.into_iter().filter_map(reference).collect()
}

/// How many modules lie between a file's own and the root of the crate, with its own.
fn depth(path: &str) -> usize {
    let folders = path.matches('/').count();
    if path.ends_with("/mod.rs") { folders } else { folders + 1 }
}

/// Names at the root of the crate that a text mentions, with their places.
fn names_of_root(text: &str, depth: usize) -> Vec<(usize, String)> {
    let supers = "super::".repeat(depth);
    let starts = ["crate::", supers.as_str()].map(|start| {
        text.match_indices(start).filter(|(at, _)| {
            let before = text[..*at].chars().next_back();
            before.is_none_or(|before| !before.is_alphanumeric() && before != '_' && before != ':')
        })
    });
    let names = |(at, start): (usize, &str)| {
        first_names(&text[at + start.len()..]).into_iter().map(move |name| (at, name)).collect::<Vec<_>>()
    };
    starts.into_iter().flatten().flat_map(names).collect()
}

/// The first name of a path, or of each path of a group in braces.
fn first_names(text: &str) -> Vec<String> {
    match text.strip_prefix('{') {
        None => vec![first_name(text)],
        Some(group) => group_parts(group).into_iter().map(first_name).collect(),
    }
}

fn first_name(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The parts of a group between its braces, the first of which is left out.
fn group_parts(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&text[start..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts
}

/// The names that the root of a crate takes from its modules, with the module of each.
fn used_at_root(text: &str) -> Vec<(String, String)> {
    let text = program_text(text);
    let statements = text.split(';').filter_map(|statement| Some(statement.split_once("use ")?.1.trim()));
    let names = |path: &str| -> Vec<(String, String)> {
        let Some((module, rest)) = path.split_once("::") else { return Vec::new() };
        let parts = rest.strip_prefix('{').map_or(vec![rest], |group| group_parts(group));
        // The last word is the name, also of `f as g`.
        let last = |part: &str| {
            let mut words = part.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
            words.next_back().map(|name| (name.to_string(), module.to_string()))
        };
        parts.into_iter().filter_map(last).collect()
    };
    statements.flat_map(names).collect()
}
