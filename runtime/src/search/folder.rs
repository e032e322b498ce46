use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::SystemTime;
use std::vec;
use std::vec::Vec;

use super::SearchError;
use crate::picture::is_named_as_picture;

/// What tells that a file has not changed: its size, and when it was written last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Size of the file.
    pub bytes: u64,
    /// Seconds since 1970, rounded down; negative before that.
    pub modified_s: i64,
    /// The rest in nanoseconds, below 10^9.
    pub modified_ns: u32,
}

/// The pictures of a folder and of the folders in it: files whose names end as those of PNG and JPEG files do.
#[derive(Debug, Default)]
pub struct Listing {
    /// Names relative to the folder in the order of their bytes, each once.
    pub pictures: Vec<(PathBuf, Stamp)>,
    /// Folders and files that cannot be looked at.
    pub unreadable: Vec<(PathBuf, io::Error)>,
}

/// Files below which no further thread is worth its start.
const FILES_PER_THREAD: usize = 1000;

/// A file of a folder, and its name relative to the folder that is listed.
type Found = (PathBuf, DirEntry);

impl Listing {
    /// Lists a folder. Hidden entries are left out, and so are links to folders, which can lead in circles.
    ///
    /// # Errors
    /// When the folder itself cannot be listed.
    pub fn of(folder: &Path) -> Result<Self, SearchError> {
        let mut listing = Self::default();
        let mut files = vec![];
        let mut folders = vec![PathBuf::new()];
        while let Some(inner) = folders.pop() {
            match entries(&folder.join(&inner)) {
                Ok(entries) => entries.into_iter().for_each(|entry| sort_out(&inner, entry, &mut files, &mut folders)),
                Err(source) if inner.as_os_str().is_empty() => {
                    return Err(SearchError::Read { path: folder.to_path_buf(), source });
                }
                Err(error) => listing.unreadable.push((inner, error)),
            }
        }
        for (name, stamp) in stamps(files) {
            match stamp {
                Ok(Some(_)) if cfg!(not(unix)) && name.to_str().is_none() => {
                    let error = io::Error::new(io::ErrorKind::InvalidFilename, "the name is not UTF-8");
                    listing.unreadable.push((name, error));
                }
                Ok(Some(stamp)) => listing.pictures.push((name, stamp)),
                Ok(None) => {}
                Err(error) => listing.unreadable.push((name, error)),
            }
        }
        listing.pictures.sort_unstable_by(|(a, _), (b, _)| name_bytes(a).cmp(name_bytes(b)));
        Ok(listing)
    }
}

/// The bytes by which names are ordered.
pub(super) fn name_bytes(name: &Path) -> &[u8] {
    name.as_os_str().as_encoded_bytes()
}

fn entries(folder: &Path) -> io::Result<Vec<DirEntry>> {
    fs::read_dir(folder)?.collect()
}

fn sort_out(inner: &Path, entry: DirEntry, files: &mut Vec<Found>, folders: &mut Vec<PathBuf>) {
    let name = entry.file_name();
    if name.as_encoded_bytes().starts_with(b".") {
        return;
    }
    let name = inner.join(name);
    // Most systems tell it with the name, so that no file is asked twice.
    match entry.file_type() {
        Ok(kind) if kind.is_dir() => folders.push(name),
        _ if is_named_as_picture(&name) => files.push((name, entry)),
        _ => {}
    }
}

/// Asks for each file's size and time, with threads where there are many; `None` for what is no file.
fn stamps(mut files: Vec<Found>) -> Vec<(PathBuf, io::Result<Option<Stamp>>)> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(files.len() / FILES_PER_THREAD).max(1);
    let share = files.len().div_ceil(threads).max(1);
    let mut parts = vec![];
    while files.len() > share {
        parts.push(files.split_off(files.len() - share));
    }
    let of_part = |part: Vec<Found>| part.into_iter().map(|(name, entry)| (name, stamp(&entry))).collect::<Vec<_>>();
    thread::scope(|scope| {
        let started: Vec<_> = parts.into_iter().map(|part| scope.spawn(move || of_part(part))).collect();
        let mut all = of_part(files);
        for part in started {
            all.extend(part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    })
}

fn stamp(entry: &DirEntry) -> io::Result<Option<Stamp>> {
    let metadata = entry.metadata()?;
    if !metadata.is_symlink() {
        return Ok(Stamp::of(&metadata));
    }
    match fs::metadata(entry.path()) {
        // A dead link is no picture.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        metadata => Ok(Stamp::of(&metadata?)),
    }
}

impl Stamp {
    /// That of a file; `None` for what is none.
    fn of(metadata: &Metadata) -> Option<Self> {
        let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let (modified_s, modified_ns) = match modified.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => (after.as_secs() as i64, after.subsec_nanos()),
            Err(before) => match (before.duration().as_secs() as i64, before.duration().subsec_nanos()) {
                (seconds, 0) => (-seconds, 0),
                (seconds, nanoseconds) => (-seconds - 1, 1_000_000_000 - nanoseconds),
            },
        };
        metadata.is_file().then_some(Self { bytes: metadata.len(), modified_s, modified_ns })
    }
}
