use std::fmt;
use std::path::PathBuf;

/// Where a value of the configuration came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A preset of this name.
    Preset(&'static str),
    /// A TOML file.
    File(PathBuf),
    /// A `--set` argument.
    Set(String),
    /// An option of the command that is a name of the key.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preset(name) => write!(f, "preset {name}"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Set(argument) => write!(f, "--set {argument}"),
            Self::Flag(given) => f.write_str(given),
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The operating system refused the file.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is far larger than any configuration.
    #[error("{path}: larger than {limit_bytes} bytes, so it is no configuration")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Largest size that is read.
        limit_bytes: u64,
    },
    /// The file is not UTF-8.
    #[error("{path}: not a text file (UTF-8)")]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The text is not TOML.
    #[error("{origin}: {message}")]
    Syntax {
        /// The text.
        origin: Origin,
        /// Line, column and what is wrong there.
        message: String,
    },
    /// There is no preset of this name.
    #[error("no preset is called `{name}`; the nearest is `{nearest}`")]
    UnknownPreset {
        /// What was asked for.
        name: String,
        /// The most similar name.
        nearest: &'static str,
        /// All names.
        known: String,
    },
    /// A `--set` argument without `=`.
    #[error("--set {argument}: expected `key=value`")]
    NotAssignment {
        /// The argument.
        argument: String,
    },
    /// Keys or values are wrong.
    #[error("{}", joined(.0))]
    Problems(Vec<Problem>),
}

impl ConfigError {
    /// What to try.
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable { .. } => "check the path, or leave the file out and use --preset".into(),
            Self::TooLarge { .. } | Self::NotText { .. } => "give a TOML file such as a run's config.toml".into(),
            Self::Syntax { .. } => {
                "the file is TOML: `[section]` lines, then `key = value` lines, text in quotes".into()
            }
            Self::UnknownPreset { known, .. } => format!("presets: {known}"),
            Self::NotAssignment { .. } => "for example --set fit.steps=1000".into(),
            Self::Problems(problems) => hint(problems),
        }
    }
}

/// One key that cannot be used as it is.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing has this name.
    #[error("{origin}: unknown key `{key}`; the nearest is `{nearest}`")]
    UnknownKey {
        /// Dotted key.
        key: String,
        /// Who set it.
        origin: Origin,
        /// The most similar key.
        nearest: String,
    },
    /// The method, the source or the encoder that was chosen has no such option.
    #[error("{origin}: the {kind} `{name}` has no option `{key}`; it has {known}")]
    UnknownOption {
        /// Dotted key.
        key: String,
        /// Who set it.
        origin: Origin,
        /// `method`, `source` or `encoder`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Its own options.
        known: String,
    },
    /// No method, encoder or source has this name.
    #[error("{}{message}", set_by(.origin))]
    UnknownName {
        /// Who set it; `None` where it has its default.
        origin: Option<Origin>,
        /// Dotted key.
        key: String,
        /// Key, name, and the names that there are.
        message: String,
        /// The names that there are.
        allowed: String,
        /// The most similar name.
        nearest: String,
    },
    /// The value is of another type, or not one of the names that are allowed.
    #[error("{origin}: `{key}` should be {expected}, not {found}")]
    WrongType {
        /// Dotted key.
        key: String,
        /// Who set it.
        origin: Origin,
        /// What is expected, in words.
        expected: String,
        /// The value.
        found: String,
    },
    /// The key does nothing beside the values of others.
    #[error("{origin}: `{key}` has no effect here; it goes with {goes_with}")]
    Unused {
        /// Dotted key.
        key: String,
        /// Who set it.
        origin: Origin,
        /// With what it does something.
        goes_with: String,
    },
    /// The value is out of range, or does not go with another one.
    #[error("{}`{key}` is {value}; allowed: {allowed}", set_by(.origin))]
    OutOfRange {
        /// Dotted key.
        key: String,
        /// Who set it; `None` where it has its default.
        origin: Option<Origin>,
        /// The value.
        value: String,
        /// The range, and the reason where it is not plain.
        allowed: String,
    },
}

fn set_by(origin: &Option<Origin>) -> String {
    origin.as_ref().map_or_else(String::new, |origin| format!("{origin}: "))
}

fn joined(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn hint(problems: &[Problem]) -> String {
    match problems {
        [Problem::UnknownKey { nearest, .. } | Problem::UnknownName { nearest, .. }] => {
            format!("did you mean `{nearest}`?")
        }
        [Problem::UnknownOption { kind, name, .. }] => {
            format!("`trainer {kind}s` shows what the options of `{name}` mean; leave the others out")
        }
        [Problem::Unused { key, goes_with, .. }] => format!("leave `{key}` out, or set {goes_with}"),
        [Problem::OutOfRange { key, .. }] if key == "data.path" => "--set data.path=FOLDER".into(),
        [Problem::WrongType { key, .. }] => format!("change `{key}`, or leave it out for its default"),
        [Problem::OutOfRange { key, .. }] => format!("--set {key}=VALUE changes it for one run"),
        _ => format!("{} things to change; a run's config.toml shows every key with a value", problems.len()),
    }
}
