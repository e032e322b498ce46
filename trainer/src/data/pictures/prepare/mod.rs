//! Known data sets of pictures, put into the cache once.

mod cifar10;
mod fashion_mnist;

use std::path::{Path, PathBuf};

use sextant_runtime::typed_command::Program;

use super::origin::ORIGIN_FILE;
use super::{ListedPictures, Origin};
use crate::cache_folder::default_cache_folder;
use crate::data::DataError;

pub use cifar10::{CIFAR10, CIFAR10_CLASSES, prepare_cifar10};
pub use fashion_mnist::{FASHION_MNIST, FASHION_MNIST_PACKAGE, prepare_fashion_mnist};

/// A data set that can be prepared.
#[derive(Clone, Copy, Debug)]
pub struct PreparedSet {
    /// Its name on the command line.
    pub name: &'static str,
    /// Version of the layout in the cache.
    version: u32,
    /// How it is had, behind `trainer`.
    command: &'static str,
    /// Where it is when it is not in the cache.
    installed: Option<&'static str>,
    /// Lists what is in its folder.
    list: fn(&Path) -> Result<ListedPictures, DataError>,
}

/// What is in the cache.
#[derive(Debug)]
pub struct Prepared {
    /// Where it lies.
    pub folder: PathBuf,
    /// Where it came from.
    pub origin: Origin,
    /// Its pictures.
    pub listed: ListedPictures,
}

impl PreparedSet {
    /// The folder of this data set among the caches.
    pub fn folder_in(&self, cache: &Path) -> PathBuf {
        cache.join(format!("{}-v{}", self.name, self.version))
    }

    /// The data set in a folder for caches; `None` where it is not there.
    ///
    /// # Errors
    /// When it is there and broken.
    pub fn open(&self, cache: &Path) -> Result<Option<Prepared>, DataError> {
        let folder = self.folder_in(cache);
        let Some(origin) = Origin::read(&folder)? else { return Ok(None) };
        let listed = (self.list)(&folder)?;
        Ok(Some(Prepared { folder, origin, listed }))
    }

    /// Where the data set lies: in the usual cache, else where the system has it.
    ///
    /// # Errors
    /// When it is at neither place: how it is had.
    pub fn prepared_folder(&self) -> Result<PathBuf, DataError> {
        self.prepared_folder_in(&default_cache_folder()?)
    }

    fn prepared_folder_in(&self, cache: &Path) -> Result<PathBuf, DataError> {
        let folder = self.folder_in(cache);
        if folder.join(ORIGIN_FILE).is_file() {
            return Ok(folder);
        }
        let installed = self.installed.map(PathBuf::from).filter(|installed| installed.is_dir());
        installed.ok_or_else(|| {
            let command = Program::Trainer.command(self.command);
            let folder = folder.display();
            DataError::Unusable(format!(
                "{folder}: {} is not prepared: run `{command}`, or name a folder with data.path",
                self.name
            ))
        })
    }

    /// Whether a folder in the cache may be replaced.
    fn is_ours(folder: &Path) -> bool {
        folder.join(ORIGIN_FILE).is_file()
    }
}
