use std::fs;
use std::path::{Path, PathBuf};

use super::RunError;
use super::abort_point::abort_point;
use super::atomic::{UNFINISHED, sync_folder};

/// Names of folders that are being replaced start like this.
const REPLACED: &str = ".old-";

/// Puts a folder, filled by `write`, in the place of another.
///
/// The steps are: fill `.tmp-NAME`; NAME to `.old-NAME`; `.tmp-NAME` to NAME; delete `.old-NAME`. At every moment NAME
/// is whole, or else `.old-NAME` is, or there never was one.
pub(super) fn replace_folder(folder: &Path, write: impl FnOnce(&Path) -> Result<(), RunError>) -> Result<(), RunError> {
    let (unfinished, replaced) = (beside(folder, UNFINISHED), beside(folder, REPLACED));
    remove_if_there(&unfinished)?;
    if let Err(error) = fill(&unfinished, write) {
        // The first error is the one to report.
        let _ = fs::remove_dir_all(&unfinished);
        return Err(error);
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    abort_point("filled", &name);
    if folder.exists() {
        remove_if_there(&replaced)?;
        fs::rename(folder, &replaced).map_err(RunError::io(folder))?;
        abort_point("set-aside", &name);
    }
    fs::rename(&unfinished, folder).map_err(RunError::io(folder))?;
    abort_point("renamed", &name);
    let parent = folder.parent().unwrap_or(Path::new("."));
    sync_folder(parent).map_err(RunError::io(parent))?;
    remove_if_there(&replaced)?;
    abort_point("saved", &name);
    Ok(())
}

/// The whole folder of this name, which a killed process may have left under its other name.
pub(super) fn current(folder: &Path) -> Option<PathBuf> {
    [folder.to_path_buf(), beside(folder, REPLACED)].into_iter().find(|path| path.is_dir())
}

/// Brings back folders whose replacement was cut short, and deletes what is no longer needed.
pub(super) fn recover(parent: &Path) -> Result<(), RunError> {
    let entries = fs::read_dir(parent).map_err(RunError::io(parent))?;
    for entry in entries {
        let path = entry.map_err(RunError::io(parent))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let original = name.strip_prefix(REPLACED).map(|original| parent.join(original));
        match original {
            Some(original) if !original.exists() => fs::rename(&path, &original).map_err(RunError::io(&path))?,
            Some(_) => remove_if_there(&path)?,
            None if name.starts_with(UNFINISHED) => remove_if_there(&path)?,
            None => {}
        }
    }
    sync_folder(parent).map_err(RunError::io(parent))
}

fn fill(folder: &Path, write: impl FnOnce(&Path) -> Result<(), RunError>) -> Result<(), RunError> {
    fs::create_dir(folder).map_err(RunError::io(folder))?;
    write(folder)?;
    sync_folder(folder).map_err(RunError::io(folder))
}

fn beside(folder: &Path, prefix: &str) -> PathBuf {
    folder.with_file_name(format!("{prefix}{}", folder.file_name().unwrap_or_default().to_string_lossy()))
}

fn remove_if_there(path: &Path) -> Result<(), RunError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(RunError::io(path)(error)),
        _ => Ok(()),
    }
}
