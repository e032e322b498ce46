use anyhow::{Context, Result};

use super::hint::INTERRUPTED;
use crate::stop::StopFlag;

/// From now on the first Ctrl-C or SIGTERM sets the flag instead of ending the process; the second ends it at once.
///
/// # Errors
/// When the system refuses, or it was called before.
pub fn stop_on_interrupt() -> Result<StopFlag> {
    let stop = StopFlag::default();
    let flag = stop.clone();
    let stop_or_exit = move || {
        if flag.set() {
            std::process::exit(INTERRUPTED.into());
        }
        eprintln!("stopping; Ctrl-C again leaves at once");
    };
    ctrlc::set_handler(stop_or_exit).context("cannot watch for Ctrl-C")?;
    Ok(stop)
}
