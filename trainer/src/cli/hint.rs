use std::process::ExitCode;

use crate::config::ConfigError;
use crate::run::RunError;

/// Prints an error and what to try, and gives the exit code of an error.
pub fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    if let Some(hint) = error.chain().find_map(hint_of) {
        eprintln!("hint: {hint}");
    }
    ExitCode::from(2)
}

/// What to try against one error of a chain.
fn hint_of(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let config = error.downcast_ref::<ConfigError>().map(ConfigError::hint);
    let run = error.downcast_ref::<RunError>().map(RunError::hint);
    config.or(run)
}
