//! What a configuration chooses by name: methods, encoders, sources of data and transformations, ours and those of other crates.

use crate::data::{DataConfig, SOURCES, SourceEntry};
use crate::method::{METHODS, MethodEntry};
use crate::nn::{ENCODERS, EncoderEntry, ModelConfig};
use crate::options::{ConfigOption, Entries, NameTaken, Named};
use crate::transformation::{TRANSFORMATIONS, Transformation, Transformations};

/// What there is to choose from; the default has everything of this project.
///
/// A crate adds its own before it resolves a configuration:
///
/// ```
/// use sextant_trainer::config::Config;
/// use sextant_trainer::registry::Registry;
///
/// let registry = Registry::default();
/// let config = Config::resolve(&registry, None, None, &["method.name=simclr".into()])?;
/// assert_eq!(config.method.name, "simclr");
/// # Ok::<(), sextant_trainer::config::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Registry {
    methods: Entries<MethodEntry>,
    encoders: Entries<EncoderEntry>,
    sources: Entries<SourceEntry>,
    transformations: Transformations,
}

/// Why something cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Its name is taken.
    #[error(transparent)]
    NameTaken(#[from] NameTaken),
    /// One of its options has the name of a key that there is in the section.
    #[error("the option `{key}` of `{name}` is a key of the section already: give it another name")]
    KeyTaken {
        /// What was to be added.
        name: &'static str,
        /// The key below the section.
        key: &'static str,
    },
    /// It reads a shared key that there is not.
    #[error("`{name}` reads `data.{key}`, which is no key that sources share; these are: {known}")]
    NoSharedKey {
        /// What was to be added.
        name: &'static str,
        /// The key below `data`.
        key: &'static str,
        /// All that there are.
        known: String,
    },
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            methods: Entries::new("method", METHODS),
            encoders: Entries::new("encoder", ENCODERS),
            sources: Entries::new("source", SOURCES),
            transformations: Entries::new("transformation", TRANSFORMATIONS),
        }
    }
}

/// Equal where the same names can be chosen.
impl PartialEq for Registry {
    fn eq(&self, other: &Self) -> bool {
        self.methods.names() == other.methods.names()
            && self.encoders.names() == other.encoders.names()
            && self.sources.names() == other.sources.names()
            && self.transformations.names() == other.transformations.names()
    }
}

impl Registry {
    /// The values of `method.name`.
    pub fn methods(&self) -> &Entries<MethodEntry> {
        &self.methods
    }

    /// The values of `model.encoder`.
    pub fn encoders(&self) -> &Entries<EncoderEntry> {
        &self.encoders
    }

    /// The values of `data.source`.
    pub fn sources(&self) -> &Entries<SourceEntry> {
        &self.sources
    }

    /// What `data.transformations` and the options of methods may name.
    pub fn transformations(&self) -> &Transformations {
        &self.transformations
    }

    /// Adds a method.
    ///
    /// # Errors
    /// When its name is taken, or an option is called `name`.
    pub fn add_method(&mut self, entry: MethodEntry) -> Result<(), RegistryError> {
        refuse_keys(&entry, entry.options, |key| key == "name")?;
        Ok(self.methods.add(entry)?)
    }

    /// Adds an encoder.
    ///
    /// # Errors
    /// When its name or that of an option is taken.
    pub fn add_encoder(&mut self, entry: EncoderEntry) -> Result<(), RegistryError> {
        refuse_keys(&entry, entry.options, ModelConfig::has_key)?;
        Ok(self.encoders.add(entry)?)
    }

    /// Adds a transformation.
    ///
    /// # Errors
    /// When its name is taken.
    pub fn add_transformation(&mut self, transformation: &'static dyn Transformation) -> Result<(), RegistryError> {
        Ok(self.transformations.add(transformation)?)
    }

    /// Adds a source of data.
    ///
    /// # Errors
    /// When its name or that of an option is taken, or it reads a shared key that there is not.
    pub fn add_source(&mut self, entry: SourceEntry) -> Result<(), RegistryError> {
        refuse_keys(&entry, entry.options, DataConfig::has_key)?;
        let is_unknown = |key: &&str| !DataConfig::SHARED_KEYS.contains(key);
        if let Some(key) = entry.shared_keys.iter().map(|shared| shared.key).find(is_unknown) {
            let known = DataConfig::SHARED_KEYS.join(", ");
            return Err(RegistryError::NoSharedKey { name: entry.name, key, known });
        }
        Ok(self.sources.add(entry)?)
    }
}

fn refuse_keys(
    entry: &impl Named,
    options: &[ConfigOption],
    is_taken: impl Fn(&str) -> bool,
) -> Result<(), RegistryError> {
    match options.iter().find(|option| is_taken(option.key)) {
        Some(option) => Err(RegistryError::KeyTaken { name: entry.name(), key: option.key }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::SharedKey;

    const IMAGE_SIZE: [ConfigOption; 1] = [ConfigOption::flag("image_size", true, "")];
    const SHARED_IMAGE_SIZE: [SharedKey; 1] = [SharedKey::new("image_size")];
    const EMBEDDING: [ConfigOption; 1] = [ConfigOption::flag("embedding", true, "")];
    const NAME: [ConfigOption; 1] = [ConfigOption::flag("name", true, "")];

    #[test]
    fn what_would_be_ambiguous_or_do_nothing_is_refused() {
        let mut registry = Registry::default();
        let (source, encoder, method) = (SOURCES[0], ENCODERS[0], METHODS[0]);
        let refused = [
            registry.add_source(source).unwrap_err().to_string(),
            registry.add_encoder(encoder).unwrap_err().to_string(),
            registry.add_method(method).unwrap_err().to_string(),
            registry.add_transformation(TRANSFORMATIONS[0]).unwrap_err().to_string(),
            registry.add_source(SourceEntry { name: "mine", options: &IMAGE_SIZE, ..source }).unwrap_err().to_string(),
            registry
                .add_source(SourceEntry { name: "mine", shared_keys: &SHARED_IMAGE_SIZE, ..source })
                .unwrap_err()
                .to_string(),
            registry.add_method(MethodEntry { name: "mine", options: &NAME, ..method }).unwrap_err().to_string(),
            registry
                .add_encoder(EncoderEntry { name: "mine", options: &EMBEDDING, ..encoder })
                .unwrap_err()
                .to_string(),
        ];
        assert_eq!(
            refused,
            [
                "the name `procedural` is taken by another source: give yours another one",
                "the name `tiny` is taken by another encoder: give yours another one",
                "the name `sie` is taken by another method: give yours another one",
                "the name `rotation` is taken by another transformation: give yours another one",
                "the option `image_size` of `mine` is a key of the section already: give it another name",
                "`mine` reads `data.image_size`, which is no key that sources share; these are: families, \
                 objects_per_family, held_out_per_family, seed, held_out_share, held_out_list, skip_broken, y_up, one_picture",
                "the option `name` of `mine` is a key of the section already: give it another name",
                "the option `embedding` of `mine` is a key of the section already: give it another name",
            ]
        );
        assert_eq!(registry, Registry::default());
        registry.add_source(SourceEntry { name: "mine", ..source }).unwrap();
        assert_ne!(registry, Registry::default());
    }
}
