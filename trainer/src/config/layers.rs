use std::collections::BTreeMap;

use serde::Deserialize;
use strsim::normalized_damerau_levenshtein;
use toml::{Table, Value};

use super::paths::{PATH_KEYS, is_of_run, resolved};
use super::{Config, ConfigError, Flag, Origin, Problem};
use crate::data::DataConfig;
use crate::method::MethodConfig;
use crate::nn::ModelConfig;
use crate::options::{ConfigOption, Entries, Named, Options, UnusedKey};
use crate::registry::Registry;

const METHOD_NAME: &str = "method.name";
const METHOD_PREFIX: &str = "method.";
const SOURCE: &str = "data.source";
const ENCODER: &str = "model.encoder";

/// Values by dotted key, later ones over earlier ones, each with who set it last.
pub(super) struct Layers<'a> {
    registry: &'a Registry,
    values: BTreeMap<String, Entry>,
    /// Number of the layer that is being added, from 1 on.
    layer: usize,
}

struct Entry {
    value: Value,
    origin: Origin,
    layer: usize,
}

impl<'a> Layers<'a> {
    pub(super) fn new(registry: &'a Registry) -> Self {
        Self { registry, values: BTreeMap::new(), layer: 0 }
    }

    pub(super) fn add_toml(&mut self, text: &str, origin: &Origin) -> Result<(), ConfigError> {
        let table = text.parse::<Table>().map_err(|error| ConfigError::Syntax {
            origin: origin.clone(),
            message: error.to_string().trim_end().to_string(),
        })?;
        self.layer += 1;
        self.add_table(String::new(), table, origin);
        Ok(())
    }

    /// Adds a layer of `dotted.key=value`.
    pub(super) fn add_sets(&mut self, arguments: &[String]) -> Result<(), ConfigError> {
        self.layer += 1;
        arguments.iter().try_for_each(|argument| self.add_set(argument))
    }

    /// Adds a layer of options and of `dotted.key=value`.
    pub(super) fn add_flags(&mut self, flags: &[Flag], arguments: &[String]) -> Result<(), ConfigError> {
        self.layer += 1;
        for Flag { key, value, given } in flags {
            self.add_value((*key).into(), value.clone(), &Origin::Flag(given.clone()));
        }
        arguments.iter().try_for_each(|argument| self.add_set(argument))
    }

    fn add_set(&mut self, argument: &str) -> Result<(), ConfigError> {
        let not_assignment = || ConfigError::NotAssignment { argument: argument.into() };
        let (key, text) = argument.split_once('=').ok_or_else(not_assignment)?;
        let (key, text) = (key.trim(), text.trim());
        if key.is_empty() {
            return Err(not_assignment());
        }
        let value = set_value(self.registry, key, text);
        self.add_value(key.into(), value, &Origin::Set(argument.into()));
        Ok(())
    }

    fn add_table(&mut self, prefix: String, table: Table, origin: &Origin) {
        for (key, value) in table {
            let path = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
            self.add_value(path, value, origin);
        }
    }

    fn add_value(&mut self, key: String, value: Value, origin: &Origin) {
        match value {
            Value::Table(table) if !table.is_empty() => self.add_table(key, table, origin),
            value => {
                if key == METHOD_NAME {
                    self.forget_other_method(&value, origin);
                }
                self.values.insert(key, Entry { value, origin: origin.clone(), layer: self.layer });
            }
        }
    }

    /// Drops the options that a layer below set for a method that another one takes the place of.
    fn forget_other_method(&mut self, name: &Value, origin: &Origin) {
        if name.as_str() == Some(&self.method_name()) {
            return;
        }
        let is_of_layer_below = |other: &Origin| std::mem::discriminant(other) != std::mem::discriminant(origin);
        self.values.retain(|key, entry| !key.starts_with(METHOD_PREFIX) || !is_of_layer_below(&entry.origin));
    }

    /// The method that the values so far ask for.
    fn method_name(&self) -> String {
        self.chosen(METHOD_NAME).unwrap_or_else(|| MethodConfig::default().name)
    }

    /// What the values so far ask for.
    fn chosen_names(&self) -> Chosen {
        Chosen {
            method: self.method_name(),
            source: self.chosen(SOURCE).unwrap_or_else(|| DataConfig::default().source),
            encoder: self.chosen(ENCODER).unwrap_or_else(|| ModelConfig::default().encoder),
        }
    }

    fn chosen(&self, key: &str) -> Option<String> {
        self.values.get(key).and_then(|entry| entry.value.as_str()).map(str::to_string)
    }

    /// Drops what only another entry has a use for than the one that is chosen, where it was set in a layer below that choice.
    fn forget_others<T: Named>(
        &mut self,
        choice: &str,
        chosen: &str,
        entries: &Entries<T>,
        options: fn(&T) -> &'static [ConfigOption],
    ) {
        let decided = self.values.get(choice).map_or(0, |entry| entry.layer);
        let is_own = |key: &str| entries.find(chosen).is_some_and(|entry| declares(options(entry), choice, key));
        let is_of_other = |key: &str| entries.iter().any(|entry| declares(options(entry), choice, key)) && !is_own(key);
        self.values.retain(|key, entry| entry.layer >= decided || !is_of_other(key));
    }

    /// The defaults with all values on top, checked key by key so that every problem is reported.
    pub(super) fn into_config(mut self) -> Result<Config, ConfigError> {
        let (registry, chosen) = (self.registry, self.chosen_names());
        self.forget_others(SOURCE, &chosen.source, registry.sources(), |source| source.options);
        self.forget_others(ENCODER, &chosen.encoder, registry.encoders(), |encoder| encoder.options);
        let schema = Schema::new(registry, chosen);
        let mut problems: Vec<_> =
            self.values.iter().filter_map(|(key, entry)| schema.problem(key, &entry.value, &entry.origin)).collect();
        if problems.is_empty() {
            problems = self.resolve_paths();
        }
        if !problems.is_empty() {
            return Err(ConfigError::Problems(problems));
        }
        let unused = self.drop_unused(&schema);
        let config = self.assembled(&schema);
        let mut problems = match config.validate().map_err(|error| self.with_origins(error)) {
            Ok(()) => Vec::new(),
            Err(ConfigError::Problems(problems)) => problems,
            Err(error) => return Err(error),
        };
        // A value that is out of range is enough to say of a key.
        let is_named = |key: &String, problems: &[Problem]| {
            problems.iter().any(|problem| matches!(problem, Problem::OutOfRange { key: named, .. } if named == key))
        };
        let unused = unused
            .into_iter()
            .filter(|problem| !matches!(problem, Problem::Unused { key, .. } if is_named(key, &problems)));
        let unused: Vec<Problem> = unused.collect();
        problems.extend(unused);
        if problems.is_empty() { Ok(config) } else { Err(ConfigError::Problems(problems)) }
    }

    /// All values on the defaults; each was accepted alone.
    fn assembled(&self, schema: &Schema) -> Config {
        let mut table = schema.defaults.clone();
        for (key, entry) in &self.values {
            if !is_empty_table(&entry.value) {
                assign(&mut table, key, entry.value.clone());
            }
        }
        let config =
            Config::deserialize(table).expect("each key was accepted alone, and no key changes another's type");
        Config { registry: self.registry.clone(), ..config }
    }

    /// Writes paths out as they are meant where they were set.
    fn resolve_paths(&mut self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for key in PATH_KEYS {
            let Some(Entry { value: Value::String(path), origin, .. }) = self.values.get_mut(key) else { continue };
            // An empty one is refused as such.
            if path.is_empty() {
                continue;
            }
            match resolved(path, origin) {
                Ok(whole) => *path = whole,
                Err(allowed) => problems.push(Problem::OutOfRange {
                    key: key.into(),
                    origin: Some(origin.clone()),
                    value: path.clone(),
                    allowed: allowed.into(),
                }),
            }
        }
        problems
    }

    /// Takes out what has no effect beside the other values. What a person has asked for in vain is a problem; what a
    /// layer below the choice set, what comes from a preset, and what has its default in a file is not.
    fn drop_unused(&mut self, schema: &Schema) -> Vec<Problem> {
        let config = self.assembled(schema);
        let mut problems = Vec::new();
        for UnusedKey { key, decided_by, goes_with } in config.unused_keys() {
            let chosen_in = |key: &String| self.values.get(key).map(|entry| entry.layer);
            let decided = decided_by.iter().filter_map(chosen_in).max().unwrap_or(0);
            let Some(Entry { value, origin, layer }) = self.values.get(&key) else { continue };
            let is_asked_for = *layer >= decided
                && match origin {
                    Origin::Preset(_) => false,
                    Origin::File(file) => !is_of_run(file) && !schema.is_default(&key, value),
                    Origin::Set(_) | Origin::Flag(_) => true,
                };
            if is_asked_for {
                let origin = origin.clone();
                problems.push(Problem::Unused { key, origin, goes_with });
            } else {
                self.values.remove(&key);
            }
        }
        problems
    }

    /// The error with who set each value that is out of range.
    fn with_origins(&self, mut error: ConfigError) -> ConfigError {
        if let ConfigError::Problems(problems) = &mut error {
            for problem in problems {
                let Problem::OutOfRange { key, origin, value, allowed } = problem else { continue };
                *origin = self.values.get(key).map(|entry| entry.origin.clone());
                if key == METHOD_NAME {
                    let message = format!("`{key}` is {value}; allowed: {allowed}");
                    let nearest = self.registry.methods().nearest(value.trim_matches('"')).into();
                    let (key, origin, allowed) = (key.clone(), origin.clone(), allowed.clone());
                    *problem = Problem::UnknownName { origin, key, message, allowed, nearest };
                }
            }
        }
        error
    }
}

/// Whether there is a dotted key, with the default method, source and encoder.
pub(super) fn has_key(registry: &Registry, key: &str) -> bool {
    Schema::new(registry, Chosen::default()).known.contains_key(key)
}

/// TOML where it is a single value, else the text itself; always text for a key that holds text.
fn set_value(registry: &Registry, key: &str, text: &str) -> Value {
    let parsed = || format!("value = {text}").parse::<Table>().ok().filter(|table| table.len() == 1)?.remove("value");
    let as_text = || Value::String(text.into());
    match (Schema::new(registry, Chosen::default()).known.get(key), parsed()) {
        (Some(Value::String(_)), Some(Value::String(parsed))) => Value::String(parsed),
        (Some(Value::String(_)), _) => as_text(),
        (_, parsed) => parsed.unwrap_or_else(as_text),
    }
}

/// Whether a dotted key is one of the options in the section of a choice.
fn declares(options: &[ConfigOption], choice: &str, key: &str) -> bool {
    let section = choice.split('.').next().unwrap_or_default();
    let key = key.strip_prefix(section).and_then(|key| key.strip_prefix('.'));
    key.is_some_and(|key| options.iter().any(|option| option.key == key))
}

fn is_empty_table(value: &Value) -> bool {
    value.as_table().is_some_and(Table::is_empty)
}

/// Puts a value at a dotted key whose tables are there.
fn assign(table: &mut Table, dotted_key: &str, value: Value) {
    match dotted_key.split_once('.') {
        None => {
            table.insert(dotted_key.into(), value);
        }
        Some((section, rest)) => {
            let inner = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            assign(inner.as_table_mut().expect("known keys have tables for sections"), rest, value);
        }
    }
}

/// Names of what has options of its own in a configuration.
struct Chosen {
    method: String,
    source: String,
    encoder: String,
}

impl Default for Chosen {
    fn default() -> Self {
        let Config { method, data, model, .. } = Config::default();
        Self { method: method.name, source: data.source, encoder: model.encoder }
    }
}

/// Which keys there are and what they hold, read off the default configuration.
struct Schema<'a> {
    registry: &'a Registry,
    defaults: Table,
    /// A value of the right type for every dotted key.
    known: BTreeMap<String, Value>,
    sections: Vec<String>,
    chosen: Chosen,
}

impl<'a> Schema<'a> {
    /// With the options of one method, one source and one encoder; an unknown method, which is refused, has those of the
    /// default, and an unknown source or encoder none.
    fn new(registry: &'a Registry, chosen: Chosen) -> Self {
        let method = registry.methods().find(&chosen.method).map_or_else(MethodConfig::default, MethodConfig::of);
        let options = |options: Option<&'static [ConfigOption]>| options.map(Options::defaults).unwrap_or_default();
        let of_source = options(registry.sources().find(&chosen.source).map(|entry| entry.options));
        let of_encoder = options(registry.encoders().find(&chosen.encoder).map(|entry| entry.options));
        let data = DataConfig { options: of_source, ..DataConfig::default() };
        let model = ModelConfig { options: of_encoder, ..ModelConfig::default() };
        let config = Config { method, data, model, ..Config::default() };
        let defaults = Table::try_from(config).expect("the defaults are representable");
        let mut schema =
            Self { registry, defaults: Table::new(), known: BTreeMap::new(), sections: Vec::new(), chosen };
        schema.learn("", &defaults);
        // The keys without a default.
        for key in PATH_KEYS {
            schema.known.insert(key.into(), Value::String(String::new()));
        }
        schema.defaults = defaults;
        schema
    }

    fn learn(&mut self, prefix: &str, table: &Table) {
        for (key, value) in table {
            let path = format!("{prefix}{key}");
            match value {
                Value::Table(inner) => {
                    self.learn(&format!("{path}."), inner);
                    self.sections.push(path);
                }
                value => {
                    self.known.insert(path, value.clone());
                }
            }
        }
    }

    fn problem(&self, key: &str, value: &Value, origin: &Origin) -> Option<Problem> {
        if self.sections.iter().any(|section| section == key) {
            return (!is_empty_table(value)).then(|| wrong_type(key, value, origin, self.section_keys(key)));
        }
        let Some(example) = self.known.get(key) else {
            if let Some(problem) = self.unknown_option(key, origin) {
                return Some(problem);
            }
            let nearest = self.nearest(key);
            return Some(Problem::UnknownKey { key: key.into(), origin: origin.clone(), nearest });
        };
        if !accepts(example, value) {
            return Some(wrong_type(key, value, origin, self.type_words(key, example).into()));
        }
        if let Some(problem) = self.unknown_name(key, value, origin) {
            return Some(problem);
        }
        let mut trial = self.defaults.clone();
        assign(&mut trial, key, value.clone());
        let error = Config::deserialize(trial).err()?;
        let expected = expectation(error.message(), example).unwrap_or_else(|| self.type_words(key, example).into());
        Some(wrong_type(key, value, origin, expected))
    }

    /// Whether a value is the one that a key has without it.
    fn is_default(&self, dotted_key: &str, value: &Value) -> bool {
        let mut tables = Some(&self.defaults);
        let mut parts = dotted_key.split('.').peekable();
        while let (Some(table), Some(part)) = (tables, parts.next()) {
            if parts.peek().is_none() {
                return table.get(part).is_some_and(|default| same_value(default, value));
            }
            tables = table.get(part).and_then(Value::as_table);
        }
        false
    }

    fn type_words(&self, key: &str, example: &Value) -> &'static str {
        match example {
            Value::String(_) => "text",
            Value::Integer(_) => "a whole number",
            Value::Float(_) => "a number",
            Value::Boolean(_) => "true or false",
            Value::Array(_) if self.holds_names(key) => "a list of names",
            Value::Array(_) => "a list of numbers",
            Value::Datetime(_) => "a date",
            Value::Table(_) => "a table",
        }
    }

    /// Whether a list may hold text.
    fn holds_names(&self, key: &str) -> bool {
        let mut trial = self.defaults.clone();
        assign(&mut trial, key, Value::Array(vec![Value::String(String::new())]));
        Config::deserialize(trial).is_ok()
    }

    /// That an encoder or a source of this name is none that there is.
    fn unknown_name(&self, key: &str, value: &Value, origin: &Origin) -> Option<Problem> {
        match key {
            ENCODER => unknown_name(self.registry.encoders(), key, value, origin),
            SOURCE => unknown_name(self.registry.sources(), key, value, origin),
            _ => None,
        }
    }

    /// That a key is none of the method's options, when it lies in `[method]`, or an option of another source or encoder; of
    /// unknown ones none is said.
    fn unknown_option(&self, key: &str, origin: &Origin) -> Option<Problem> {
        let (registry, chosen) = (self.registry, &self.chosen);
        let keys = |options: &'static [ConfigOption]| options.iter().map(|option| option.key).collect();
        let (kind, name, known): (_, _, Vec<&str>) = if key.starts_with(METHOD_PREFIX) {
            let entry = registry.methods().find(&chosen.method)?;
            ("method", entry.name, keys(entry.options))
        } else if registry.encoders().iter().any(|entry| declares(entry.options, ENCODER, key)) {
            let entry = registry.encoders().find(&chosen.encoder)?;
            ("encoder", entry.name, keys(entry.options))
        } else {
            registry.sources().iter().find(|entry| declares(entry.options, SOURCE, key))?;
            let entry = registry.sources().find(&chosen.source)?;
            ("source", entry.name, entry.own_keys())
        };
        let known = if known.is_empty() { "none".into() } else { known.join(", ") };
        Some(Problem::UnknownOption { key: key.into(), origin: origin.clone(), kind, name: name.into(), known })
    }

    fn section_keys(&self, section: &str) -> String {
        let keys = self.known.keys().filter_map(|key| key.strip_prefix(section)?.strip_prefix('.'));
        format!("a table of {}", keys.collect::<Vec<_>>().join(", "))
    }

    /// The key or section most like this one; keys also by their last part.
    fn nearest(&self, key: &str) -> String {
        let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_string();
        let by_whole = |known: &str| normalized_damerau_levenshtein(known, key);
        let by_last = |known: &str| 0.9 * normalized_damerau_levenshtein(&last(known), &last(key));
        let keys = self.known.keys().map(|known| (by_whole(known).max(by_last(known)), known));
        let sections = self.sections.iter().map(|known| (by_whole(known), known));
        keys.chain(sections).max_by(|a, b| a.0.total_cmp(&b.0)).expect("there are keys").1.clone()
    }
}

fn unknown_name<T: Named>(entries: &Entries<T>, key: &str, value: &Value, origin: &Origin) -> Option<Problem> {
    let name = value.as_str().filter(|name| entries.find(name).is_none())?;
    let allowed = one_of(&entries.names());
    let message = format!("`{key}` should be {allowed}, not {value}");
    let nearest = entries.nearest(name).into();
    Some(Problem::UnknownName { origin: Some(origin.clone()), key: key.into(), message, allowed, nearest })
}

/// Names to choose from, in the words of serde.
fn one_of(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.len() {
        1 | 2 => quoted.join(" or "),
        _ => format!("one of {}", quoted.join(", ")),
    }
}

fn accepts(example: &Value, value: &Value) -> bool {
    example.same_type(value) || (example.is_float() && value.is_integer())
}

fn wrong_type(key: &str, value: &Value, origin: &Origin, expected: String) -> Problem {
    Problem::WrongType { key: key.into(), origin: origin.clone(), expected, found: value.to_string() }
}

fn same_value(a: &Value, b: &Value) -> bool {
    let number = |value: &Value| value.as_float().or(value.as_integer().map(|value| value as f64));
    // Single precision, as the configuration keeps some of them.
    a == b || number(a).zip(number(b)).is_some_and(|(a, b)| a as f32 == b as f32)
}

/// What serde expected, in words for people; `None` where it does not say.
fn expectation(message: &str, example: &Value) -> Option<String> {
    let (_, expected) = message.split_once("expected ")?;
    let words = match expected.trim() {
        "u64" | "usize" => "a whole number from 0",
        "f32" | "f64" => "a number",
        "a string" => "text",
        other => return Some(other.into()),
    };
    Some(if example.is_array() { format!("a list, each {words}") } else { words.into() })
}
