//! Tiles of 14 rows by 32 columns in 512-bit registers: 28 sums, two panel registers, one broadcast.

#![allow(unsafe_code)]

use core::arch::x86_64::*;

use super::instruction_set::{Avx512, InstructionSet};
use super::lanes::Lanes;
use super::tile::{self, PixelWalk, Segments, Tile, TileKernels};
use super::winograd_transforms::{self as winograd, Channels, Transforms};

#[derive(Clone, Copy)]
struct Register(__m512);

impl Lanes for Register {
    type Set = Avx512;

    const COUNT: usize = 16;

    #[inline(always)]
    fn splat(_: Avx512, value: f32) -> Self {
        // SAFETY: the argument is proof of the instruction set.
        Register(unsafe { _mm512_set1_ps(value) })
    }

    #[inline(always)]
    unsafe fn load(_: Avx512, from: *const f32) -> Self {
        // SAFETY: the argument is proof of the instruction set, and the numbers are readable by the trait's contract.
        Register(unsafe { _mm512_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: a register is proof of its instruction set, and the numbers are writable by the trait's contract.
        unsafe { _mm512_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: a register is proof of its instruction set.
        Register(unsafe { _mm512_fmadd_ps(self.0, factor.0, addend.0) })
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: a register is proof of its instruction set.
        Register(unsafe { _mm512_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: a register is proof of its instruction set.
        Register(unsafe { _mm512_sub_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: a register is proof of its instruction set.
        Register(unsafe { _mm512_mul_ps(self.0, other.0) })
    }
}

/// The tiles of a processor that has AVX-512F.
pub(crate) fn tiles(set: Avx512) -> TileKernels {
    TileKernels {
        instruction_set: InstructionSet::Avx512(set),
        rows: 14,
        wide: Tile { columns: 32, product: product_wide, outer: outer_wide },
        narrow: Tile { columns: 16, product: product_narrow, outer: outer_narrow },
        winograd: Transforms { input: winograd_input, output: winograd_output, gradient: winograd_gradient },
    }
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
    unsafe { tile::product::<Register, 14, 2>(Avx512::of_caller(), a, a_offsets, walk, b, c, c_offsets) }
}

/// # Safety
/// See [`tile::OuterFn`].
#[target_feature(enable = "avx512f")]
unsafe fn outer_wide(a: *const f32, walk: PixelWalk, b: *const f32, c: *mut f32) {
    // SAFETY: the caller keeps the same contract.
    unsafe { tile::outer::<Register, 14, 2>(Avx512::of_caller(), a, walk, b, c) }
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
    unsafe { tile::product::<Register, 14, 1>(Avx512::of_caller(), a, a_offsets, walk, b, c, c_offsets) }
}

/// # Safety
/// See [`tile::OuterFn`].
#[target_feature(enable = "avx512f")]
unsafe fn outer_narrow(a: *const f32, walk: PixelWalk, b: *const f32, c: *mut f32) {
    // SAFETY: the caller keeps the same contract.
    unsafe { tile::outer::<Register, 14, 1>(Avx512::of_caller(), a, walk, b, c) }
}

/// # Safety
/// See [`winograd::GatherFn`].
#[target_feature(enable = "avx512f")]
unsafe fn winograd_input(pixels: *const *const f32, points: *mut f32, point_stride: usize, channels: Channels) {
    // SAFETY: the caller keeps the same contract.
    unsafe { winograd::input::<Register>(Avx512::of_caller(), pixels, points, point_stride, channels) }
}

/// # Safety
/// See [`winograd::ScatterFn`].
#[target_feature(enable = "avx512f")]
unsafe fn winograd_output(points: *const f32, point_stride: usize, pixels: *const *mut f32, channels: usize) {
    // SAFETY: the caller keeps the same contract.
    unsafe { winograd::output::<Register>(Avx512::of_caller(), points, point_stride, pixels, channels) }
}

/// # Safety
/// See [`winograd::GatherFn`].
#[target_feature(enable = "avx512f")]
unsafe fn winograd_gradient(pixels: *const *const f32, points: *mut f32, point_stride: usize, channels: Channels) {
    // SAFETY: the caller keeps the same contract.
    unsafe { winograd::gradient::<Register>(Avx512::of_caller(), pixels, points, point_stride, channels) }
}
