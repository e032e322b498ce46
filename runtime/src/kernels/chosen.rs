//! The instructions that this processor's kernels use, by name.

/// Of float32 convolutions and linear operators in a session that is prepared.
pub(crate) fn float32() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if super::x86::is_available() {
        return "AVX2 and FMA";
    }
    if cfg!(target_arch = "aarch64") { "NEON" } else { "plain" }
}

/// Of int8 convolutions.
pub(crate) fn int8() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if super::x86::is_available() {
        return if super::x86::has_quads() { "AVX-512 VNNI" } else { "AVX2" };
    }
    super::processors::name()
}
