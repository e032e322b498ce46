//! ONNX Runtime's library and its execution providers, as the `runtime` command has them. What needs OpenVINO is run by
//! `./test openvino`, which installs it.

mod libraries;
mod openvino;

use std::path::Path;
use std::process::{Command, Output};

use sextant_tests::program;

/// Runs the `runtime` command; with that library of ONNX Runtime, found without the help of the environment.
fn runtime(folder: &Path, library: Option<&Path>, arguments: &[&str]) -> Output {
    let mut command = Command::new(program("runtime"));
    command.args(arguments).current_dir(folder).env_remove("ORT_DYLIB_PATH").env_remove("LD_LIBRARY_PATH");
    if let Some(library) = library {
        command.arg("--ort-library").arg(library);
    }
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// What a command that failed printed on standard error: an error and a hint.
fn error_and_hint(output: &Output) -> (String, String) {
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""), "{output:?}");
    let lines: Vec<&str> = text(&output.stderr).lines().collect();
    let [error, hint] = lines[..] else { panic!("{lines:?}") };
    (error.strip_prefix("error: ").unwrap().to_string(), hint.strip_prefix("hint: ").unwrap().to_string())
}
