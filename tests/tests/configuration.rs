//! `docs/configuration.md` lists every key with the default and the range that the code has, and with the words of the
//! code's own documentation. `TRYCMD=overwrite` writes the table anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sextant_trainer::config::{Config, ConfigError, Origin, Problem};
use sextant_trainer::data::{PathUse, SharedKey, SourceEntry};
use sextant_trainer::options::ConfigOption;
use sextant_trainer::registry::Registry;

const START: &str = "<!-- written by tests/tests/configuration.rs -->\n";
const END: &str = "<!-- end of what is written -->";
/// The keys without a default, and after which they come.
const WITHOUT_DEFAULT: [(&str, &str); 2] =
    [("data.path", "data.source"), ("data.held_out_list", "data.held_out_share")];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Dotted keys with their defaults as TOML, in the order of the file.
fn defaults() -> Vec<(String, String)> {
    let toml = Config::default().to_toml();
    let mut section = String::new();
    let mut keys = Vec::new();
    for line in toml.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(name) => section = format!("{name}."),
            None => {
                let (key, value) = line.split_once(" = ").expect("a key and a value on one line");
                let key = format!("{section}{key}");
                keys.push((key.clone(), value.to_string()));
                keys.extend(
                    WITHOUT_DEFAULT
                        .iter()
                        .filter(|(_, after)| *after == key)
                        .map(|(key, _)| ((*key).into(), String::new())),
                );
            }
        }
    }
    keys
}

/// What a key may be, in the words of the error about a value that it may not be.
fn allowed(key: &str, default: &str) -> String {
    let mut expected = String::new();
    for value in impossible_values(default) {
        let problems =
            match Config::from_toml(&Registry::default(), &format!("{key} = {value}"), Origin::Set(String::new())) {
                Err(ConfigError::Problems(problems)) => problems,
                _ => continue,
            };
        for problem in problems {
            match problem {
                Problem::OutOfRange { key: found, allowed, .. } | Problem::UnknownName { key: found, allowed, .. }
                    if found == key =>
                {
                    return allowed;
                }
                Problem::WrongType { expected: words, .. } => expected = words,
                _ => {}
            }
        }
    }
    assert!(!expected.is_empty(), "no value is refused for {key}");
    expected
}

/// Values of the default's type, as far from it as there are, and at last one of another type.
fn impossible_values(default: &str) -> Vec<String> {
    let numbers = default.matches(',').count() + 1;
    let list = |number: &str| format!("[{}]", vec![number; numbers].join(", "));
    match default.chars().next() {
        None | Some('"') => vec!["7".into(), "\"\"".into(), "\"?\"".into()],
        Some('t' | 'f') => vec!["\"?\"".into()],
        Some('[') => vec![list("1e30"), list("900000000"), "\"?\"".into()],
        Some(_) if default.contains(['.', 'e']) => vec!["1e30".into(), "-1.0".into(), "\"?\"".into()],
        Some(_) => vec![i64::MAX.to_string(), "0".into(), "-1".into()],
    }
}

/// The words above a field in the source, by the name of its struct and its own; without the default in parentheses.
fn documentation() -> BTreeMap<(String, String), (String, String)> {
    let mut found = BTreeMap::new();
    let rooms = ["data/config.rs", "nn/config.rs", "method/config.rs", "optimiser/config.rs"];
    for file in ["config/mod.rs", "config/fit.rs"].into_iter().chain(rooms) {
        let text = fs::read_to_string(repository().join("trainer/src").join(file)).unwrap();
        let (mut structure, mut words) = (String::new(), Vec::new());
        for line in text.lines().map(str::trim) {
            if let Some(rest) = line.strip_prefix("pub struct ") {
                structure = rest.trim_end_matches(" {").into();
            }
            match (line.strip_prefix("/// "), line.strip_prefix("pub ").and_then(|line| line.split_once(": "))) {
                (Some(text), _) => words.push(text),
                (None, Some((field, kind))) => {
                    let kind = kind.trim_end_matches(',').to_string();
                    found.insert((structure.clone(), field.to_string()), (kind, without_default(&words.join(" "))));
                    words.clear();
                }
                (None, None) if line.starts_with("#[") => {}
                (None, None) => words.clear(),
            }
        }
    }
    found
}

fn without_default(words: &str) -> String {
    let sentence = words.trim_end_matches('.');
    match sentence.strip_suffix(')').and_then(|text| text.rfind(" (")) {
        Some(at) => format!("{}.", &sentence[..at]),
        None => words.to_string(),
    }
}

/// The documentation of a dotted key: of the innermost field on its way that has one.
fn words(documentation: &BTreeMap<(String, String), (String, String)>, key: &str) -> String {
    if let Some(option) = method_option(key) {
        return format!("{}.", capitalised(option.help));
    }
    let (mut structure, mut words) = ("Config".to_string(), String::new());
    for part in key.split('.') {
        let Some((kind, text)) = documentation.get(&(structure.clone(), part.to_string())) else { break };
        (structure, words) = (kind.clone(), text.clone());
    }
    assert!(!words.is_empty(), "{key} has no documentation");
    words
}

/// The option of the default's method that a key is.
fn method_option(key: &str) -> Option<&'static ConfigOption> {
    let registry = Registry::default();
    let entry = registry.methods().find(&Config::default().method.name).expect("the default is a method");
    let options = entry.options;
    options.iter().find(|option| key.strip_prefix("method.") == Some(option.key))
}

fn capitalised(words: &str) -> String {
    let mut characters = words.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

fn table() -> String {
    let documentation = documentation();
    let mut text = String::new();
    let mut section = None;
    for (key, default) in defaults() {
        let of = key.split_once('.').map_or("", |(section, _)| section);
        if section != Some(of.to_string()) {
            let title = if of.is_empty() { "At the top" } else { &format!("`[{of}]`") };
            text += &format!("\n### {title}\n\n| key | default | allowed | what it is |\n| --- | --- | --- | --- |\n");
            section = Some(of.to_string());
        }
        let default = if default.is_empty() { "none".into() } else { format!("`{default}`") };
        text += &format!(
            "| `{key}` | {default} | {} | {} |\n",
            allowed(&key, &default.replace('`', "")),
            words(&documentation, &key)
        );
    }
    text + &sources() + &encoders() + "\n"
}

/// What each source reads beside what all sources do.
fn sources() -> String {
    let mut text = "\n### Sources of data\n\n`cargo trainer sources` prints them. Rendered images also take `data.rotation.*`, \
                    `data.supersampling`, `data.shadows` and `data.object_diagonal`.\n\n\
                    | `data.source` | what it is | rendered | `data.path` | keys of its own |\n| --- | --- | --- | --- | --- |\n"
        .to_string();
    for SourceEntry { name, description, path, shared_keys, options, .. } in Registry::default().sources().iter() {
        let path = match path {
            PathUse::Unused => "no",
            PathUse::Optional => "if need be",
            PathUse::Needed => "yes",
        };
        let shared = shared_keys.iter().map(|SharedKey { key, unless }| match unless {
            None => format!("`{key}`"),
            Some(other) => format!("`{key}` without `{other}`"),
        });
        let own = shared.chain(options.iter().map(|option| format!("`{}`", option.key))).collect::<Vec<_>>().join(", ");
        let own = if own.is_empty() { "none".into() } else { own };
        let is_rendered = Registry::default().sources().find(name).is_some_and(SourceEntry::is_rendered);
        let rendered = if is_rendered { "yes" } else { "no" };
        text += &format!("| `{name}` | {} | {rendered} | {path} | {own} |\n", capitalised(description));
    }
    text
}

fn encoders() -> String {
    let mut text = "\n### Encoders\n\n`cargo trainer encoders` prints them, with what they have.\n\n\
                    | `model.encoder` | what it is | keys of its own |\n| --- | --- | --- |\n"
        .to_string();
    let registry = Registry::default();
    let mut options: Vec<&ConfigOption> = Vec::new();
    for entry in registry.encoders().iter() {
        let own: Vec<String> = entry.options.iter().map(|option| format!("`{}`", option.key)).collect();
        let own = if own.is_empty() { "none".into() } else { own.join(", ") };
        text += &format!("| `{}` | {} | {own} |\n", entry.name, capitalised(entry.description));
        let is_new = |option: &&ConfigOption| options.iter().all(|known| known.key != option.key);
        let new: Vec<&ConfigOption> = entry.options.iter().filter(is_new).collect();
        options.extend(new);
    }
    text += "\n| key | default | allowed | what it is |\n| --- | --- | --- | --- |\n";
    for option in options {
        let (default, allowed, help) = (option.default_value(), option.allowed(), capitalised(option.help));
        text += &format!("| `model.{}` | `{default}` | {allowed} | {help}. |\n", option.key);
    }
    text
}

#[test]
fn the_guide_lists_every_key() {
    let path = repository().join("docs/configuration.md");
    let guide = fs::read_to_string(&path).unwrap();
    let start = guide.find(START).expect("the guide has a place for the table") + START.len();
    let end = guide.find(END).expect("the table has an end");
    let table = table();
    if std::env::var_os("TRYCMD").is_some_and(|mode| mode == "overwrite") {
        fs::write(&path, format!("{}{table}{}", &guide[..start], &guide[end..])).unwrap();
        return;
    }
    for (line, (found, expected)) in guide[start..end].lines().zip(table.lines()).enumerate() {
        assert_eq!(found, expected, "line {line} of the table; TRYCMD=overwrite writes it anew");
    }
    assert_eq!(guide[start..end].lines().count(), table.lines().count(), "TRYCMD=overwrite writes the table anew");
}
