//! Tiles of 6 rows by 16 columns in 256-bit registers: 12 sums, two panel registers, one broadcast.

#![allow(unsafe_code)]

use core::arch::x86_64::*;

use super::compiled_tiles::{compiled_tiles, register};
use super::instruction_set::{Avx2, InstructionSet};
use super::tile::TileKernels;

register! {
    __m256 of Avx2, 8 numbers,
    _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_add_ps, _mm256_sub_ps, _mm256_mul_ps,
    |factor, other, addend| _mm256_fmadd_ps(factor, other, addend),
}

/// The tiles of a processor that has AVX2 and FMA.
pub(crate) fn tiles(set: Avx2) -> TileKernels {
    compiled_tiles!(
        Register,
        InstructionSet::Avx2(set),
        proof: Avx2::of_caller(),
        rows: 6,
        registers_in_a_row: [2, 1],
        #[target_feature(enable = "avx2,fma")]
    )
}
