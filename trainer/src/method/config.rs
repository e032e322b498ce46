use candle_core::Result;
use serde::{Deserialize, Serialize};

use super::class_information::options_without_effect;
use super::{MethodEntry, meaningless_options, ordered_scales, sextant};
use crate::options::{Checks, Entries, ListedTransformations, OptionKind, Options};
use crate::transformation::{Transformation, Transformations};

/// `[method]`: which method, and the options that this method has.
///
/// Each method declares its own options beside its loss ([`crate::options::ConfigOption`]); `trainer methods` lists them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodConfig {
    /// Which method, by its name in `trainer methods` (`sextant`).
    pub name: String,
    /// The method's own options by key.
    #[serde(flatten)]
    pub options: Options,
}

impl Default for MethodConfig {
    fn default() -> Self {
        Self::of(&sextant::SEXTANT)
    }
}

impl MethodConfig {
    /// A method with all its options at their defaults.
    pub fn of(entry: &MethodEntry) -> Self {
        Self { name: entry.name.into(), options: Options::defaults(entry.options) }
    }

    /// Notes an unknown method, options that it does not have, and values that are not allowed.
    pub fn check(&self, methods: &Entries<MethodEntry>, known: &Transformations, checks: &mut Checks) {
        let Some(entry) = methods.find(&self.name) else {
            return checks.require(false, "method.name", format!("{:?}", self.name), methods.names().join(", "));
        };
        self.options.check("method", entry.name, entry.options, checks);
        for option in entry.options {
            let OptionKind::Transformations { of, .. } = option.kind else { continue };
            // What is no list of different names has been noted as such.
            if !self.options.get(option.key).is_some_and(|value| option.accepts(value)) {
                continue;
            }
            let names = self.options.names(option.key).unwrap_or_default();
            let among = match of {
                ListedTransformations::Finite => known.names_with_classes(),
                ListedTransformations::Ordered => known.names_with_scale(),
            };
            checks.names_among(&format!("method.{}", option.key), &names, &among);
        }
        let without_effect = meaningless_options(self).into_iter().chain(options_without_effect(self));
        for (key, allowed) in without_effect.chain(ordered_scales::options_without_effect(self)) {
            checks.require(false, &format!("method.{key}"), "set", allowed);
        }
    }

    /// The number that an option has.
    ///
    /// # Errors
    /// When the method has no such option, or it is no number.
    pub fn number(&self, key: &str) -> Result<f64> {
        Ok(self.options.number(key)?)
    }

    /// The whole number that an option has.
    ///
    /// # Errors
    /// When the method has no such option, or it is no whole number from 0.
    pub fn count(&self, key: &str) -> Result<usize> {
        Ok(self.options.count(key)?)
    }

    /// The name that an option has.
    ///
    /// # Errors
    /// When the method has no such option, or it is no text.
    pub fn choice(&self, key: &str) -> Result<String> {
        Ok(self.options.choice(key)?)
    }

    /// The names that an option lists.
    ///
    /// # Errors
    /// When the method has no such option, or it is no list of text.
    pub fn names(&self, key: &str) -> Result<Vec<String>> {
        Ok(self.options.names(key)?)
    }

    /// The transformations that an option lists.
    ///
    /// # Errors
    /// When there is no such transformation, or the method does not have the option.
    pub fn transformations(&self, key: &str, known: &Transformations) -> Result<Vec<&'static dyn Transformation>> {
        let named = |name: String| match known.find(&name) {
            Some(transformation) => Ok(*transformation),
            None => candle_core::bail!("there is no transformation '{name}'"),
        };
        self.names(key)?.into_iter().map(named).collect()
    }

    /// Whether an option is set.
    ///
    /// # Errors
    /// When the method has no such option, or it is neither true nor false.
    pub fn flag(&self, key: &str) -> Result<bool> {
        Ok(self.options.flag(key)?)
    }
}
