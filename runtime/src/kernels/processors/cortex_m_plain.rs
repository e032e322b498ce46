//! Cortex-M0, M0+, M23 and M3, which have no DSP extension: one product at a time, two filters by two windows, so that each
//! number that is loaded is used twice. Two windows are interleaved, a byte of one and a byte of the other.
#![allow(unsafe_code)]

use core::arch::naked_asm;

#[cfg(sextant_thumb2)]
use super::thumb2::tap_starts;
#[cfg(sextant_thumb2)]
use crate::kernels::int8::depthwise::{self, Covered, Depthwise, Padding};
use crate::kernels::int8::expanded::{Orbit, move_numbers};
use crate::kernels::int8::{BLOCK, Kernel, Operands, Sums, Window};
#[cfg(sextant_thumb2)]
use crate::kernels::int8::{OutputScale, outputs_by_products};
use crate::memory::i16_as_i8_mut;

/// The kernel.
pub(crate) struct Plain;

/// Taps that a loop of the products takes; rows are multiples of it.
const UNROLLED: usize = 4;

impl Kernel for Plain {
    const CHANNELS: usize = 4;

    #[inline(always)]
    fn place(window: Window<'_>, at: usize, values: &[i8]) {
        let Window { memory, row, index } = window;
        let start = 2 * ((index / 2) * row + at);
        let Some(to) = i16_as_i8_mut(memory).get_mut(start..start + 2 * values.len()) else { return };
        let (taps, _) = to.as_chunks_mut::<2>();
        if index & 1 == 0 {
            taps.iter_mut().zip(values).for_each(|([even, _], value)| *even = *value);
        } else {
            taps.iter_mut().zip(values).for_each(|([_, odd], value)| *odd = *value);
        }
    }

    #[inline(always)]
    fn fill(window: Window<'_>, value: i8) {
        let Window { memory, row, index } = window;
        let start = (index / 2) * row;
        let Some(to) = memory.get_mut(start..start + row) else { return };
        let (taps, _) = i16_as_i8_mut(to).as_chunks_mut::<2>();
        if index & 1 == 0 {
            taps.iter_mut().for_each(|[even, _]| *even = value);
        } else {
            taps.iter_mut().for_each(|[_, odd]| *odd = value);
        }
    }

    #[inline(always)]
    fn move_taps<const N: usize>(windows: &mut [i16], orbit: Orbit<N>) {
        // A number of 16 bits has one tap of two windows.
        for pair in 0..orbit.count.div_ceil(2) {
            move_numbers(windows, orbit.starts.map(|tap| pair * orbit.row + tap), orbit.length);
        }
    }

    #[inline(always)]
    fn products(operands: Operands<'_>, sums: &mut Sums) {
        let Operands { filters, windows, count, row, taps } = operands;
        let taps = taps.next_multiple_of(UNROLLED);
        let filter_count = filters.len().checked_div(row).unwrap_or(0).min(BLOCK);
        if taps == 0 || taps > row || windows.len() < BLOCK * row {
            return;
        }
        let [first, second, third, fourth] = sums;
        for (pair, [sums, next]) in [[first, second], [third, fourth]].into_iter().enumerate().take(count.div_ceil(2)) {
            let windows = windows.as_ptr().wrapping_add(pair * row).cast();
            let single = count == 2 * pair + 1;
            let (sums, _) = sums.as_chunks_mut::<2>();
            let (next, _) = next.as_chunks_mut::<2>();
            for (half, (sums, next)) in sums.iter_mut().zip(next).enumerate().take(filter_count.div_ceil(2)) {
                let filter = filters.as_ptr().wrapping_add(2 * half * row);
                // With one filter left, the second row is the first one again.
                let row = if 2 * half + 1 < filter_count { row } else { 0 };
                // SAFETY: `taps` is at most a row, so both rows are within `filters`, and `2 * taps` bytes from the pair's
                // start within `windows`, which has room for four.
                unsafe {
                    if single {
                        dot_2x1(filter, row, windows, taps, sums);
                    } else {
                        dot_2x2(filter, row, windows, taps, sums, next);
                    }
                }
            }
        }
    }

    #[cfg(sextant_thumb2)]
    #[inline(always)]
    fn outputs(operands: Operands<'_>, scale: &OutputScale<'_>, first: usize, output: &mut [i8], channels: usize) {
        if outputs_in_registers(operands, scale, first, output, channels).is_none() {
            outputs_by_products::<Self>(operands, scale, first, output, channels);
        }
    }

    #[cfg(sextant_thumb2)]
    #[inline(always)]
    fn depthwise(
        options: &Depthwise<'_>,
        arena: &mut [i8],
        [from, pixel]: [usize; 2],
        covered: Covered<'_>,
        padding: &Padding,
    ) {
        if three_by_three(options, arena, [from, pixel], covered, padding).is_none() {
            depthwise::one_output::<Self>(options, arena, [from, pixel], covered, 0);
        }
    }
}

/// [`Kernel::outputs`] without storing sums; `None`, with nothing written, when a shift is too large.
#[cfg(sextant_thumb2)]
#[inline(always)]
fn outputs_in_registers(
    operands: Operands<'_>,
    scale: &OutputScale<'_>,
    first: usize,
    output: &mut [i8],
    channels: usize,
) -> Option<()> {
    let Operands { filters, windows, count, row, taps } = operands;
    let taps = taps.next_multiple_of(UNROLLED);
    let filter_count = filters.len().checked_div(row)?;
    let (bias, multipliers) = (scale.bias.get(first..)?.get(..filter_count)?, scale.multipliers.get(first..)?);
    let multipliers = multipliers.get(..filter_count)?;
    let whole = taps > 0 && taps <= row && windows.len() >= BLOCK * row && count <= BLOCK;
    let room = output.len() >= count.checked_sub(1)? * channels + filter_count;
    if !whole || !room || scale.shift > OutputScale::LARGEST_SHIFT {
        return None;
    }
    let (constant, shift, even) = (scale.constant(), scale.shift, filter_count & !1);
    for index in (0..count).step_by(2) {
        let start = windows.as_ptr().wrapping_add(index / 2 * row).cast();
        let near = output.as_mut_ptr().wrapping_add(index * channels);
        let far = (index + 1 < count).then(|| near.wrapping_add(channels));
        let run = |filters: &[i8], row: usize, bias: &[i32], multipliers: &[i32], near, far: Option<*mut i8>| {
            let (filters, bias, multipliers) = (filters.as_ptr(), bias.as_ptr(), multipliers.as_ptr());
            let delta = (2 * row).wrapping_sub(taps);
            move |pair_count| {
                // SAFETY: `taps` is at most `row`, so that each pair of rows is within `filters` and `2 * taps` bytes from
                // the pair's start within `windows`. Biases, multipliers and the outputs have two elements for each pair.
                unsafe {
                    match far {
                        Some(far) => two_windows(
                            filters,
                            row,
                            start,
                            taps,
                            bias,
                            multipliers,
                            constant,
                            shift,
                            near,
                            far,
                            delta,
                            pair_count,
                        ),
                        None => one_window(
                            filters,
                            row,
                            start,
                            taps,
                            bias,
                            multipliers,
                            constant,
                            shift,
                            near,
                            delta,
                            pair_count,
                        ),
                    }
                }
            }
        };
        if even > 0 {
            run(filters, row, bias, multipliers, near, far)(even / 2);
        }
        if let (Some(last), Some(bias), Some(multiplier)) =
            (filters.get(even * row..), bias.get(even), multipliers.get(even))
        {
            // The last filter twice, for outputs of two elements.
            let mut results = [[0i8; 2]; 2];
            let [one, other] = &mut results;
            let far = far.map(|_| other.as_mut_ptr());
            run(last, 0, &[*bias; 2], &[*multiplier; 2], one.as_mut_ptr(), far)(1);
            for (step, [result, _]) in results.iter().enumerate().take(count - index) {
                if let Some(to) = output.get_mut((index + step) * channels + even) {
                    *to = *result;
                }
            }
        }
    }
    scale.limit(output.chunks_mut(channels.max(1)).take(count).filter_map(|pixel| pixel.get_mut(..filter_count)));
    Some(())
}

/// The assembler's macro `to_scale sum, multiplier`: r10 has the constant, r11 the shift.
#[cfg(sextant_thumb2)]
macro_rules! define_to_scale {
    () => {
        ".macro to_scale sum, multiplier
        smull r12, lr, \\sum, \\multiplier
        adds r12, r12, #0x80000000
        adc \\sum, lr, r10
        asr \\sum, \\sum, r11
        ssat \\sum, #8, \\sum
        .endm"
    };
}

/// `pair_count` pairs of filters by two interleaved windows, brought to the output's scale as in [`nine_taps`]. The filters
/// of a pair are `row` bytes apart, and the next pair starts `delta` bytes after what has been read of the first.
///
/// # Safety
/// All filters have `taps` bytes, the windows twice as many; biases, multipliers and each output have two elements for each
/// pair. `taps` is a multiple of 4; neither count is 0.
#[cfg(sextant_thumb2)]
#[allow(clippy::too_many_arguments)] // what a register each would hold
#[unsafe(naked)]
unsafe extern "C" fn two_windows(
    filters: *const i8,
    row: usize,
    windows: *const i8,
    taps: usize,
    bias: *const i32,
    multipliers: *const i32,
    constant: i32,
    shift: u32,
    near: *mut i8,
    far: *mut i8,
    delta: usize,
    pair_count: usize,
) {
    // On the stack: windows, taps, eight saved registers, lr; from 44 on the arguments after the fourth.
    naked_asm!(
        define_to_scale!(),
        "push {{r2-r11, lr}}",
        "2:",
        "ldr r12, [sp, #44]",
        "ldrd r4, r5, [r12], #8",
        "str r12, [sp, #44]",
        "mov r6, r4",
        "mov r7, r5",
        "ldrd r2, r3, [sp]",
        "add r12, r0, r3",
        "1:",
        ".rept 4",
        "ldrsb r9, [r0, r1]",
        "ldrsb r8, [r0], #1",
        "ldrsb r10, [r2], #1",
        "ldrsb r11, [r2], #1",
        "mla r4, r8, r10, r4",
        "mla r5, r9, r10, r5",
        "mla r6, r8, r11, r6",
        "mla r7, r9, r11, r7",
        ".endr",
        "cmp r0, r12",
        "bne 1b",
        "ldr r12, [sp, #48]",
        "ldrd r8, r9, [r12], #8",
        "str r12, [sp, #48]",
        "ldrd r10, r11, [sp, #52]",
        "to_scale r4, r8",
        "to_scale r5, r9",
        "to_scale r6, r8",
        "to_scale r7, r9",
        "ldrd r8, r9, [sp, #60]",
        "strb r4, [r8], #1",
        "strb r5, [r8], #1",
        "strb r6, [r9], #1",
        "strb r7, [r9], #1",
        "strd r8, r9, [sp, #60]",
        "ldrd r10, r11, [sp, #68]",
        "add r0, r0, r10",
        "subs r11, r11, #1",
        "str r11, [sp, #72]",
        "bne 2b",
        "pop {{r2-r11, pc}}",
        ".purgem to_scale",
    )
}

/// As [`two_windows`] for the first of two interleaved windows.
///
/// # Safety
/// As there.
#[cfg(sextant_thumb2)]
#[allow(clippy::too_many_arguments)] // what a register each would hold
#[unsafe(naked)]
unsafe extern "C" fn one_window(
    filters: *const i8,
    row: usize,
    windows: *const i8,
    taps: usize,
    bias: *const i32,
    multipliers: *const i32,
    constant: i32,
    shift: u32,
    output: *mut i8,
    delta: usize,
    pair_count: usize,
) {
    // On the stack: windows, taps, eight saved registers, lr; from 44 on the arguments after the fourth.
    naked_asm!(
        define_to_scale!(),
        "push {{r2-r11, lr}}",
        "2:",
        "ldr r12, [sp, #44]",
        "ldrd r4, r5, [r12], #8",
        "str r12, [sp, #44]",
        "ldrd r2, r3, [sp]",
        "add r12, r0, r3",
        "1:",
        ".rept 4",
        "ldrsb r9, [r0, r1]",
        "ldrsb r8, [r0], #1",
        "ldrsb r10, [r2], #2",
        "mla r4, r8, r10, r4",
        "mla r5, r9, r10, r5",
        ".endr",
        "cmp r0, r12",
        "bne 1b",
        "ldr r12, [sp, #48]",
        "ldrd r8, r9, [r12], #8",
        "str r12, [sp, #48]",
        "ldrd r10, r11, [sp, #52]",
        "to_scale r4, r8",
        "to_scale r5, r9",
        "ldr r8, [sp, #60]",
        "strb r4, [r8], #1",
        "strb r5, [r8], #1",
        "str r8, [sp, #60]",
        "ldrd r10, r11, [sp, #64]",
        "add r0, r0, r10",
        "subs r11, r11, #1",
        "str r11, [sp, #68]",
        "bne 2b",
        "pop {{r2-r11, pc}}",
        ".purgem to_scale",
    )
}

/// All channels of one output of a depthwise convolution; `None` when its window is another, or a shift too large.
#[cfg(sextant_thumb2)]
#[inline(always)]
fn three_by_three(
    options: &Depthwise<'_>,
    arena: &mut [i8],
    [from, pixel]: [usize; 2],
    covered: Covered<'_>,
    padding: &Padding,
) -> Option<()> {
    let Depthwise { channels, filters, scale, .. } = *options;
    let starts = tap_starts(options, from, covered)?;
    let (bias, multipliers) = (scale.bias.get(..channels)?, scale.multipliers.get(..channels)?);
    let last = starts.iter().flatten().flatten().max().copied().unwrap_or(0);
    let inside = last + channels <= arena.len() && pixel + channels <= arena.len() && filters.len() >= 9 * channels;
    if !inside || channels == 0 || scale.shift > OutputScale::LARGEST_SHIFT {
        return None;
    }
    let memory = arena.as_mut_ptr();
    let of_tap = |start: Option<usize>| start.map_or(padding.as_ptr(), |start| memory.wrapping_add(start).cast_const());
    let taps = starts.map(|row| row.map(of_tap));
    // SAFETY: from each of the nine taps on, `channels` numbers can be read, from the arena or the padding, which has at
    // least as many; so many numbers of the output, biases and multipliers exist, and nine times as many filters. The
    // input's numbers are read before the output's are written.
    unsafe {
        let (bias, multipliers, output) = (bias.as_ptr(), multipliers.as_ptr(), memory.wrapping_add(pixel));
        nine_taps(filters.as_ptr(), &taps, channels, bias, multipliers, scale.constant(), scale.shift, output);
    }
    scale.limit(arena.get_mut(pixel..pixel + channels).into_iter());
    Some(())
}

/// One output of `channels` channels: nine products each, brought to the output's scale as `requantize` does:
/// `constant` is `2^(shift - 1) + (zero_point << shift)`.
///
/// # Safety
/// `channels > 0` numbers can be read from each tap on, nine times as many of the filters, and written to the output;
/// biases and multipliers have as many elements.
#[cfg(sextant_thumb2)]
#[allow(clippy::too_many_arguments)] // what a register each would hold
#[unsafe(naked)]
unsafe extern "C" fn nine_taps(
    filters: *const i8,
    taps: &[[*const i8; 3]; 3],
    channels: usize,
    bias: *const i32,
    multipliers: *const i32,
    constant: i32,
    shift: u32,
    output: *mut i8,
) {
    // On the stack: channels, bias, eight saved registers, lr; from 44 on the arguments after the fourth.
    naked_asm!(
        "push {{r2-r11, lr}}",
        "add r12, r2, r2, lsl #1",
        "movs r3, #0",
        "1:",
        "ldr r4, [sp, #4]",
        "ldr r5, [r4], #4",
        "str r4, [sp, #4]",
        "add r6, r0, r3",
        "mov r7, r1",
        "movs r8, #3",
        "2:",
        "ldm r7!, {{r9, r10, r11}}",
        "ldrsb r4, [r6]",
        "ldrsb lr, [r9, r3]",
        "mla r5, r4, lr, r5",
        "ldrsb r4, [r6, r2]",
        "ldrsb lr, [r10, r3]",
        "mla r5, r4, lr, r5",
        "ldrsb r4, [r6, r2, lsl #1]",
        "ldrsb lr, [r11, r3]",
        "mla r5, r4, lr, r5",
        "add r6, r6, r12",
        "subs r8, r8, #1",
        "bne 2b",
        "ldr r4, [sp, #44]",
        "ldr r6, [r4], #4",
        "str r4, [sp, #44]",
        "smull r9, r10, r5, r6",
        "ldrd r6, r7, [sp, #48]",
        "adds r9, r9, #0x80000000",
        "adc r10, r10, r6",
        "asr r10, r10, r7",
        "ssat r10, #8, r10",
        "ldr r4, [sp, #56]",
        "strb r10, [r4, r3]",
        "adds r3, r3, #1",
        "cmp r3, r2",
        "bne 1b",
        "pop {{r2-r11, pc}}",
    )
}

/// Two filters, `row` bytes apart, by two interleaved windows; `sums` are the first window's, `next` the second's.
///
/// # Safety
/// Both filters have `taps` bytes, the windows twice as many; `taps` is a multiple of 4, not 0.
#[cfg(sextant_thumb1)]
#[unsafe(naked)]
unsafe extern "C" fn dot_2x2(
    filters: *const i8,
    row: usize,
    windows: *const i8,
    taps: usize,
    sums: &mut [i32; 2],
    next: &mut [i32; 2],
) {
    naked_asm!(
        "push {{r4-r7, lr}}",
        "mov r4, r8",
        "mov r5, r9",
        "mov r6, r10",
        "mov r7, r11",
        "push {{r4-r7}}",
        "adds r3, r0, r3",
        "mov r12, r3",
        "movs r6, #0",
        "movs r7, #1",
        "mov r8, r6",
        "mov r9, r6",
        "mov r10, r6",
        "mov r11, r6",
        "1:",
        ".rept 4",
        "ldrsb r3, [r0, r6]",
        "ldrsb r4, [r2, r6]",
        "muls r4, r3, r4",
        "add r8, r4",
        "ldrsb r5, [r2, r7]",
        "muls r3, r5, r3",
        "add r10, r3",
        "ldrsb r3, [r0, r1]",
        "muls r5, r3, r5",
        "add r11, r5",
        "ldrsb r4, [r2, r6]",
        "muls r4, r3, r4",
        "add r9, r4",
        "adds r0, #1",
        "adds r2, #2",
        ".endr",
        "cmp r0, r12",
        "bne 1b",
        "ldr r0, [sp, #36]",
        "ldr r1, [sp, #40]",
        "mov r2, r8",
        "mov r3, r9",
        "stm r0!, {{r2, r3}}",
        "mov r2, r10",
        "mov r3, r11",
        "stm r1!, {{r2, r3}}",
        "pop {{r4-r7}}",
        "mov r8, r4",
        "mov r9, r5",
        "mov r10, r6",
        "mov r11, r7",
        "pop {{r4-r7, pc}}",
    )
}

/// As [`dot_2x2`] for the first of two interleaved windows.
///
/// # Safety
/// As there.
#[cfg(sextant_thumb1)]
#[unsafe(naked)]
unsafe extern "C" fn dot_2x1(filters: *const i8, row: usize, windows: *const i8, taps: usize, sums: &mut [i32; 2]) {
    naked_asm!(
        "push {{r4-r7, lr}}",
        "mov r4, r8",
        "mov r5, r9",
        "push {{r4, r5}}",
        "adds r3, r0, r3",
        "mov r12, r3",
        "movs r6, #0",
        "mov r8, r6",
        "mov r9, r6",
        "1:",
        ".rept 4",
        "ldrsb r3, [r0, r6]",
        "ldrsb r4, [r2, r6]",
        "ldrsb r5, [r0, r1]",
        "muls r3, r4, r3",
        "muls r5, r4, r5",
        "add r8, r3",
        "add r9, r5",
        "adds r0, #1",
        "adds r2, #2",
        ".endr",
        "cmp r0, r12",
        "bne 1b",
        "ldr r0, [sp, #28]",
        "mov r2, r8",
        "mov r3, r9",
        "stm r0!, {{r2, r3}}",
        "pop {{r4, r5}}",
        "mov r8, r4",
        "mov r9, r5",
        "pop {{r4-r7, pc}}",
    )
}

/// Two filters, `row` bytes apart, by two interleaved windows; `sums` are the first window's, `next` the second's.
///
/// # Safety
/// Both filters have `taps` bytes, the windows twice as many; `taps` is a multiple of 4, not 0.
#[cfg(sextant_thumb2)]
#[unsafe(naked)]
unsafe extern "C" fn dot_2x2(
    filters: *const i8,
    row: usize,
    windows: *const i8,
    taps: usize,
    sums: &mut [i32; 2],
    next: &mut [i32; 2],
) {
    naked_asm!(
        "push {{r4-r11, lr}}",
        "add r12, r0, r3",
        "movs r4, #0",
        "movs r5, #0",
        "movs r6, #0",
        "movs r7, #0",
        "1:",
        ".rept 4",
        "ldrsb r9, [r0, r1]",
        "ldrsb r8, [r0], #1",
        "ldrsb r10, [r2], #1",
        "ldrsb r11, [r2], #1",
        "mla r4, r8, r10, r4",
        "mla r5, r9, r10, r5",
        "mla r6, r8, r11, r6",
        "mla r7, r9, r11, r7",
        ".endr",
        "cmp r0, r12",
        "bne 1b",
        "ldrd r0, r1, [sp, #36]",
        "strd r4, r5, [r0]",
        "strd r6, r7, [r1]",
        "pop {{r4-r11, pc}}",
    )
}

/// As [`dot_2x2`] for the first of two interleaved windows.
///
/// # Safety
/// As there.
#[cfg(sextant_thumb2)]
#[unsafe(naked)]
unsafe extern "C" fn dot_2x1(filters: *const i8, row: usize, windows: *const i8, taps: usize, sums: &mut [i32; 2]) {
    naked_asm!(
        "push {{r4-r11, lr}}",
        "add r12, r0, r3",
        "movs r4, #0",
        "movs r5, #0",
        "1:",
        ".rept 4",
        "ldrsb r9, [r0, r1]",
        "ldrsb r8, [r0], #1",
        "ldrsb r10, [r2], #2",
        "mla r4, r8, r10, r4",
        "mla r5, r9, r10, r5",
        ".endr",
        "cmp r0, r12",
        "bne 1b",
        "ldr r0, [sp, #36]",
        "strd r4, r5, [r0]",
        "pop {{r4-r11, pc}}",
    )
}
