use std::sync::Arc;

use crate::data::{DataConfig, DataError, ViewSource};
use crate::options::{ConfigOption, Named};
use crate::scene::ObjectSource;

/// A kind of objects or images as users see it.
#[derive(Clone, Copy, Debug)]
pub struct SourceEntry {
    /// The value of `data.source`.
    pub name: &'static str,
    /// What it is, in one line.
    pub description: &'static str,
    /// Whether it reads `data.path`.
    pub path: PathUse,
    /// The keys of `[data]` that it reads among those that only some sources do, beside those of [`BuildSource::Objects`].
    pub shared_keys: &'static [SharedKey],
    /// The keys that it alone has in `[data]`.
    pub options: &'static [ConfigOption],
    /// Opens it.
    pub build: BuildSource,
}

/// Whether a source reads `data.path`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathUse {
    /// The key would do nothing.
    Unused,
    /// It has a place of its own where the key is not set.
    Optional,
    /// It cannot do without.
    Needed,
}

/// A key that some sources read and others do not.
#[derive(Clone, Copy, Debug)]
pub struct SharedKey {
    /// The key below `data`.
    pub key: &'static str,
    /// Another key, which takes its place where it is set.
    pub unless: Option<&'static str>,
}

impl SharedKey {
    /// A key that is always read.
    pub const fn new(key: &'static str) -> Self {
        Self { key, unless: None }
    }

    /// A key that is read where another is not set.
    pub const fn unless(key: &'static str, other: &'static str) -> Self {
        Self { key, unless: Some(other) }
    }
}

/// How a source is opened.
#[derive(Clone, Copy, Debug)]
pub enum BuildSource {
    /// Objects, of which images are rendered as they are needed; all such sources read `object_diagonal`, `rotation`,
    /// `supersampling` and `shadows`.
    Objects(fn(&DataConfig) -> Result<Arc<dyn ObjectSource>, DataError>),
    /// Images, with what is known of them.
    Images(fn(&DataConfig) -> Result<Arc<dyn ViewSource>, DataError>),
}

impl Named for SourceEntry {
    fn name(&self) -> &'static str {
        self.name
    }
}

impl SourceEntry {
    /// Whether images are rendered as they are needed.
    pub fn is_rendered(&self) -> bool {
        matches!(self.build, BuildSource::Objects(_))
    }

    /// The keys of `[data]` that it reads and others do not, but for those of rendering.
    pub fn own_keys(&self) -> Vec<&'static str> {
        let shared = self.shared_keys.iter().map(|shared| shared.key);
        shared.chain(self.options.iter().map(|option| option.key)).collect()
    }

    /// All keys of `[data]` that it reads and some others do not.
    pub fn keys(&self) -> Vec<&'static str> {
        let rendering: &[&str] = if self.is_rendered() { &DataConfig::RENDERING_KEYS } else { &[] };
        self.own_keys().into_iter().chain(rendering.iter().copied()).collect()
    }

    /// How it reads one of the shared keys; `None` when it does not.
    pub fn reads(&self, key: &str) -> Option<SharedKey> {
        self.shared_keys.iter().find(|shared| shared.key == key).copied()
    }
}
