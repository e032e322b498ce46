use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

use super::hint::INTERRUPTED;

/// Whether the user asked to stop.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Whether the user asked to stop.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// From now on the first Ctrl-C or SIGTERM sets the flag instead of ending the process; the second ends it at once.
///
/// # Errors
/// When the system refuses, or it was called before.
pub fn stop_on_interrupt() -> Result<StopFlag> {
    let stop = StopFlag::default();
    let flag = stop.0.clone();
    let stop_or_exit = move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED.into());
        }
        eprintln!("stopping; Ctrl-C again leaves at once");
    };
    ctrlc::set_handler(stop_or_exit).context("cannot watch for Ctrl-C")?;
    Ok(stop)
}
