use std::fs;
use std::path::{Path, PathBuf};
use std::vec::Vec;

use super::{Failure, REPLACED, UNFINISHED, abort_point, beside, failed, folder_of, name_of, sync_folder};

/// A folder that comes into being whole or not at all.
///
/// It is filled beside its destination and renamed by [`Self::commit`]; dropped before that, it is removed, with the
/// parents that were made for it. What a killed process left is removed by the next attempt.
///
/// The steps are: fill `.tmp-NAME`; NAME to `.old-NAME`; `.tmp-NAME` to NAME; delete `.old-NAME`. At every moment NAME
/// is whole, or else `.old-NAME` is, or there never was one.
#[derive(Debug)]
pub struct StagedFolder {
    destination: PathBuf,
    unfinished: PathBuf,
    /// Parents that were not there before, innermost first.
    made_parents: Vec<PathBuf>,
    committed: bool,
}

impl StagedFolder {
    /// Starts a folder that will be `destination`, in place of one that is there.
    ///
    /// # Errors
    /// When the temporary folder cannot be made, or `destination` is no name for a folder.
    pub fn create(destination: &Path) -> Result<Self, Failure> {
        if destination.file_name().is_none() {
            return Err(failed(destination)(std::io::Error::other("is no name for a folder")));
        }
        let unfinished = beside(destination, UNFINISHED);
        remove_if_there(&unfinished)?;
        let parents = unfinished.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty());
        let made_parents = parents.take_while(|parent| !parent.exists()).map(Path::to_path_buf).collect();
        fs::create_dir_all(&unfinished).map_err(failed(&unfinished))?;
        Ok(Self { destination: destination.to_path_buf(), unfinished, made_parents, committed: false })
    }

    /// Where to write; files with [`write_synced`](super::write_synced).
    pub fn path(&self) -> &Path {
        &self.unfinished
    }

    /// Where the folder will be.
    pub fn destination(&self) -> &Path {
        &self.destination
    }

    /// Gives the folder its name, in place of what was there.
    ///
    /// # Errors
    /// When the system refuses; what was there before then stays.
    pub fn commit(mut self) -> Result<(), Failure> {
        sync_folder(&self.unfinished)?;
        let name = name_of(&self.destination);
        abort_point("filled", &name);
        let replaced = beside(&self.destination, REPLACED);
        let replaces = self.destination.exists();
        if replaces {
            remove_if_there(&replaced)?;
            fs::rename(&self.destination, &replaced).map_err(failed(&self.destination))?;
            abort_point("set-aside", &name);
        }
        if let Err(error) = fs::rename(&self.unfinished, &self.destination) {
            if replaces {
                // The first error is the one to report; what cannot be brought back now is found by `current_folder`.
                let _ = fs::rename(&replaced, &self.destination);
            }
            return Err(failed(&self.destination)(error));
        }
        self.committed = true;
        abort_point("renamed", &name);
        sync_folder(folder_of(&self.destination))?;
        remove_if_there(&replaced)?;
        abort_point("saved", &name);
        Ok(())
    }
}

impl Drop for StagedFolder {
    fn drop(&mut self) {
        if !self.committed {
            // Nothing is left to report to; the next attempt removes it.
            let _ = fs::remove_dir_all(&self.unfinished);
            // Parents that hold something else by now stay: only empty folders are removed.
            let _ = self.made_parents.iter().try_for_each(fs::remove_dir);
        }
    }
}

/// Puts a folder, filled by `write`, in the place of another, as [`StagedFolder`] does.
///
/// # Errors
/// When the system or `write` refuses; what was there before then stays.
pub fn replace_folder<E: From<Failure>>(folder: &Path, write: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
    let staged = StagedFolder::create(folder)?;
    write(staged.path())?;
    Ok(staged.commit()?)
}

/// The whole folder of this name, which a killed process may have left under its other name.
pub fn current_folder(folder: &Path) -> Option<PathBuf> {
    [folder.to_path_buf(), beside(folder, REPLACED)].into_iter().find(|path| path.is_dir())
}

/// Brings back folders below `parent` whose replacement was cut short, and deletes what is no longer needed.
///
/// # Errors
/// When the system refuses.
pub fn recover_folders(parent: &Path) -> Result<(), Failure> {
    for entry in fs::read_dir(parent).map_err(failed(parent))? {
        let path = entry.map_err(failed(parent))?.path();
        match original_of(&path) {
            Some(original) if !original.exists() => fs::rename(&path, &original).map_err(failed(&path))?,
            Some(_) => remove_if_there(&path)?,
            None if name_starts_with(&path, UNFINISHED) => remove_if_there(&path)?,
            None => {}
        }
    }
    sync_folder(parent)
}

/// What `.old-NAME` was called before.
fn original_of(path: &Path) -> Option<PathBuf> {
    let replaced = path.file_name()?;
    let original = replaced.as_encoded_bytes().strip_prefix(REPLACED.as_bytes())?;
    name_from(original).map(|name| path.with_file_name(name))
}

#[cfg(unix)]
fn name_from(bytes: &[u8]) -> Option<std::ffi::OsString> {
    Some(std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec()))
}

/// Elsewhere names are Unicode, or not ours.
#[cfg(not(unix))]
fn name_from(bytes: &[u8]) -> Option<std::ffi::OsString> {
    Some(core::str::from_utf8(bytes).ok()?.into())
}

fn name_starts_with(path: &Path, prefix: &str) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(prefix.as_bytes()))
}

fn remove_if_there(path: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(path)(error)),
        _ => Ok(()),
    }
}
