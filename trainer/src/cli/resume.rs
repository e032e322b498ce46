//! What may change between the parts of one run.

use std::fmt;
use std::path::Path;

use toml::{Table, Value};

use crate::config::Config;
use crate::run::RunError;

/// Sections and keys that decide which weights there are or which random numbers come next.
const FIXED: [&str; 10] = [
    "name",
    "data.classes",
    "model.",
    "method.name",
    "method.condition",
    "heads.hidden",
    "optimiser.kind",
    "fit.qat_from",
    "fit.encoder_from",
    "fit.seed",
];

/// A key whose value changes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Change {
    key: String,
    from: String,
    to: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` from {} to {}", self.key, self.from, self.to)
    }
}

/// The keys in which two configurations differ, in alphabetical order.
pub(super) fn changed_keys(from: &Config, to: &Config) -> Vec<Change> {
    let (from, to) = (flat(from), flat(to));
    let keys: std::collections::BTreeSet<_> = from.iter().chain(&to).map(|(key, _)| key.as_str()).collect();
    let shown = |values: &[(String, String)], key: &str| {
        values.iter().find(|(known, _)| known == key).map_or("nothing".to_string(), |(_, value)| value.clone())
    };
    let change = |key: &str| Change { key: key.into(), from: shown(&from, key), to: shown(&to, key) };
    keys.into_iter().map(change).filter(|change| change.from != change.to).collect()
}

/// Nothing, when only keys change that a run may change.
///
/// # Errors
/// Names every other one.
pub(super) fn refuse_fixed_keys(changes: &[Change], config_file: &Path) -> Result<(), RunError> {
    let switches_average =
        |change: &Change| change.key == "fit.ema_decay" && [&change.from, &change.to].contains(&&"0.0".to_string());
    let is_fixed =
        |key: &str| FIXED.iter().any(|fixed| key == *fixed || (fixed.ends_with('.') && key.starts_with(fixed)));
    let keys: Vec<_> = changes
        .iter()
        .filter(|change| is_fixed(&change.key) || switches_average(change))
        .map(ToString::to_string)
        .collect();
    if keys.is_empty() { Ok(()) } else { Err(RunError::FixedKeys { path: config_file.into(), keys }) }
}

/// Every dotted key with its value as TOML.
fn flat(config: &Config) -> Vec<(String, String)> {
    fn add(prefix: &str, table: Table, values: &mut Vec<(String, String)>) {
        for (key, value) in table {
            match value {
                Value::Table(inner) => add(&format!("{prefix}{key}."), inner, values),
                value => values.push((format!("{prefix}{key}"), value.to_string())),
            }
        }
    }
    let mut values = Vec::new();
    add("", Table::try_from(config).expect("a configuration that was accepted is representable"), &mut values);
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;

    fn changes(sets: &[&str]) -> Vec<Change> {
        let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
        let resolve = |sets: &[String]| Config::resolve(&Registry::default(), None, None, sets).unwrap();
        changed_keys(&resolve(&[]), &resolve(&sets))
    }

    #[test]
    fn changes_are_told_by_key() {
        let told: Vec<String> =
            changes(&["fit.steps=7", "data.seed=1", "fit.seed=0"]).iter().map(ToString::to_string).collect();
        assert_eq!(told, ["`data.seed` from 0 to 1", "`fit.steps` from 3600 to 7"]);
    }

    #[test]
    fn what_a_run_keeps_is_refused() {
        let cases = [
            ("fit.steps=7", true),
            ("optimiser.lr=1", true),
            ("fit.ema_decay=0.9", false),
            ("fit.qat_from=runs/other", false),
            ("fit.seed=3", false),
            ("model.embedding=8", false),
        ];
        for (set, is_allowed) in cases {
            assert_eq!(refuse_fixed_keys(&changes(&[set]), Path::new("config.toml")).is_ok(), is_allowed, "{set}");
        }
        let error = refuse_fixed_keys(&changes(&["fit.seed=3"]), Path::new("run/config.toml")).unwrap_err();
        assert_eq!(error.to_string(), "run/config.toml: `fit.seed` from 0 to 3 cannot change in a run that has begun");
    }
}
