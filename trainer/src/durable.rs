//! Folders that are there whole or not at all, for data sets and caches.

use std::fs;
use std::path::{Path, PathBuf};

use sextant_runtime::durable::{Failure, StagedFolder};

/// Why a folder cannot be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StagingError {
    /// The operating system refused it.
    #[error(transparent)]
    Refused(#[from] Failure),
    /// Something is there already.
    #[error("{path}: {reason}")]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// What is there, and what to try.
        reason: &'static str,
    },
}

/// Starts a folder that will be `destination`, whole or not at all.
///
/// # Errors
/// When the destination holds something, unless `overwrite` and `is_replaceable` allow to replace it; or when the
/// temporary folder cannot be made.
pub(crate) fn stage_folder(
    destination: &Path,
    overwrite: bool,
    is_replaceable: impl Fn(&Path) -> bool,
) -> Result<StagedFolder, StagingError> {
    check_destination(destination, overwrite, is_replaceable)?;
    Ok(StagedFolder::create(destination)?)
}

fn check_destination(
    destination: &Path,
    overwrite: bool,
    is_replaceable: impl Fn(&Path) -> bool,
) -> Result<(), StagingError> {
    let path = destination.to_path_buf();
    let mut entries = match fs::read_dir(destination) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(StagingError::Refused(Failure { path, source })),
    };
    let reason = match (entries.next().is_none(), overwrite, is_replaceable(destination)) {
        (true, ..) | (false, true, true) => return Ok(()),
        (false, false, true) => "exists already; pass --overwrite to replace it, or name another folder",
        (false, _, false) => "holds other files and is left alone; name another folder",
    };
    Err(StagingError::Occupied { path, reason })
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
}
