//! Members of archives, in memory and nowhere else. Names and sizes in an archive are claims of a stranger: what is read is
//! counted as it comes, and nothing is written.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;

use super::listing::{Reason, Skipped};
use crate::data::DataError;

/// Members of an archive above this are no data set of pictures.
const MOST_MEMBERS: usize = 5_000_000;
/// Characters of a member's name that are taken.
const LONGEST_NAME: usize = 1024;

/// The kinds of archives that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Tar,
    TarGz,
    Zip,
}

impl Format {
    /// By the name of the file.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        match () {
            () if ends(&[".tar.gz", ".tgz"]) => Some(Self::TarGz),
            () if ends(&[".tar"]) => Some(Self::Tar),
            () if ends(&[".zip"]) => Some(Self::Zip),
            () => None,
        }
    }
}

/// What an archive may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes of all that is unpacked, with what is passed over.
    pub unpacked_bytes: u64,
}

/// A file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// Its path in the archive, `/` between folders; it leads nowhere else.
    pub name: String,
    pub bytes: Vec<u8>,
}

/// The wanted files of an archive, sorted by name, and what was passed over.
#[derive(Debug)]
pub(super) struct Members {
    pub files: Vec<Member>,
    pub skipped: Skipped,
}

/// Reads the files of an archive whose names are wanted.
///
/// # Errors
/// When it cannot be read, is broken, or unpacks to more than the limits.
pub(super) fn members(
    path: &Path,
    format: Format,
    limits: &Limits,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<Members, DataError> {
    let file = BufReader::new(File::open(path).map_err(DataError::io(path))?);
    let mut taken = Taken { is_wanted, files: BTreeMap::new(), skipped: Skipped::default(), passed: 0 };
    let read = match format {
        Format::Tar => read_tar(Limited::new(file, limits), &mut taken),
        Format::TarGz => read_tar(Limited::new(MultiGzDecoder::new(file), limits), &mut taken),
        Format::Zip => read_zip(file, limits, &mut taken),
    };
    read.map_err(|error| DataError::malformed(path, reason(&error, limits)))?;
    let files = taken.files.into_iter().map(|(name, bytes)| Member { name, bytes }).collect();
    Ok(Members { files, skipped: taken.skipped })
}

fn reason(error: &io::Error, limits: &Limits) -> String {
    if is_limit(error) {
        let most = limits.unpacked_bytes >> 20;
        return format!(
            "unpacks to more than data.picture_memory_mib = {most}: unpack it and name the folder, or allow more memory"
        );
    }
    format!("the archive is broken ({error}): copy it again")
}

/// What was read so far.
struct Taken<W> {
    is_wanted: W,
    files: BTreeMap<String, Vec<u8>>,
    skipped: Skipped,
    passed: usize,
}

impl<W: Fn(&str) -> bool> Taken<W> {
    /// The name under which a member is to be read; `None` where it is not.
    fn wanted(&mut self, name: &str, is_plain_file: bool) -> io::Result<Option<String>> {
        self.passed += 1;
        if self.passed > MOST_MEMBERS {
            return Err(io::Error::other(format!("more than {MOST_MEMBERS} members")));
        }
        let Some(safe) = safe_name(name) else {
            self.skipped.add(Reason::LeadsOut, name.chars().take(60).collect());
            return Ok(None);
        };
        if is_hidden(&safe) {
            return Ok(None);
        }
        if !is_plain_file {
            self.skipped.add(Reason::Link, safe);
            return Ok(None);
        }
        if !(self.is_wanted)(&safe) {
            self.skipped.add(Reason::OtherFormat, safe);
            return Ok(None);
        }
        Ok(Some(safe))
    }

    /// The later one of two members of a name counts, as when an archive is unpacked.
    fn add(&mut self, name: String, bytes: Vec<u8>) {
        if self.files.insert(name.clone(), bytes).is_some() {
            self.skipped.add(Reason::Again, name);
        }
    }
}

fn is_hidden(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with('.'))
}

/// The name without `./` in front; `None` where it leads out of the archive or is none.
fn safe_name(name: &str) -> Option<String> {
    let is_absolute = name.starts_with('/') || name.contains(['\\', '\0']) || name.get(1..2) == Some(":");
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let is_safe = !is_absolute && !parts.is_empty() && !parts.contains(&"..") && name.len() <= LONGEST_NAME;
    is_safe.then(|| parts.join("/"))
}

fn read_tar(stream: impl Read, taken: &mut Taken<impl Fn(&str) -> bool>) -> io::Result<()> {
    let mut archive = tar::Archive::new(stream);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if let Some(name) = taken.wanted(&name, kind.is_file() || kind.is_contiguous())? {
            let size = entry.size();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            if (bytes.len() as u64) < size {
                return Err(io::Error::other(format!("{name} is cut off")));
            }
            taken.add(name, bytes);
        }
    }
    Ok(())
}

fn read_zip(file: BufReader<File>, limits: &Limits, taken: &mut Taken<impl Fn(&str) -> bool>) -> io::Result<()> {
    let mut archive = ZipArchive::new(file).map_err(io::Error::other)?;
    let mut left = limits.unpacked_bytes;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(io::Error::other)?;
        if entry.is_dir() {
            continue;
        }
        let (name, is_plain_file) = (String::from_utf8_lossy(entry.name_raw()).into_owned(), !entry.is_symlink());
        if let Some(name) = taken.wanted(&name, is_plain_file)? {
            let mut bytes = Vec::new();
            let mut limited = Limited { stream: &mut entry, left };
            limited.read_to_end(&mut bytes).map_err(|error| named(&name, error))?;
            left = limited.left;
            taken.add(name, bytes);
        }
    }
    Ok(())
}

fn named(name: &str, error: io::Error) -> io::Error {
    if is_limit(&error) { error } else { io::Error::other(format!("{name}: {error}")) }
}

/// A stream that is an error, and not an end, behind its limit.
struct Limited<S> {
    stream: S,
    left: u64,
}

/// The error behind the limit.
#[derive(Debug, thiserror::Error)]
#[error("more bytes than are allowed")]
struct BeyondLimit;

fn is_limit(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<BeyondLimit>())
}

impl<S> Limited<S> {
    fn new(stream: S, limits: &Limits) -> Self {
        Self { stream, left: limits.unpacked_bytes }
    }
}

impl<S: Read> Read for Limited<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| io::Error::other(BeyondLimit))?;
        Ok(read)
    }
}
