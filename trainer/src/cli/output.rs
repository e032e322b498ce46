use std::path::Path;

use anyhow::{Result, bail};
use sextant_runtime::command_line::print_answer;

/// Writes named values: a line each, or one JSON object with `_` for the spaces in names.
pub(super) fn print_named(values: &[(&str, serde_json::Value)], json: bool) -> Result<()> {
    let key = |name: &str| name.replace(' ', "_");
    let object: serde_json::Map<_, _> = values.iter().map(|(name, value)| (key(name), value.clone())).collect();
    let line = |(name, value): &(&str, serde_json::Value)| match value {
        serde_json::Value::String(text) => format!("{name}\t{text}\n"),
        value => format!("{name}\t{value}\n"),
    };
    print_answer(json, &object, || values.iter().map(line).collect())?;
    Ok(())
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
