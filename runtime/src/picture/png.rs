//! Whether a PNG file is whole, and what of it the decoder needs.

use std::vec::Vec;

use crc32fast::Hasher;

pub(super) const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";

/// Why a PNG file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PngFault {
    NoPixels,
    CutOff,
    Checksum([u8; 4]),
    Damaged(&'static str),
}

/// A PNG file that is whole.
#[derive(Debug)]
pub(super) struct WholePng {
    /// The file with the chunks alone that say something of pixels: what else there is may unpack to any size.
    pub essential: Vec<u8>,
    /// Of the chunk `eXIf`, 1 to 8.
    pub exif: Option<Vec<u8>>,
    /// Whether there are further pictures, which are shown after the first.
    pub is_animated: bool,
}

/// Width and height of the chunk `IHDR`.
pub(super) fn size(png: &[u8]) -> Result<[usize; 2], PngFault> {
    let (kind, data, _) = chunk(&png[SIGNATURE.len()..])?;
    let &[w3, w2, w1, w0, h3, h2, h1, h0, ..] = data else {
        return Err(PngFault::Damaged("a header that is too short"));
    };
    if kind != *b"IHDR" {
        return Err(PngFault::Damaged("no header at its start"));
    }
    match [[w3, w2, w1, w0], [h3, h2, h1, h0]].map(|bytes| u32::from_be_bytes(bytes) as usize) {
        [0, _] | [_, 0] => Err(PngFault::NoPixels),
        size => Ok(size),
    }
}

/// Reads a PNG file to its end, `IEND`; what follows is not the picture's.
///
/// # Errors
/// When it is cut off, or a chunk is not what its checksum says.
pub(super) fn check(png: &[u8]) -> Result<WholePng, PngFault> {
    let mut whole = WholePng { essential: SIGNATURE.to_vec(), exif: None, is_animated: false };
    let mut rest = &png[SIGNATURE.len()..];
    loop {
        let (kind, data, length) = chunk(rest)?;
        match &kind {
            b"IHDR" | b"PLTE" | b"tRNS" | b"IDAT" | b"IEND" => whole.essential.extend_from_slice(&rest[..length]),
            b"eXIf" => whole.exif = Some(data.to_vec()),
            b"acTL" => whole.is_animated = true,
            // The case of the first letter tells what a decoder has to know.
            [first, ..] if first.is_ascii_uppercase() => return Err(PngFault::Damaged("a chunk that nobody knows")),
            _ => {}
        }
        if kind == *b"IEND" {
            return Ok(whole);
        }
        rest = &rest[length..];
    }
}

/// Name and data of the chunk that the bytes begin with, and its whole length.
fn chunk(bytes: &[u8]) -> Result<([u8; 4], &[u8], usize), PngFault> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(PngFault::CutOff)?;
    let (kind, rest) = rest.split_first_chunk::<4>().ok_or(PngFault::CutOff)?;
    if !kind.iter().all(u8::is_ascii_alphabetic) {
        return Err(PngFault::Damaged("something else where a chunk should begin"));
    }
    let length = u32::from_be_bytes(*length) as usize;
    let (data, rest) = rest.split_at_checked(length).ok_or(PngFault::CutOff)?;
    let checksum = rest.first_chunk::<4>().ok_or(PngFault::CutOff)?;
    let mut hasher = Hasher::new();
    hasher.update(kind);
    hasher.update(data);
    if hasher.finalize() != u32::from_be_bytes(*checksum) {
        return Err(PngFault::Checksum(*kind));
    }
    Ok((*kind, data, length + 12))
}
