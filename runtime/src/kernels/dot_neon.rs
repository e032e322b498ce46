//! Sums of products with one rounding each (`FMLA`).
#![allow(unsafe_code)]

use core::arch::aarch64::{float32x4_t, vdupq_n_f32, vfmaq_f32, vld1q_f32, vst1q_f32};

use super::dot::LANES;

/// Adds `common . factors[n]`, lane by lane, to `lanes[n]`, over the shortest of all.
#[inline(always)]
pub(super) fn add<const N: usize>(
    lanes: &mut [[f32; LANES]; N],
    common: &[[f32; LANES]],
    factors: [&[[f32; LANES]]; N],
) {
    let steps = factors.iter().map(|factor| factor.len()).fold(common.len(), usize::min);
    // SAFETY: each slice has `steps` times two registers, and `lanes` two for each sum; every aarch64 processor that Rust
    // has a target with these types for has NEON.
    unsafe {
        let mut sums = [[vdupq_n_f32(0.0); 2]; N];
        for (sum, lanes) in sums.iter_mut().zip(&*lanes) {
            *sum = load(lanes.as_ptr());
        }
        for step in 0..steps {
            let values = load(common.as_ptr().add(step).cast());
            for (sum, factor) in sums.iter_mut().zip(factors) {
                let factors = load(factor.as_ptr().add(step).cast());
                *sum = [0, 1].map(|half: usize| vfmaq_f32(sum[half], values[half], factors[half]));
            }
        }
        for (lanes, [low, high]) in lanes.iter_mut().zip(sums) {
            vst1q_f32(lanes.as_mut_ptr(), low);
            vst1q_f32(lanes.as_mut_ptr().add(4), high);
        }
    }
}

/// # Safety
/// Eight numbers can be read.
#[inline(always)]
unsafe fn load(from: *const f32) -> [float32x4_t; 2] {
    // SAFETY: as the caller allows.
    unsafe { [vld1q_f32(from), vld1q_f32(from.add(4))] }
}
