//! The few files of known names that a binary data set has, from a folder or a tar archive, bounded in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::archive::{Format, Limits, members};
use crate::data::DataError;

/// Files of a data set by name.
#[derive(Debug)]
pub(super) struct Files {
    /// The folder or archive.
    pub place: PathBuf,
    by_name: BTreeMap<String, Vec<u8>>,
}

impl Files {
    /// Reads those of the wanted files that there are: in the folder, or anywhere in the archive by their last name.
    ///
    /// # Errors
    /// When the folder or archive cannot be read, or takes more than `memory_bytes`.
    pub fn read(place: &Path, is_wanted: impl Fn(&str) -> bool, memory_bytes: u64) -> Result<Self, DataError> {
        let by_name = match Format::of(place) {
            Some(format) if place.is_file() => {
                let limits = Limits { unpacked_bytes: memory_bytes };
                let wanted = |name: &str| is_wanted(last_name(name));
                let found = members(place, format, &limits, wanted)?.files;
                found.into_iter().map(|member| (last_name(&member.name).to_owned(), member.bytes)).collect()
            }
            _ => from_folder(place, is_wanted, memory_bytes)?,
        };
        Ok(Self { place: place.to_owned(), by_name })
    }

    /// Whether there is a file.
    pub fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// A file, which is given away.
    ///
    /// # Errors
    /// When it is not there.
    pub fn take(&mut self, name: &str) -> Result<Vec<u8>, DataError> {
        let missing = || DataError::malformed(&self.place, format!("{name} is missing: copy the data set again"));
        self.by_name.remove(name).ok_or_else(missing)
    }
}

/// The name without folders.
pub(super) fn last_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn from_folder(
    folder: &Path,
    is_wanted: impl Fn(&str) -> bool,
    memory_bytes: u64,
) -> Result<BTreeMap<String, Vec<u8>>, DataError> {
    let (mut found, mut left) = (BTreeMap::new(), memory_bytes);
    for entry in std::fs::read_dir(folder).map_err(DataError::io(folder))? {
        let path = entry.map_err(DataError::io(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_wanted(&name) && path.is_file() {
            let bytes = read_at_most(&path, left)?;
            left -= bytes.len() as u64;
            found.insert(name, bytes);
        }
    }
    Ok(found)
}

/// A whole file of at most that many bytes, whatever its length is said to be.
fn read_at_most(path: &Path, most: u64) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(DataError::io(path))?;
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(DataError::io(path))?;
    if bytes.len() as u64 > most {
        let most = most >> 20;
        return Err(DataError::malformed(
            path,
            format!("is larger than the {most} MiB left of data.picture_memory_mib"),
        ));
    }
    Ok(bytes)
}
