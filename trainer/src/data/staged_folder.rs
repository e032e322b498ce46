use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::DataError;

/// A folder that comes into being whole or not at all.
///
/// It is filled beside its destination under a temporary name and renamed by [`Self::commit`]; dropped before that, it
/// is removed, with the parents that were made for it. What a killed process left is removed by the next attempt.
#[derive(Debug)]
pub struct StagedFolder {
    destination: PathBuf,
    temporary: PathBuf,
    /// Parents that were not there before, innermost first.
    made_parents: Vec<PathBuf>,
    committed: bool,
}

impl StagedFolder {
    /// Starts a folder that will be `destination`.
    ///
    /// # Errors
    /// When the destination holds something, unless `overwrite` and `is_replaceable` allow to replace it; or when the
    /// temporary folder cannot be made.
    pub fn create(
        destination: &Path,
        overwrite: bool,
        is_replaceable: impl Fn(&Path) -> bool,
    ) -> Result<Self, DataError> {
        check_destination(destination, overwrite, is_replaceable)?;
        let temporary = sibling(destination, "partial")?;
        remove_if_there(&temporary)?;
        let parents = temporary.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty());
        let made_parents = parents.take_while(|parent| !parent.exists()).map(Path::to_path_buf).collect();
        fs::create_dir_all(&temporary).map_err(DataError::io(&temporary))?;
        Ok(Self { destination: destination.to_path_buf(), temporary, made_parents, committed: false })
    }

    /// Where to write.
    pub fn path(&self) -> &Path {
        &self.temporary
    }

    /// Where the folder will be.
    pub fn destination(&self) -> &Path {
        &self.destination
    }

    /// Gives the folder its name, in place of what was there.
    ///
    /// # Errors
    /// When the system refuses; what was there before then stays.
    pub fn commit(mut self) -> Result<(), DataError> {
        let old = sibling(&self.destination, "old")?;
        remove_if_there(&old)?;
        sync_folder(&self.temporary)?;
        let replaced = self.destination.exists();
        if replaced {
            fs::rename(&self.destination, &old).map_err(DataError::io(&self.destination))?;
        }
        if let Err(source) = fs::rename(&self.temporary, &self.destination) {
            if replaced {
                // Best effort: the first error is the one to report.
                let _ = fs::rename(&old, &self.destination);
            }
            return Err(DataError::Io { path: self.destination.clone(), source });
        }
        self.committed = true;
        remove_if_there(&old)?;
        self.destination.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or(Ok(()), sync_folder)
    }
}

impl Drop for StagedFolder {
    fn drop(&mut self) {
        if !self.committed {
            // Nothing is left to report to; the next attempt removes it.
            let _ = fs::remove_dir_all(&self.temporary);
            // Parents that hold something else by now stay: only empty folders are removed.
            let _ = self.made_parents.iter().try_for_each(fs::remove_dir);
        }
    }
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

/// `.NAME.SUFFIX` beside a folder.
fn sibling(destination: &Path, suffix: &str) -> Result<PathBuf, DataError> {
    let name = destination.file_name().ok_or_else(|| DataError::malformed(destination, "is no name for a folder"))?;
    Ok(destination.with_file_name(format!(".{}.{suffix}", name.to_string_lossy())))
}

fn remove_if_there(path: &Path) -> Result<(), DataError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(DataError::io(path)(error)),
        _ => Ok(()),
    }
}

/// Makes the names in a folder durable; where a folder cannot be opened (Windows) the system does it alone.
fn sync_folder(path: &Path) -> Result<(), DataError> {
    if cfg!(unix) { File::open(path).and_then(|folder| folder.sync_all()).map_err(DataError::io(path)) } else { Ok(()) }
}

/// Writes a file and waits until it is on the disk.
pub(crate) fn write_durably(
    path: &Path,
    write: impl FnOnce(&mut std::io::BufWriter<File>) -> std::io::Result<()>,
) -> Result<(), DataError> {
    let attempt = || {
        let mut file = std::io::BufWriter::new(File::create(path)?);
        write(&mut file)?;
        file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()
    };
    attempt().map_err(DataError::io(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_folder_appears_whole_or_not_at_all() {
        let scratch = tempfile::tempdir().unwrap();
        let destination = scratch.path().join("set");
        let staged = StagedFolder::create(&destination, false, |_| true).unwrap();
        fs::write(staged.path().join("file"), "x").unwrap();
        assert!(!destination.exists());
        drop(staged);
        assert!(names(scratch.path()).is_empty());
        let staged = StagedFolder::create(&destination, false, |_| true).unwrap();
        fs::write(staged.path().join("file"), "x").unwrap();
        staged.commit().unwrap();
        assert_eq!(names(scratch.path()), ["set"]);
        assert_eq!(names(&destination), ["file"]);
    }

    #[test]
    fn only_what_may_be_replaced_is_replaced() {
        let scratch = tempfile::tempdir().unwrap();
        let destination = scratch.path().join("set");
        fs::create_dir(&destination).unwrap();
        StagedFolder::create(&destination, false, |_| false).unwrap().commit().unwrap();
        fs::write(destination.join("old"), "x").unwrap();
        for (overwrite, replaceable, want) in
            [(false, true, "--overwrite"), (true, false, "left alone"), (false, false, "left alone")]
        {
            let error = StagedFolder::create(&destination, overwrite, |_| replaceable).unwrap_err().to_string();
            assert!(error.contains(want) && error.contains("set"), "{error}");
        }
        let staged = StagedFolder::create(&destination, true, |_| true).unwrap();
        fs::write(staged.path().join("new"), "x").unwrap();
        staged.commit().unwrap();
        assert_eq!(names(&destination), ["new"]);
        assert_eq!(names(scratch.path()), ["set"]);
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let scratch = tempfile::tempdir().unwrap();
        let left = scratch.path().join(".set.partial");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("half"), "x").unwrap();
        let staged = StagedFolder::create(&scratch.path().join("set"), false, |_| true).unwrap();
        assert!(names(staged.path()).is_empty());
    }

    #[test]
    fn a_failing_write_names_the_file() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("shard");
        let error = write_durably(&path, |_| Err(std::io::ErrorKind::StorageFull.into())).unwrap_err();
        assert!(error.to_string().contains("shard"), "{error}");
    }
}
