//! What a run does: one [`Config`], resolved from a preset, a TOML file and `--set` arguments.

mod error;
mod fit;
mod flag;
mod layers;
mod paths;
mod presets;
mod qat;
mod unused;
mod validate;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use error::{ConfigError, Origin, Problem};
pub use fit::{EvaluationConfig, FitConfig, Precision};
pub use flag::Flag;
pub(crate) use paths::{is_of_run, with_home};
pub use presets::{PRESETS, Preset};

use layers::Layers;

use crate::data::{self, DataConfig, DataError, Drawing, SourceEntry, ViewSource};
use crate::method::{Label, MethodConfig, Needs};
use crate::nn::{HeadsConfig, ModelConfig};
use crate::optimiser::{OptimiserConfig, ScheduleConfig};
use crate::registry::Registry;
use crate::transformation::{Augmentation, Transformation, Value};

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
    /// What its names stand for.
    #[serde(skip)]
    registry: Registry,
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
            registry: Registry::default(),
        }
    }
}

impl Config {
    /// The configuration of a preset (`quickstart` when none is named), changed by a file, changed by `--set` arguments.
    ///
    /// Its names are those of `registry`. A set is `dotted.key=value`; the value is TOML, or text where it is not.
    ///
    /// # Errors
    /// When a source cannot be read, and with all unknown keys, wrong types, values out of range and keys without effect at
    /// once.
    pub fn resolve(
        registry: &Registry,
        preset: Option<&str>,
        file: Option<&Path>,
        sets: &[String],
    ) -> Result<Self, ConfigError> {
        Self::resolve_in_turn(registry, preset, file, &[sets])
    }

    /// As [`Self::resolve`], with one layer of sets after another: what a later one chooses may leave keys of an earlier
    /// one without effect.
    pub(crate) fn resolve_in_turn(
        registry: &Registry,
        preset: Option<&str>,
        file: Option<&Path>,
        sets: &[&[String]],
    ) -> Result<Self, ConfigError> {
        let mut layers = Layers::new(registry);
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

    /// The documented defaults, changed by a preset where one is named, by options of a command, each of which is a name of a
    /// key, and by `--set` arguments.
    ///
    /// # Errors
    /// As [`Self::resolve`]; messages name the options.
    pub fn from_flags(
        registry: &Registry,
        preset: Option<&str>,
        flags: &[Flag],
        sets: &[String],
    ) -> Result<Self, ConfigError> {
        let mut layers = Layers::new(registry);
        if let Some(preset) = preset.map(Preset::named).transpose()? {
            layers.add_toml(preset.toml, &Origin::Preset(preset.name))?;
        }
        layers.add_flags(flags, sets)?;
        layers.into_config()
    }

    /// Whether a dotted key is one that the configuration has, with the default method, source and encoder.
    pub(crate) fn has_key(registry: &Registry, key: &str) -> bool {
        layers::has_key(registry, key)
    }

    /// The configuration in a TOML text, with the documented defaults for keys that are not there.
    ///
    /// # Errors
    /// As [`Self::resolve`]; messages name the origin.
    pub fn from_toml(registry: &Registry, text: &str, origin: Origin) -> Result<Self, ConfigError> {
        let mut layers = Layers::new(registry);
        layers.add_toml(text, &origin)?;
        layers.into_config()
    }

    /// The configuration in a file, such as a run's `config.toml`.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn from_file(registry: &Registry, path: &Path) -> Result<Self, ConfigError> {
        Self::from_toml(registry, &read(path)?, Origin::File(path.into()))
    }

    /// What its names stand for.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Whether its images are rendered as they are needed.
    pub fn is_rendered(&self) -> bool {
        self.registry.sources().find(&self.data.source).is_some_and(SourceEntry::is_rendered)
    }

    /// The data that it asks for, with the labels of its classes.
    ///
    /// # Errors
    /// As [`data::open`].
    pub fn open_data(&self) -> Result<Arc<dyn ViewSource>, DataError> {
        data::open(self.registry.sources(), &self.data)
    }

    /// What training sees of a source: its views with `data.augmentation` and `data.transformations`, drawn as the method
    /// needs them.
    ///
    /// # Errors
    /// As [`data::transformed`], and when the method is unknown.
    pub fn shown(&self, source: &Arc<dyn ViewSource>) -> Result<Arc<dyn ViewSource>, DataError> {
        let needs = self.needs().map_err(|error| DataError::Unusable(error.to_string()))?;
        self.shown_as(source, &Drawing { one_picture: self.data.one_picture, ..needs.drawing })
    }

    /// As [`Self::shown`], drawn in another way.
    ///
    /// # Errors
    /// As [`data::transformed`].
    pub fn shown_as(&self, source: &Arc<dyn ViewSource>, drawing: &Drawing) -> Result<Arc<dyn ViewSource>, DataError> {
        data::transformed(source.clone(), &self.data, self.registry.transformations(), drawing)
    }

    /// What a deployed network is asked: the views of a source with `data.transformations` alone.
    ///
    /// # Errors
    /// As [`data::transformed`].
    pub fn asked(&self, source: &Arc<dyn ViewSource>) -> Result<Arc<dyn ViewSource>, DataError> {
        let without_augmentation = DataConfig { augmentation: Augmentation::None, ..self.data.clone() };
        let known = self.registry.transformations();
        data::transformed(source.clone(), &without_augmentation, known, &Drawing::INDEPENDENT)
    }

    /// The views of a source as they are, with no more of them to be seen than `data.transformations` leave.
    ///
    /// # Errors
    /// As [`data::as_seen`].
    pub fn untransformed(&self, source: &Arc<dyn ViewSource>) -> Result<Arc<dyn ViewSource>, DataError> {
        data::as_seen(source.clone(), &self.data.transformations, self.registry.transformations())
    }

    /// The first view of each subject of a source with these values of a transformation, as
    /// [`data::listed_values`]; under `data.augmentation` where `is_augmented`.
    ///
    /// # Errors
    /// As [`data::listed_values`].
    pub fn listed_values(
        &self,
        source: &Arc<dyn ViewSource>,
        transformation: &'static dyn Transformation,
        values: Vec<Value>,
        is_augmented: bool,
    ) -> Result<Arc<dyn ViewSource>, DataError> {
        let augmentation = if is_augmented { self.data.augmentation } else { Augmentation::None };
        let seen = (&self.data.transformations[..], self.registry.transformations());
        data::listed_values(source.clone(), transformation, values, augmentation, seen)
    }

    /// What its method needs of the views that it learns from.
    ///
    /// # Errors
    /// When the method is unknown or does not have an option.
    pub fn needs(&self) -> candle_core::Result<Needs> {
        match self.registry.methods().find(&self.method.name) {
            Some(entry) => (entry.needs)(&self.method, self.registry.transformations()),
            None => candle_core::bail!("there is no method '{}'", self.method.name),
        }
    }

    /// Whether the loss of its method learns the class of subjects.
    pub fn learns_classes(&self) -> bool {
        self.registry.methods().find(&self.method.name).is_some_and(|entry| entry.learns(Label::Class, &self.method))
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
