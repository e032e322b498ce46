//! What every target repeats; compiled where no other kernel takes its place.

use super::expanded::{Orbit, move_numbers};
use super::{BLOCK, Kernel, Operands, Sums, Window, segment};

/// Plain loops, two filters by two windows at a time, so that each number that is loaded is used twice. Windows stand
/// one after the other.
pub(crate) struct Scalar;

impl Kernel for Scalar {
    const CHANNELS: usize = segment::QUAD;

    #[inline(always)]
    fn place(window: Window<'_>, at: usize, values: &[i8]) {
        let start = window.index * window.row + at;
        if let Some(to) = window.memory.get_mut(start..start + values.len()) {
            to.iter_mut().zip(values).for_each(|(to, value)| *to = (*value).into());
        }
    }

    #[inline(always)]
    fn fill(window: Window<'_>, value: i8) {
        let start = window.index * window.row;
        window.memory.get_mut(start..start + window.row).unwrap_or_default().fill(value.into());
    }

    #[inline(always)]
    fn move_taps<const N: usize>(windows: &mut [i16], orbit: Orbit<N>) {
        for index in 0..orbit.count {
            move_numbers(windows, orbit.starts.map(|tap| index * orbit.row + tap), orbit.length);
        }
    }

    #[inline(always)]
    fn products(operands: Operands<'_>, sums: &mut Sums) {
        let Operands { filters, windows, count, row, taps } = operands;
        let filter = |index: usize| filters.get(index * row..).and_then(|rest| rest.get(..taps));
        let window = |index: usize| windows.get(index * row..).and_then(|rest| rest.get(..taps)).unwrap_or(&[]);
        for second in (0..count).step_by(2) {
            let pair = [window(second), window((second + 1).min(BLOCK - 1))];
            for first in (0..BLOCK).step_by(2) {
                let Some(one) = filter(first) else { break };
                let four = dot_2x2([one, filter(first + 1).unwrap_or(one)], pair);
                for (sums, of_window) in sums.iter_mut().skip(second).zip(four) {
                    sums.iter_mut().skip(first).zip(of_window).for_each(|(to, sum)| *to = sum);
                }
            }
        }
    }
}

/// `[window][filter]`.
#[inline(always)]
fn dot_2x2([f0, f1]: [&[i8]; 2], [w0, w1]: [&[i16]; 2]) -> [[i32; 2]; 2] {
    let mut sums = [[0i32; 2]; 2];
    for (((f0, f1), w0), w1) in f0.iter().zip(f1).zip(w0).zip(w1) {
        let [f0, f1] = [*f0, *f1].map(i32::from);
        let [w0, w1] = [*w0, *w1].map(i32::from);
        let [[s00, s01], [s10, s11]] = sums;
        sums = [
            [s00.wrapping_add(f0 * w0), s01.wrapping_add(f1 * w0)],
            [s10.wrapping_add(f0 * w1), s11.wrapping_add(f1 * w1)],
        ];
    }
    sums
}
