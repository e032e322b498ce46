use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Serialize;

/// Writes a text with its line ends to standard output; a reader that has gone away (`| head`) is no error.
pub(super) fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("standard output"),
        _ => Ok(()),
    }
}

/// Writes one JSON value.
pub(super) fn print_json(value: &impl Serialize) -> Result<()> {
    print(&(serde_json::to_string_pretty(value).context("cannot be expressed as JSON")? + "\n"))
}

/// Writes named values: a line each, or one JSON object with `_` for the spaces in names.
pub(super) fn print_named(values: &[(&str, serde_json::Value)], json: bool) -> Result<()> {
    if json {
        let key = |name: &str| name.replace(' ', "_");
        let object: serde_json::Map<_, _> = values.iter().map(|(name, value)| (key(name), value.clone())).collect();
        return print_json(&object);
    }
    let line = |(name, value): &(&str, serde_json::Value)| match value {
        serde_json::Value::String(text) => format!("{name}\t{text}\n"),
        value => format!("{name}\t{value}\n"),
    };
    print(&values.iter().map(line).collect::<String>())
}

/// Refuses `-` and an empty name where a file or folder is to be made; `reason` says why standard output cannot take it.
pub(super) fn refuse_dash(option: &str, path: &Path, reason: &str) -> Result<()> {
    if path == Path::new("-") {
        bail!("{option} -: {reason}, which cannot go to standard output; name a path (./- for one that is called so)");
    }
    if path.as_os_str().is_empty() {
        bail!("{option} \"\": name a path");
    }
    Ok(())
}
