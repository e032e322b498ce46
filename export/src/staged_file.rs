//! Files that appear complete or not at all.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::Error;

/// Refuses a destination that cannot be written, before any work is done for it.
///
/// A file that starts with `ours` may be replaced; any other only when `overwrite` says so.
///
/// # Errors
/// When the folder is missing, or something is in the way.
pub(crate) fn check_destination(path: &Path, overwrite: bool, ours: &[u8]) -> Result<(), Error> {
    let in_the_way = |reason, hint| Err(Error::InTheWay { path: path.to_path_buf(), reason, hint });
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

/// Writes beside the destination, waits until the bytes are on the disk, then renames.
///
/// # Errors
/// When the disk is full or the folder cannot be written; the temporary file is gone then.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let failed = |source| Error::io(path, "write", source);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".sextant-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut staged = builder.tempfile_in(folder_of(path)).map_err(failed)?;
    staged.write_all(bytes).map_err(failed)?;
    staged.as_file().sync_all().map_err(failed)?;
    staged.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
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
