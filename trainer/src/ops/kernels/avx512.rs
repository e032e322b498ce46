//! Tiles of 14 rows by 32 columns in 512-bit registers: 28 sums, two panel registers, one broadcast.

use core::arch::x86_64::*;

use super::lanes::Lanes;
use super::tile::{self, PixelWalk, Segments, Tile, TileKernels};

#[derive(Clone, Copy)]
struct Register(__m512);

// SAFETY: only the functions below use it; they are compiled for, and handed out after detection of, the instruction
// set.
unsafe impl Lanes for Register {
    const COUNT: usize = 16;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the instruction set is available.
        Register(unsafe { _mm512_set1_ps(value) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the instruction set is available and the numbers are readable.
        Register(unsafe { _mm512_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the instruction set is available and the numbers are writable.
        unsafe { _mm512_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: the instruction set is available.
        Register(unsafe { _mm512_fmadd_ps(self.0, factor.0, addend.0) })
    }
}

static TILES: TileKernels = TileKernels {
    name: "avx512",
    rows: 14,
    wide: Tile { columns: 32, product: product_wide, outer: outer_wide },
    narrow: Tile { columns: 16, product: product_narrow, outer: outer_narrow },
};

/// The tiles, on a machine that has AVX-512F.
pub(crate) fn tiles() -> Option<&'static TileKernels> {
    std::arch::is_x86_feature_detected!("avx512f").then_some(&TILES)
}

/// # Safety
/// See [`tile::ProductFn`].
#[target_feature(enable = "avx512f")]
unsafe fn product_wide(
    a: *const f32,
    a_offsets: *const usize,
    walk: Segments,
    b: *const f32,
    c: *mut f32,
    c_offsets: *const usize,
) {
    // SAFETY: the caller keeps the same contract.
    unsafe { tile::product::<Register, 14, 2>(a, a_offsets, walk, b, c, c_offsets) }
}

/// # Safety
/// See [`tile::OuterFn`].
#[target_feature(enable = "avx512f")]
unsafe fn outer_wide(a: *const f32, walk: PixelWalk, b: *const f32, c: *mut f32) {
    // SAFETY: the caller keeps the same contract.
    unsafe { tile::outer::<Register, 14, 2>(a, walk, b, c) }
}

/// # Safety
/// See [`tile::ProductFn`].
#[target_feature(enable = "avx512f")]
unsafe fn product_narrow(
    a: *const f32,
    a_offsets: *const usize,
    walk: Segments,
    b: *const f32,
    c: *mut f32,
    c_offsets: *const usize,
) {
    // SAFETY: the caller keeps the same contract.
    unsafe { tile::product::<Register, 14, 1>(a, a_offsets, walk, b, c, c_offsets) }
}

/// # Safety
/// See [`tile::OuterFn`].
#[target_feature(enable = "avx512f")]
unsafe fn outer_narrow(a: *const f32, walk: PixelWalk, b: *const f32, c: *mut f32) {
    // SAFETY: the caller keeps the same contract.
    unsafe { tile::outer::<Register, 14, 1>(a, walk, b, c) }
}
