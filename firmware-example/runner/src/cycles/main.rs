//! `cycle-estimate`: about how many clock cycles a frame of the firmware takes, from what QEMU executes.
//!
//!     cycle-estimate PROCESSOR QEMU ARGUMENTS...
//!
//! It starts QEMU with its log of executed blocks, stops it when the first frame is over, and prints lines `NAME VALUE`.

mod instruction;
mod timing;
mod trace;

use std::ffi::OsString;
use std::io::BufReader;
use std::process::{Command, ExitCode, Stdio};

use timing::Processor;
use trace::Estimate;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match run(&arguments) {
        Ok(Estimate { instructions, cycles }) => {
            println!("traced_instructions {instructions}");
            println!("least_cycles {}", cycles.least);
            println!("most_cycles {}", cycles.most);
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[OsString]) -> Result<Estimate, String> {
    let [processor, program, arguments @ ..] = arguments else {
        return Err(format!("usage: cycle-estimate PROCESSOR QEMU ARGUMENTS... ({})", Processor::NAMES));
    };
    let processor = processor.to_str().and_then(Processor::named).ok_or_else(|| {
        format!("no cycles are published of '{}'; of these they are: {}", processor.display(), Processor::NAMES)
    })?;
    let mut qemu = Command::new(program)
        .args(arguments)
        .args(["-d", "in_asm,exec,nochain"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
    let estimate = match qemu.stderr.take() {
        Some(log) => trace::estimate(BufReader::with_capacity(1 << 20, log), processor),
        None => unreachable!("the log is piped"),
    };
    // It may have ended by itself.
    let _ = qemu.kill();
    let _ = qemu.wait();
    estimate.map_err(|error| error.to_string())
}
