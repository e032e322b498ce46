//! The DSP extension of Cortex-M4, M7 and M33: two products of 16 bits and their sum in one instruction (`SMLAD`).
//!
//! Four neighbouring weights are loaded as one word and widened to two pairs, the even ones and the odd ones (`SXTB16`).
//! The windows are kept in that order, so that nothing has to be sorted when they are multiplied. Two windows are
//! interleaved, eight bytes of one and eight of the other: one pointer walks through both.
//!
//! | taps of a window | 0, 2, 1, 3 | 0, 2, 1, 3 | 4, 6, 5, 7 | 4, 6, 5, 7 |
//! | --- | --- | --- | --- | --- |
//! | of window | 0 | 1 | 0 | 1 |
//!
//! Sums start at the biases and are brought to the output's scale in registers: `SMMLAR` is
//! `(a * b + 2^31 >> 32) + c`, and with `c = 2^(shift - 1) + (zero_point << shift)` a shift and a saturation are left of
//! `requantize`.
#![allow(unsafe_code)]

use core::arch::{asm, naked_asm};

use super::thumb2::tap_starts;
use crate::kernels::int8::depthwise::{self, Covered, Depthwise, Padding};
use crate::kernels::int8::expanded::{Orbit, move_numbers};
use crate::kernels::int8::segment::{self, Segment};
use crate::kernels::int8::{BLOCK, Kernel, Operands, OutputScale, Sums, Window, outputs_by_products};

/// The kernel; compiled only where the instructions exist.
pub(crate) struct Dsp;

/// Numbers of one window, then of the other; also channels of a depthwise convolution at a time.
const QUAD: usize = 4;
/// Taps that a loop of the products takes; rows are multiples of it.
const UNROLLED: usize = 8;

impl Kernel for Dsp {
    const CHANNELS: usize = QUAD;

    #[inline(always)]
    fn place(window: Window<'_>, at: usize, values: &[i8]) {
        let Window { memory, row, index } = window;
        if values.is_empty() || at + values.len() > row || memory.len() < BLOCK * row {
            return;
        }
        let start = (index & !1) * row + (index & 1) * QUAD + (at & !3) * 2;
        // SAFETY: tap `t < row` of a window stands at most `2 * row` numbers after the first one of its pair, which is
        // within the room for four windows. Everything is a plain number.
        unsafe { widen(values.as_ptr(), memory.as_mut_ptr().wrapping_add(start), at & 3, values.len()) };
    }

    #[inline(always)]
    fn fill(window: Window<'_>, value: i8) {
        let Window { memory, row, index } = window;
        let first = (index & !1) * row + (index & 1) * QUAD;
        let reach = first + 2 * row - (index & 1) * QUAD;
        for quad in memory.get_mut(first..reach).unwrap_or_default().chunks_mut(2 * QUAD) {
            if let Some(quad) = quad.first_chunk_mut::<QUAD>() {
                *quad = [value.into(); QUAD];
            }
        }
    }

    #[inline(always)]
    fn move_taps<const N: usize>(windows: &mut [i16], orbit: Orbit<N>) {
        let Orbit { starts, length, row, count } = orbit;
        let ends_inside = |start: &usize| start.checked_add(length).is_some_and(|end| end <= row);
        let is_empty = length == 0 || count == 0;
        if is_empty || windows.len() < BLOCK * row || count > BLOCK || !starts.iter().all(ends_inside) {
            return;
        }
        let memory = windows.as_mut_ptr();
        // Starts are multiples of the length: of taps that are no multiple of four, some stand in the same group of four.
        if !length.is_multiple_of(QUAD) {
            // SAFETY: all taps are within a row, and there is room for four windows.
            return unsafe { move_single_taps(memory, orbit) };
        }
        match starts.map(|tap| memory.wrapping_add(2 * tap)).as_slice() {
            // SAFETY: of both windows of a pair `length` taps, a multiple of four, stand in one run of `4 * length` bytes, the
            // next pair's `4 * row` bytes later, within the room for four windows; they are plain numbers.
            [a, b, c, d] => unsafe { move_four(*a, *b, *c, *d, length, 4 * (row - length), count.div_ceil(2)) },
            _ => {
                for pair in (0..count).step_by(2).map(|index| index * row) {
                    move_numbers(windows, starts.map(|tap| pair + 2 * tap), 2 * length);
                }
            }
        }
    }

    /// Only for shifts that [`Self::outputs`] does not take, and for nothing else: not fast.
    #[inline(never)]
    fn products(operands: Operands<'_>, sums: &mut Sums) {
        let Operands { filters, windows, count, row, .. } = operands;
        for (index, sums) in sums.iter_mut().enumerate().take(count) {
            let (window, _) = windows.get((index & !1) * row + (index & 1) * QUAD..).unwrap_or_default().as_chunks();
            for (sum, weights) in sums.iter_mut().zip(filters.chunks_exact(row.max(1))) {
                *sum = 0;
                // What follows the window's last tap is multiplied by zeros.
                for ([w0, w1, w2, w3], [v0, v2, v1, v3, ..]) in
                    weights.as_chunks::<QUAD>().0.iter().zip::<&[[i16; 8]]>(window)
                {
                    for (weight, value) in [(w0, v0), (w1, v1), (w2, v2), (w3, v3)] {
                        *sum = sum.wrapping_add(i32::from(*weight) * i32::from(*value));
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn outputs(operands: Operands<'_>, scale: &OutputScale<'_>, first: usize, output: &mut [i8], channels: usize) {
        let Operands { filters, windows, count, row, taps } = operands;
        let filter_count = filters.len().checked_div(row).unwrap_or(0);
        let steps = taps.div_ceil(UNROLLED);
        let Some((bias, multipliers)) = of_channels(scale, first, filter_count) else { return };
        let whole = steps > 0 && steps * UNROLLED <= row && windows.len() >= BLOCK * row && count <= BLOCK;
        if !whole || output.len() < count.saturating_sub(1) * channels + filter_count {
            return;
        }
        if scale.shift > OutputScale::LARGEST_SHIFT {
            return outputs_of_large_shifts(operands, scale, first, output, channels);
        }
        let even = filter_count & !1;
        for index in (0..count).step_by(2) {
            let start = windows.as_ptr().wrapping_add(index * row);
            let near = output.as_mut_ptr().wrapping_add(index * channels);
            // A window without a neighbour: what is there is written first, and then overwritten.
            let far = if index + 1 < count { near.wrapping_add(channels) } else { near };
            let (constant, shift) = (scale.constant(), scale.shift);
            let single = far == near;
            let by_four = if single { filter_count & !3 } else { 0 };
            let at = |filter: usize| {
                let (bias, multipliers) =
                    (bias.as_ptr().wrapping_add(filter), multipliers.as_ptr().wrapping_add(filter));
                (filters.as_ptr().wrapping_add(filter * row), bias, multipliers)
            };
            if by_four > 0 {
                let (filters, bias, multipliers) = at(0);
                let delta = 4 * row - UNROLLED * steps;
                // SAFETY: as below, for four filters at a time and one window.
                unsafe {
                    fours(filters, row, start, steps, bias, multipliers, constant, shift, near, delta, by_four / 4)
                };
            }
            if even > by_four {
                let (filters, bias, multipliers) = at(by_four);
                let (near, far) = (near.wrapping_add(by_four), far.wrapping_add(by_four));
                let delta = 2 * row - UNROLLED * steps;
                let count = (even - by_four) / 2;
                // SAFETY: `8 * steps` is at most `row`, so each pair of rows is within `filters`, and `16 * steps` numbers
                // from the pair's start within `windows`, which are aligned to 4 as the arena is. Biases, multipliers and
                // both outputs have `even` elements.
                unsafe {
                    pairs(filters, row, start, steps, bias, multipliers, constant, shift, near, far, delta, count);
                }
            }
            let (Some(last), Some(bias), Some(multiplier)) =
                (filters.get(even * row..), bias.get(even), multipliers.get(even))
            else {
                continue;
            };
            let (bias, multipliers, mut results) = ([*bias; 2], [*multiplier; 2], [[0i8; 2]; 2]);
            let [one, other] = &mut results;
            // SAFETY: as above, with the last filter twice, for outputs of two elements.
            unsafe {
                let (bias, multipliers) = (bias.as_ptr(), multipliers.as_ptr());
                let (one, other) = (one.as_mut_ptr(), other.as_mut_ptr());
                pairs(last.as_ptr(), 0, start, steps, bias, multipliers, constant, shift, one, other, 0, 1);
            }
            for (step, result) in results.iter().enumerate().take(count - index) {
                if let (Some(to), [result, _]) = (output.get_mut((index + step) * channels + even), result) {
                    *to = *result;
                }
            }
        }
        scale.limit(output.chunks_mut(channels.max(1)).take(count).filter_map(|pixel| pixel.get_mut(..filter_count)));
    }

    #[inline(always)]
    fn depthwise(
        options: &Depthwise<'_>,
        arena: &mut [i8],
        [from, pixel]: [usize; 2],
        covered: Covered<'_>,
        padding: &Padding,
    ) {
        let first = quads(options, arena, [from, pixel], covered, padding).unwrap_or(0);
        depthwise::one_output::<Self>(options, arena, [from, pixel], covered, first);
    }

    // These three are only for what is left over: small, not fast.
    #[inline(never)]
    fn accumulate(sums: &mut [i32], segment: Segment<'_>, values: &[i8]) {
        segment::accumulate(sums, segment, values);
    }

    #[inline(never)]
    fn accumulate_constant(sums: &mut [i32], segment: Segment<'_>, value: i8) {
        segment::accumulate_constant(sums, segment, value);
    }

    #[inline(never)]
    fn write(scale: &OutputScale<'_>, first: usize, sums: &[i32], output: &mut [i8]) {
        scale.write(first, sums, output);
    }
}

/// Where a tap of a window stands behind the window's first number.
fn place(tap: usize) -> usize {
    // The second and the third of four stand in each other's place.
    let [high, low] = [tap >> 1 & 1, tap & 1];
    (tap & !3) * 2 + 2 * low + high
}

/// Moves taps of pairs of windows one by one.
///
/// # Safety
/// `memory`, aligned to 4, has room for four windows of `row` numbers, of which `count` are meant, one to four, and all taps
/// are below `row`.
#[inline(never)]
unsafe fn move_single_taps<const N: usize>(memory: *mut i16, orbit: Orbit<N>) {
    let Orbit { starts, length, row, count } = orbit;
    for tap in 0..length {
        let places = starts.map(|start| memory.wrapping_add(place(start + tap)));
        match *places.as_slice() {
            // SAFETY: the caller has made sure of every tap of every window; the next pair's stands `4 * row` bytes later.
            [a, b, c, d] => unsafe { move_one(a, b, c, d, 4 * row, count.div_ceil(2)) },
            [a, b] => {
                for index in 0..count {
                    let window = (index & !1) * row + (index & 1) * QUAD;
                    // SAFETY: as above; the places are apart.
                    unsafe { core::ptr::swap(a.wrapping_add(window), b.wrapping_add(window)) };
                }
            }
            _ => {}
        }
    }
}

/// Moves a tap of both windows of each of `pairs` pairs from each place to the one before. From one pair to the next it is
/// `step` bytes.
///
/// # Safety
/// There is at least one pair, and each place has a tap of both windows of all pairs.
#[unsafe(naked)]
unsafe extern "C" fn move_one(a: *mut i16, b: *mut i16, c: *mut i16, d: *mut i16, step: usize, pairs: usize) {
    naked_asm!(
        "push {{r4-r8, lr}}",
        "ldr r8, [sp, #24]",
        "ldr r12, [sp, #28]",
        "2:",
        "ldrh r4, [r0]",
        "ldrh r5, [r1]",
        "ldrh r6, [r2]",
        "ldrh r7, [r3]",
        "strh r5, [r0]",
        "strh r6, [r1]",
        "strh r7, [r2]",
        "strh r4, [r3]",
        "ldrh r4, [r0, #8]",
        "ldrh r5, [r1, #8]",
        "ldrh r6, [r2, #8]",
        "ldrh r7, [r3, #8]",
        "strh r5, [r0, #8]",
        "strh r6, [r1, #8]",
        "strh r7, [r2, #8]",
        "strh r4, [r3, #8]",
        "add r0, r8",
        "add r1, r8",
        "add r2, r8",
        "add r3, r8",
        "subs r12, r12, #1",
        "bne 2b",
        "pop {{r4-r8, pc}}",
    )
}

/// Moves `length` neighbouring taps of pairs of windows from each place to the one before.
///
/// # Safety
/// Each place, aligned to 4, has `4 * length` bytes, `length` being a multiple of 4 and not zero, and `gap` bytes behind them
/// there is that of the next pair, for `pairs` pairs, at least one.
#[unsafe(naked)]
unsafe extern "C" fn move_four(
    a: *mut i16,
    b: *mut i16,
    c: *mut i16,
    d: *mut i16,
    length: usize,
    gap: usize,
    pairs: usize,
) {
    naked_asm!(
        "push {{r4-r11, lr}}",
        "2:",
        "ldr r12, [sp, #36]",
        "3:",
        "ldrd r4, r5, [r0]",
        "ldrd r6, r7, [r1]",
        "ldrd r8, r9, [r2]",
        "ldrd r10, r11, [r3]",
        "subs r12, r12, #2",
        "strd r6, r7, [r0], #8",
        "strd r8, r9, [r1], #8",
        "strd r10, r11, [r2], #8",
        "strd r4, r5, [r3], #8",
        "bne 3b",
        "ldrd r4, r5, [sp, #40]",
        "add r0, r4",
        "add r1, r4",
        "add r2, r4",
        "add r3, r4",
        "subs r5, r5, #1",
        "str r5, [sp, #44]",
        "bne 2b",
        "pop {{r4-r11, pc}}",
    )
}

#[inline(never)]
fn outputs_of_large_shifts(
    operands: Operands<'_>,
    scale: &OutputScale<'_>,
    first: usize,
    output: &mut [i8],
    channels: usize,
) {
    outputs_by_products::<Dsp>(operands, scale, first, output, channels);
}

/// Biases and multipliers of `count` channels from `first` on.
fn of_channels<'w>(scale: &OutputScale<'w>, first: usize, count: usize) -> Option<(&'w [i32], &'w [i32])> {
    let end = first.checked_add(count)?;
    Some((scale.bias.get(first..end)?, scale.multipliers.get(first..end)?))
}

/// All channels of one output but at most three; how many are done.
#[inline(always)]
fn quads(
    options: &Depthwise<'_>,
    arena: &mut [i8],
    [from, pixel]: [usize; 2],
    covered: Covered<'_>,
    padding: &Padding,
) -> Option<usize> {
    let [(taps_y, input_y), (taps_x, input_x)] = covered;
    let Depthwise { vertical, horizontal, channels, filters, scale, .. } = options;
    let done = channels & !3;
    let (rows, columns) = (taps_y.len(), taps_x.len());
    if done == 0 || scale.shift > OutputScale::LARGEST_SHIFT || rows == 0 || columns == 0 {
        return None;
    }
    let (bias, multipliers) = of_channels(scale, 0, done)?;
    let [row, filter_row] = [horizontal.size, horizontal.kernel].map(|width| width * channels);
    let start = from + (input_y * horizontal.size + input_x) * channels;
    let read_end = start + (rows - 1) * row + columns * channels;
    let inside = read_end <= arena.len() && pixel + done <= arena.len();
    if !inside || filters.len() < vertical.kernel * filter_row {
        return None;
    }
    let memory = arena.as_mut_ptr();
    let (input, output) = (memory.wrapping_add(start).cast_const(), memory.wrapping_add(pixel));
    let filter = filters.as_ptr();
    if rows == vertical.kernel && columns == 3 && horizontal.kernel == 3 {
        // SAFETY: `rows` rows of three taps of `channels` numbers are within the filters, and, `row` bytes from one to the
        // next, within the arena; `done` channels of the output, the biases and the multipliers exist, and the input's
        // numbers are read before the output's are written.
        unsafe {
            let (bias, multipliers, constant) = (bias.as_ptr(), multipliers.as_ptr(), scale.constant());
            rows_of_three(
                filter,
                input,
                *channels,
                done / QUAD,
                bias,
                multipliers,
                constant,
                scale.shift,
                output,
                row,
                rows,
            );
        }
    } else if let Some(starts) = tap_starts(options, from, covered) {
        let of_tap =
            |start: Option<usize>| start.map_or(padding.as_ptr(), |start| memory.wrapping_add(start).cast_const());
        let taps = starts.map(|row| row.map(of_tap));
        // SAFETY: as above; from each tap on, `channels` numbers can be read, of the arena or of the padding.
        unsafe {
            let (bias, multipliers, constant) = (bias.as_ptr(), multipliers.as_ptr(), scale.constant());
            nine_taps(filter, &taps, *channels, done / QUAD, bias, multipliers, constant, scale.shift, output);
        }
    } else {
        let outside = [
            // Whole rows above and below, and what is left and right of the rows between.
            [0, taps_y.start * horizontal.kernel, 1],
            [taps_y.end * horizontal.kernel, (vertical.kernel - taps_y.end) * horizontal.kernel, 1],
            [taps_y.start * horizontal.kernel, taps_x.start, rows],
            [taps_y.start * horizontal.kernel + taps_x.end, horizontal.kernel - taps_x.end, rows],
        ];
        let covered = (taps_y.start * horizontal.kernel + taps_x.start) * channels;
        let multipliers = multipliers.as_chunks::<QUAD>().0;
        for (quad, (bias, multipliers)) in bias.as_chunks::<QUAD>().0.iter().zip(multipliers).enumerate() {
            let first = quad * QUAD;
            let mut sums = *bias;
            // SAFETY: `rows` times `columns` taps, and those of the padding, are within the filters and the arena, as
            // above; four channels from `first` on are within each tap, and within the output.
            unsafe {
                let filter = filter.add(first);
                add_products(
                    &mut sums,
                    filter.add(covered),
                    input.add(first),
                    *channels,
                    columns,
                    rows,
                    filter_row,
                    row,
                );
                for [tap, taps, rows] in outside.into_iter().filter(|[_, taps, _]| *taps > 0) {
                    let value = i32::from(options.padding_value);
                    add_constants(&mut sums, filter.add(tap * channels), value, *channels, taps, rows, filter_row);
                }
                finish(&sums, multipliers, scale.constant(), scale.shift, output.add(first));
            }
        }
    }
    scale.limit(arena.get_mut(pixel..pixel + done).into_iter());
    Some(done)
}

/// Widens `length` neighbouring numbers into a window. `to` is the group of four in which the first one belongs, at place
/// `at`; the next group starts 16 bytes later.
///
/// # Safety
/// `from` has `length > 0` bytes, `to`, aligned to 4, has room for the groups; `at < 4`.
#[unsafe(naked)]
unsafe extern "C" fn widen(from: *const i8, to: *mut i16, at: usize, length: usize) {
    naked_asm!(
        "cbz r2, 5f",
        "cmp r2, #2",
        "beq 2f",
        "bhi 3f",
        "ldrsb r12, [r0], #1",
        "strh r12, [r1, #4]",
        "subs r3, r3, #1",
        "beq 9f",
        "2:",
        "ldrsb r12, [r0], #1",
        "strh r12, [r1, #2]",
        "subs r3, r3, #1",
        "beq 9f",
        "3:",
        "ldrsb r12, [r0], #1",
        "strh r12, [r1, #6]",
        "adds r1, r1, #16",
        "subs r3, r3, #1",
        "beq 9f",
        "5:",
        "subs r3, r3, #4",
        "blt 7f",
        "6:",
        "ldr r12, [r0], #4",
        "subs r3, r3, #4",
        "sxtb16 r2, r12",
        "sxtb16 r12, r12, ror #8",
        "strd r2, r12, [r1], #16",
        "bge 6b",
        "7:",
        "adds r3, r3, #4",
        "beq 9f",
        "ldrsb r12, [r0], #1",
        "strh r12, [r1]",
        "subs r3, r3, #1",
        "beq 9f",
        "ldrsb r12, [r0], #1",
        "strh r12, [r1, #4]",
        "subs r3, r3, #1",
        "beq 9f",
        "ldrsb r12, [r0]",
        "strh r12, [r1, #2]",
        "9:",
        "bx lr",
    )
}

/// `pair_count` pairs of filters by two interleaved windows, each as `2 * steps` groups of four taps, brought to the
/// output's scale. The filters of a pair are `row` bytes apart, and the next pair starts `delta` bytes after what has been
/// read of the first. The far window's results are written first.
///
/// # Safety
/// All filters have `8 * steps` bytes, the windows `32 * steps`, aligned to 4; biases, multipliers and each output have two
/// elements for each pair. `steps` and `pair_count` are not 0.
#[allow(clippy::too_many_arguments)] // what a register each would hold
#[unsafe(naked)]
unsafe extern "C" fn pairs(
    filters: *const i8,
    row: usize,
    windows: *const i16,
    steps: usize,
    bias: *const i32,
    multipliers: *const i32,
    constant: i32,
    shift: u32,
    near: *mut i8,
    far: *mut i8,
    delta: usize,
    pair_count: usize,
) {
    // On the stack: windows, steps, seven saved registers, lr; from 44 on the arguments after the fourth.
    naked_asm!(
        "push {{r2-r11, lr}}",
        "2:",
        "ldr r12, [sp, #44]",
        "ldrd r5, r6, [r12], #8",
        "str r12, [sp, #44]",
        "mov r7, r5",
        "mov r8, r6",
        "ldrd r2, r3, [sp]",
        "1:",
        ".rept 2",
        "ldm r2!, {{r9, r10, r11, r12}}",
        "ldr r4, [r0, r1]",
        "sxtb16 lr, r4",
        "sxtb16 r4, r4, ror #8",
        "smlad r6, lr, r9, r6",
        "smlad r8, lr, r11, r8",
        "smlad r6, r4, r10, r6",
        "smlad r8, r4, r12, r8",
        "ldr r4, [r0], #4",
        "sxtb16 lr, r4",
        "sxtb16 r4, r4, ror #8",
        "smlad r5, lr, r9, r5",
        "smlad r7, lr, r11, r7",
        "smlad r5, r4, r10, r5",
        "smlad r7, r4, r12, r7",
        ".endr",
        "subs r3, r3, #1",
        "bne 1b",
        "ldr r12, [sp, #48]",
        "ldrd r9, r10, [r12], #8",
        "str r12, [sp, #48]",
        "ldrd r11, r4, [sp, #52]",
        "smmlar r5, r5, r9, r11",
        "smmlar r6, r6, r10, r11",
        "smmlar r7, r7, r9, r11",
        "smmlar r8, r8, r10, r11",
        "ldrd r9, r10, [sp, #60]",
        "asr r5, r5, r4",
        "asr r6, r6, r4",
        "asr r7, r7, r4",
        "asr r8, r8, r4",
        "ssat r5, #8, r5",
        "ssat r6, #8, r6",
        "ssat r7, #8, r7",
        "ssat r8, #8, r8",
        "strb r7, [r10], #1",
        "strb r8, [r10], #1",
        "strb r5, [r9], #1",
        "strb r6, [r9], #1",
        "strd r9, r10, [sp, #60]",
        "ldrd r11, r4, [sp, #68]",
        "add r0, r0, r11",
        "subs r4, r4, #1",
        "str r4, [sp, #72]",
        "bne 2b",
        "pop {{r2-r11, pc}}",
    )
}

/// Four filters at a time by the first of two interleaved windows; otherwise as [`pairs`].
///
/// # Safety
/// As there, with four filters and elements where there are two.
#[allow(clippy::too_many_arguments)] // what a register each would hold
#[unsafe(naked)]
unsafe extern "C" fn fours(
    filters: *const i8,
    row: usize,
    windows: *const i16,
    steps: usize,
    bias: *const i32,
    multipliers: *const i32,
    constant: i32,
    shift: u32,
    output: *mut i8,
    delta: usize,
    four_count: usize,
) {
    // On the stack: windows, steps, seven saved registers, lr; from 44 on the arguments after the fourth.
    naked_asm!(
        ".macro four_taps_of_filter sum",
        "sxtb16 r9, r8",
        "sxtb16 r8, r8, ror #8",
        "smlad \\sum, r9, r10, \\sum",
        "smlad \\sum, r8, r11, \\sum",
        ".endm",
        "push {{r2-r11, lr}}",
        "add r12, r1, r1, lsl #1",
        "2:",
        "ldr r8, [sp, #44]",
        "ldm r8!, {{r4-r7}}",
        "str r8, [sp, #44]",
        "ldrd r2, r3, [sp]",
        "1:",
        ".rept 2",
        "ldrd r10, r11, [r2], #16",
        "ldr r8, [r0, r1]",
        "four_taps_of_filter r5",
        "ldr r8, [r0, r1, lsl #1]",
        "four_taps_of_filter r6",
        "ldr r8, [r0, r12]",
        "four_taps_of_filter r7",
        "ldr r8, [r0], #4",
        "four_taps_of_filter r4",
        ".endr",
        "subs r3, r3, #1",
        "bne 1b",
        "ldr r8, [sp, #48]",
        "ldm r8!, {{r9, r10, r11, lr}}",
        "str r8, [sp, #48]",
        "ldrd r2, r3, [sp, #52]",
        "smmlar r4, r4, r9, r2",
        "smmlar r5, r5, r10, r2",
        "smmlar r6, r6, r11, r2",
        "smmlar r7, r7, lr, r2",
        "ldr r8, [sp, #60]",
        "asr r4, r4, r3",
        "asr r5, r5, r3",
        "asr r6, r6, r3",
        "asr r7, r7, r3",
        "ssat r4, #8, r4",
        "ssat r5, #8, r5",
        "ssat r6, #8, r6",
        "ssat r7, #8, r7",
        "strb r4, [r8], #1",
        "strb r5, [r8], #1",
        "strb r6, [r8], #1",
        "strb r7, [r8], #1",
        "str r8, [sp, #60]",
        "ldrd r9, r10, [sp, #64]",
        "add r0, r0, r9",
        "subs r10, r10, #1",
        "str r10, [sp, #68]",
        "bne 2b",
        "pop {{r2-r11, pc}}",
        ".purgem four_taps_of_filter",
    )
}

/// Outputs of a depthwise convolution, four channels at a time, whose window has three columns and lies wholly on the map.
/// Taps are `step` bytes apart, rows of the input `row` bytes, rows of the filters three steps.
///
/// # Safety
/// `4 * quad_count` channels of filters, input, biases, multipliers and output exist, for `rows` rows of the window; the
/// counts are not 0.
#[allow(clippy::too_many_arguments)] // what a register each would hold
#[unsafe(naked)]
unsafe extern "C" fn rows_of_three(
    filters: *const i8,
    input: *const i8,
    step: usize,
    quad_count: usize,
    bias: *const i32,
    multipliers: *const i32,
    constant: i32,
    shift: u32,
    output: *mut i8,
    row: usize,
    rows: usize,
) {
    // On the stack: filters, input, quads left, eight saved registers, lr; from 48 on the arguments after the fourth.
    naked_asm!(
        ".macro tap_of_quad",
        "sxtb16 r9, r8, ror #8",
        "sxtb16 r11, r10, ror #8",
        "sxtb16 r8, r8",
        "sxtb16 r10, r10",
        "smlabb r5, r9, r11, r5",
        "smlatt r7, r9, r11, r7",
        "smlabb r4, r8, r10, r4",
        "smlatt r6, r8, r10, r6",
        ".endm",
        "push {{r0, r1, r3-r11, lr}}",
        "add r12, r2, r2, lsl #1",
        "1:",
        "ldr r8, [sp, #48]",
        "ldm r8!, {{r4-r7}}",
        "str r8, [sp, #48]",
        "ldrd r0, r1, [sp]",
        "ldrd lr, r3, [sp, #68]",
        "2:",
        "ldr r8, [r0]",
        "ldr r10, [r1]",
        "tap_of_quad",
        "ldr r8, [r0, r2]",
        "ldr r10, [r1, r2]",
        "tap_of_quad",
        "ldr r8, [r0, r2, lsl #1]",
        "ldr r10, [r1, r2, lsl #1]",
        "tap_of_quad",
        "add r0, r0, r12",
        "add r1, r1, lr",
        "subs r3, r3, #1",
        "bne 2b",
        "ldrd r0, r1, [sp]",
        "adds r0, r0, #4",
        "adds r1, r1, #4",
        "strd r0, r1, [sp]",
        "ldr r8, [sp, #52]",
        "ldm r8!, {{r9, r10, r11, lr}}",
        "str r8, [sp, #52]",
        "ldrd r0, r1, [sp, #56]",
        "smmlar r4, r4, r9, r0",
        "smmlar r5, r5, r10, r0",
        "smmlar r6, r6, r11, r0",
        "smmlar r7, r7, lr, r0",
        "ldr r8, [sp, #64]",
        "asr r4, r4, r1",
        "asr r5, r5, r1",
        "asr r6, r6, r1",
        "asr r7, r7, r1",
        "ssat r4, #8, r4",
        "ssat r5, #8, r5",
        "ssat r6, #8, r6",
        "ssat r7, #8, r7",
        "strb r4, [r8], #1",
        "strb r5, [r8], #1",
        "strb r6, [r8], #1",
        "strb r7, [r8], #1",
        "str r8, [sp, #64]",
        "ldr r3, [sp, #8]",
        "subs r3, r3, #1",
        "str r3, [sp, #8]",
        "bne 1b",
        "pop {{r0, r1, r3-r11, pc}}",
        ".purgem tap_of_quad",
    )
}

/// As [`rows_of_three`] for a window of three by three, each of whose taps has its own place.
///
/// # Safety
/// `4 * quad_count` channels of filters, biases, multipliers and output exist, and from each tap on; the count is not 0.
#[allow(clippy::too_many_arguments)] // what a register each would hold
#[unsafe(naked)]
unsafe extern "C" fn nine_taps(
    filters: *const i8,
    taps: &[[*const i8; 3]; 3],
    step: usize,
    quad_count: usize,
    bias: *const i32,
    multipliers: *const i32,
    constant: i32,
    shift: u32,
    output: *mut i8,
) {
    // On the stack: filters, taps, quads left, eight saved registers, lr; from 48 on the arguments after the fourth.
    naked_asm!(
        "push {{r0, r1, r3-r11, lr}}",
        "movs r12, #0",
        "1:",
        "ldr r8, [sp, #48]",
        "ldm r8!, {{r4-r7}}",
        "str r8, [sp, #48]",
        "ldrd r0, lr, [sp]",
        "add r0, r0, r12",
        "movs r3, #3",
        "2:",
        ".rept 3",
        "ldr r1, [lr], #4",
        "ldr r8, [r0]",
        "ldr r10, [r1, r12]",
        "add r0, r0, r2",
        "sxtb16 r9, r8, ror #8",
        "sxtb16 r11, r10, ror #8",
        "sxtb16 r8, r8",
        "sxtb16 r10, r10",
        "smlabb r5, r9, r11, r5",
        "smlatt r7, r9, r11, r7",
        "smlabb r4, r8, r10, r4",
        "smlatt r6, r8, r10, r6",
        ".endr",
        "subs r3, r3, #1",
        "bne 2b",
        "ldr r8, [sp, #52]",
        "ldm r8!, {{r9, r10, r11, lr}}",
        "str r8, [sp, #52]",
        "ldrd r0, r1, [sp, #56]",
        "smmlar r4, r4, r9, r0",
        "smmlar r5, r5, r10, r0",
        "smmlar r6, r6, r11, r0",
        "smmlar r7, r7, lr, r0",
        "ldr r8, [sp, #64]",
        "asr r4, r4, r1",
        "asr r5, r5, r1",
        "asr r6, r6, r1",
        "asr r7, r7, r1",
        "ssat r4, #8, r4",
        "ssat r5, #8, r5",
        "ssat r6, #8, r6",
        "ssat r7, #8, r7",
        "strb r4, [r8], #1",
        "strb r5, [r8], #1",
        "strb r6, [r8], #1",
        "strb r7, [r8], #1",
        "str r8, [sp, #64]",
        "adds r12, r12, #4",
        "ldr r3, [sp, #8]",
        "subs r3, r3, #1",
        "str r3, [sp, #8]",
        "bne 1b",
        "pop {{r0, r1, r3-r11, pc}}",
    )
}

/// Adds the products of `rows` rows of `taps` taps, four channels each, to four sums.
///
/// # Safety
/// Four bytes can be read at each tap, `step` bytes apart, of each row; the counts are not 0.
#[allow(clippy::too_many_arguments)] // what a register each would hold
#[inline(always)]
unsafe fn add_products(
    sums: &mut [i32; QUAD],
    filters: *const i8,
    values: *const i8,
    step: usize,
    taps: usize,
    rows: usize,
    filter_row: usize,
    row: usize,
) {
    for index in 0..rows {
        let (filters, values) = (filters.wrapping_add(index * filter_row), values.wrapping_add(index * row));
        let [s0, s1, s2, s3] = sums;
        // SAFETY: reads what the caller allows; writes registers only.
        unsafe {
            asm!(
                "2:",
                "ldr {f}, [{filters}]",
                "ldr {v}, [{values}]",
                "add {filters}, {step}",
                "add {values}, {step}",
                "sxtb16 {g}, {f}, ror #8",
                "sxtb16 {w}, {v}, ror #8",
                "sxtb16 {f}, {f}",
                "sxtb16 {v}, {v}",
                "smlabb {s1}, {g}, {w}, {s1}",
                "smlatt {s3}, {g}, {w}, {s3}",
                "smlabb {s0}, {f}, {v}, {s0}",
                "smlatt {s2}, {f}, {v}, {s2}",
                "subs {taps}, #1",
                "bne 2b",
                filters = inout(reg) filters => _,
                values = inout(reg) values => _,
                taps = inout(reg) taps => _,
                step = in(reg) step,
                f = out(reg) _,
                g = out(reg) _,
                v = out(reg) _,
                w = out(reg) _,
                s0 = inout(reg) *s0,
                s1 = inout(reg) *s1,
                s2 = inout(reg) *s2,
                s3 = inout(reg) *s3,
                options(readonly, nostack),
            );
        }
    }
}

/// As [`add_products`] with one value everywhere.
///
/// # Safety
/// As there, for the filters.
#[inline(always)]
unsafe fn add_constants(
    sums: &mut [i32; QUAD],
    filters: *const i8,
    value: i32,
    step: usize,
    taps: usize,
    rows: usize,
    filter_row: usize,
) {
    for index in 0..rows {
        let filters = filters.wrapping_add(index * filter_row);
        let [s0, s1, s2, s3] = sums;
        // SAFETY: reads what the caller allows; writes registers only.
        unsafe {
            asm!(
                "2:",
                "ldr {f}, [{filters}]",
                "add {filters}, {step}",
                "subs {taps}, #1",
                "sxtb16 {g}, {f}, ror #8",
                "sxtb16 {f}, {f}",
                "smlabb {s1}, {g}, {v}, {s1}",
                "smlatb {s3}, {g}, {v}, {s3}",
                "smlabb {s0}, {f}, {v}, {s0}",
                "smlatb {s2}, {f}, {v}, {s2}",
                "bne 2b",
                filters = inout(reg) filters => _,
                taps = inout(reg) taps => _,
                step = in(reg) step,
                v = in(reg) value,
                f = out(reg) _,
                g = out(reg) _,
                s0 = inout(reg) *s0,
                s1 = inout(reg) *s1,
                s2 = inout(reg) *s2,
                s3 = inout(reg) *s3,
                options(readonly, nostack),
            );
        }
    }
}

/// Brings four sums to the output's scale.
///
/// # Safety
/// Four bytes can be written to `output`.
#[inline(always)]
unsafe fn finish(sums: &[i32; QUAD], multipliers: &[i32; QUAD], constant: i32, shift: u32, output: *mut i8) {
    for (index, (sum, multiplier)) in sums.iter().zip(multipliers).enumerate() {
        let result: i32;
        // SAFETY: computes with registers only.
        unsafe {
            asm!(
                "smmlar {result}, {sum}, {multiplier}, {constant}",
                "asr {result}, {result}, {shift}",
                "ssat {result}, #8, {result}",
                result = lateout(reg) result,
                sum = in(reg) *sum,
                multiplier = in(reg) *multiplier,
                constant = in(reg) constant,
                shift = in(reg) shift,
                options(pure, nomem, nostack),
            );
        }
        // SAFETY: as the caller allows.
        unsafe { output.add(index).write(result as i8) };
    }
}
