use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::Path;

use sextant_runtime::durable::{self, StagedFolder};

use super::DataError;

/// Starts a folder that will be `destination`, whole or not at all.
///
/// # Errors
/// When the destination holds something, unless `overwrite` and `is_replaceable` allow to replace it; or when the
/// temporary folder cannot be made.
pub(crate) fn stage_folder(
    destination: &Path,
    overwrite: bool,
    is_replaceable: impl Fn(&Path) -> bool,
) -> Result<StagedFolder, DataError> {
    check_destination(destination, overwrite, is_replaceable)?;
    Ok(StagedFolder::create(destination)?)
}

/// Writes a file of a staged folder and waits until it is on the disk.
pub(crate) fn write_durably(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), DataError> {
    Ok(durable::write_synced(path, write)?)
}

fn check_destination(
    destination: &Path,
    overwrite: bool,
    is_replaceable: impl Fn(&Path) -> bool,
) -> Result<(), DataError> {
    let mut entries = match fs::read_dir(destination) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(DataError::Io { path: destination.to_path_buf(), source }),
    };
    let reason = match (entries.next().is_none(), overwrite, is_replaceable(destination)) {
        (true, ..) | (false, true, true) => return Ok(()),
        (false, false, true) => "exists already; pass --overwrite to replace it, or name another folder",
        (false, _, false) => "holds other files and is left alone; name another folder",
    };
    Err(DataError::malformed(destination, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_replaced_is_replaced() {
        let scratch = tempfile::tempdir().unwrap();
        let destination = scratch.path().join("set");
        fs::create_dir(&destination).unwrap();
        stage_folder(&destination, false, |_| false).unwrap().commit().unwrap();
        fs::write(destination.join("old"), "x").unwrap();
        for (overwrite, replaceable, want) in
            [(false, true, "--overwrite"), (true, false, "left alone"), (false, false, "left alone")]
        {
            let error = stage_folder(&destination, overwrite, |_| replaceable).unwrap_err().to_string();
            assert!(error.contains(want) && error.contains("set"), "{error}");
        }
        let staged = stage_folder(&destination, true, |_| true).unwrap();
        fs::write(staged.path().join("new"), "x").unwrap();
        staged.commit().unwrap();
        assert!(destination.join("new").exists() && !destination.join("old").exists());
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failing_write_names_the_file() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("shard");
        let error = write_durably(&path, |_| Err(std::io::ErrorKind::StorageFull.into())).unwrap_err();
        assert!(error.to_string().contains("shard"), "{error}");
    }
}
