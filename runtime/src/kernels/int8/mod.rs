//! Operators on int8 values, bit for bit the same on every target.
//!
//! A convolution gathers the windows of up to four neighbouring outputs into scratch memory, widened to 16 bits
//! ([`gather`]), multiplies them with up to four filters at a time ([`Kernel::products`]), and brings the sums to the
//! output's scale. Only the products differ between targets. Maps are worked on row by row, so that the result may lie
//! over rows of the input that are done with (`graph::overlap`).

pub(crate) mod convolution;
pub(crate) mod depthwise;
pub(crate) mod pooling;
pub(crate) mod quantize;
mod scalar;

#[cfg(test)]
mod tests;

use crate::graph::{requantize, saturate};

/// Windows, and filters, that are multiplied at a time.
pub(crate) const BLOCK: usize = 4;

/// Sums of products: `[window][filter]`.
pub(crate) type Sums = [[i32; BLOCK]; BLOCK];

/// A few filters of eight bits, and a few windows of 16.
#[derive(Clone, Copy)]
pub(crate) struct Operands<'a> {
    /// `[filters][row]`, of which the first `taps` numbers count and the rest are zero.
    pub filters: &'a [i8],
    /// `[windows][row]` in the kernel's own order.
    pub windows: &'a [i16],
    /// Numbers from one filter or window to the next, a multiple of 16.
    pub row: usize,
    pub taps: usize,
}

/// What a target does in its own way.
pub(crate) trait Kernel {
    /// Puts neighbouring numbers into a window, from number `at` on.
    fn place(window: &mut [i16], at: usize, values: &[i8]);

    /// Puts one number into all of a window.
    fn fill(window: &mut [i16], value: i8) {
        window.fill(value.into());
    }

    /// `sums[w][f] = windows[w] . filters[f]`, modulo 2^32, of as many windows and filters as there are, at most four
    /// each. Other sums may be anything.
    fn products(operands: Operands<'_>, sums: &mut Sums);

    /// `sums[i] += filter[i] * values[i]`.
    fn accumulate(sums: &mut [i32], filter: &[i8], values: &[i8]);
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
    /// Least and largest number, from the activation.
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
            *to = saturate(scaled.max(low).min(high));
        }
    }
}
