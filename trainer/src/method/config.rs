use std::collections::BTreeMap;

use candle_core::{Result, bail};
use serde::{Deserialize, Serialize};

use super::{METHODS, find, meaningless_options};
use crate::options::Checks;

/// `[method]`: which method, and the options that this method has.
///
/// Each method declares its own options beside its loss ([`crate::options::ConfigOption`]); `trainer methods` lists them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodConfig {
    /// Which method, by its name in `trainer methods` (`sextant`).
    pub name: String,
    /// The method's own options by key; those that are not there have their defaults.
    #[serde(flatten)]
    pub options: BTreeMap<String, toml::Value>,
}

impl Default for MethodConfig {
    fn default() -> Self {
        Self::named("sextant")
    }
}

impl MethodConfig {
    /// A method with all its options at their defaults; without options when there is no such method.
    pub fn named(name: &str) -> Self {
        let options = find(name).map_or(&[][..], |entry| entry.options);
        let defaults = options.iter().map(|option| (option.key.to_string(), option.default_value()));
        Self { name: name.into(), options: defaults.collect() }
    }

    /// Notes an unknown method, options that it does not have, and values that are not allowed.
    pub fn check(&self, checks: &mut Checks) {
        let known = METHODS.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", ");
        let Some(entry) = find(&self.name) else {
            return checks.require(false, "method.name", format!("{:?}", self.name), known);
        };
        for (key, value) in &self.options {
            let option = entry.options.iter().find(|option| option.key == key);
            let allowed = option.map_or_else(|| format!("no such option of {}", entry.name), |option| option.allowed());
            let is_accepted = option.is_some_and(|option| option.accepts(value));
            checks.require(is_accepted, &format!("method.{key}"), value, allowed);
        }
        for (key, allowed) in meaningless_options(self) {
            checks.require(false, &format!("method.{key}"), "set", allowed);
        }
    }

    /// The number that an option has.
    ///
    /// # Errors
    /// When the method has no such option, or it is no number.
    pub fn number(&self, key: &str) -> Result<f64> {
        match self.value(key)? {
            toml::Value::Float(value) => Ok(value),
            toml::Value::Integer(value) => Ok(value as f64),
            other => bail!("`method.{key}` is {other}, not a number"),
        }
    }

    /// The whole number that an option has.
    ///
    /// # Errors
    /// When the method has no such option, or it is no whole number from 0.
    pub fn count(&self, key: &str) -> Result<usize> {
        let value = self.value(key)?;
        let count = value.as_integer().and_then(|count| usize::try_from(count).ok());
        count.ok_or_else(|| candle_core::Error::Msg(format!("`method.{key}` is {value}, not a whole number from 0")))
    }

    /// The name that an option has.
    ///
    /// # Errors
    /// When the method has no such option, or it is no text.
    pub fn choice(&self, key: &str) -> Result<String> {
        match self.value(key)? {
            toml::Value::String(value) => Ok(value),
            other => bail!("`method.{key}` is {other}, not text"),
        }
    }

    /// The names that an option lists.
    ///
    /// # Errors
    /// When the method has no such option, or it is no list of text.
    pub fn names(&self, key: &str) -> Result<Vec<String>> {
        let value = self.value(key)?;
        let names = value.as_array().and_then(|names| names.iter().map(|name| Some(name.as_str()?.into())).collect());
        names.ok_or_else(|| candle_core::Error::Msg(format!("`method.{key}` is {value}, not a list of names")))
    }

    /// Whether an option is set.
    ///
    /// # Errors
    /// When the method has no such option, or it is neither true nor false.
    pub fn flag(&self, key: &str) -> Result<bool> {
        match self.value(key)? {
            toml::Value::Boolean(value) => Ok(value),
            other => bail!("`method.{key}` is {other}, neither true nor false"),
        }
    }

    fn value(&self, key: &str) -> Result<toml::Value> {
        let declared = find(&self.name).and_then(|entry| entry.options.iter().find(|option| option.key == key));
        match (self.options.get(key), declared) {
            (Some(value), _) => Ok(value.clone()),
            (None, Some(option)) => Ok(option.default_value()),
            (None, None) => bail!("the method '{}' has no option `{key}`", self.name),
        }
    }
}
