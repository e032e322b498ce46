use toml::Value;

/// An option of a command that is a name of a key.
#[derive(Clone, Debug)]
pub struct Flag {
    /// Dotted key.
    pub(super) key: &'static str,
    pub(super) value: Value,
    /// As it stands on the command line.
    pub(super) given: String,
}

impl Flag {
    /// An option with a value.
    pub fn new(option: &str, key: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let shown = match &value {
            Value::String(text) => text.clone(),
            Value::Float(number) => number.to_string(),
            other => other.to_string(),
        };
        Self { key, value, given: format!("{option} {shown}") }
    }

    /// An option without one, that stands for `value`.
    pub fn switch(option: &str, key: &'static str, value: bool) -> Self {
        Self { key, value: value.into(), given: option.into() }
    }
}
