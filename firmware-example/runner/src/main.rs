//! `cargo firmware`: passes its arguments on to `firmware-example/run-in-qemu`, which says what they are.

use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../run-in-qemu");
    // Settings that cargo made for this program must not reach the cargo that builds the firmware.
    let inherited = std::env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        !name.starts_with("CARGO_PKG_") && !name.starts_with("CARGO_MANIFEST_") && name != "RUSTUP_TOOLCHAIN"
    });
    let inherited: Vec<_> = inherited.collect();
    match Command::new(&script).args(std::env::args_os().skip(1)).env_clear().envs(inherited).status() {
        Ok(status) => ExitCode::from(u8::try_from(status.code().unwrap_or(2)).unwrap_or(2)),
        Err(error) => {
            eprintln!("error: cannot run {}: {error}", script.display());
            ExitCode::from(2)
        }
    }
}
