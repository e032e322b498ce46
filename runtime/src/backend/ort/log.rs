//! What ONNX Runtime logs as an error: often the reason of a failure that it does not return.

use std::cell::RefCell;
use std::string::{String, ToString};
use std::sync::Arc;
use std::vec::Vec;

use ::ort::logging::{LogLevel, LoggerFunction};

use super::super::one_line;

thread_local! {
    static HEARD: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Marks behind which a message begins, after the place in ONNX Runtime's sources.
const BEGINNINGS: [&str; 2] = ["[ERROR] ", " : FAIL : "];
/// Follows every other failure while a profile was to be written.
const NO_PROFILE: &str = "Could not write a profile";

/// Keeps errors for whoever listens on this thread, and prints the others.
pub(super) fn logger() -> LoggerFunction {
    Arc::new(|level: LogLevel, _: &str, _: &str, _: &str, message: &str| {
        if level >= LogLevel::Error {
            log(&one_line(message));
        }
    })
}

fn log(message: &str) {
    let is_kept = HEARD.with_borrow_mut(|heard| heard.as_mut().map(|heard| heard.push(message.to_string())).is_some());
    if !is_kept {
        std::eprintln!("ONNX Runtime: {message}");
    }
}

/// What some work gives. To an error of it, `explain` adds what was logged meanwhile.
pub(super) fn listen<T, E>(work: impl FnOnce() -> Result<T, E>, explain: impl FnOnce(E, &str) -> E) -> Result<T, E> {
    HEARD.set(Some(Vec::new()));
    let outcome = work();
    let heard = HEARD.take().unwrap_or_default();
    match outcome {
        Ok(made) => {
            heard.iter().for_each(|message| log(message));
            Ok(made)
        }
        Err(error) => match heard.iter().find(|message| !message.contains(NO_PROFILE)) {
            Some(message) => Err(explain(error, without_place(message))),
            None => Err(error),
        },
    }
}

fn without_place(message: &str) -> &str {
    let begins = BEGINNINGS.iter().filter_map(|mark| message.rfind(mark).map(|at| at + mark.len())).max();
    &message[begins.unwrap_or(0)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_explained_by_the_first_message_of_its_thread() {
        let explain = |error: String, message: &str| std::format!("{error}: {message}");
        let fails = |messages: &[&str]| {
            let work = || {
                messages.iter().for_each(|message| logger()(LogLevel::Error, "", "", "", message));
                Err::<(), _>("failed".to_string())
            };
            listen(work, explain).unwrap_err()
        };
        assert_eq!(fails(&[]), "failed");
        assert_eq!(fails(&["Could not write a profile because no model was loaded."]), "failed");
        let place = "/a/b.cc:141 std::string f(const T&) [ERROR] [OpenVINO] Device GPU is\n not available";
        assert_eq!(
            fails(&["Could not write a profile", place, "more"]),
            "failed: [OpenVINO] Device GPU is not available"
        );
        let place = "/a/b.cc:1957 Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load library libx.so";
        assert_eq!(fails(&[place]), "failed: Failed to load library libx.so");
        assert!(listen(|| Ok::<_, String>(3), explain).is_ok());
        assert!(HEARD.take().is_none());
    }
}
