//! Plain loops compiled once per instruction set, chosen when they are called.

/// Defines functions whose loops the compiler vectorises for AVX-512, for AVX2 and for the target's base.
///
/// Products and sums are never fused, so that every variant rounds alike.
macro_rules! vectorised {
    ($($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block)*) => {$(
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            fn plain($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            #[allow(unsafe_code)]
            {
                #[target_feature(enable = "avx512f")]
                #[allow(clippy::too_many_arguments)]
                fn avx512($($arg: $ty),*) $(-> $ret)? {
                    plain($($arg),*)
                }
                #[target_feature(enable = "avx2")]
                #[allow(clippy::too_many_arguments)]
                fn avx2($($arg: $ty),*) $(-> $ret)? {
                    plain($($arg),*)
                }
                use $crate::ops::kernels::instruction_set::{Avx2, Avx512};
                if Avx512::detect().is_some() {
                    // SAFETY: the instruction set was detected.
                    return unsafe { avx512($($arg),*) };
                }
                if Avx2::detect().is_some() {
                    // SAFETY: the instruction set was detected.
                    return unsafe { avx2($($arg),*) };
                }
            }
            plain($($arg),*)
        }
    )*};
}

pub(crate) use vectorised;
