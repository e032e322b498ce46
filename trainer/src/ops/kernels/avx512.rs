//! Tiles of 14 rows by 32 columns in 512-bit registers: 28 sums, two panel registers, one broadcast.

use core::arch::x86_64::*;

use super::lanes::Lanes;
use super::tile::{self, PixelWalk, Segments, Tile, TileKernels};
use super::winograd_transforms::{self as winograd, Channels, Transforms};

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

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the instruction set is available.
        Register(unsafe { _mm512_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: the instruction set is available.
        Register(unsafe { _mm512_sub_ps(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: the instruction set is available.
        Register(unsafe { _mm512_mul_ps(self.0, other.0) })
    }
}

static TILES: TileKernels = TileKernels {
    name: "avx512",
    rows: 14,
    wide: Tile { columns: 32, product: product_wide, outer: outer_wide },
    narrow: Tile { columns: 16, product: product_narrow, outer: outer_narrow },
    winograd: Transforms { input: winograd_input, output: winograd_output, gradient: winograd_gradient },
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

/// # Safety
/// See [`winograd::GatherFn`].
#[target_feature(enable = "avx512f")]
unsafe fn winograd_input(pixels: *const *const f32, points: *mut f32, point_stride: usize, channels: Channels) {
    // SAFETY: the caller keeps the same contract.
    unsafe { winograd::input::<Register>(pixels, points, point_stride, channels) }
}

/// # Safety
/// See [`winograd::ScatterFn`].
#[target_feature(enable = "avx512f")]
unsafe fn winograd_output(points: *const f32, point_stride: usize, pixels: *const *mut f32, channels: usize) {
    // SAFETY: the caller keeps the same contract.
    unsafe { winograd::output::<Register>(points, point_stride, pixels, channels) }
}

/// # Safety
/// See [`winograd::GatherFn`].
#[target_feature(enable = "avx512f")]
unsafe fn winograd_gradient(pixels: *const *const f32, points: *mut f32, point_stride: usize, channels: Channels) {
    // SAFETY: the caller keeps the same contract.
    unsafe { winograd::gradient::<Register>(pixels, points, point_stride, channels) }
}
