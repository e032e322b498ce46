use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::Value;

use super::{Checks, ConfigOption};

/// The options of what a section has chosen, by key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Options(BTreeMap<String, Value>);

/// An option is not there, or of another type than it is asked for: its declaration and its use differ.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the option `{key}` {is}")]
pub struct WrongOption {
    /// The key below its section.
    pub key: String,
    /// What is wrong.
    pub is: String,
}

impl From<WrongOption> for candle_core::Error {
    fn from(error: WrongOption) -> Self {
        Self::wrap(error)
    }
}

impl Options {
    /// Every option at its default.
    pub fn defaults(declared: &[ConfigOption]) -> Self {
        Self(declared.iter().map(|option| (option.key.to_string(), option.default_value())).collect())
    }

    /// The value of an option.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// The keys that have a value, in alphabetical order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The number that an option has.
    ///
    /// # Errors
    /// When there is no such option, or it is no number.
    pub fn number(&self, key: &str) -> Result<f64, WrongOption> {
        self.read(key, "a number", |value| value.as_float().or(value.as_integer().map(|whole| whole as f64)))
    }

    /// The whole number that an option has.
    ///
    /// # Errors
    /// When there is no such option, or it is no whole number from 0.
    pub fn count(&self, key: &str) -> Result<usize, WrongOption> {
        self.read(key, "a whole number from 0", |value| value.as_integer()?.try_into().ok())
    }

    /// The name that an option has.
    ///
    /// # Errors
    /// When there is no such option, or it is no text.
    pub fn choice(&self, key: &str) -> Result<String, WrongOption> {
        self.read(key, "text", |value| value.as_str().map(ToString::to_string))
    }

    /// The names that an option lists.
    ///
    /// # Errors
    /// When there is no such option, or it is no list of text.
    pub fn names(&self, key: &str) -> Result<Vec<String>, WrongOption> {
        let name = |value: &Value| value.as_str().map(ToString::to_string);
        self.read(key, "a list of names", |value| value.as_array()?.iter().map(name).collect())
    }

    /// Whether an option is set.
    ///
    /// # Errors
    /// When there is no such option, or it is neither true nor false.
    pub fn flag(&self, key: &str) -> Result<bool, WrongOption> {
        self.read(key, "true or false", Value::as_bool)
    }

    fn read<T>(&self, key: &str, kind: &str, read: impl FnOnce(&Value) -> Option<T>) -> Result<T, WrongOption> {
        let wrong = |is: String| WrongOption { key: key.into(), is };
        let value = self.get(key).ok_or_else(|| wrong("is not there".into()))?;
        read(value).ok_or_else(|| wrong(format!("is {value}, not {kind}")))
    }

    /// Notes options that `owner` has not declared, and values that are not allowed.
    pub fn check(&self, section: &str, owner: &str, declared: &[ConfigOption], checks: &mut Checks) {
        for (key, value) in &self.0 {
            let option = declared.iter().find(|option| option.key == key);
            let allowed = option.map_or_else(|| format!("no such option of {owner}"), ConfigOption::allowed);
            let is_accepted = option.is_some_and(|option| option.accepts(value));
            checks.require(is_accepted, &format!("{section}.{key}"), value, allowed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_by_type_and_misuse_is_told() {
        let declared = [
            ConfigOption::number("share", 0.5, 0.0, 1.0, ""),
            ConfigOption::count("views", 3, 1, 8, ""),
            ConfigOption::choice("form", &["flat", "deep"], ""),
            ConfigOption::flag("strict", true, ""),
        ];
        let options = Options::defaults(&declared);
        assert_eq!((options.number("share"), options.number("views")), (Ok(0.5), Ok(3.0)));
        assert_eq!((options.count("views"), options.flag("strict")), (Ok(3), Ok(true)));
        assert_eq!(options.choice("form").as_deref(), Ok("flat"));
        for (error, message) in [
            (options.count("share").unwrap_err(), "the option `share` is 0.5, not a whole number from 0"),
            (options.flag("form").unwrap_err(), "the option `form` is \"flat\", not true or false"),
            (options.choice("colour").unwrap_err(), "the option `colour` is not there"),
        ] {
            assert_eq!(error.to_string(), message);
        }
        let mut checks = Checks::default();
        options.check("data", "shapes", &declared[1..], &mut checks);
        let found = checks.found();
        assert_eq!((found[0].key.as_str(), found[0].allowed.as_str()), ("data.share", "no such option of shapes"));
        assert_eq!(found.len(), 1);
    }
}
