use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::RunError;
use super::abort_point::abort_point;

/// Names of files and folders that are not whole yet start like this.
pub(super) const UNFINISHED: &str = ".tmp-";

/// Replaces a file with these bytes; a reader finds the old or the new contents, whatever happens meanwhile.
///
/// # Errors
/// When the system refuses; the old file is there then, and no other one.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    write_atomically_with(path, |file| file.write_all(bytes))
}

/// As [`write_atomically`], with the contents written piece by piece.
///
/// # Errors
/// When the system or `write` refuses; the old file is there then, and no other one.
pub fn write_atomically_with(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), RunError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = path.with_file_name(format!("{UNFINISHED}{}-{name}", std::process::id()));
    let written = write_synced(&unfinished, write).and_then(|()| {
        abort_point("unfinished", &name);
        fs::rename(&unfinished, path)
    });
    if let Err(error) = written {
        // The first error is the one to report.
        let _ = fs::remove_file(&unfinished);
        return Err(RunError::io(path)(error));
    }
    sync_folder(folder_of(path)).map_err(RunError::io(path))
}

/// Writes a file and waits until the disk has it.
pub(super) fn write_synced(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    write(&mut file)?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// Waits until the disk has a folder's list of names.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened as a file.
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        write_atomically(&path, b"old").unwrap();
        let error = write_atomically_with(&path, |file| {
            file.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        let error = error.unwrap_err();
        assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
        assert!(error.hint().starts_with("make room"), "{}", error.hint());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none/report.html");
        assert!(write_atomically(&path, b"").unwrap_err().to_string().contains("none/report.html"));
    }
}
