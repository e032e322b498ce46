//! Tiles of 6 rows by 16 columns in 128-bit registers: 24 sums, four panel registers, one broadcast.

#![allow(unsafe_code)]

use core::arch::aarch64::*;

use super::compiled_tiles::{compiled_tiles, register};
use super::instruction_set::{InstructionSet, Neon};
use super::tile::TileKernels;

register! {
    float32x4_t of Neon, 4 numbers,
    vdupq_n_f32, vld1q_f32, vst1q_f32, vaddq_f32, vsubq_f32, vmulq_f32,
    |factor, other, addend| vfmaq_f32(addend, factor, other),
}

/// The tiles of a processor that has NEON.
pub(crate) fn tiles(set: Neon) -> TileKernels {
    compiled_tiles!(
        Register,
        InstructionSet::Neon(set),
        proof: Neon::of_caller(),
        rows: 6,
        registers_in_a_row: [4, 2],
        #[target_feature(enable = "neon")]
    )
}
