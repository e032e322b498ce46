use std::process::ExitCode;

use sextant_runtime::command_line;

use crate::config::{ConfigError, Origin, Problem, is_of_run};
use crate::data::DataError;
use crate::evaluate::{DeployedError, EvaluationError};
use crate::method::UnmetNeeds;
use crate::optimiser::StateError;
use crate::run::RunError;
use crate::scene::SourceError;

/// Exit code of a command that Ctrl-C or SIGTERM has ended, as a shell gives it for SIGINT.
pub(super) const INTERRUPTED: u8 = 130;

const OTHER_VERSION: &str = "another version of the program may have made the run: use that one";

/// Prints an error and what to try, and gives the exit code of an error.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if error.chain().any(is_interruption) {
        eprintln!("interrupted: nothing was written");
        return ExitCode::from(INTERRUPTED);
    }
    command_line::report(error, hint_of)
}

/// What to try against one error of a chain.
fn hint_of(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<ConfigError>() {
        return Some(if is_of_other_version(error) { OTHER_VERSION.into() } else { error.hint() });
    }
    if let Some(error) = error.downcast_ref::<RunError>() {
        return Some(error.hint());
    }
    if let Some(error) = error.downcast_ref::<UnmetNeeds>() {
        return Some(error.hint());
    }
    if error.is::<StateError>() {
        return Some(RunError::changed_configuration());
    }
    if let Some(EvaluationError::Data(error)) = error.downcast_ref::<EvaluationError>() {
        return error.hint();
    }
    if let Some(DeployedError::Model(error)) = error.downcast_ref::<DeployedError>() {
        return error.hint().map(str::to_string);
    }
    let data = error.downcast_ref::<DataError>().and_then(DataError::hint);
    data.or_else(|| error.downcast_ref::<SourceError>().and_then(SourceError::hint))
}

/// Nobody mistypes a key in the configuration that a run has stored.
fn is_of_other_version(error: &ConfigError) -> bool {
    let is_foreign = |problem: &Problem| match problem {
        Problem::UnknownKey { origin: Origin::File(path), .. }
        | Problem::UnknownName { origin: Some(Origin::File(path)), .. } => is_of_run(path),
        _ => false,
    };
    matches!(error, ConfigError::Problems(problems) if problems.iter().any(is_foreign))
}

fn is_interruption(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(DataError::Interrupted | DataError::Source(SourceError::Interrupted)))
        || matches!(error.downcast_ref(), Some(SourceError::Interrupted))
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn missing(path: &str) -> DataError {
        DataError::Io { path: path.into(), source: io::ErrorKind::NotFound.into() }
    }

    #[test]
    fn hints_come_from_any_depth() {
        let source = || SourceError::Malformed { path: "a/b.obj".into(), reason: "broken".into() };
        let errors: [(anyhow::Error, &str); 4] = [
            (missing("set").into(), "check the path"),
            (anyhow::Error::from(EvaluationError::Data(missing("set"))).context("evaluating"), "check the path"),
            (DataError::Source(source()).into(), "export the mesh again"),
            (source().into(), "export the mesh again"),
        ];
        for (error, hint) in errors {
            let found = error.chain().find_map(hint_of);
            assert!(found.as_deref().is_some_and(|found| found.starts_with(hint)), "{error:#}: {found:?}");
        }
    }

    #[test]
    fn interruptions_are_known_by_any_name() {
        let stopped = DataError::from(SourceError::Interrupted);
        assert!(anyhow::Error::from(stopped).chain().any(is_interruption));
        assert!(!anyhow::Error::from(missing("set")).chain().any(is_interruption));
    }
}
