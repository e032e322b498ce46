//! Which keys of `[model]` a method reads: beside one that does not, they would do nothing.

use super::{MethodConfig, MethodEntry};
use crate::options::{Entries, UnusedKey, goes_with};

/// A key of `[model]` that a method reads, always or without a value of one of its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelKey {
    key: &'static str,
    /// An option of the method, and its value beside which the key is not read.
    unless: Option<(&'static str, &'static str)>,
}

impl ModelKey {
    /// `model.projector_hidden`.
    pub const PROJECTOR_HIDDEN: Self = Self { key: "model.projector_hidden", unless: None };
    /// `model.embedding`.
    pub const EMBEDDING: Self = Self { key: "model.embedding", unless: None };
    /// What every projector reads.
    pub const OF_PROJECTOR: [Self; 2] = [Self::PROJECTOR_HIDDEN, Self::EMBEDDING];

    /// The same, but where an option of the method has that value.
    pub const fn unless(self, option: &'static str, value: &'static str) -> Self {
        Self { unless: Some((option, value)), ..self }
    }

    fn is_read(self, config: &MethodConfig) -> bool {
        self.unless.is_none_or(|(option, value)| config.text(option).as_deref() != Some(value))
    }
}

impl MethodEntry {
    /// How it reads a key of `[model]`; `None` when it does not.
    fn reads(&self, key: &str) -> Option<ModelKey> {
        self.model_keys.iter().find(|read| read.key == key).copied()
    }
}

impl MethodConfig {
    /// The keys of `[model]` that the chosen method has no use for.
    pub fn unused_model_keys(&self, methods: &Entries<MethodEntry>) -> Vec<UnusedKey> {
        let Some(entry) = methods.find(&self.name) else { return Vec::new() };
        let unused = |ModelKey { key, .. }: ModelKey| {
            let read = entry.reads(key);
            let option = read.and_then(|read| read.unless).map(|(option, _)| format!("method.{option}"));
            let is_read = read.is_some_and(|read| read.is_read(self));
            (!is_read).then(|| UnusedKey {
                key: key.into(),
                decided_by: ["method.name".into()].into_iter().chain(option).collect(),
                goes_with: readers(methods, key),
            })
        };
        ModelKey::OF_PROJECTOR.into_iter().filter_map(unused).collect()
    }

    /// The value of an option, as it is written on the command line.
    fn text(&self, option: &str) -> Option<String> {
        let value = self.options.get(option)?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_string))
    }
}

/// The methods that read a key, in words.
fn readers(methods: &Entries<MethodEntry>, key: &str) -> String {
    let readers = methods.iter().filter_map(|method| Some((method.name, method.reads(key)?.unless)));
    let (sometimes, always): (Vec<_>, Vec<_>) = readers.partition(|(_, unless)| unless.is_some());
    let sometimes = sometimes.into_iter().filter_map(|(name, unless)| {
        let (option, value) = unless?;
        Some(format!("{name} without method.{option} = {value}"))
    });
    goes_with("method.name", always.into_iter().map(|(name, _)| name), sometimes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ModelConfig;

    #[test]
    fn every_key_of_the_section_but_those_of_the_encoder_is_one_that_methods_read() {
        let table = toml::Table::try_from(ModelConfig::default()).unwrap();
        let of_encoder = ["encoder", "invariant_head"];
        let keys: Vec<String> =
            table.keys().filter(|key| !of_encoder.contains(&key.as_str())).map(|key| format!("model.{key}")).collect();
        let mut known = ModelKey::OF_PROJECTOR.map(|read| read.key);
        known.sort_unstable();
        assert_eq!(keys, known);
    }
}
