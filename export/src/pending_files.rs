//! Files that are written when everything else is done.

use std::fs;
use std::path::{Path, PathBuf};

use sextant_runtime::durable::write_file;

use crate::Error;

/// Contents that are not on the disk yet, so that a command can give its report first and fail without a trace.
#[derive(Debug, Default)]
#[must_use]
pub struct PendingFiles {
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl PendingFiles {
    /// Writes each, whole or not at all, with the folders that they are in.
    ///
    /// # Errors
    /// When the disk is full or a folder cannot be written.
    pub fn write(self) -> Result<(), Error> {
        for (path, bytes) in &self.files {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(|source| Error::io(parent, "write", source))?;
            }
            write_file(path, bytes)?;
        }
        Ok(())
    }

    /// Adds a file; they are written in this order.
    pub(crate) fn add(&mut self, path: &Path, bytes: Vec<u8>) {
        self.files.push((path.to_path_buf(), bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_on_the_disk_before_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deeper/model.onnx");
        let mut files = PendingFiles::default();
        files.add(&path, b"network".to_vec());
        assert!(!path.exists());
        files.write().unwrap();
        assert_eq!(fs::read(path).unwrap(), b"network");
    }
}
