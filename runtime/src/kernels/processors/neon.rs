//! aarch64: windows stay eight bits wide. Sixteen products at a time are sixteen bits wide, which no product of two
//! numbers of eight bits can overflow, and are added by pairs to 32 bits (`SMULL`, `SADALP`); processors with the
//! dot-product instructions do both at once (`SDOT`). Those are chosen when the program runs.
#![allow(unsafe_code)]

use core::arch::aarch64::{
    int8x16_t, int16x8_t, int32x4_t, vaddq_s32, vaddw_high_s16, vaddw_s16, vcombine_s16, vdupq_n_s32, vget_low_s8,
    vget_low_s16, vget_low_s32, vld1q_s8, vld1q_s32, vmaxq_s32, vminq_s32, vmovn_s16, vmovn_s32, vmull_high_s8,
    vmull_high_s32, vmull_s8, vmull_s32, vpadalq_s16, vpaddq_s32, vreinterpret_s32_s8, vrshlq_s32, vrshrn_n_s64,
    vst1q_s32,
};
use core::arch::aarch64::{vcombine_s32, vget_lane_s32};

use crate::kernels::int8::convolution::{self, Convolution};
use crate::kernels::int8::depthwise::MOST_CHANNELS;
use crate::kernels::int8::expanded::{self, ExpandedConvolution, Orbit, move_numbers};
use crate::kernels::int8::segment::{self, Segment};
use crate::kernels::int8::{BLOCK, Kernel, Operands, OutputScale, Sums, Window};
use crate::memory::{i16_as_i8, i16_as_i8_mut};

/// Numbers of eight bits in a register.
const LANES: usize = 16;

/// The kernel of every aarch64 processor.
pub(crate) struct Neon;

/// The kernel with dot products; only for processors on which [`has_dot_products`].
pub(crate) struct NeonDot;

/// Whether this processor has the instructions.
pub(crate) fn has_dot_products() -> bool {
    #[cfg(feature = "std")]
    return std::arch::is_aarch64_feature_detected!("dotprod");
    #[cfg(not(feature = "std"))]
    return cfg!(target_feature = "dotprod");
}

/// As `processors::convolve`. Only where [`has_dot_products`].
pub(crate) fn convolve_dot(options: &Convolution<'_>, arena: &mut [i8], from: usize, to: usize, scratch: &mut [i16]) {
    #[target_feature(enable = "dotprod")]
    fn inner(options: &Convolution<'_>, arena: &mut [i8], from: usize, to: usize, scratch: &mut [i16]) {
        convolution::convolve_with::<NeonDot>(options, arena, from, to, scratch);
    }
    // SAFETY: the caller has made sure of the instructions.
    unsafe { inner(options, arena, from, to, scratch) }
}

/// As `processors::convolve_expanded`. Only where [`has_dot_products`].
pub(crate) fn convolve_expanded_dot(
    options: &ExpandedConvolution<'_>,
    arena: &mut [i8],
    from: usize,
    to: usize,
    scratch: &mut [i16],
) {
    #[target_feature(enable = "dotprod")]
    fn inner(options: &ExpandedConvolution<'_>, arena: &mut [i8], from: usize, to: usize, scratch: &mut [i16]) {
        expanded::convolve_with::<NeonDot>(options, arena, from, to, scratch);
    }
    // SAFETY: the caller has made sure of the instructions.
    unsafe { inner(options, arena, from, to, scratch) }
}

/// Adds the products of sixteen pairs of numbers, in any order, to the four sums.
trait Dot {
    /// # Safety
    /// The processor has the instructions.
    unsafe fn add(sums: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t;
}

impl Dot for Neon {
    #[inline(always)]
    unsafe fn add(sums: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
        // SAFETY: every aarch64 processor that Rust has a target with these types for has NEON.
        unsafe {
            let sums = vpadalq_s16(sums, vmull_s8(vget_low_s8(a), vget_low_s8(b)));
            vpadalq_s16(sums, vmull_high_s8(a, b))
        }
    }
}

impl Dot for NeonDot {
    #[inline(always)]
    unsafe fn add(sums: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
        let mut sums = sums;
        // SAFETY: only registers; the caller has made sure of the instruction. The compiler's own name for it is not stable.
        unsafe {
            core::arch::asm!(
                ".arch_extension dotprod",
                "sdot {sums:v}.4s, {a:v}.16b, {b:v}.16b",
                sums = inout(vreg) sums,
                a = in(vreg) a,
                b = in(vreg) b,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        sums
    }
}

macro_rules! kernel {
    ($kernel:ty) => {
        impl Kernel for $kernel {
            const CHANNELS: usize = MOST_CHANNELS;

            #[inline(always)]
            fn place(window: Window<'_>, at: usize, values: &[i8]) {
                let start = window.index * window.row + at;
                if let Some(to) = i16_as_i8_mut(window.memory).get_mut(start..start + values.len()) {
                    to.copy_from_slice(values);
                }
            }

            #[inline(always)]
            fn fill(window: Window<'_>, value: i8) {
                let start = window.index * window.row;
                i16_as_i8_mut(window.memory).get_mut(start..start + window.row).unwrap_or_default().fill(value);
            }

            #[inline(always)]
            fn move_taps<const N: usize>(windows: &mut [i16], orbit: Orbit<N>) {
                let windows = i16_as_i8_mut(windows);
                for index in 0..orbit.count {
                    move_numbers(windows, orbit.starts.map(|tap| index * orbit.row + tap), orbit.length);
                }
            }

            #[inline(always)]
            fn products(operands: Operands<'_>, sums: &mut Sums) {
                products::<Self>(operands, sums);
            }

            #[inline(always)]
            fn accumulate(sums: &mut [i32], segment: Segment<'_>, values: &[i8]) {
                accumulate(sums, segment, values);
            }

            #[inline(always)]
            fn write(scale: &OutputScale<'_>, first: usize, sums: &[i32], output: &mut [i8]) {
                write(scale, first, sums, output);
            }
        }
    };
}

kernel!(Neon);
kernel!(NeonDot);

#[inline(always)]
fn products<D: Dot>(operands: Operands<'_>, sums: &mut Sums) {
    let Operands { filters, windows, count, row, taps } = operands;
    let windows = i16_as_i8(windows);
    let filter_count = (filters.len() / row.max(1)).min(BLOCK);
    let steps = taps.div_ceil(LANES);
    if steps * LANES > row || windows.len() < BLOCK * row || filter_count == 0 {
        return;
    }
    // Where there are fewer than four filters, the last one is taken again.
    let filters = [0, 1, 2, 3].map(|index: usize| filters.as_ptr().wrapping_add(index.min(filter_count - 1) * row));
    let window = |index: usize| windows.as_ptr().wrapping_add(index * row);
    // SAFETY: each filter and each of the four windows has `row` numbers, at least 16 times `steps`; the type `D` is only
    // used on processors with its instructions.
    unsafe {
        match count {
            1 => dot::<D, 1>([window(0)], filters, steps, sums),
            2 => dot::<D, 2>([0, 1].map(window), filters, steps, sums),
            _ => dot::<D, 4>([0, 1, 2, 3].map(window), filters, steps, sums),
        }
    }
}

/// # Safety
/// Each pointer can be read for `16 * steps` numbers, and the processor has what `D` needs.
#[inline(always)]
unsafe fn dot<D: Dot, const W: usize>(
    windows: [*const i8; W],
    filters: [*const i8; BLOCK],
    steps: usize,
    to: &mut Sums,
) {
    // SAFETY: `step` is below `steps`; an array of four sums takes a register.
    unsafe {
        let mut sums = [[vdupq_n_s32(0); BLOCK]; W];
        for step in 0..steps {
            let factors = filters.map(|filter| vld1q_s8(filter.add(step * LANES)));
            for (sums, window) in sums.iter_mut().zip(windows) {
                let values = vld1q_s8(window.add(step * LANES));
                for (sum, factor) in sums.iter_mut().zip(factors) {
                    *sum = D::add(*sum, values, factor);
                }
            }
        }
        for (to, [a, b, c, d]) in to.iter_mut().zip(sums) {
            vst1q_s32(to.as_mut_ptr(), vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d)));
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

/// # Safety
/// Filters and values can be read for sixteen bytes at every multiple of `step` below `taps`.
#[inline(always)]
unsafe fn accumulate_sixteen(sums: &mut [i32; LANES], segment: Segment<'_>, values: *const i8) {
    let Segment { filters, taps, step } = segment;
    let (quads, _) = sums.as_chunks_mut::<4>();
    // SAFETY: as the caller allows; four numbers of 32 bits are one register.
    unsafe {
        let mut held = [vdupq_n_s32(0); 4];
        for (held, quad) in held.iter_mut().zip(&*quads) {
            *held = vld1q_s32(quad.as_ptr());
        }
        for tap in 0..taps {
            let [filter, value] = [filters.as_ptr(), values].map(|from| vld1q_s8(from.add(tap * step)));
            let low = vmull_s8(vget_low_s8(filter), vget_low_s8(value));
            let high = vmull_high_s8(filter, value);
            let [a, b, c, d] = held;
            held = [widen_low(a, low), vaddw_high_s16(b, low), widen_low(c, high), vaddw_high_s16(d, high)];
        }
        for (quad, held) in quads.iter_mut().zip(held) {
            vst1q_s32(quad.as_mut_ptr(), held);
        }
    }
}

#[inline(always)]
fn widen_low(sums: int32x4_t, products: int16x8_t) -> int32x4_t {
    // SAFETY: only registers.
    unsafe { vaddw_s16(sums, vget_low_s16(products)) }
}

#[inline(always)]
fn write(scale: &OutputScale<'_>, first: usize, sums: &[i32], output: &mut [i8]) {
    scale.write_by_four(first, sums, output, |sums, bias, multipliers| scaled(scale, sums, bias, multipliers));
}

/// [`OutputScale::write`] for four channels.
#[inline(always)]
fn scaled(scale: &OutputScale<'_>, sums: &[i32; 4], bias: &[i32; 4], multipliers: &[i32; 4]) -> [i8; 4] {
    let [low, most] = scale.bounds;
    // SAFETY: four numbers of 32 bits are one register.
    unsafe {
        let [sums, bias, multipliers] = [sums, bias, multipliers].map(|numbers| vld1q_s32(numbers.as_ptr()));
        let sums = vaddq_s32(sums, bias);
        // Shifts that round, halves upwards: `(x + 2^31) >> 32`, and `(h + 2^(shift - 1)) >> shift`.
        let [even, odd] = [
            vrshrn_n_s64::<32>(vmull_s32(vget_low_s32(sums), vget_low_s32(multipliers))),
            vrshrn_n_s64::<32>(vmull_high_s32(sums, multipliers)),
        ];
        let shifted = vrshlq_s32(vcombine_s32(even, odd), vdupq_n_s32(-scale.shift.cast_signed()));
        let moved = vaddq_s32(shifted, vdupq_n_s32(scale.zero_point));
        let limited = vmovn_s32(vminq_s32(vmaxq_s32(moved, vdupq_n_s32(low)), vdupq_n_s32(most)));
        let bytes = vmovn_s16(vcombine_s16(limited, limited));
        vget_lane_s32::<0>(vreinterpret_s32_s8(bytes)).to_ne_bytes().map(u8::cast_signed)
    }
}
