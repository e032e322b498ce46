//! What a register tile asks of a vector register, and the scalar twin of every instruction set.

#![allow(unsafe_code)]

/// One vector register of single-precision numbers.
///
/// A register can only be made with proof that the processor has its instruction set, and is such a proof itself.
pub(crate) trait Lanes: Copy {
    /// Proof of the instruction set.
    type Set: Copy;

    /// Numbers in one register.
    const COUNT: usize;

    /// All lanes `value`.
    fn splat(set: Self::Set, value: f32) -> Self;

    /// Reads [`Self::COUNT`] numbers; no alignment needed.
    ///
    /// # Safety
    /// The numbers are readable.
    unsafe fn load(set: Self::Set, from: *const f32) -> Self;

    /// Writes [`Self::COUNT`] numbers; no alignment needed.
    ///
    /// # Safety
    /// The numbers are writable.
    unsafe fn store(self, to: *mut f32);

    /// `self * factor + addend`.
    fn mul_add(self, factor: Self, addend: Self) -> Self;

    /// `self + other`.
    fn add(self, other: Self) -> Self;

    /// `self - other`.
    fn sub(self, other: Self) -> Self;

    /// `self * other`.
    fn mul(self, other: Self) -> Self;
}

impl Lanes for f32 {
    type Set = ();

    const COUNT: usize = 1;

    #[inline(always)]
    fn splat((): (), value: f32) -> Self {
        value
    }

    #[inline(always)]
    unsafe fn load((): (), from: *const f32) -> Self {
        // SAFETY: readable, by the trait's contract.
        unsafe { from.read() }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: writable, by the trait's contract.
        unsafe { to.write(self) }
    }

    // Not `f32::mul_add`: without the instruction that is a library call per product.
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        self * factor + addend
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self + other
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self - other
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self * other
    }
}
