use std::collections::BTreeMap;

use candle_core::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::method;

/// `[model]`: encoder and projectors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelConfig {
    /// The network that is deployed (`tiny`).
    pub encoder: EncoderKind,
    /// Width of the hidden layers of each projector (1024).
    pub projector_hidden: usize,
    /// Width of each half of the embedding that the loss sees (1024).
    pub embedding: usize,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self { encoder: EncoderKind::Tiny, projector_hidden: 1024, embedding: 1024 }
    }
}

/// Networks that turn an image into features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EncoderKind {
    /// For CPUs and microcontrollers: at most 12 M multiply-adds at 64 px.
    Tiny,
    /// ResNet-18, 512 features, as in the SIE paper.
    Resnet18,
}

/// `[method]`: which method, and the options that this method has.
///
/// Each method declares its own options beside its loss ([`crate::method::MethodOption`]); `trainer methods` lists them.
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
        let options = method::find(name).map_or(&[][..], |entry| entry.options);
        let defaults = options.iter().map(|option| (option.key.to_string(), option.default_value()));
        Self { name: name.into(), options: defaults.collect() }
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
        let declared = method::find(&self.name).and_then(|entry| entry.options.iter().find(|option| option.key == key));
        match (self.options.get(key), declared) {
            (Some(value), _) => Ok(value.clone()),
            (None, Some(option)) => Ok(option.default_value()),
            (None, None) => bail!("the method '{}' has no option `{key}`", self.name),
        }
    }
}

/// `[heads]`: rotation and class from the deployed features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeadsConfig {
    /// Whether the heads' gradients reach the encoder (`joint`).
    pub gradient: HeadGradient,
    /// Weight of the rotation head's squared error (1).
    pub rotation_weight: f64,
    /// Weight of the class head's cross-entropy (1).
    pub class_weight: f64,
    /// Width of the rotation head's hidden layer (128).
    pub hidden: usize,
}

impl Default for HeadsConfig {
    fn default() -> Self {
        Self { gradient: HeadGradient::Joint, rotation_weight: 1.0, class_weight: 1.0, hidden: 128 }
    }
}

/// Where the heads' gradients end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeadGradient {
    /// In the encoder, which then learns from pose and class labels too: for deployment.
    Joint,
    /// At the features, so that the encoder stays self-supervised: for research.
    Detached,
}
