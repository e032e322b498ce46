//! Cortex-M0, M0+, M23 and M3, which have no DSP extension: one product at a time, two filters by two windows, so that each
//! number that is loaded is used twice. Two windows are interleaved, a byte of one and a byte of the other.
#![allow(unsafe_code)]

use core::arch::naked_asm;

use super::scalar::Scalar;
use super::{BLOCK, Kernel, Operands, Segment, Sums, Window};
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

    #[inline(always)]
    fn accumulate(sums: &mut [i32], segment: Segment<'_>, values: &[i8]) {
        Scalar::accumulate(sums, segment, values);
    }

    #[inline(always)]
    fn accumulate_constant(sums: &mut [i32], segment: Segment<'_>, value: i8) {
        Scalar::accumulate_constant(sums, segment, value);
    }
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
