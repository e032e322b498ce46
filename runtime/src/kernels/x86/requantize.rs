#![allow(unsafe_code)]

use core::arch::x86_64::*;

use super::Lanes;
use super::tiling::EIGHT;
use crate::kernels::int8::OutputScale;

/// What [`OutputScale`] has in common for all channels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub shift: u32,
    pub zero_point: i32,
    pub bounds: [i32; 2],
}

impl Scale {
    pub fn of(scale: &OutputScale<'_>) -> Self {
        Self { shift: scale.shift, zero_point: scale.zero_point, bounds: scale.bounds }
    }
}

/// The same, in registers.
#[derive(Clone, Copy)]
pub(super) struct Requantizer {
    /// `2^31 + 2^(31 + shift)`: both roundings of `graph::requantize` at once, since the second one is of whole numbers.
    rounding: __m256i,
    shift: __m128i,
    zero_point: __m256i,
    bounds: [__m128i; 2],
}

impl Requantizer {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub fn new(scale: Scale) -> Self {
        let rounding = (1i64 << 31) + (((1i64 << scale.shift) >> 1) << 32);
        Self {
            rounding: _mm256_set1_epi64x(rounding),
            shift: _mm_cvtsi32_si128(scale.shift.cast_signed()),
            zero_point: _mm256_set1_epi16(scale.zero_point as i16),
            bounds: scale.bounds.map(|bound| _mm_set1_epi8(bound as i8)),
        }
    }

    /// Eight sums times their multipliers, without the zero point.
    ///
    /// A sum times a multiplier is within 2^62 and the rounding within 2^61: 64 bits take both.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub fn scaled(&self, sums: __m256i, multipliers: __m256i) -> __m256i {
        let odd = multiply(_mm256_srli_epi64::<32>(sums), _mm256_srli_epi64::<32>(multipliers));
        let even = _mm256_add_epi64(multiply(sums, multipliers), self.rounding);
        let odd = _mm256_add_epi64(odd, self.rounding);
        let high = _mm256_blend_epi32::<0b1010_1010>(_mm256_srli_epi64::<32>(even), odd);
        _mm256_sra_epi32(high, self.shift)
    }

    /// Two registers of scaled sums as 16-bit numbers with the zero point: of each half of 128 bits first the four of
    /// `a`, then those of `b`. What saturates here is beyond eight bits.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub fn halves(&self, a: __m256i, b: __m256i) -> __m256i {
        _mm256_adds_epi16(_mm256_packs_epi32(a, b), self.zero_point)
    }

    /// Sixteen numbers as bytes within the bounds.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub fn bytes(&self, low: __m128i, high: __m128i) -> __m128i {
        let [least, most] = self.bounds;
        _mm_min_epi8(_mm_max_epi8(_mm_packs_epi16(low, high), least), most)
    }
}

/// `_mm256_mul_epi32`, which the compiler takes apart into three multiplications when it moves a sign out of a loop.
#[inline]
#[target_feature(enable = "avx2")]
fn multiply(a: __m256i, b: __m256i) -> __m256i {
    let product;
    // SAFETY: only registers.
    unsafe {
        core::arch::asm!(
            "vpmuldq {product}, {a}, {b}",
            product = lateout(ymm_reg) product,
            a = in(ymm_reg) a,
            b = in(ymm_reg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    product
}

/// Writes the first `count` bytes, at most eight.
///
/// # Safety
/// So many can be written.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn store_eight(to: *mut i8, count: usize, bytes: __m128i) {
    // SAFETY: as the caller allows.
    unsafe {
        if count >= EIGHT {
            _mm_storel_epi64(to.cast(), bytes);
        } else {
            let bytes = _mm_cvtsi128_si64(bytes).to_ne_bytes();
            core::ptr::copy_nonoverlapping(bytes.as_ptr().cast(), to, count);
        }
    }
}

/// # Safety
/// The pointer is to a register's numbers.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn load(from: *const Lanes<i32, EIGHT>) -> __m256i {
    // SAFETY: `Lanes` are aligned as the register is.
    unsafe { _mm256_load_si256(from.cast()) }
}
