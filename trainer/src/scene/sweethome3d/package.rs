use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::scene::SourceError;

/// The Debian package with the furniture.
pub const PACKAGE_NAME: &str = "sweethome3d-furniture";

/// Where the package installs it.
pub const INSTALLED_FOLDER: &str = "/usr/share/sweethome3d/furniture";

const PATH_IN_PACKAGE: &str = "usr/share/sweethome3d/furniture";

/// A folder with the package's catalogues (`*.sh3f`); unpacked ones are removed when dropped.
#[derive(Debug)]
pub struct FurnitureFolder {
    folder: PathBuf,
    unpacked: Option<PathBuf>,
}

impl FurnitureFolder {
    /// The installed package, if it is installed.
    pub fn installed() -> Option<Self> {
        Self::in_folder(Path::new(INSTALLED_FOLDER))
    }

    /// The catalogues that the user names: a `.deb` file, which is unpacked under `scratch`, or a folder that holds
    /// `*.sh3f` files itself or at the package's place.
    ///
    /// # Errors
    /// When there are none, or the package cannot be unpacked.
    pub fn named(from: &Path, scratch: &Path) -> Result<Self, SourceError> {
        let metadata = fs::metadata(from).map_err(|source| SourceError::Io { path: from.to_path_buf(), source })?;
        if metadata.is_file() {
            let unpacked = Unpacked::new(scratch)?;
            return unpacked.unpack(from);
        }
        Self::in_folder(from).or_else(|| Self::in_folder(&from.join(PATH_IN_PACKAGE))).ok_or_else(|| {
            let reason = format!("holds no *.sh3f files; name the package {PACKAGE_NAME}_*.deb or its unpacked folder");
            SourceError::Malformed { path: from.to_path_buf(), reason }
        })
    }

    /// The package, downloaded with `apt-get` and unpacked under `scratch`; nothing is installed.
    ///
    /// # Errors
    /// When apt-get or dpkg-deb are missing, or there is no network.
    pub fn downloaded(scratch: &Path) -> Result<Self, SourceError> {
        let unpacked = Unpacked::new(scratch)?;
        let remedy = format!(
            "fetch {PACKAGE_NAME}_1.8-1_all.deb from a Debian mirror (pool/main/s/{PACKAGE_NAME}) and pass --from FILE.deb"
        );
        run(Command::new("apt-get").args(["-q", "download", PACKAGE_NAME]).current_dir(&unpacked.folder), &remedy)?;
        let deb = files_with_extension(&unpacked.folder, "deb").pop().ok_or_else(|| {
            SourceError::Unusable(format!("apt-get download {PACKAGE_NAME} left no package; {remedy}"))
        })?;
        unpacked.unpack(&deb)
    }

    /// The catalogues, in a fixed order.
    pub fn catalogues(&self) -> Vec<PathBuf> {
        files_with_extension(&self.folder, "sh3f")
    }

    fn in_folder(folder: &Path) -> Option<Self> {
        let found = !files_with_extension(folder, "sh3f").is_empty();
        found.then(|| Self { folder: folder.to_path_buf(), unpacked: None })
    }
}

impl Drop for FurnitureFolder {
    fn drop(&mut self) {
        if let Some(unpacked) = &self.unpacked {
            // A temporary folder in a cache: the next attempt removes it.
            let _ = fs::remove_dir_all(unpacked);
        }
    }
}

/// A temporary folder that is removed unless it becomes a [`FurnitureFolder`].
struct Unpacked {
    folder: PathBuf,
    done: bool,
}

impl Unpacked {
    fn new(scratch: &Path) -> Result<Self, SourceError> {
        let folder = scratch.join(".sweethome3d.unpacked");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|source| SourceError::Io { path: folder.clone(), source })?;
        Ok(Self { folder, done: false })
    }

    fn unpack(mut self, deb: &Path) -> Result<FurnitureFolder, SourceError> {
        let remedy = "install dpkg, or unpack the package elsewhere and pass --from FOLDER";
        let target = self.folder.join("package");
        run(Command::new("dpkg-deb").arg("-x").arg(deb).arg(&target), remedy)?;
        let folder = target.join(PATH_IN_PACKAGE);
        if files_with_extension(&folder, "sh3f").is_empty() {
            let reason = format!("is not the package {PACKAGE_NAME}: it has no {PATH_IN_PACKAGE}/*.sh3f");
            return Err(SourceError::Malformed { path: deb.to_path_buf(), reason });
        }
        self.done = true;
        Ok(FurnitureFolder { folder, unpacked: Some(self.folder.clone()) })
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

fn run(command: &mut Command, remedy: &str) -> Result<(), SourceError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| SourceError::Unusable(format!("{program} cannot be run ({error}); {remedy}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no message");
    Err(SourceError::Unusable(format!("{program} failed: {said}; {remedy}")))
}

fn files_with_extension(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|found| found == extension) && path.is_file()).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn catalogues_are_found_in_either_folder() {
        let scratch = tempfile::tempdir().unwrap();
        let inner = scratch.path().join(PATH_IN_PACKAGE);
        fs::create_dir_all(&inner).unwrap();
        for name in ["b.sh3f", "a.sh3f", "other.txt"] {
            fs::write(inner.join(name), "").unwrap();
        }
        for from in [scratch.path(), &inner] {
            let found = FurnitureFolder::named(from, scratch.path()).unwrap();
            assert_eq!(found.catalogues(), [inner.join("a.sh3f"), inner.join("b.sh3f")]);
        }
    }

    #[test]
    fn what_is_not_the_package_is_refused_with_a_remedy() {
        let scratch = tempfile::tempdir().unwrap();
        let error = FurnitureFolder::named(scratch.path(), scratch.path()).unwrap_err().to_string();
        assert!(error.contains("no *.sh3f") && error.contains(".deb"), "{error}");
        let missing = FurnitureFolder::named(&scratch.path().join("x.deb"), scratch.path()).unwrap_err().to_string();
        assert!(missing.contains("x.deb"), "{missing}");
        let file = scratch.path().join("not.deb");
        fs::write(&file, "not a package").unwrap();
        let error = FurnitureFolder::named(&file, scratch.path()).unwrap_err().to_string();
        assert!(error.contains("dpkg-deb") && error.contains("--from"), "{error}");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("/nonexistent/apt-get"), "do it by hand").unwrap_err().to_string();
        assert!(error.contains("/nonexistent/apt-get cannot be run") && error.contains("by hand"), "{error}");
    }
}
