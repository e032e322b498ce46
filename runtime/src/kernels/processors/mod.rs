//! The int8 kernels of processors, and which one is taken: [`Native`] when this is compiled, a better one when the program
//! runs on a host that has it.

#[cfg(all(target_arch = "x86_64", feature = "std"))]
mod avx2;
#[cfg(any(
    all(target_arch = "x86_64", feature = "std"),
    target_arch = "aarch64",
    all(target_arch = "wasm32", target_feature = "simd128")
))]
mod by_four;
#[cfg(sextant_dsp)]
mod cortex_m_dsp;
#[cfg(any(sextant_thumb1, sextant_thumb2))]
mod cortex_m_plain;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;
#[cfg(any(sextant_dsp, sextant_thumb2))]
mod thumb2;

#[cfg(test)]
mod tests;

use super::int8::convolution::{self, Convolution};
use super::int8::depthwise::{self, Depthwise};
use super::int8::expanded::{self, ExpandedConvolution};

/// The kernel of every processor of this target.
#[cfg(sextant_dsp)]
pub(crate) type Native = cortex_m_dsp::Dsp;
#[cfg(any(sextant_thumb1, sextant_thumb2))]
pub(crate) type Native = cortex_m_plain::Plain;
#[cfg(target_arch = "aarch64")]
pub(crate) type Native = neon::Neon;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(crate) type Native = simd128::Simd128;
#[cfg(not(any(
    sextant_dsp,
    sextant_thumb1,
    sextant_thumb2,
    target_arch = "aarch64",
    all(target_arch = "wasm32", target_feature = "simd128")
)))]
pub(crate) type Native = super::int8::scalar::Scalar;

/// What the kernel of [`convolve`] computes with.
#[cfg(feature = "std")]
pub(crate) fn name() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if avx2::is_available() {
        return "AVX2";
    }
    #[cfg(target_arch = "aarch64")]
    return if neon::has_dot_products() { "NEON with dot products" } else { "NEON" };
    #[cfg(not(target_arch = "aarch64"))]
    if cfg!(all(target_arch = "wasm32", target_feature = "simd128")) { "SIMD128" } else { "plain" }
}

/// [`convolution::convolve_with`] this processor's kernel.
pub(crate) fn convolve(options: &Convolution<'_>, arena: &mut [i8], from: usize, to: usize, scratch: &mut [i16]) {
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    if avx2::is_available() {
        return avx2::convolve(options, arena, from, to, scratch);
    }
    #[cfg(target_arch = "aarch64")]
    if neon::has_dot_products() {
        return neon::convolve_dot(options, arena, from, to, scratch);
    }
    convolution::convolve_with::<Native>(options, arena, from, to, scratch);
}

/// [`expanded::convolve_with`] this processor's kernel.
pub(crate) fn convolve_expanded(
    options: &ExpandedConvolution<'_>,
    arena: &mut [i8],
    from: usize,
    to: usize,
    scratch: &mut [i16],
) {
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    if avx2::is_available() {
        return avx2::convolve_expanded(options, arena, from, to, scratch);
    }
    #[cfg(target_arch = "aarch64")]
    if neon::has_dot_products() {
        return neon::convolve_expanded_dot(options, arena, from, to, scratch);
    }
    expanded::convolve_with::<Native>(options, arena, from, to, scratch);
}

/// [`depthwise::convolve_with`] this processor's kernel.
pub(crate) fn convolve_depthwise(options: &Depthwise<'_>, arena: &mut [i8], from: usize, to: usize) {
    #[cfg(all(target_arch = "x86_64", feature = "std"))]
    if avx2::is_available() {
        return avx2::convolve_depthwise(options, arena, from, to);
    }
    depthwise::convolve_with::<Native>(options, arena, from, to);
}
