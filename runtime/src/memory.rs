//! Aligned bytes for models and arenas, and the only reinterpretation of bytes as numbers in this crate.

#[cfg(feature = "alloc")]
use alloc::{vec, vec::Vec};
use core::fmt;
use core::ops::{Deref, DerefMut};

#[cfg(target_endian = "big")]
compile_error!("model files are little-endian and read in place: use a little-endian target");

/// What the first byte of a model and of an arena must be aligned to, so that float32 values can be read in place.
pub const ALIGNMENT_BYTES: usize = 4;

/// `N` bytes aligned to 16, for a model in flash or a static arena.
///
/// # Example
/// ```
/// use sextant_runtime::memory::Aligned;
/// let mut arena = Aligned([0u8; 1024]);
/// assert_eq!(arena.as_mut_ptr() as usize % 16, 0);
/// ```
#[repr(C, align(16))]
#[derive(Clone, Copy)]
pub struct Aligned<const N: usize>(pub [u8; N]);

impl<const N: usize> Deref for Aligned<N> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<const N: usize> DerefMut for Aligned<N> {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl<const N: usize> fmt::Debug for Aligned<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aligned({N} bytes)")
    }
}

/// Embeds a file, aligned so that [`crate::model::Model::parse`] takes it.
#[macro_export]
macro_rules! include_aligned {
    ($path:expr) => {{
        static BYTES: &$crate::memory::Aligned<{ include_bytes!($path).len() }> =
            &$crate::memory::Aligned(*include_bytes!($path));
        &BYTES.0 as &'static [u8]
    }};
}

/// Heap bytes aligned to 16, for models read from files and for arenas.
#[cfg(feature = "alloc")]
#[derive(Clone)]
pub struct AlignedVec {
    blocks: Vec<Aligned<16>>,
    length: usize,
}

#[cfg(feature = "alloc")]
impl AlignedVec {
    /// That many zero bytes.
    pub fn zeroed(length: usize) -> Self {
        Self { blocks: vec![Aligned([0; 16]); length.div_ceil(16)], length }
    }

    /// A copy of the bytes.
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut copy = Self::zeroed(bytes.len());
        copy.copy_from_slice(bytes);
        copy
    }
}

#[cfg(feature = "alloc")]
impl Deref for AlignedVec {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        blocks_as_bytes(&self.blocks).get(..self.length).unwrap_or(&[])
    }
}

#[cfg(feature = "alloc")]
impl DerefMut for AlignedVec {
    fn deref_mut(&mut self) -> &mut [u8] {
        blocks_as_bytes_mut(&mut self.blocks).get_mut(..self.length).unwrap_or_default()
    }
}

#[cfg(feature = "alloc")]
impl fmt::Debug for AlignedVec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlignedVec({} bytes)", self.length)
    }
}

pub(crate) fn is_aligned(bytes: &[u8]) -> bool {
    bytes.as_ptr().align_offset(ALIGNMENT_BYTES) == 0
}

/// The bytes as float32 values; `None` when they are not aligned to 4 or their number is not a multiple of 4.
#[allow(unsafe_code)]
pub(crate) fn as_f32(bytes: &[u8]) -> Option<&[f32]> {
    // SAFETY: every pattern of four bytes is an f32, and `align_to` keeps length and alignment right.
    let (before, values, after) = unsafe { bytes.align_to::<f32>() };
    (before.is_empty() && after.is_empty()).then_some(values)
}

/// The bytes as float32 values; `None` when they are not aligned to 4 or their number is not a multiple of 4.
#[allow(unsafe_code)]
pub(crate) fn as_f32_mut(bytes: &mut [u8]) -> Option<&mut [f32]> {
    // SAFETY: every pattern of four bytes is an f32 and the other way round; `align_to_mut` keeps length and
    // alignment right.
    let (before, values, after) = unsafe { bytes.align_to_mut::<f32>() };
    (before.is_empty() && after.is_empty()).then_some(values)
}

/// The bytes as 32-bit integers; `None` when they are not aligned to 4 or their number is not a multiple of 4.
#[allow(unsafe_code)]
pub(crate) fn as_i32(bytes: &[u8]) -> Option<&[i32]> {
    // SAFETY: every pattern of four bytes is an i32, and `align_to` keeps length and alignment right.
    let (before, values, after) = unsafe { bytes.align_to::<i32>() };
    (before.is_empty() && after.is_empty()).then_some(values)
}

/// The bytes as 16-bit integers; `None` when they are not aligned to 2 or their number is odd.
#[allow(unsafe_code)]
pub(crate) fn as_i16_mut(bytes: &mut [u8]) -> Option<&mut [i16]> {
    // SAFETY: every pattern of two bytes is an i16 and the other way round; `align_to_mut` keeps length and alignment
    // right.
    let (before, values, after) = unsafe { bytes.align_to_mut::<i16>() };
    (before.is_empty() && after.is_empty()).then_some(values)
}

/// The bytes as signed ones.
#[allow(unsafe_code)]
pub(crate) fn as_i8(bytes: &[u8]) -> &[i8] {
    // SAFETY: u8 and i8 have one size, one alignment and no invalid patterns: the middle part is everything.
    unsafe { bytes.align_to::<i8>().1 }
}

/// The bytes as signed ones.
#[allow(unsafe_code)]
pub(crate) fn as_i8_mut(bytes: &mut [u8]) -> &mut [i8] {
    // SAFETY: as in `as_i8`.
    unsafe { bytes.align_to_mut::<i8>().1 }
}

/// 16-bit integers as the bytes that they are made of, low one first.
#[cfg(any(sextant_thumb1, sextant_thumb2, target_arch = "aarch64"))]
#[allow(unsafe_code)]
pub(crate) fn i16_as_i8_mut(numbers: &mut [i16]) -> &mut [i8] {
    // SAFETY: i8 has no alignment, and every pattern of two bytes is an i16 and the other way round.
    unsafe { numbers.align_to_mut::<i8>().1 }
}

/// 16-bit integers as the bytes that they are made of, low one first.
#[cfg(target_arch = "aarch64")]
#[allow(unsafe_code)]
pub(crate) fn i16_as_i8(numbers: &[i16]) -> &[i8] {
    // SAFETY: i8 has no alignment, and every pattern of two bytes is two of them.
    unsafe { numbers.align_to::<i8>().1 }
}

#[cfg(feature = "alloc")]
#[allow(unsafe_code)]
fn blocks_as_bytes(blocks: &[Aligned<16>]) -> &[u8] {
    // SAFETY: a block is 16 initialised bytes without padding, and u8 has no alignment.
    unsafe { blocks.align_to::<u8>().1 }
}

#[cfg(feature = "alloc")]
#[allow(unsafe_code)]
fn blocks_as_bytes_mut(blocks: &mut [Aligned<16>]) -> &mut [u8] {
    // SAFETY: as in `blocks_as_bytes`, and every byte pattern is a block.
    unsafe { blocks.align_to_mut::<u8>().1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_numbers_only_when_aligned_and_whole() {
        let mut bytes = Aligned([0u8; 12]);
        bytes[4..8].copy_from_slice(&1.5f32.to_le_bytes());
        assert_eq!(as_f32(&bytes), Some(&[0.0, 1.5, 0.0][..]));
        assert_eq!(as_f32(&bytes[1..9]), None);
        assert_eq!(as_f32(&bytes[..6]), None);
        assert_eq!(as_f32(&[]), Some(&[][..]));
        as_f32_mut(&mut bytes).unwrap()[2] = -1.0;
        assert_eq!(bytes[8..], (-1.0f32).to_le_bytes());
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn heap_bytes_keep_their_length_and_content() {
        for length in [0, 1, 15, 16, 17, 100] {
            let source: Vec<u8> = (0..length as u8).collect();
            let copy = AlignedVec::copy_of(&source);
            assert_eq!(&copy[..], &source[..]);
            assert_eq!(copy.as_ptr().align_offset(16), 0);
        }
    }
}
