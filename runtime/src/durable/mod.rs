//! Files and folders that appear whole or not at all, whatever happens meanwhile.
//!
//! What is not whole yet stands beside its destination under a name that starts with [`UNFINISHED`]; it is written, waited
//! for until the disk has it, and renamed. Names need not be UTF-8.

mod abort_point;
mod file;
mod folder;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::string::String;

pub use abort_point::abort_point;
pub use file::{write_file, write_file_with, write_synced};
pub use folder::{StagedFolder, current_folder, recover_folders, replace_folder};

/// Names of files and folders that are not whole yet start like this.
pub const UNFINISHED: &str = ".tmp-";
/// Names of folders that are being replaced start like this.
pub const REPLACED: &str = ".old-";

/// What the system refused, and where.
#[derive(Debug)]
pub struct Failure {
    /// The file or folder that was to be written.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.source)
    }
}

impl core::error::Error for Failure {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.source)
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> Failure {
    move |source| Failure { path: path.into(), source }
}

/// Waits until the disk has a folder's list of names.
///
/// # Errors
/// When the system refuses.
pub fn sync_folder(path: &Path) -> Result<(), Failure> {
    // Elsewhere a folder cannot be opened as a file, and the system does it alone.
    if cfg!(unix) { File::open(path).and_then(|folder| folder.sync_all()).map_err(failed(path)) } else { Ok(()) }
}

/// The folder that a path is in; `.` for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The last part of a path, for messages.
fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The same name with something before it.
fn beside(path: &Path, prefix: &str) -> PathBuf {
    let mut name = OsString::from(prefix);
    name.push(path.file_name().unwrap_or_default());
    path.with_file_name(name)
}

#[cfg(test)]
mod tests;
