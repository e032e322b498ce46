//! What the three commands print, and where: data on standard output; warnings, errors, hints and the next command on
//! standard error.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;

/// Exit status of an error.
pub const FAILED: u8 = 2;

/// Whether anybody reads what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Somebody does.
    There,
    /// As after `| head`: nothing more need be computed, which is not an error.
    Gone,
}

/// Writes a text, with the line ends that it has, to standard output.
///
/// # Errors
/// When standard output takes nothing more, but for a reader that has gone away.
pub fn print(text: &str) -> anyhow::Result<Reader> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        done => done.map(|()| Reader::There).context("cannot write to stdout"),
    }
}

/// Prints one JSON value over several lines.
///
/// # Errors
/// As of [`print()`].
pub fn print_json(value: &impl Serialize) -> anyhow::Result<Reader> {
    print(&(serde_json::to_string_pretty(value).context("cannot express the result as JSON")? + "\n"))
}

/// Prints one JSON value in one line.
///
/// # Errors
/// As of [`print()`].
pub fn print_json_line(value: &impl Serialize) -> anyhow::Result<Reader> {
    print(&(serde_json::to_string(value).context("cannot express the result as JSON")? + "\n"))
}

/// Prints an answer as JSON over several lines where `json` asks for it, else as its text.
///
/// # Errors
/// As of [`print()`].
pub fn print_answer(json: bool, value: &impl Serialize, text: impl FnOnce() -> String) -> anyhow::Result<Reader> {
    if json { print_json(value) } else { print(&text()) }
}

/// Tells what the user should know of what was done.
pub fn warn(text: impl Display) {
    tell("warning", text);
}

/// Tells what to do next.
pub fn next(command: impl Display) {
    tell("next", command);
}

/// Tells of an error, and what to try where `hint` knows it of one of its causes; gives the exit status of an error.
pub fn report(error: &anyhow::Error, hint: impl Fn(&(dyn Error + 'static)) -> Option<String>) -> ExitCode {
    tell("error", message(error));
    if let Some(hint) = error.chain().find_map(hint) {
        tell("hint", hint);
    }
    ExitCode::from(FAILED)
}

/// The error and its causes, without those that the message before has told already.
pub fn message(error: &anyhow::Error) -> String {
    error.chain().skip(1).map(ToString::to_string).fold(error.to_string(), |shown, cause| {
        if shown.ends_with(&cause) { shown } else { format!("{shown}: {cause}") }
    })
}

/// A line on standard error, after what kind of line it is. Nobody is left to be told when that is closed.
pub fn tell(kind: &str, text: impl Display) {
    let _ = writeln!(io::stderr(), "{kind}: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let read = anyhow::Error::from(missing()).context("set/labels.npy");
        assert_eq!(message(&read), "set/labels.npy: entity not found");
        let told = anyhow::Error::from(missing()).context(format!("set/labels.npy: {}", missing())).context("checking");
        assert_eq!(message(&told), "checking: set/labels.npy: entity not found");
    }
}
