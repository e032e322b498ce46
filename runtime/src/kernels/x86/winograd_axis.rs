//! Winograd's minimal filtering of three taps along one axis, in the matrices of Lavin and Gray (2016, arXiv 1509.09308):
//! `y = A^T ((G g) * (B^T d))`.

#![allow(unsafe_code)]

use core::arch::x86_64::*;

/// Outputs and points of one axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Size {
    /// F(2, 3): two outputs by four points.
    Two,
    /// F(4, 3): four outputs by six points.
    Four,
}

impl Size {
    /// Outputs.
    pub const fn tile(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Four => 4,
        }
    }

    /// Points, and inputs.
    pub const fn side(self) -> usize {
        self.tile() + 2
    }

    /// Tiles down and across a map of outputs.
    pub fn tiles(self, output: [usize; 2]) -> [usize; 2] {
        output.map(|extent| extent.div_ceil(self.tile()))
    }

    /// `G g`, of which the first [`Self::side`] count.
    pub fn filter(self, [a, b, c]: [f64; 3]) -> [f64; MOST] {
        match self {
            Self::Two => [a, (a + b + c) / 2.0, (a - b + c) / 2.0, c, 0.0, 0.0],
            Self::Four => [
                a / 4.0,
                -(a + b + c) / 6.0,
                -(a - b + c) / 6.0,
                (a + 2.0 * b + 4.0 * c) / 24.0,
                (a - 2.0 * b + 4.0 * c) / 24.0,
                c,
            ],
        }
    }
}

/// Most points of an axis.
pub(super) const MOST: usize = 6;

/// `B^T d` of eight channels.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn input<const S: usize>(d: [__m256; MOST]) -> [__m256; MOST] {
    let [d0, d1, d2, d3, d4, d5] = d;
    let sub = |a, b| _mm256_sub_ps(a, b);
    if S == 4 {
        return [sub(d0, d2), _mm256_add_ps(d1, d2), sub(d2, d1), sub(d1, d3), d4, d5];
    }
    let [two, four, five] = [_mm256_set1_ps(2.0), _mm256_set1_ps(4.0), _mm256_set1_ps(5.0)];
    let (a, b) = (_mm256_fnmadd_ps(four, d2, d4), _mm256_fnmadd_ps(four, d1, d3));
    let (c, e) = (sub(d4, d2), _mm256_mul_ps(two, sub(d3, d1)));
    [
        _mm256_fmadd_ps(four, d0, _mm256_fnmadd_ps(five, d2, d4)),
        _mm256_add_ps(a, b),
        sub(a, b),
        _mm256_add_ps(c, e),
        sub(c, e),
        _mm256_fmadd_ps(four, d1, _mm256_fnmadd_ps(five, d3, d5)),
    ]
}

/// `A^T m` of eight channels, of which the first two or four count.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn output<const S: usize>(m: [__m256; MOST]) -> [__m256; 4] {
    let [m0, m1, m2, m3, m4, m5] = m;
    let (sum, difference) = (_mm256_add_ps(m1, m2), _mm256_sub_ps(m1, m2));
    if S == 4 {
        return [_mm256_add_ps(m0, sum), _mm256_sub_ps(difference, m3), m0, m0];
    }
    let (outer_sum, outer_difference) = (_mm256_add_ps(m3, m4), _mm256_sub_ps(m3, m4));
    let [two, four, eight] = [_mm256_set1_ps(2.0), _mm256_set1_ps(4.0), _mm256_set1_ps(8.0)];
    [
        _mm256_add_ps(m0, _mm256_add_ps(sum, outer_sum)),
        _mm256_fmadd_ps(two, outer_difference, difference),
        _mm256_fmadd_ps(four, outer_sum, sum),
        _mm256_add_ps(_mm256_fmadd_ps(eight, outer_difference, difference), m5),
    ]
}
