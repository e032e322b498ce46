//! Where an output may be written.

use std::fs;
use std::path::Path;

use sextant_runtime::durable::folder_of;

use crate::Error;

/// Refuses a destination that cannot be written, before any work is done for it.
///
/// A file that starts with `ours` may be replaced; any other only when `overwrite` says so.
///
/// # Errors
/// When the folder is missing, or something is in the way.
pub(crate) fn check(path: &Path, overwrite: bool, ours: &[u8]) -> Result<(), Error> {
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

/// Refuses `-`: nothing is written to standard output, for a model appears only after it was checked, and at once.
///
/// # Errors
/// For `-`.
pub(crate) fn refuse_stdout(path: &Path) -> Result<(), Error> {
    if path != Path::new("-") {
        return Ok(());
    }
    let reason = "standard output is no place for a model, which appears whole after it was checked, or not at all";
    let hint = "give --out a file name, or ./- for a file of that name";
    Err(Error::InTheWay { path: path.to_path_buf(), reason, hint })
}

fn starts_with(path: &Path, ours: &[u8]) -> bool {
    use std::io::Read;
    let mut start = vec![0; ours.len()];
    fs::File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == ours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_files_are_replaced_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let missing = folder.path().join("none/file");
        assert!(check(&path, false, b"magic").is_ok());
        assert!(check(folder.path(), true, b"magic").is_err());
        assert!(check(&missing, true, b"magic").is_err());
        for (content, overwrite, allowed) in
            [("magic and more", false, true), ("diary", false, false), ("mag", false, false), ("diary", true, true)]
        {
            fs::write(&path, content).unwrap();
            assert_eq!(check(&path, overwrite, b"magic").is_ok(), allowed, "{content} {overwrite}");
        }
    }
}
