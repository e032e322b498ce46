//! Tiles of 6 rows by 16 columns in 256-bit registers: 12 sums, two panel registers, one broadcast.

#![allow(unsafe_code)]

use core::arch::x86_64::*;

use super::instruction_set::{Avx2, InstructionSet};
use super::lanes::Lanes;
use super::tile::{self, PixelWalk, Segments, Tile, TileKernels};
use super::winograd_transforms::{self as winograd, Channels, Transforms};

#[derive(Clone, Copy)]
struct Register(__m256);

impl Lanes for Register {
    type Set = Avx2;

    const COUNT: usize = 8;

    #[inline(always)]
    fn splat(_: Avx2, value: f32) -> Self {
        // SAFETY: the argument is proof of the instruction set.
        Register(unsafe { _mm256_set1_ps(value) })
    }

    #[inline(always)]
    unsafe fn load(_: Avx2, from: *const f32) -> Self {
        // SAFETY: the argument is proof of the instruction set, and the numbers are readable by the trait's contract.
        Register(unsafe { _mm256_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: a register is proof of its instruction set, and the numbers are writable by the trait's contract.
        unsafe { _mm256_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: a register is proof of its instruction set.
        Register(unsafe { _mm256_fmadd_ps(self.0, factor.0, addend.0) })
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: a register is proof of its instruction set.
        Register(unsafe { _mm256_add_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        // SAFETY: a register is proof of its instruction set.
        Register(unsafe { _mm256_sub_ps(self.0, other.0) })
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        // SAFETY: a register is proof of its instruction set.
        Register(unsafe { _mm256_mul_ps(self.0, other.0) })
    }
}

/// The tiles of a processor that has AVX2 and FMA.
pub(crate) fn tiles(set: Avx2) -> TileKernels {
    TileKernels {
        instruction_set: InstructionSet::Avx2(set),
        rows: 6,
        wide: Tile { columns: 16, product: product_wide, outer: outer_wide },
        narrow: Tile { columns: 8, product: product_narrow, outer: outer_narrow },
        winograd: Transforms { input: winograd_input, output: winograd_output, gradient: winograd_gradient },
    }
}

/// # Safety
/// See [`tile::ProductFn`].
#[target_feature(enable = "avx2,fma")]
unsafe fn product_wide(
    a: *const f32,
    a_offsets: *const usize,
    walk: Segments,
    b: *const f32,
    c: *mut f32,
    c_offsets: *const usize,
) {
    // SAFETY: the caller keeps the same contract.
    unsafe { tile::product::<Register, 6, 2>(Avx2::of_caller(), a, a_offsets, walk, b, c, c_offsets) }
}

/// # Safety
/// See [`tile::OuterFn`].
#[target_feature(enable = "avx2,fma")]
unsafe fn outer_wide(a: *const f32, walk: PixelWalk, b: *const f32, c: *mut f32) {
    // SAFETY: the caller keeps the same contract.
    unsafe { tile::outer::<Register, 6, 2>(Avx2::of_caller(), a, walk, b, c) }
}

/// # Safety
/// See [`tile::ProductFn`].
#[target_feature(enable = "avx2,fma")]
unsafe fn product_narrow(
    a: *const f32,
    a_offsets: *const usize,
    walk: Segments,
    b: *const f32,
    c: *mut f32,
    c_offsets: *const usize,
) {
    // SAFETY: the caller keeps the same contract.
    unsafe { tile::product::<Register, 6, 1>(Avx2::of_caller(), a, a_offsets, walk, b, c, c_offsets) }
}

/// # Safety
/// See [`tile::OuterFn`].
#[target_feature(enable = "avx2,fma")]
unsafe fn outer_narrow(a: *const f32, walk: PixelWalk, b: *const f32, c: *mut f32) {
    // SAFETY: the caller keeps the same contract.
    unsafe { tile::outer::<Register, 6, 1>(Avx2::of_caller(), a, walk, b, c) }
}

/// # Safety
/// See [`winograd::GatherFn`].
#[target_feature(enable = "avx2,fma")]
unsafe fn winograd_input(pixels: *const *const f32, points: *mut f32, point_stride: usize, channels: Channels) {
    // SAFETY: the caller keeps the same contract.
    unsafe { winograd::input::<Register>(Avx2::of_caller(), pixels, points, point_stride, channels) }
}

/// # Safety
/// See [`winograd::ScatterFn`].
#[target_feature(enable = "avx2,fma")]
unsafe fn winograd_output(points: *const f32, point_stride: usize, pixels: *const *mut f32, channels: usize) {
    // SAFETY: the caller keeps the same contract.
    unsafe { winograd::output::<Register>(Avx2::of_caller(), points, point_stride, pixels, channels) }
}

/// # Safety
/// See [`winograd::GatherFn`].
#[target_feature(enable = "avx2,fma")]
unsafe fn winograd_gradient(pixels: *const *const f32, points: *mut f32, point_stride: usize, channels: Channels) {
    // SAFETY: the caller keeps the same contract.
    unsafe { winograd::gradient::<Register>(Avx2::of_caller(), pixels, points, point_stride, channels) }
}
