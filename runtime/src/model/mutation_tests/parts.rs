//! A file taken apart into its sections and put together again, whatever they hold.

use alloc::vec::Vec;

use super::super::checksum::crc32;
use super::super::layout::*;

/// The nine sections and the data.
pub(super) struct Parts {
    pub sections: [Vec<u8>; SECTION_COUNT],
    pub data: Vec<u8>,
}

impl Parts {
    /// Of a sound file.
    pub fn of(file: &[u8]) -> Self {
        let field = |offset| word_at(file, SECTION_TABLE_OFFSET + offset) as usize;
        let place = |index: usize| (field(8 * index), field(8 * index + 4));
        let sections = core::array::from_fn(|index| {
            let (offset, length) = place(index);
            file[offset..offset + length].to_vec()
        });
        let (offset, length) = place(SECTION_COUNT - 1);
        Self { sections, data: file[aligned(offset + length).unwrap()..].to_vec() }
    }

    /// A file whose header and checksum are right.
    pub fn joined(&self) -> Vec<u8> {
        let mut file = alloc::vec![0; HEADER_BYTES];
        file[..MAGIC.len()].copy_from_slice(&MAGIC);
        put(&mut file, MAGIC.len(), VERSION);
        put(&mut file, SECTION_COUNT_OFFSET, SECTION_COUNT as u32);
        for (index, section) in self.sections.iter().enumerate() {
            let offset = file.len() as u32;
            put(&mut file, SECTION_TABLE_OFFSET + 8 * index, offset);
            put(&mut file, SECTION_TABLE_OFFSET + 8 * index + 4, section.len() as u32);
            file.extend_from_slice(section);
            file.resize(aligned(file.len()).unwrap(), 0);
        }
        file.extend_from_slice(&self.data);
        repair(&mut file);
        file
    }
}

/// Makes length and checksum right again, so that the checks behind them are reached.
pub(super) fn repair(file: &mut [u8]) {
    if file.len() > LENGTH_OFFSET + 4 {
        put(file, LENGTH_OFFSET, file.len() as u32);
        put(file, CHECKSUM_OFFSET, crc32(&file[CHECKED_FROM..]));
    }
}

pub(super) fn word_at(bytes: &[u8], offset: usize) -> u32 {
    bytes.get(offset..).and_then(|rest| rest.first_chunk()).map_or(0, |word| u32::from_le_bytes(*word))
}

pub(super) fn put(bytes: &mut [u8], offset: usize, value: u32) {
    let field = bytes.get_mut(offset..).unwrap_or_default();
    field.iter_mut().zip(value.to_le_bytes()).for_each(|(to, from)| *to = from);
}
