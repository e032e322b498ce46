//! Operators on int8 values, bit for bit the same on every target.
//!
//! A convolution gathers the windows of up to four neighbouring outputs into scratch memory, widened to 16 bits
//! ([`gather`]), multiplies them with up to four filters at a time ([`Kernel::products`]), and brings the sums to the
//! output's scale. Only the products differ between targets. Maps are worked on row by row, so that the result may lie
//! over rows of the input that are done with (`graph::overlap`).

#[cfg(all(target_arch = "x86_64", feature = "std"))]
mod avx2;
pub(crate) mod convolution;
#[cfg(sextant_dsp)]
mod cortex_m_dsp;
#[cfg(any(sextant_thumb1, sextant_thumb2))]
mod cortex_m_plain;
pub(crate) mod depthwise;
#[cfg(target_arch = "aarch64")]
mod neon;
pub(crate) mod pooling;
pub(crate) mod quantize;
#[cfg(any(test, not(any(sextant_thumb1, sextant_thumb2, target_arch = "aarch64"))))]
mod scalar;
mod segment;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;

#[cfg(test)]
mod tests;

use crate::graph::requantize;
use depthwise::{Covered, Depthwise, Padding};
use segment::Segment;

/// Windows, and filters, that are multiplied at a time.
pub(crate) const BLOCK: usize = 4;

/// The kernel of this target; a host with better ones chooses when the program runs.
#[cfg(sextant_dsp)]
pub(crate) type Native = cortex_m_dsp::Dsp;
#[cfg(any(sextant_thumb1, sextant_thumb2))]
pub(crate) type Native = cortex_m_plain::Plain;
#[cfg(target_arch = "aarch64")]
pub(crate) type Native = neon::Neon;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(crate) type Native = simd128::Simd128;
#[cfg(not(any(
    sextant_dsp,
    sextant_thumb1,
    sextant_thumb2,
    target_arch = "aarch64",
    all(target_arch = "wasm32", target_feature = "simd128")
)))]
pub(crate) type Native = scalar::Scalar;

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
#[cfg_attr(sextant_dsp, inline(never))]
#[cfg_attr(not(sextant_dsp), inline(always))]
fn outputs_by_products<K: Kernel>(
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
    // With DSP instructions this is only for what is left over.
    #[cfg_attr(sextant_dsp, inline(never))]
    #[cfg_attr(not(sextant_dsp), inline(always))]
    pub fn write(&self, first: usize, sums: &[i32], output: &mut [i8]) {
        let (Some(bias), Some(multipliers)) = (self.bias.get(first..), self.multipliers.get(first..)) else { return };
        let [low, high] = self.bounds;
        for (((to, sum), bias), multiplier) in output.iter_mut().zip(sums).zip(bias).zip(multipliers) {
            let scaled = requantize(sum.wrapping_add(*bias), *multiplier, self.shift).wrapping_add(self.zero_point);
            *to = scaled.max(low).min(high) as i8;
        }
    }
}

/// What vectors of four numbers of 32 bits need.
#[cfg(any(
    all(target_arch = "x86_64", feature = "std"),
    target_arch = "aarch64",
    all(target_arch = "wasm32", target_feature = "simd128")
))]
impl OutputScale<'_> {
    /// [`Self::write`] with `scaled`, which makes four numbers of sums, biases and multipliers.
    #[inline(always)]
    pub fn write_by_four(
        &self,
        first: usize,
        sums: &[i32],
        output: &mut [i8],
        scaled: impl Fn(&[i32; BLOCK], &[i32; BLOCK], &[i32; BLOCK]) -> [i8; BLOCK],
    ) {
        let (Some(bias), Some(multipliers)) = (self.bias.get(first..), self.multipliers.get(first..)) else { return };
        let (blocks, _) = sums.as_chunks::<BLOCK>();
        let (outputs, rest) = output.as_chunks_mut::<BLOCK>();
        let (bias, _) = bias.as_chunks::<BLOCK>();
        let (multipliers, _) = multipliers.as_chunks::<BLOCK>();
        let whole = outputs.len();
        for (((to, sums), bias), multipliers) in outputs.iter_mut().zip(blocks).zip(bias).zip(multipliers) {
            *to = scaled(sums, bias, multipliers);
        }
        if !rest.is_empty() {
            let remaining = sums.get(whole * BLOCK..).unwrap_or(&[]);
            self.write(first + whole * BLOCK, remaining, rest);
        }
    }
}

/// What the assembly of processors with Thumb-2 needs of a scale.
#[cfg(any(sextant_dsp, sextant_thumb2))]
impl OutputScale<'_> {
    /// Up to this shift a zero point, shifted left by it, leaves room for the product.
    pub const LARGEST_SHIFT: u32 = 20;

    /// `2^(shift - 1) + (zero_point << shift)`: added before the shift, it rounds and moves to the zero point.
    #[inline(always)]
    pub fn constant(&self) -> i32 {
        ((1 << self.shift) >> 1) + (self.zero_point << self.shift)
    }

    /// What saturation to eight bits has not done of an activation.
    #[inline(always)]
    pub fn limit<'o>(&self, outputs: impl Iterator<Item = &'o mut [i8]>) {
        let [low, high] = self.bounds;
        if low <= -128 && high >= 127 {
            return;
        }
        let (low, high) = (low as i8, high as i8);
        outputs.flatten().for_each(|number| *number = (*number).max(low).min(high));
    }
}
