//! What a run does: one [`Config`], resolved from a preset, a TOML file and `--set` arguments.

mod error;
mod fit;
mod layers;
mod paths;
mod presets;
mod qat;
mod unused;
mod validate;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use error::{ConfigError, Origin, Problem};
pub use fit::{EvaluationConfig, FitConfig, Precision};
pub(crate) use paths::{is_of_run, with_home};
pub use presets::{PRESETS, Preset};

use layers::Layers;

use crate::data::DataConfig;
use crate::method::MethodConfig;
use crate::nn::{HeadsConfig, ModelConfig};
use crate::optimiser::{OptimiserConfig, ScheduleConfig};

/// Larger files are refused: nobody writes a configuration of this size.
const LARGEST_FILE_BYTES: u64 = 1 << 20;

/// Everything that decides what a run computes; stored in its folder as `config.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Name of the run, and of its folder below `runs/`.
    pub name: String,
    /// Where images come from.
    pub data: DataConfig,
    /// The network.
    pub model: ModelConfig,
    /// The self-supervised loss.
    pub method: MethodConfig,
    /// The supervised heads on the deployed features.
    pub heads: HeadsConfig,
    /// How gradients change the weights.
    pub optimiser: OptimiserConfig,
    /// How the learning rate changes.
    pub schedule: ScheduleConfig,
    /// Length, batches and book-keeping of the run.
    pub fit: FitConfig,
    /// What is measured at the end.
    pub evaluation: EvaluationConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: "run".into(),
            data: DataConfig::default(),
            model: ModelConfig::default(),
            method: MethodConfig::default(),
            heads: HeadsConfig::default(),
            optimiser: OptimiserConfig::default(),
            schedule: ScheduleConfig::default(),
            fit: FitConfig::default(),
            evaluation: EvaluationConfig::default(),
        }
    }
}

impl Config {
    /// The configuration of a preset (`quickstart` when none is named), changed by a file, changed by `--set` arguments.
    ///
    /// A set is `dotted.key=value`; the value is TOML, or text where it is not.
    ///
    /// # Errors
    /// When a source cannot be read, and with all unknown keys, wrong types, values out of range and keys without effect at
    /// once.
    pub fn resolve(preset: Option<&str>, file: Option<&Path>, sets: &[String]) -> Result<Self, ConfigError> {
        Self::resolve_in_turn(preset, file, &[sets])
    }

    /// As [`Self::resolve`], with one layer of sets after another: what a later one chooses may leave keys of an earlier
    /// one without effect.
    pub(crate) fn resolve_in_turn(
        preset: Option<&str>,
        file: Option<&Path>,
        sets: &[&[String]],
    ) -> Result<Self, ConfigError> {
        let mut layers = Layers::default();
        let preset = Preset::named(preset.unwrap_or("quickstart"))?;
        layers.add_toml(preset.toml, &Origin::Preset(preset.name))?;
        if let Some(path) = file {
            layers.add_toml(&read(path)?, &Origin::File(path.into()))?;
        }
        for sets in sets {
            layers.add_sets(sets)?;
        }
        layers.into_config()
    }

    /// The configuration in a TOML text, with the documented defaults for keys that are not there.
    ///
    /// # Errors
    /// As [`Self::resolve`]; messages name the origin.
    pub fn from_toml(text: &str, origin: Origin) -> Result<Self, ConfigError> {
        let mut layers = Layers::default();
        layers.add_toml(text, &origin)?;
        layers.into_config()
    }

    /// The configuration in a file, such as a run's `config.toml`.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        Self::from_toml(&read(path)?, Origin::File(path.into()))
    }

    /// The configuration as TOML with every key; [`Self::from_toml`] gives back an equal one.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("tables with text keys, and whole numbers that validation keeps below 2^63")
    }
}

/// The text of a configuration file.
fn read(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.into(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(LARGEST_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST_FILE_BYTES {
        return Err(ConfigError::TooLarge { path: path.into(), limit_bytes: LARGEST_FILE_BYTES });
    }
    String::from_utf8(bytes).map_err(|_| ConfigError::NotText { path: path.into() })
}

#[cfg(test)]
mod tests;
