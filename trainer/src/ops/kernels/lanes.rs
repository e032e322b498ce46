//! What a register tile asks of a vector register, and the scalar twin of every instruction set.

/// One vector register of single-precision numbers.
///
/// # Safety
/// An implementation for an instruction set may only be used where that instruction set was detected, inside
/// functions compiled for it.
pub(crate) unsafe trait Lanes: Copy {
    /// Numbers in one register.
    const COUNT: usize;

    /// All lanes `value`.
    ///
    /// # Safety
    /// The instruction set is available.
    unsafe fn splat(value: f32) -> Self;

    /// Reads [`Self::COUNT`] numbers; no alignment needed.
    ///
    /// # Safety
    /// The instruction set is available and the numbers are readable.
    unsafe fn load(from: *const f32) -> Self;

    /// Writes [`Self::COUNT`] numbers; no alignment needed.
    ///
    /// # Safety
    /// The instruction set is available and the numbers are writable.
    unsafe fn store(self, to: *mut f32);

    /// `self * factor + addend`.
    ///
    /// # Safety
    /// The instruction set is available.
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self;

    /// `self + other`.
    ///
    /// # Safety
    /// The instruction set is available.
    unsafe fn add(self, other: Self) -> Self;

    /// `self - other`.
    ///
    /// # Safety
    /// The instruction set is available.
    unsafe fn sub(self, other: Self) -> Self;

    /// `self * other`.
    ///
    /// # Safety
    /// The instruction set is available.
    unsafe fn mul(self, other: Self) -> Self;
}

// SAFETY: plain arithmetic, available everywhere.
unsafe impl Lanes for f32 {
    const COUNT: usize = 1;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        value
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
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
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        self * factor + addend
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self + other
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self - other
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self * other
    }
}
