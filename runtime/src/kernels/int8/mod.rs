//! Operators on int8 values, bit for bit the same on every target.
//!
//! A convolution gathers the windows of up to four neighbouring outputs into scratch memory, widened to 16 bits
//! ([`gather`]), multiplies them with up to four filters at a time ([`Kernel::products`]), and brings the sums to the
//! output's scale. Only the products differ between targets: [`Kernel`] says what a target does in its own way, [`scalar`]
//! does it for every target, and `kernels::processors` for some, and chooses. Maps are worked on row by row, so that the
//! result may lie over rows of the input that are done with (`operators::overlap`).

pub(crate) mod convolution;
pub(crate) mod depthwise;
pub(crate) mod expanded;
pub(crate) mod pooling;
pub(crate) mod quantize;
#[allow(dead_code, reason = "of some processors another kernel takes its place")]
pub(crate) mod scalar;
pub(crate) mod segment;

#[cfg(test)]
pub(crate) mod tests;

use crate::tensor::requantize;
use depthwise::{Covered, Depthwise, Padding};
use expanded::Orbit;
use segment::Segment;

/// Windows, and filters, that are multiplied at a time.
pub(crate) const BLOCK: usize = 4;

/// Sums of products: `[window][filter]`.
pub(crate) type Sums = [[i32; BLOCK]; BLOCK];

/// A few filters of eight bits, and a few windows of 16.
#[derive(Clone, Copy)]
pub(crate) struct Operands<'a> {
    /// `[filters][row]`, of which the first `taps` numbers count and the rest are zero.
    pub filters: &'a [i8],
    /// Room for four windows, in the kernel's own order.
    pub windows: &'a [i16],
    /// How many of them are filled.
    pub count: usize,
    /// Numbers from one filter to the next, a multiple of 16.
    pub row: usize,
    pub taps: usize,
}

/// A part of the windows' memory that belongs to one of them.
pub(crate) struct Window<'a> {
    /// Room for four windows of `row` numbers.
    pub memory: &'a mut [i16],
    pub row: usize,
    /// Which of the four.
    pub index: usize,
}

/// What a target does in its own way.
pub(crate) trait Kernel: Sized {
    /// Channels of a depthwise convolution that it likes to sum at a time, at most [`depthwise::MOST_CHANNELS`].
    const CHANNELS: usize;

    /// Puts neighbouring numbers into a window, from tap `at` on.
    fn place(window: Window<'_>, at: usize, values: &[i8]);

    /// Puts one number into all of a window.
    fn fill(window: Window<'_>, value: i8);

    /// Moves taps of all windows to other places.
    fn move_taps<const N: usize>(windows: &mut [i16], orbit: Orbit<N>);

    /// `sums[w][f] = windows[w] . filters[f]`, modulo 2^32, of as many windows and filters as there are, at most four
    /// each. Other sums may be anything.
    fn products(operands: Operands<'_>, sums: &mut Sums);

    /// Adds `filters[t * step + i] * values[t * step + i]` over the taps `t` to `sums[i]`.
    #[inline(always)]
    fn accumulate(sums: &mut [i32], segment: Segment<'_>, values: &[i8]) {
        segment::accumulate(sums, segment, values);
    }

    /// The same with `value` for all values.
    #[inline(always)]
    fn accumulate_constant(sums: &mut [i32], segment: Segment<'_>, value: i8) {
        segment::accumulate_constant(sums, segment, value);
    }

    /// Multiplies the windows with all filters, and writes the results; `output` starts at the first window's channel
    /// `first`, and the next window's is `channels` later.
    #[inline(always)]
    fn outputs(operands: Operands<'_>, scale: &OutputScale<'_>, first: usize, output: &mut [i8], channels: usize) {
        outputs_by_products::<Self>(operands, scale, first, output, channels);
    }

    /// One output of a depthwise convolution, all channels. The input starts at `arena[from]`, the output's channels at
    /// `arena[pixel]`. `padding` holds the value of padding for as many channels as it has.
    #[inline(always)]
    fn depthwise(
        options: &Depthwise<'_>,
        arena: &mut [i8],
        [from, pixel]: [usize; 2],
        covered: Covered<'_>,
        _padding: &Padding,
    ) {
        depthwise::one_output::<Self>(options, arena, [from, pixel], covered, 0);
    }

    /// Writes neighbouring channels from `first` on.
    #[inline(always)]
    fn write(scale: &OutputScale<'_>, first: usize, sums: &[i32], output: &mut [i8]) {
        scale.write(first, sums, output);
    }
}

/// [`Kernel::outputs`] from [`Kernel::products`].
#[inline(always)]
pub(crate) fn outputs_by_products<K: Kernel>(
    operands: Operands<'_>,
    scale: &OutputScale<'_>,
    first: usize,
    output: &mut [i8],
    channels: usize,
) {
    let Operands { row, count, .. } = operands;
    let mut sums: Sums = [[0; BLOCK]; BLOCK];
    for (block, filters) in operands.filters.chunks((BLOCK * row).max(1)).enumerate() {
        K::products(Operands { filters, ..operands }, &mut sums);
        let before = block * BLOCK;
        let written = filters.len() / row.max(1);
        for (step, sums) in sums.iter().take(count).enumerate() {
            let start = step * channels + before;
            let Some(output) = output.get_mut(start..start + written) else { return };
            K::write(scale, first + before, sums, output);
        }
    }
}

/// How sums become numbers of the output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutputScale<'w> {
    /// One per channel.
    pub bias: &'w [i32],
    /// One per channel.
    pub multipliers: &'w [i32],
    pub shift: u32,
    pub zero_point: i32,
    /// Least and largest number, from the activation, within eight bits.
    pub bounds: [i32; 2],
}

impl OutputScale<'_> {
    /// Writes neighbouring channels from `first` on.
    #[inline(always)]
    pub fn write(&self, first: usize, sums: &[i32], output: &mut [i8]) {
        let (Some(bias), Some(multipliers)) = (self.bias.get(first..), self.multipliers.get(first..)) else { return };
        let [low, high] = self.bounds;
        for (((to, sum), bias), multiplier) in output.iter_mut().zip(sums).zip(bias).zip(multipliers) {
            let scaled = requantize(sum.wrapping_add(*bias), *multiplier, self.shift).wrapping_add(self.zero_point);
            *to = scaled.max(low).min(high) as i8;
        }
    }
}
