//! Tells the crate whether the target has Arm's DSP instructions; the compiler does not say so on the stable channel.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(sextant_dsp)");
    let target = env::var("TARGET").unwrap_or_default();
    // Every Cortex-M4 and M7 has them; of the M33 only some do.
    let optional = target.starts_with("thumbv8m.main") && env::var_os("CARGO_FEATURE_CORTEX_M33_DSP").is_some();
    if target.starts_with("thumbv7em") || optional {
        println!("cargo::rustc-cfg=sextant_dsp");
    }
}
