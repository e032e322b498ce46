//! Room for results.

/// `len` numbers of which every one is written before it is read: clearing them first would cost a pass over memory.
///
/// Only for slices that a kernel fills whole. What is in them before that is whatever the memory held.
#[allow(clippy::uninit_vec, reason = "kernels write every number of a result, and never read it before")]
pub fn fresh(len: usize) -> Vec<f32> {
    let mut numbers = Vec::with_capacity(len);
    // SAFETY: the room was just reserved, any bits are an f32, and the caller writes before it reads.
    unsafe { numbers.set_len(len) };
    numbers
}
