//! Folders of Debian packages: installed, downloaded, or named by the user. Nothing is ever installed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A package of which one folder is wanted.
#[derive(Clone, Copy, Debug)]
pub struct DebianPackage {
    /// Its name.
    pub name: &'static str,
    /// Its file at a mirror.
    pub file: &'static str,
    /// Where the folder lies below the root of the system.
    pub folder: &'static str,
    /// What the folder has to hold, in words.
    pub contents: &'static str,
    /// Whether a folder holds it.
    pub is_in: fn(&Path) -> bool,
}

/// The wanted folder of a package; one that was unpacked for this is removed when dropped.
#[derive(Debug)]
pub struct PackageFolder {
    path: PathBuf,
    unpacked: Option<PathBuf>,
}

/// Why the folder of a package cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// The operating system refused a file.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file or folder is not the package.
    #[error("{path}: {reason}")]
    Other {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong, and what to try.
        reason: String,
    },
    /// A program is missing or failed.
    #[error("{0}")]
    Program(String),
}

impl DebianPackage {
    /// Where the package installs the folder.
    pub fn installed_folder(&self) -> PathBuf {
        Path::new("/").join(self.folder)
    }

    /// The folder of the installed package, if it is installed.
    pub fn installed(&self) -> Option<PackageFolder> {
        self.in_folder(&self.installed_folder())
    }

    /// The folder that the user names: a `.deb` file, which is unpacked under `scratch`, or a folder that has the contents
    /// itself or at the package's place.
    ///
    /// # Errors
    /// When the contents are not there, or the package cannot be unpacked.
    pub fn named(&self, from: &Path, scratch: &Path) -> Result<PackageFolder, PackageError> {
        let metadata = fs::metadata(from).map_err(|source| PackageError::Io { path: from.to_path_buf(), source })?;
        if metadata.is_file() {
            return Unpacked::new(self, scratch)?.unpack(self, from);
        }
        self.in_folder(from).or_else(|| self.in_folder(&from.join(self.folder))).ok_or_else(|| {
            let Self { name, contents, .. } = self;
            let reason = format!("holds no {contents} files; name the package {name}_*.deb or its unpacked folder");
            PackageError::Other { path: from.to_path_buf(), reason }
        })
    }

    /// The folder of the package, downloaded with `apt-get` and unpacked under `scratch`.
    ///
    /// # Errors
    /// When apt-get or dpkg-deb are missing, or there is no network.
    pub fn downloaded(&self, scratch: &Path) -> Result<PackageFolder, PackageError> {
        let unpacked = Unpacked::new(self, scratch)?;
        let (name, initial) = (self.name, &self.name[..1]);
        let remedy =
            format!("fetch {} from a Debian mirror (pool/main/{initial}/{name}) and pass --from FILE.deb", self.file);
        run(Command::new("apt-get").args(["-q", "download", name]).current_dir(&unpacked.folder), &remedy)?;
        let deb = files_with_extension(&unpacked.folder, "deb").pop();
        let deb =
            deb.ok_or_else(|| PackageError::Program(format!("apt-get download {name} left no package; {remedy}")))?;
        unpacked.unpack(self, &deb)
    }

    fn in_folder(&self, folder: &Path) -> Option<PackageFolder> {
        (self.is_in)(folder).then(|| PackageFolder { path: folder.to_path_buf(), unpacked: None })
    }
}

impl PackageFolder {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PackageFolder {
    fn drop(&mut self) {
        if let Some(unpacked) = &self.unpacked {
            // A temporary folder in a cache: the next attempt removes it.
            let _ = fs::remove_dir_all(unpacked);
        }
    }
}

/// A temporary folder that is removed unless it becomes a [`PackageFolder`].
struct Unpacked {
    folder: PathBuf,
    done: bool,
}

impl Unpacked {
    fn new(package: &DebianPackage, scratch: &Path) -> Result<Self, PackageError> {
        let folder = scratch.join(format!(".{}.unpacked", package.name));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).map_err(|source| PackageError::Io { path: folder.clone(), source })?;
        Ok(Self { folder, done: false })
    }

    fn unpack(mut self, package: &DebianPackage, deb: &Path) -> Result<PackageFolder, PackageError> {
        let remedy = "install dpkg, or unpack the package elsewhere and pass --from FOLDER";
        let target = self.folder.join("package");
        run(Command::new("dpkg-deb").arg("-x").arg(deb).arg(&target), remedy)?;
        let path = target.join(package.folder);
        if !(package.is_in)(&path) {
            let DebianPackage { name, folder, contents, .. } = package;
            let reason = format!("is not the package {name}: it has no {folder}/{contents}");
            return Err(PackageError::Other { path: deb.to_path_buf(), reason });
        }
        self.done = true;
        Ok(PackageFolder { path, unpacked: Some(self.folder.clone()) })
    }
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

fn run(command: &mut Command, remedy: &str) -> Result<(), PackageError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| PackageError::Program(format!("{program} cannot be run ({error}); {remedy}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no message");
    Err(PackageError::Program(format!("{program} failed: {said}; {remedy}")))
}

/// The files of a folder whose names end so, in a fixed order; none where there is no folder.
pub fn files_with_extension(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|found| found == extension) && path.is_file()).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGE: DebianPackage = DebianPackage {
        name: "things",
        file: "things_1_all.deb",
        folder: "usr/share/things",
        contents: "*.thing",
        is_in: |folder| !files_with_extension(folder, "thing").is_empty(),
    };

    #[test]
    fn contents_are_found_in_either_folder() {
        let scratch = tempfile::tempdir().unwrap();
        let inner = scratch.path().join(PACKAGE.folder);
        fs::create_dir_all(&inner).unwrap();
        for name in ["b.thing", "a.thing", "other.txt"] {
            fs::write(inner.join(name), "").unwrap();
        }
        for from in [scratch.path(), &inner] {
            let found = PACKAGE.named(from, scratch.path()).unwrap();
            assert_eq!(files_with_extension(found.path(), "thing"), [inner.join("a.thing"), inner.join("b.thing")]);
        }
        assert!(inner.exists(), "what the user names stays");
    }

    #[test]
    fn what_is_not_the_package_is_refused_with_a_remedy() {
        let scratch = tempfile::tempdir().unwrap();
        let error = |from: &Path| PACKAGE.named(from, scratch.path()).unwrap_err().to_string();
        let found = error(scratch.path());
        assert!(found.contains("no *.thing files; name the package things_*.deb"), "{found}");
        assert!(error(&scratch.path().join("x.deb")).contains("x.deb"));
        let file = scratch.path().join("not.deb");
        fs::write(&file, "not a package").unwrap();
        let found = error(&file);
        assert!(found.contains("dpkg-deb") && found.contains("--from"), "{found}");
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(&mut Command::new("/nonexistent/apt-get"), "do it by hand").unwrap_err().to_string();
        assert!(error.contains("/nonexistent/apt-get cannot be run") && error.contains("by hand"), "{error}");
    }
}
