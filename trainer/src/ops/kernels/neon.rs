//! Tiles of 6 rows by 16 columns in 128-bit registers: 24 sums, four panel registers, one broadcast.

use core::arch::aarch64::*;

use super::lanes::Lanes;
use super::tile::{self, PixelWalk, Segments, Tile, TileKernels};
use super::winograd_transforms::{self as winograd, Channels, Transforms};

#[derive(Clone, Copy)]
struct Register(float32x4_t);

// SAFETY: only the functions below use it; they are compiled for, and handed out after detection of, the instruction
// set.
unsafe impl Lanes for Register {
    const COUNT: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        // SAFETY: the instruction set is available.
        Register(unsafe { vdupq_n_f32(value) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the instruction set is available and the numbers are readable.
        Register(unsafe { vld1q_f32(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the instruction set is available and the numbers are writable.
        unsafe { vst1q_f32(to, self.0) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: the instruction set is available.
        Register(unsafe { vfmaq_f32(addend.0, self.0, factor.0) })
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the instruction set is available.
        Register(unsafe { vaddq_f32(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: the instruction set is available.
        Register(unsafe { vsubq_f32(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: the instruction set is available.
        Register(unsafe { vmulq_f32(self.0, other.0) })
    }
}

/// NEON is part of every 64-bit Arm processor.
pub(crate) static TILES: TileKernels = TileKernels {
    name: "neon",
    rows: 6,
    wide: Tile { columns: 16, product: product_wide, outer: outer_wide },
    narrow: Tile { columns: 8, product: product_narrow, outer: outer_narrow },
    winograd: Transforms { input: winograd_input, output: winograd_output, gradient: winograd_gradient },
};

/// # Safety
/// See [`tile::ProductFn`].
#[target_feature(enable = "neon")]
unsafe fn product_wide(
    a: *const f32,
    a_offsets: *const usize,
    walk: Segments,
    b: *const f32,
    c: *mut f32,
    c_offsets: *const usize,
) {
    // SAFETY: the caller keeps the same contract.
    unsafe { tile::product::<Register, 6, 4>(a, a_offsets, walk, b, c, c_offsets) }
}

/// # Safety
/// See [`tile::OuterFn`].
#[target_feature(enable = "neon")]
unsafe fn outer_wide(a: *const f32, walk: PixelWalk, b: *const f32, c: *mut f32) {
    // SAFETY: the caller keeps the same contract.
    unsafe { tile::outer::<Register, 6, 4>(a, walk, b, c) }
}

/// # Safety
/// See [`tile::ProductFn`].
#[target_feature(enable = "neon")]
unsafe fn product_narrow(
    a: *const f32,
    a_offsets: *const usize,
    walk: Segments,
    b: *const f32,
    c: *mut f32,
    c_offsets: *const usize,
) {
    // SAFETY: the caller keeps the same contract.
    unsafe { tile::product::<Register, 6, 2>(a, a_offsets, walk, b, c, c_offsets) }
}

/// # Safety
/// See [`tile::OuterFn`].
#[target_feature(enable = "neon")]
unsafe fn outer_narrow(a: *const f32, walk: PixelWalk, b: *const f32, c: *mut f32) {
    // SAFETY: the caller keeps the same contract.
    unsafe { tile::outer::<Register, 6, 2>(a, walk, b, c) }
}

/// # Safety
/// See [`winograd::GatherFn`].
#[target_feature(enable = "neon")]
unsafe fn winograd_input(pixels: *const *const f32, points: *mut f32, point_stride: usize, channels: Channels) {
    // SAFETY: the caller keeps the same contract.
    unsafe { winograd::input::<Register>(pixels, points, point_stride, channels) }
}

/// # Safety
/// See [`winograd::ScatterFn`].
#[target_feature(enable = "neon")]
unsafe fn winograd_output(points: *const f32, point_stride: usize, pixels: *const *mut f32, channels: usize) {
    // SAFETY: the caller keeps the same contract.
    unsafe { winograd::output::<Register>(points, point_stride, pixels, channels) }
}

/// # Safety
/// See [`winograd::GatherFn`].
#[target_feature(enable = "neon")]
unsafe fn winograd_gradient(pixels: *const *const f32, points: *mut f32, point_stride: usize, channels: Channels) {
    // SAFETY: the caller keeps the same contract.
    unsafe { winograd::gradient::<Register>(pixels, points, point_stride, channels) }
}
