//! What vectors of four numbers of 32 bits need of the int8 kernels.

use crate::kernels::int8::segment::Segment;
use crate::kernels::int8::{BLOCK, OutputScale};

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

impl Segment<'_> {
    /// The sums, where they are at least `N` and both filters and values have `N` numbers at every tap.
    #[inline(always)]
    pub fn whole<'s, const N: usize>(&self, sums: &'s mut [i32], values: &[i8]) -> Option<&'s mut [i32; N]> {
        let reach = self.taps.checked_sub(1)? * self.step + N;
        sums.first_chunk_mut().filter(|_| self.filters.len() >= reach && values.len() >= reach)
    }
}
