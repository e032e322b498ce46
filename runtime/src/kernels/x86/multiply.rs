//! The multiplications of int8 convolutions, in the forms that processors have.

#![allow(unsafe_code)]

use core::arch::x86_64::*;

/// Products of a few neighbouring taps of one window with those of eight filters, added to eight sums.
pub(super) trait Multiply {
    /// Taps at a time.
    const TAPS: usize;
    /// Bytes of the taps' values: always 32 bits.
    const NUMBER_BYTES: usize = 4 / Self::TAPS;
    /// Bytes of eight filters' taps.
    const FILTER_BYTES: usize;

    /// Reads eight filters' taps.
    ///
    /// # Safety
    /// [`Self::FILTER_BYTES`] can be read, aligned to as many; the processor has the instructions.
    unsafe fn factors(from: *const u8) -> __m256i;

    /// Adds the products; `values` holds the window's taps eight times.
    ///
    /// # Safety
    /// The processor has the instructions.
    unsafe fn add(sums: __m256i, values: __m256i, factors: __m256i) -> __m256i;
}

/// Two taps of 16 bits.
pub(super) struct Pairs;

/// The same, with filters of eight bits.
pub(super) struct NarrowPairs;

/// Four taps of eight bits: values without a sign, filters with one. For AVX-512 VNNI.
pub(super) struct Quads;

impl Multiply for Pairs {
    const TAPS: usize = 2;
    const FILTER_BYTES: usize = 32;

    #[inline(always)]
    unsafe fn factors(from: *const u8) -> __m256i {
        // SAFETY: as the caller allows.
        unsafe { _mm256_load_si256(from.cast()) }
    }

    #[inline(always)]
    unsafe fn add(sums: __m256i, values: __m256i, factors: __m256i) -> __m256i {
        // SAFETY: as the caller allows.
        unsafe { _mm256_add_epi32(sums, _mm256_madd_epi16(values, factors)) }
    }
}

impl Multiply for NarrowPairs {
    const TAPS: usize = 2;
    const FILTER_BYTES: usize = 16;

    #[inline(always)]
    unsafe fn factors(from: *const u8) -> __m256i {
        // SAFETY: as the caller allows.
        unsafe { _mm256_cvtepi8_epi16(_mm_load_si128(from.cast())) }
    }

    #[inline(always)]
    unsafe fn add(sums: __m256i, values: __m256i, factors: __m256i) -> __m256i {
        // SAFETY: as the caller allows.
        unsafe { Pairs::add(sums, values, factors) }
    }
}

impl Multiply for Quads {
    const TAPS: usize = 4;
    const FILTER_BYTES: usize = 32;

    #[inline(always)]
    unsafe fn factors(from: *const u8) -> __m256i {
        // SAFETY: as the caller allows.
        unsafe { _mm256_load_si256(from.cast()) }
    }

    #[inline(always)]
    unsafe fn add(sums: __m256i, values: __m256i, factors: __m256i) -> __m256i {
        // SAFETY: as the caller allows.
        unsafe { _mm256_dpbusd_epi32(sums, values, factors) }
    }
}

/// Whether this processor has the instructions of [`Quads`].
pub(crate) fn has_quads() -> bool {
    std::is_x86_feature_detected!("avx512vnni") && std::is_x86_feature_detected!("avx512vl")
}

/// [`Quads`] with `vpdpbusd` as its definition has it, for processors without.
#[cfg(test)]
pub(super) struct ModelOfQuads;

#[cfg(test)]
impl Multiply for ModelOfQuads {
    const TAPS: usize = 4;
    const FILTER_BYTES: usize = 32;

    unsafe fn factors(from: *const u8) -> __m256i {
        // SAFETY: as the caller allows.
        unsafe { Quads::factors(from) }
    }

    unsafe fn add(sums: __m256i, values: __m256i, factors: __m256i) -> __m256i {
        // SAFETY: registers of 32 bytes have no invalid patterns.
        let (mut sums, values, factors) = unsafe {
            let numbers = |register: __m256i| core::mem::transmute::<__m256i, [[u8; 4]; 8]>(register);
            (core::mem::transmute::<__m256i, [i32; 8]>(sums), numbers(values), numbers(factors))
        };
        for ((sum, values), factors) in sums.iter_mut().zip(values).zip(factors) {
            let products = values.iter().zip(factors).map(|(v, f)| i32::from(*v) * i32::from(f.cast_signed()));
            *sum = sum.wrapping_add(products.sum());
        }
        // SAFETY: as above.
        unsafe { core::mem::transmute::<[i32; 8], __m256i>(sums) }
    }
}
