//! Reading a model's file, of which nothing is known yet.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::memory::AlignedVec;

/// Why a file was not read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// It is not there or may not be read.
    Io(io::Error),
    /// A folder.
    Folder,
    /// A pipe, a device or a socket: it may have no end.
    NoRegularFile,
    /// More bytes than are allowed.
    TooLarge {
        /// Bytes of the file.
        found_bytes: u64,
        /// Bytes allowed.
        most_bytes: u64,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Folder => f.write_str("a folder, not a model file"),
            Self::NoRegularFile => f.write_str("a pipe or a device, not a model file"),
            Self::TooLarge { found_bytes, most_bytes } => {
                write!(f, "the file has {found_bytes} bytes, and the limit is {most_bytes}")
            }
        }
    }
}

impl std::error::Error for ReadError {}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The bytes of a regular file, aligned for [`super::Model::parse`]. No more than `most_bytes` are allocated, whatever the
/// path leads to.
///
/// # Errors
/// When it is no regular file, is larger than `most_bytes`, or changes its length while it is read.
pub fn read_file(path: &Path, most_bytes: u64) -> Result<AlignedVec, ReadError> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(ReadError::Folder);
    }
    // Before it is opened: opening a pipe waits for somebody to write to it.
    if !metadata.is_file() {
        return Err(ReadError::NoRegularFile);
    }
    let too_large = ReadError::TooLarge { found_bytes: metadata.len(), most_bytes };
    if metadata.len() > most_bytes {
        return Err(too_large);
    }
    let Ok(length) = usize::try_from(metadata.len()) else { return Err(too_large) };
    let mut bytes = AlignedVec::zeroed(length);
    let mut file = File::open(path)?;
    file.read_exact(&mut bytes)?;
    match file.read(&mut [0])? {
        0 => Ok(bytes),
        _ => Err(io::Error::other("the file grew while it was read").into()),
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn only_files_within_the_limit_are_read() {
        let folder = std::env::temp_dir().join(std::format!("sextant-read-test-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("five");
        fs::write(&path, b"12345").unwrap();
        assert_eq!(&read_file(&path, 5).unwrap()[..], b"12345");
        let refused = |path: &Path, most| read_file(path, most).unwrap_err().to_string();
        assert_eq!(refused(&path, 4), "the file has 5 bytes, and the limit is 4");
        assert_eq!(refused(&folder, 4), "a folder, not a model file");
        assert!(matches!(read_file(&folder.join("six"), 4), Err(ReadError::Io(_))));
        // As long as it is not written to, a file of a terabyte takes no room on disk.
        let sparse = File::create(folder.join("sparse")).unwrap();
        if sparse.set_len(1 << 40).is_ok() {
            assert!(matches!(read_file(&folder.join("sparse"), 1 << 30), Err(ReadError::TooLarge { .. })));
        }
        fs::remove_dir_all(&folder).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn devices_and_pipes_are_refused_before_they_are_opened() {
        let pipe = std::env::temp_dir().join(std::format!("sextant-pipe-test-{}", std::process::id()));
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success());
        for path in [Path::new("/dev/zero"), Path::new("/dev/null")].into_iter().chain(made.then_some(pipe.as_path())) {
            assert!(matches!(read_file(path, 100), Err(ReadError::NoRegularFile)), "{}", path.display());
        }
        let _ = fs::remove_file(&pipe);
    }
}
