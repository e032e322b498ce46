//! Tells the crate which kernels the microcontroller has instructions for; the compiler does not say so on the stable
//! channel.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(sextant_dsp, sextant_thumb1, sextant_thumb2)");
    let target = env::var("TARGET").unwrap_or_default();
    // Every Cortex-M4 and M7 has the DSP extension. An M33 that has it runs an M4's code; built for thumbv8m.main it may not
    // have it.
    let kernels = if target.starts_with("thumbv7em") {
        "sextant_dsp"
    } else if target.starts_with("thumbv7m") || target.starts_with("thumbv8m.main") {
        "sextant_thumb2"
    } else if target.starts_with("thumbv6m") || target.starts_with("thumbv8m.base") {
        "sextant_thumb1"
    } else {
        return;
    };
    println!("cargo::rustc-cfg={kernels}");
}
