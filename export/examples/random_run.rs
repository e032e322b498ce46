//! Writes a run folder of an untrained network that uses every operator, to try exporters and checks without training:
//! `cargo run -p sextant-export --example random_run -- runs/random`

#[allow(dead_code)]
#[path = "../tests/random/networks.rs"]
mod networks;
#[path = "../tests/random/reference.rs"]
mod reference;
#[path = "../tests/random/run.rs"]
mod run;

use std::path::PathBuf;

const IMAGES: usize = 64;

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "runs/random".into()));
    std::fs::create_dir_all(&folder)?;
    run::write(&folder, IMAGES)
}
