//! Tiles of 14 rows by 32 columns in 512-bit registers: 28 sums, two panel registers, one broadcast.

#![allow(unsafe_code)]

use core::arch::x86_64::*;

use super::compiled_tiles::{compiled_tiles, register};
use super::instruction_set::{Avx512, InstructionSet};
use super::tile::TileKernels;

register! {
    __m512 of Avx512, 16 numbers,
    _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_add_ps, _mm512_sub_ps, _mm512_mul_ps,
    |factor, other, addend| _mm512_fmadd_ps(factor, other, addend),
}

/// The tiles of a processor that has AVX-512F.
pub(crate) fn tiles(set: Avx512) -> TileKernels {
    compiled_tiles!(
        Register,
        InstructionSet::Avx512(set),
        proof: Avx512::of_caller(),
        rows: 14,
        registers_in_a_row: [2, 1],
        #[target_feature(enable = "avx512f")]
    )
}
