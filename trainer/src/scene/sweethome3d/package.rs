use std::path::{Path, PathBuf};

use crate::debian_package::{DebianPackage, PackageFolder, files_with_extension};
use crate::scene::SourceError;

/// The Debian package with the furniture.
pub const PACKAGE: DebianPackage = DebianPackage {
    name: "sweethome3d-furniture",
    file: "sweethome3d-furniture_1.8-1_all.deb",
    folder: "usr/share/sweethome3d/furniture",
    contents: "*.sh3f",
    is_in: |folder| !files_with_extension(folder, CATALOGUE_EXTENSION).is_empty(),
};

const CATALOGUE_EXTENSION: &str = "sh3f";

/// A folder with the package's catalogues (`*.sh3f`).
#[derive(Debug)]
pub struct FurnitureFolder(PackageFolder);

impl FurnitureFolder {
    /// The installed package, if it is installed.
    pub fn installed() -> Option<Self> {
        PACKAGE.installed().map(Self)
    }

    /// The catalogues that the user names: a `.deb` file, which is unpacked under `scratch`, or a folder that holds
    /// `*.sh3f` files itself or at the package's place.
    ///
    /// # Errors
    /// When there are none, or the package cannot be unpacked.
    pub fn named(from: &Path, scratch: &Path) -> Result<Self, SourceError> {
        Ok(Self(PACKAGE.named(from, scratch)?))
    }

    /// The package, downloaded with `apt-get` and unpacked under `scratch`; nothing is installed.
    ///
    /// # Errors
    /// When apt-get or dpkg-deb are missing, or there is no network.
    pub fn downloaded(scratch: &Path) -> Result<Self, SourceError> {
        Ok(Self(PACKAGE.downloaded(scratch)?))
    }

    /// The catalogues, in a fixed order.
    pub fn catalogues(&self) -> Vec<PathBuf> {
        files_with_extension(self.0.path(), CATALOGUE_EXTENSION)
    }
}
