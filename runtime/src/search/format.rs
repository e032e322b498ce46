//! The file of an index, version 1. All numbers are little-endian.
//!
//! | offset | type | content |
//! | --- | --- | --- |
//! | 0 | 8 bytes | magic: `89 53 58 49 0D 0A 1A 0A` (`\x89SXI\r\n\x1a\n`) |
//! | 8 | u32 | version: 1 |
//! | 12 | u32 | CRC-32 (IEEE 802.3) of all bytes from offset 16 to the end |
//! | 16 | u64 | length of the file |
//! | 24 | u64 | length of the model file |
//! | 32 | u32 | CRC-32 of the model file |
//! | 36 | u32 | number of pictures `n` |
//! | 40 | u32, u32 | numbers of the invariant and of the equivariant half, `i` and `e`; not both zero but for `n` = 0 |
//! | 48 | u32 | length of the model's path |
//! | 52 | u32 | zero |
//! | 56 | u64 | length of all names |
//! | 64 | n records of 24 bytes | of each picture: u64 size of its file, i64 seconds and u32 nanoseconds of its time, u32 length of its name |
//! | then | n rows of `i + e` f32 | its features, all finite |
//! | then | bytes | the model's path, then the pictures' names, relative to the folder, in ascending order of their bytes |
//!
//! On Unix paths are bytes, elsewhere UTF-8.

use std::path::{Component, Path, PathBuf};
use std::vec::Vec;

use super::folder::name_bytes;
use super::{Index, IndexFault, IndexedPicture, ModelMark, Stamp};

/// The version that is written and read.
pub(super) const VERSION: u32 = 1;
/// The largest file that is read.
pub(super) const MOST_BYTES: u64 = 4 << 30;
/// What stands before the records.
pub(super) const HEADER_BYTES: usize = 64;

const MAGIC: [u8; 8] = *b"\x89SXI\r\n\x1a\n";
const CHECKED_FROM: usize = 16;
const RECORD_BYTES: usize = 24;

/// Lengths of the parts of a file.
struct Parts {
    pictures: usize,
    widths: [usize; 2],
    model_path: usize,
    names: usize,
}

impl Parts {
    fn of_header(header: &[u8]) -> Option<Self> {
        let length = |offset| u32_at(header, offset) as usize;
        Some(Self {
            pictures: length(36),
            widths: [length(40), length(44)],
            model_path: length(48),
            names: usize::try_from(u64_at(header, 56)).ok()?,
        })
    }

    fn features(&self) -> u128 {
        self.pictures as u128 * (self.widths[0] as u128 + self.widths[1] as u128)
    }

    fn file_bytes(&self) -> u128 {
        let before = HEADER_BYTES as u128 + self.pictures as u128 * RECORD_BYTES as u128 + 4 * self.features();
        before + self.model_path as u128 + self.names as u128
    }
}

/// Whether a file of that length starts as an index of that length does. Nothing beyond its start is needed for it, and no
/// other length is ever allocated for.
///
/// # Errors
/// When it does not.
pub(super) fn check_header(header: &[u8], file_bytes: u64) -> Result<(), IndexFault> {
    parts(header, file_bytes).map(|_| ())
}

fn parts(header: &[u8], file_bytes: u64) -> Result<Parts, IndexFault> {
    if !header.starts_with(&MAGIC) {
        return Err(IndexFault::NoIndex);
    }
    if file_bytes > MOST_BYTES {
        return Err(IndexFault::TooLarge { bytes: file_bytes });
    }
    if header.len() < HEADER_BYTES {
        return Err(IndexFault::Length);
    }
    match u32_at(header, 8) {
        VERSION => {}
        found => return Err(IndexFault::Version { found }),
    }
    let parts = Parts::of_header(header).ok_or(IndexFault::Length)?;
    if u64_at(header, 16) != file_bytes || parts.file_bytes() != u128::from(file_bytes) {
        return Err(IndexFault::Length);
    }
    Ok(parts)
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes[offset..offset + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(bytes[offset..offset + 8].try_into().expect("eight bytes"))
}

impl Index {
    /// The contents of the index's file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let model_path = name_bytes(&self.model.path);
        let names = self.pictures.iter().map(|picture| name_bytes(&picture.name).len());
        let parts = Parts {
            pictures: self.pictures.len(),
            widths: self.widths,
            model_path: model_path.len(),
            names: names.sum(),
        };
        let mut bytes = Vec::with_capacity(parts.file_bytes() as usize);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend((parts.file_bytes() as u64).to_le_bytes());
        bytes.extend(self.model.bytes.to_le_bytes());
        bytes.extend(self.model.checksum.to_le_bytes());
        for number in [parts.pictures, parts.widths[0], parts.widths[1], parts.model_path, 0] {
            bytes.extend((number as u32).to_le_bytes());
        }
        bytes.extend((parts.names as u64).to_le_bytes());
        for IndexedPicture { name, stamp } in &self.pictures {
            bytes.extend(stamp.bytes.to_le_bytes());
            bytes.extend(stamp.modified_s.to_le_bytes());
            bytes.extend(stamp.modified_ns.to_le_bytes());
            bytes.extend((name_bytes(name).len() as u32).to_le_bytes());
        }
        bytes.extend(self.features.iter().flat_map(|value| value.to_le_bytes()));
        bytes.extend(model_path);
        self.pictures.iter().for_each(|picture| bytes.extend(name_bytes(&picture.name)));
        let checksum = crc32fast::hash(&bytes[CHECKED_FROM..]);
        bytes[12..CHECKED_FROM].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The index in the contents of a file.
    ///
    /// # Errors
    /// When they are no whole index. Nothing is allocated beyond a few times their length.
    pub fn of_bytes(bytes: &[u8]) -> Result<Self, IndexFault> {
        let parts = parts(bytes, bytes.len() as u64)?;
        if u32_at(bytes, 12) != crc32fast::hash(&bytes[CHECKED_FROM..]) {
            return Err(IndexFault::Checksum);
        }
        let wrong = |what| IndexFault::Contents { what };
        if u32_at(bytes, 52) != 0 {
            return Err(wrong("a number that is not used is not zero"));
        }
        if (parts.pictures == 0) != (parts.widths == [0; 2]) {
            return Err(wrong("pictures without features, or features without pictures"));
        }
        let (records, rest) = bytes[HEADER_BYTES..].split_at(parts.pictures * RECORD_BYTES);
        let (features, rest) = rest.split_at(4 * parts.features() as usize);
        let (model_path, names) = rest.split_at(parts.model_path);
        let features: Vec<f32> = features.as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value)).collect();
        if !features.iter().all(|value| value.is_finite()) {
            return Err(wrong("a feature is not finite"));
        }
        let path = path_of_bytes(model_path).filter(|path| !path.as_os_str().is_empty());
        let model = ModelMark {
            path: path.ok_or(wrong("the model's path is none"))?,
            bytes: u64_at(bytes, 24),
            checksum: u32_at(bytes, 32),
        };
        Ok(Self { model, widths: parts.widths, pictures: pictures(records, names)?, features })
    }
}

fn pictures(records: &[u8], mut names: &[u8]) -> Result<Vec<IndexedPicture>, IndexFault> {
    let wrong = |what| IndexFault::Contents { what };
    let mut before: &[u8] = b"";
    let mut pictures = Vec::with_capacity(records.len() / RECORD_BYTES);
    for record in records.chunks_exact(RECORD_BYTES) {
        let (name, rest) = names.split_at_checked(u32_at(record, 20) as usize).ok_or(wrong("a name is cut off"))?;
        if name <= before {
            return Err(wrong("the names are not in order"));
        }
        (before, names) = (name, rest);
        let name = path_of_bytes(name).filter(|name| is_below_a_folder(name));
        let stamp =
            Stamp { bytes: u64_at(record, 0), modified_s: u64_at(record, 8) as i64, modified_ns: u32_at(record, 16) };
        if stamp.modified_ns >= 1_000_000_000 {
            return Err(wrong("a time has more nanoseconds than a second"));
        }
        pictures.push(IndexedPicture { name: name.ok_or(wrong("a name leads out of the folder"))?, stamp });
    }
    if names.is_empty() { Ok(pictures) } else { Err(wrong("there are more names than pictures")) }
}

fn is_below_a_folder(name: &Path) -> bool {
    name.components().all(|component| matches!(component, Component::Normal(_)))
}

#[cfg(unix)]
fn path_of_bytes(bytes: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    Some(std::ffi::OsStr::from_bytes(bytes).into())
}

#[cfg(not(unix))]
fn path_of_bytes(bytes: &[u8]) -> Option<PathBuf> {
    Some(core::str::from_utf8(bytes).ok()?.into())
}
