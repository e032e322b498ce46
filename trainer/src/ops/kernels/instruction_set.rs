//! Proofs that the processor has an instruction set.
//!
//! A value of one of these types is made where the set was detected, or in a function that is compiled for the set:
//! whoever calls that from other code has to promise that the set is there. Kernels carry such a value along.

/// The set that tiles are compiled for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum InstructionSet {
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
    Scalar,
}

/// The processor has AVX-512F.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(());

#[cfg(target_arch = "x86_64")]
impl Avx512 {
    #[inline]
    pub(crate) fn detect() -> Option<Self> {
        std::arch::is_x86_feature_detected!("avx512f").then_some(Self(()))
    }

    /// For functions compiled for the set.
    #[target_feature(enable = "avx512f")]
    #[inline]
    pub(super) fn of_caller() -> Self {
        Self(())
    }
}

/// The processor has AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

#[cfg(target_arch = "x86_64")]
impl Avx2 {
    #[inline]
    pub(crate) fn detect() -> Option<Self> {
        let has_both = std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
        has_both.then_some(Self(()))
    }

    /// For functions compiled for the sets.
    #[target_feature(enable = "avx2,fma")]
    #[inline]
    pub(super) fn of_caller() -> Self {
        Self(())
    }
}

/// The processor has NEON.
#[cfg(target_arch = "aarch64")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Neon(());

#[cfg(target_arch = "aarch64")]
impl Neon {
    #[inline]
    pub(crate) fn detect() -> Option<Self> {
        std::arch::is_aarch64_feature_detected!("neon").then_some(Self(()))
    }

    /// For functions compiled for the set.
    #[target_feature(enable = "neon")]
    #[inline]
    pub(super) fn of_caller() -> Self {
        Self(())
    }
}
