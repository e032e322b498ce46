//! The commands that `next:` and `hint:` lines print can be typed as they stand.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use sextant_tests::program;

/// What a command prints on standard error, started through cargo or by its own name.
fn stderr_of(name: &str, arguments: &[&OsStr], folder: &Path, through_cargo: bool) -> Vec<u8> {
    let mut command = Command::new(program(name));
    command.args(arguments).current_dir(folder).env_remove("CARGO").env("NO_COLOR", "1");
    if through_cargo {
        command.env("CARGO", "cargo");
    }
    command.output().unwrap().stderr
}

fn line<'t>(stderr: &'t [u8], start: &str) -> &'t str {
    let text = std::str::from_utf8(stderr).expect("what is printed is UTF-8, whatever the path");
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(start));
    lines.next_back().unwrap_or_else(|| panic!("no line {start} in:\n{text}"))
}

/// The words that a shell makes of a command line.
fn words(command: &str) -> Vec<Vec<u8>> {
    let program = command.split(' ').next().unwrap();
    let script = format!("{program}() {{ printf '%s\\0' \"$@\"; }}; {command}");
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{command}");
    let mut words: Vec<Vec<u8>> = output.stdout.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
    words.pop();
    words
}

/// Renders a small data set; what was printed.
fn render(out: &OsStr, folder: &Path, through_cargo: bool) -> Vec<u8> {
    let small = [
        "render",
        "--objects-per-family=1",
        "--held-out-per-family=1",
        "--views=2",
        "--image-size=16",
        "--supersampling=1",
        "--out",
    ];
    let arguments: Vec<&OsStr> = small.iter().map(OsStr::new).chain([out]).collect();
    stderr_of("trainer", &arguments, folder, through_cargo)
}

#[cfg(target_os = "linux")]
#[test]
fn a_shell_reads_the_next_command_as_it_is_meant() {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().unwrap();
    for name in [&b"parts"[..], b"nuts & bolts", b"it's \"x\"", b"$HOME;`ls`", b"caf\xe9", b"two\nlines"] {
        let stderr = render(OsStr::from_bytes(name), folder.path(), true);
        let next = line(&stderr, "next: ");
        let expected = [&b"data.path="[..], name].concat();
        assert_eq!(words(next).last(), Some(&expected), "{next}");
        assert_eq!(words(next)[..2], [b"trainer".to_vec(), b"fit".to_vec()], "{next}");
    }
}

#[test]
fn commands_are_named_as_the_program_was_started() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("trainer", &["methods"][..], "next: ", ["cargo trainer fit", "sextant-trainer fit"]),
        (
            "trainer",
            &["eval", "none"],
            "hint: ",
            ["check the path; `cargo trainer", "check the path; `sextant-trainer"],
        ),
        ("export", &["onnx", "none"], "hint: ", ["`cargo trainer fit`", "`sextant-trainer fit`"]),
    ];
    for (name, arguments, start, expected) in cases {
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        for (through_cargo, expected) in [true, false].into_iter().zip(expected) {
            let stderr = stderr_of(name, &arguments, folder.path(), through_cargo);
            let line = line(&stderr, start);
            assert!(line.starts_with(expected), "{line}");
        }
    }
    for (name, usage) in [("trainer", "sextant-trainer"), ("export", "sextant-export"), ("runtime", "sextant-runtime")]
    {
        let stderr = stderr_of(name, &[OsStr::new("--nonsense")], folder.path(), false);
        assert!(line(&stderr, "Usage: ").starts_with(usage));
    }
}
