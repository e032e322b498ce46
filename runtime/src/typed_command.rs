//! Commands as a user types them, for lines that say what to do next.

use core::fmt;
use std::borrow::ToOwned;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::string::String;
use std::vec::Vec;

/// A command of the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Learns encoders.
    Trainer,
    /// Turns runs into deployable files.
    Export,
    /// Runs models on this machine.
    Runtime,
}

impl Program {
    /// The name of the installed program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trainer => "sextant-trainer",
            Self::Export => "sextant-export",
            Self::Runtime => "sextant-runtime",
        }
    }

    /// How a user starts it: through cargo's alias when cargo has started this process, else by its name.
    pub fn invocation(self) -> &'static str {
        self.invocation_through(std::env::var_os("CARGO").is_some())
    }

    /// A command line with these words, which need no quotes, such as the name of a subcommand, flags and `RUN`.
    ///
    /// ```
    /// use sextant_runtime::typed_command::Program;
    ///
    /// let next = Program::Export.command("onnx").path("runs/nuts & bolts".as_ref());
    /// assert!(next.to_string().ends_with(" onnx 'runs/nuts & bolts'"));
    /// ```
    pub fn command(self, words: &str) -> TypedCommand {
        TypedCommand { text: self.invocation().to_owned() }.words(words)
    }

    /// The command that tries a model file on a picture.
    pub fn predict(model: &Path) -> TypedCommand {
        Self::Runtime.command("predict").path(model).words("IMAGE.png")
    }

    fn invocation_through(self, cargo: bool) -> &'static str {
        match (self, cargo) {
            (Self::Trainer, true) => "cargo trainer",
            (Self::Export, true) => "cargo export",
            (Self::Runtime, true) => "cargo runtime",
            (program, false) => program.name(),
        }
    }
}

/// A command line that a POSIX shell, bash or zsh reads as it is meant. Prints as what the user types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedCommand {
    text: String,
}

impl TypedCommand {
    /// A command that is none of the project's, such as `cd`.
    pub fn other(words: &str) -> Self {
        Self { text: words.to_owned() }
    }

    /// Adds words that need no quotes, separated by blanks.
    #[must_use]
    pub fn words(mut self, words: &str) -> Self {
        self.separate();
        self.text.push_str(words);
        self
    }

    /// Adds one argument, in quotes if need be.
    #[must_use]
    pub fn argument(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.separate();
        self.text.push_str(&quoted(argument.as_ref()));
        self
    }

    /// Adds a path; one that starts like a flag is written `./-…`.
    #[must_use]
    pub fn path(self, path: &Path) -> Self {
        if path.as_os_str().as_encoded_bytes().starts_with(b"-") {
            return self.argument(Path::new(".").join(path));
        }
        self.argument(path)
    }

    /// Adds one argument `KEY=PATH`, as `--set` takes it.
    #[must_use]
    pub fn assignment(self, key: &str, value: impl AsRef<OsStr>) -> Self {
        let mut argument = OsString::from(key);
        argument.push("=");
        argument.push(value);
        self.argument(argument)
    }

    fn separate(&mut self) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
    }
}

impl fmt::Display for TypedCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<TypedCommand> for String {
    fn from(command: TypedCommand) -> Self {
        command.text
    }
}

/// One word for a shell: as it is, in single quotes, or as `$'…'` where it has control characters or is not UTF-8.
pub fn quoted(word: &OsStr) -> String {
    match word.to_str() {
        // zsh replaces `=NAME` by the path of a program.
        Some(text) if !text.is_empty() && !text.starts_with('=') && text.chars().all(is_plain) => text.to_owned(),
        Some(text) if !text.chars().any(char::is_control) => single_quoted(text),
        _ => escaped(word.as_encoded_bytes()),
    }
}

fn is_plain(character: char) -> bool {
    character.is_alphanumeric() || "_@%+=:,./-".contains(character)
}

fn single_quoted(text: &str) -> String {
    std::format!("'{}'", text.replace('\'', r"'\''"))
}

fn escaped(bytes: &[u8]) -> String {
    let mut text = String::from("$'");
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|character| escape(character, &mut text));
        chunk.invalid().iter().for_each(|byte| text.push_str(&octal(*byte)));
    }
    text.push('\'');
    text
}

fn escape(character: char, text: &mut String) {
    match character {
        '\'' => text.push_str(r"\'"),
        '\\' => text.push_str(r"\\"),
        control if control.is_control() => {
            let mut buffer = [0; 4];
            let bytes: Vec<u8> = control.encode_utf8(&mut buffer).bytes().collect();
            bytes.into_iter().for_each(|byte| text.push_str(&octal(byte)));
        }
        plain => text.push(plain),
    }
}

/// Always of three digits, so that a digit behind it is not read as part of it.
fn octal(byte: u8) -> String {
    std::format!("\\{byte:03o}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_when_a_shell_would_read_them_otherwise() {
        let cases = [
            ("runs/quickstart", "runs/quickstart"),
            ("data.path=/a/b", "data.path=/a/b"),
            ("Schüssel-2", "Schüssel-2"),
            ("", "''"),
            ("my parts", "'my parts'"),
            ("nuts & bolts", "'nuts & bolts'"),
            ("it's", r"'it'\''s'"),
            ("\"x\"", "'\"x\"'"),
            ("$HOME", "'$HOME'"),
            ("~/x", "'~/x'"),
            ("a;b|c>d", "'a;b|c>d'"),
            ("*", "'*'"),
            ("!x", "'!x'"),
            ("=ls", "'=ls'"),
            ("#x", "'#x'"),
            ("back\\slash", r"'back\slash'"),
            ("two\nlines", r"$'two\012lines'"),
            ("tab\t1's\\", r"$'tab\0111\'s\\'"),
            ("\u{1b}[31m", r"$'\033[31m'"),
            ("\u{9b}31m", r"$'\302\23331m'"),
        ];
        for (word, expected) in cases {
            assert_eq!(quoted(OsStr::new(word)), expected, "{word:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_each_word_as_it_was() {
        use std::os::unix::ffi::OsStrExt;
        // What `sh` understands everywhere; `$'…'` needs bash, zsh or a shell of POSIX 2024.
        let words: [&[u8]; 6] =
            [b"plain", b"two words", b"a'b\"c", b"$(touch x) `y` \\", b"caf\xe9 1", b"line\nbreak'\\7"];
        for word in words {
            let word = OsStr::from_bytes(word);
            let command = TypedCommand::other("printf %s").argument(word).to_string();
            let shell = if command.contains("$'") { "bash" } else { "sh" };
            let Ok(output) = std::process::Command::new(shell).arg("-c").arg(&command).output() else { continue };
            assert_eq!(output.stdout, word.as_bytes(), "{command}");
        }
    }

    #[test]
    fn commands_are_those_of_how_the_program_was_started() {
        let of = |program: Program| [true, false].map(|cargo| program.invocation_through(cargo));
        assert_eq!(of(Program::Trainer), ["cargo trainer", "sextant-trainer"]);
        assert_eq!(of(Program::Export), ["cargo export", "sextant-export"]);
        assert_eq!(of(Program::Runtime), ["cargo runtime", "sextant-runtime"]);
    }

    #[test]
    fn paths_are_no_flags() {
        let command = TypedCommand::other("x").path(Path::new("-rf")).assignment("data.path", Path::new("a b"));
        assert_eq!(command.to_string(), "x ./-rf 'data.path=a b'");
    }
}
