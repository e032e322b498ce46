//! WebAssembly with its vectors of 128 bits: eight products of 16 bits and their sums by pairs in one instruction
//! (`i32x4.dot_i16x8_s`), which no product of two numbers of eight bits can overflow. Compiled in with `simd128`.
#![allow(unsafe_code)]

use core::arch::wasm32::{
    i8x16_narrow_i16x8, i16x8_extmul_high_i8x16, i16x8_extmul_low_i8x16, i16x8_load_extend_i8x8, i16x8_narrow_i32x4,
    i32x4_add, i32x4_dot_i16x8, i32x4_extend_high_i16x8, i32x4_extend_low_i16x8, i32x4_extract_lane, i32x4_max,
    i32x4_min, i32x4_shr, i32x4_shuffle, i32x4_splat, i64x2_add, i64x2_extmul_high_i32x4, i64x2_extmul_low_i32x4,
    i64x2_splat, v128, v128_load, v128_store,
};

use crate::kernels::int8::depthwise::MOST_CHANNELS;
use crate::kernels::int8::expanded::Orbit;
use crate::kernels::int8::scalar::Scalar;
use crate::kernels::int8::segment::{self, Segment};
use crate::kernels::int8::{BLOCK, Kernel, Operands, OutputScale, Sums, Window};

/// Numbers of sixteen bits in a register.
const LANES: usize = 8;
/// Numbers of eight bits in a register.
const BYTES: usize = 16;

/// The kernel.
pub(crate) struct Simd128;

impl Kernel for Simd128 {
    const CHANNELS: usize = MOST_CHANNELS;

    #[inline(always)]
    fn place(window: Window<'_>, at: usize, values: &[i8]) {
        Scalar::place(window, at, values);
    }

    #[inline(always)]
    fn fill(window: Window<'_>, value: i8) {
        Scalar::fill(window, value);
    }

    #[inline(always)]
    fn move_taps<const N: usize>(windows: &mut [i16], orbit: Orbit<N>) {
        Scalar::move_taps(windows, orbit);
    }

    #[inline(always)]
    fn products(operands: Operands<'_>, sums: &mut Sums) {
        let Operands { filters, windows, count, row, taps } = operands;
        let filter_count = (filters.len() / row.max(1)).min(BLOCK);
        let steps = taps.div_ceil(LANES);
        if steps * LANES > row || windows.len() < BLOCK * row || filter_count == 0 {
            return;
        }
        // Where there are fewer than four filters, the last one is taken again.
        let filters = [0, 1, 2, 3].map(|index: usize| filters.as_ptr().wrapping_add(index.min(filter_count - 1) * row));
        let window = |index: usize| windows.as_ptr().wrapping_add(index * row);
        for first in (0..count.min(BLOCK)).step_by(2) {
            // SAFETY: each filter and each of the four windows has `row` numbers, at least 8 times `steps`.
            unsafe {
                if first + 1 < count {
                    dot([window(first), window(first + 1)], filters, steps, &mut sums[first..]);
                } else {
                    dot([window(first)], filters, steps, &mut sums[first..]);
                }
            }
        }
    }

    #[inline(always)]
    fn accumulate(sums: &mut [i32], segment: Segment<'_>, values: &[i8]) {
        match segment.whole(sums, values) {
            Some(whole) => {
                // SAFETY: `whole` has made sure of what is read.
                unsafe { accumulate_sixteen(whole, segment, values.as_ptr()) };
            }
            None => segment::accumulate(sums, segment, values),
        }
    }

    #[inline(always)]
    fn write(scale: &OutputScale<'_>, first: usize, sums: &[i32], output: &mut [i8]) {
        scale.write_by_four(first, sums, output, |sums, bias, multipliers| scaled(scale, sums, bias, multipliers));
    }
}

/// `W` windows by four filters.
///
/// # Safety
/// Each pointer can be read for `8 * steps` numbers.
#[inline(always)]
unsafe fn dot<const W: usize>(
    windows: [*const i16; W],
    filters: [*const i8; BLOCK],
    steps: usize,
    to: &mut [[i32; 4]],
) {
    let mut sums = [[i32x4_splat(0); BLOCK]; W];
    for step in 0..steps {
        // SAFETY: `step` is below `steps`.
        let factors = filters.map(|filter| unsafe { i16x8_load_extend_i8x8(filter.add(step * LANES)) });
        for (sums, window) in sums.iter_mut().zip(windows) {
            // SAFETY: `step` is below `steps`.
            let values = unsafe { v128_load(window.add(step * LANES).cast()) };
            for (sum, factor) in sums.iter_mut().zip(factors) {
                *sum = i32x4_add(*sum, i32x4_dot_i16x8(values, factor));
            }
        }
    }
    for (to, sums) in to.iter_mut().zip(sums) {
        // SAFETY: the array takes the register's sixteen bytes.
        unsafe { v128_store(to.as_mut_ptr().cast(), sums_of_four(sums)) };
    }
}

/// Sums of four registers, each over all of its numbers.
#[inline(always)]
fn sums_of_four([a, b, c, d]: [v128; 4]) -> v128 {
    let by_two = |a, b| i32x4_add(i32x4_shuffle::<0, 4, 1, 5>(a, b), i32x4_shuffle::<2, 6, 3, 7>(a, b));
    let (ab, cd) = (by_two(a, b), by_two(c, d));
    i32x4_add(i32x4_shuffle::<0, 1, 4, 5>(ab, cd), i32x4_shuffle::<2, 3, 6, 7>(ab, cd))
}

/// # Safety
/// Filters and values can be read for sixteen bytes at every multiple of `step` below `taps`.
#[inline(always)]
unsafe fn accumulate_sixteen(sums: &mut [i32; BYTES], segment: Segment<'_>, values: *const i8) {
    let Segment { filters, taps, step } = segment;
    let (quads, _) = sums.as_chunks_mut::<4>();
    let mut held = [i32x4_splat(0); 4];
    for (held, quad) in held.iter_mut().zip(&*quads) {
        // SAFETY: four numbers of 32 bits are one register.
        *held = unsafe { v128_load(quad.as_ptr().cast()) };
    }
    for tap in 0..taps {
        // SAFETY: as the caller allows.
        let [filter, value] = [filters.as_ptr(), values].map(|from| unsafe { v128_load(from.add(tap * step).cast()) });
        let (low, high) = (i16x8_extmul_low_i8x16(filter, value), i16x8_extmul_high_i8x16(filter, value));
        let wide = [
            i32x4_extend_low_i16x8(low),
            i32x4_extend_high_i16x8(low),
            i32x4_extend_low_i16x8(high),
            i32x4_extend_high_i16x8(high),
        ];
        for (held, wide) in held.iter_mut().zip(wide) {
            *held = i32x4_add(*held, wide);
        }
    }
    for (quad, held) in quads.iter_mut().zip(held) {
        // SAFETY: four numbers of 32 bits are one register.
        unsafe { v128_store(quad.as_mut_ptr().cast(), held) };
    }
}

/// [`OutputScale::write`] for four channels.
#[inline(always)]
fn scaled(scale: &OutputScale<'_>, sums: &[i32; 4], bias: &[i32; 4], multipliers: &[i32; 4]) -> [i8; 4] {
    // SAFETY: four numbers of 32 bits are one register.
    let [sums, bias, multipliers] =
        [sums, bias, multipliers].map(|numbers| unsafe { v128_load(numbers.as_ptr().cast()) });
    let sums = i32x4_add(sums, bias);
    let half = i64x2_splat(1 << 31);
    let low = i64x2_add(i64x2_extmul_low_i32x4(sums, multipliers), half);
    let high = i64x2_add(i64x2_extmul_high_i32x4(sums, multipliers), half);
    // The upper halves of four numbers of 64 bits.
    let scaled = i32x4_shuffle::<1, 3, 5, 7>(low, high);
    let rounded = i32x4_add(scaled, i32x4_splat((1 << scale.shift) >> 1));
    let moved = i32x4_add(i32x4_shr(rounded, scale.shift), i32x4_splat(scale.zero_point));
    let [least, most] = scale.bounds.map(|bound| i32x4_splat(bound));
    let limited = i32x4_min(i32x4_max(moved, least), most);
    let words = i16x8_narrow_i32x4(limited, limited);
    i32x4_extract_lane::<0>(i8x16_narrow_i16x8(words, words)).to_ne_bytes().map(u8::cast_signed)
}
