//! Tiles of 6 rows by 16 columns in 128-bit registers: 24 sums, four panel registers, one broadcast.

#![allow(unsafe_code)]

use core::arch::aarch64::*;

use super::instruction_set::{InstructionSet, Neon};
use super::lanes::Lanes;
use super::tile::{self, PixelWalk, Segments, Tile, TileKernels};
use super::winograd_transforms::{self as winograd, Channels, Transforms};

#[derive(Clone, Copy)]
struct Register(float32x4_t);

impl Lanes for Register {
    type Set = Neon;

    const COUNT: usize = 4;

    #[inline(always)]
    fn splat(_: Neon, value: f32) -> Self {
        // SAFETY: the argument is proof of the instruction set.
        Register(unsafe { vdupq_n_f32(value) })
    }

    #[inline(always)]
    unsafe fn load(_: Neon, from: *const f32) -> Self {
        // SAFETY: the argument is proof of the instruction set, and the numbers are readable by the trait's contract.
        Register(unsafe { vld1q_f32(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: a register is proof of its instruction set, and the numbers are writable by the trait's contract.
        unsafe { vst1q_f32(to, self.0) }
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: a register is proof of its instruction set.
        Register(unsafe { vfmaq_f32(addend.0, self.0, factor.0) })
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: a register is proof of its instruction set.
        Register(unsafe { vaddq_f32(self.0, other.0) })
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: a register is proof of its instruction set.
        Register(unsafe { vsubq_f32(self.0, other.0) })
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: a register is proof of its instruction set.
        Register(unsafe { vmulq_f32(self.0, other.0) })
    }
}

/// The tiles of a processor that has NEON.
pub(crate) fn tiles(set: Neon) -> TileKernels {
    TileKernels {
        instruction_set: InstructionSet::Neon(set),
        rows: 6,
        wide: Tile { columns: 16, product: product_wide, outer: outer_wide },
        narrow: Tile { columns: 8, product: product_narrow, outer: outer_narrow },
        winograd: Transforms { input: winograd_input, output: winograd_output, gradient: winograd_gradient },
    }
}

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
    unsafe { tile::product::<Register, 6, 4>(Neon::of_caller(), a, a_offsets, walk, b, c, c_offsets) }
}

/// # Safety
/// See [`tile::OuterFn`].
#[target_feature(enable = "neon")]
unsafe fn outer_wide(a: *const f32, walk: PixelWalk, b: *const f32, c: *mut f32) {
    // SAFETY: the caller keeps the same contract.
    unsafe { tile::outer::<Register, 6, 4>(Neon::of_caller(), a, walk, b, c) }
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
    unsafe { tile::product::<Register, 6, 2>(Neon::of_caller(), a, a_offsets, walk, b, c, c_offsets) }
}

/// # Safety
/// See [`tile::OuterFn`].
#[target_feature(enable = "neon")]
unsafe fn outer_narrow(a: *const f32, walk: PixelWalk, b: *const f32, c: *mut f32) {
    // SAFETY: the caller keeps the same contract.
    unsafe { tile::outer::<Register, 6, 2>(Neon::of_caller(), a, walk, b, c) }
}

/// # Safety
/// See [`winograd::GatherFn`].
#[target_feature(enable = "neon")]
unsafe fn winograd_input(pixels: *const *const f32, points: *mut f32, point_stride: usize, channels: Channels) {
    // SAFETY: the caller keeps the same contract.
    unsafe { winograd::input::<Register>(Neon::of_caller(), pixels, points, point_stride, channels) }
}

/// # Safety
/// See [`winograd::ScatterFn`].
#[target_feature(enable = "neon")]
unsafe fn winograd_output(points: *const f32, point_stride: usize, pixels: *const *mut f32, channels: usize) {
    // SAFETY: the caller keeps the same contract.
    unsafe { winograd::output::<Register>(Neon::of_caller(), points, point_stride, pixels, channels) }
}

/// # Safety
/// See [`winograd::GatherFn`].
#[target_feature(enable = "neon")]
unsafe fn winograd_gradient(pixels: *const *const f32, points: *mut f32, point_stride: usize, channels: Channels) {
    // SAFETY: the caller keeps the same contract.
    unsafe { winograd::gradient::<Register>(Neon::of_caller(), pixels, points, point_stride, channels) }
}
