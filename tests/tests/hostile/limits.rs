use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};

use sextant_tests::program;

/// Address space of a command; all allocations count, touched or not.
pub const MEMORY_BYTES: u64 = 1 << 30;
/// Of one command; exit status 124 says that it was not enough.
const SECONDS: u32 = 60;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Exit status 0.
    Done,
    /// Exit status 1 or 2, an error in words.
    Refused,
    /// Exit status 101.
    Panicked,
    /// By a signal, such as after an allocation that failed.
    Aborted(i32),
    TimedOut,
    Other(i32),
}

impl Ending {
    pub fn is_orderly(self) -> bool {
        matches!(self, Self::Done | Self::Refused)
    }
}

/// Runs a command of the project in a folder under both limits.
pub fn limited(name: &str, arguments: &[&str], folder: &Path) -> (Ending, Output) {
    // `timeout` is the parent: it reports a signal as 128 and its number, or passes on a kill of its own.
    let script = format!("ulimit -v {}; ulimit -c 0; exec \"$0\" \"$@\"", MEMORY_BYTES / 1024);
    let mut command = Command::new("timeout");
    command.args(["--kill-after=5", &SECONDS.to_string(), "sh", "-c", &script]);
    command.arg(program(name)).args(arguments).current_dir(folder);
    let output = command.env_remove("ORT_DYLIB_PATH").env("RUST_BACKTRACE", "0").output().expect("timeout starts");
    (ending(&output), output)
}

fn ending(output: &Output) -> Ending {
    match (output.status.code(), output.status.signal()) {
        (Some(0), _) => Ending::Done,
        (Some(1 | 2), _) => Ending::Refused,
        (Some(101), _) => Ending::Panicked,
        (Some(124 | 137), _) => Ending::TimedOut,
        (Some(code), _) if code > 128 => Ending::Aborted(code - 128),
        (None, Some(signal)) => Ending::Aborted(signal),
        (code, _) => Ending::Other(code.unwrap_or(-1)),
    }
}
