/// Partial sums per dot product, as many as fill the vector registers of the smallest x86-64.
pub(super) const LANES: usize = 8;

/// `N` dot products with one common factor, summed piece by piece.
pub(crate) struct DotProducts<const N: usize> {
    lanes: [[f32; LANES]; N],
    rests: [f32; N],
}

impl<const N: usize> DotProducts<N> {
    pub fn new() -> Self {
        Self { lanes: [[0.0; LANES]; N], rests: [0.0; N] }
    }

    /// Adds `common . factors[i]` to each sum, over the shorter of both.
    #[inline(always)]
    pub fn add(&mut self, common: &[f32], factors: [&[f32]; N]) {
        let (common_chunks, common_rest) = common.as_chunks::<LANES>();
        for ((lanes, rest), factor) in self.lanes.iter_mut().zip(&mut self.rests).zip(factors) {
            let (factor_chunks, factor_rest) = factor.as_chunks::<LANES>();
            let mut sums = *lanes;
            for (a, b) in common_chunks.iter().zip(factor_chunks) {
                for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
                    *sum += a * b;
                }
            }
            *lanes = sums;
            for (a, b) in common_rest.iter().zip(factor_rest) {
                *rest += a * b;
            }
        }
    }

    /// As [`Self::add`], rounding once for a product and its sum where the processor does: the last bits may differ
    /// between targets.
    #[inline(always)]
    pub fn add_fused(&mut self, common: &[f32], factors: [&[f32]; N]) {
        #[cfg(target_arch = "aarch64")]
        {
            let (common_chunks, common_rest) = common.as_chunks::<LANES>();
            super::dot_neon::add(&mut self.lanes, common_chunks, factors.map(|factor| factor.as_chunks::<LANES>().0));
            for (rest, factor) in self.rests.iter_mut().zip(factors) {
                for (a, b) in common_rest.iter().zip(factor.as_chunks::<LANES>().1) {
                    *rest += a * b;
                }
            }
        }
        #[cfg(not(target_arch = "aarch64"))]
        self.add(common, factors);
    }

    pub fn sums(&self) -> [f32; N] {
        let mut sums = self.rests;
        for (sum, lanes) in sums.iter_mut().zip(&self.lanes) {
            *sum += lanes.iter().sum::<f32>();
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_length_add_up() {
        let a: [f32; 29] = core::array::from_fn(|i| i as f32 - 7.0);
        let b: [f32; 29] = core::array::from_fn(|i| 3.0 - i as f32);
        for cut in 0..29 {
            let mut products = DotProducts::<2>::new();
            products.add(&a[..cut], [&b[..cut], &a[..cut]]);
            products.add(&a[cut..], [&b[cut..], &a[cut..]]);
            let expected = [&b, &a].map(|other| a.iter().zip(other).map(|(x, y)| x * y).sum::<f32>());
            assert_eq!(products.sums(), expected, "cut at {cut}");
            let mut products = DotProducts::<2>::new();
            products.add_fused(&a[..cut], [&b[..cut], &a[..cut]]);
            products.add_fused(&a[cut..], [&b[cut..], &a[cut..]]);
            // Small integers: nothing is rounded.
            assert_eq!(products.sums(), expected, "fused, cut at {cut}");
        }
    }
}
