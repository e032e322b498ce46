//! Files that appear complete or not at all.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::Error;

/// Refuses a destination that cannot be written, before any work is done for it.
///
/// A file that starts with `ours` may be replaced; any other only when `overwrite` says so.
///
/// # Errors
/// When the folder is missing, or something is in the way.
pub(crate) fn check_destination(path: &Path, overwrite: bool, ours: &[u8]) -> Result<(), Error> {
    let in_the_way = |reason, hint| Err(Error::InTheWay { path: path.to_path_buf(), reason, hint });
    refuse_stdout(path)?;
    if path.is_dir() {
        return in_the_way("is a folder", "give --out the name of a file");
    }
    if path.exists() && !path.is_file() {
        return in_the_way("is a device, not a file", "give --out the name of a file");
    }
    let folder = folder_of(path);
    if !folder.is_dir() {
        let missing = std::io::Error::new(std::io::ErrorKind::NotFound, "its folder does not exist");
        return Err(Error::io(path, "write", missing));
    }
    if path.exists() && !overwrite && !starts_with(path, ours) {
        return in_the_way(
            "exists, and is no file that this command wrote",
            "choose another --out, or add --overwrite",
        );
    }
    Ok(())
}

/// Refuses `-`: nothing is written to standard output, for a file appears only after it was checked, and at once.
pub(crate) fn refuse_stdout(path: &Path) -> Result<(), Error> {
    if path != Path::new("-") {
        return Ok(());
    }
    let reason = "standard output is no place for a model, which appears whole after it was checked, or not at all";
    let hint = "give --out a file name, or ./- for a file of that name";
    Err(Error::InTheWay { path: path.to_path_buf(), reason, hint })
}

/// Files that lie beside their destinations, whole and on the disk. They are gone unless they are [kept](Self::keep).
#[derive(Debug, Default)]
#[must_use]
pub struct StagedFiles {
    files: Vec<(PathBuf, NamedTempFile)>,
}

impl StagedFiles {
    /// Puts each in its place, which replaces what was there.
    ///
    /// # Errors
    /// When a folder cannot be written; the temporary files are gone then.
    pub fn keep(self) -> Result<(), Error> {
        for (path, file) in self.files {
            file.persist(&path).map_err(|error| Error::io(&path, "write", error.error))?;
        }
        Ok(())
    }

    /// Adds a file with those bytes.
    ///
    /// # Errors
    /// When the disk is full or the folder cannot be written; all temporary files are gone then.
    pub(crate) fn add(&mut self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        self.files.push((path.to_path_buf(), stage(path, bytes)?));
        Ok(())
    }
}

/// Writes beside the destination, and waits until the bytes are on the disk.
fn stage(path: &Path, bytes: &[u8]) -> Result<NamedTempFile, Error> {
    let failed = |source| Error::io(path, "write", source);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".sextant-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut staged = builder.tempfile_in(folder_of(path)).map_err(failed)?;
    staged.write_all(bytes).map_err(failed)?;
    staged.as_file().sync_all().map_err(failed)?;
    Ok(staged)
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

fn starts_with(path: &Path, ours: &[u8]) -> bool {
    use std::io::Read;
    let mut start = vec![0; ours.len()];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == ours
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let mut staged = StagedFiles::default();
        staged.add(path, bytes)?;
        staged.keep()
    }

    fn names_in(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_appears_whole_and_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        write(&path, b"first").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(names_in(folder.path()), ["model.onnx"]);
    }

    #[test]
    fn what_is_not_kept_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        write(&path, b"first").unwrap();
        let mut staged = StagedFiles::default();
        staged.add(&path, b"second").unwrap();
        staged.add(&folder.path().join("model.sxt"), b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first");
        drop(staged);
        assert_eq!(
            (fs::read(&path).unwrap().as_slice(), names_in(folder.path())),
            (&b"first"[..], vec!["model.onnx".into()])
        );
    }

    #[test]
    fn a_destination_that_is_a_folder_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("taken")).unwrap();
        fs::write(folder.path().join("taken/file"), b"").unwrap();
        assert!(write(&folder.path().join("taken"), b"bytes").is_err());
        assert_eq!(names_in(folder.path()), ["taken"]);
    }

    #[test]
    fn only_our_own_files_are_replaced_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let missing = folder.path().join("none/file");
        assert!(check_destination(&path, false, b"magic").is_ok());
        assert!(check_destination(folder.path(), true, b"magic").is_err());
        assert!(check_destination(&missing, true, b"magic").is_err());
        for (content, overwrite, allowed) in
            [("magic and more", false, true), ("diary", false, false), ("mag", false, false), ("diary", true, true)]
        {
            fs::write(&path, content).unwrap();
            assert_eq!(check_destination(&path, overwrite, b"magic").is_ok(), allowed, "{content} {overwrite}");
        }
    }
}
