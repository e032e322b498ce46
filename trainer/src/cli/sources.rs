use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use sextant_runtime::command_line::{next, print_answer};
use sextant_runtime::typed_command::Program;

use super::listed::{option_as_json, option_as_text};
use crate::data::{PathUse, SourceEntry};
use crate::registry::Registry;

/// Arguments of `trainer sources`.
#[derive(Args)]
pub struct SourcesArgs {
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

/// Prints every source of data with the keys that it reads.
pub fn run(args: SourcesArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    let objects: Vec<Value> = registry.sources().iter().map(as_json).collect();
    print_answer(args.json, &objects, || registry.sources().iter().map(as_text).collect())?;
    let first = registry.sources().names()[0];
    next(Program::Trainer.command("fit --set").assignment("data.source", first));
    Ok(ExitCode::SUCCESS)
}

fn path_use(path: PathUse) -> &'static str {
    match path {
        PathUse::Unused => "no",
        PathUse::Optional => "if need be",
        PathUse::Needed => "yes",
    }
}

fn as_json(source: &SourceEntry) -> Value {
    let options: Vec<_> = source.options.iter().map(|option| option_as_json("data", option)).collect();
    json!({
        "name": source.name,
        "description": source.description,
        "path": path_use(source.path),
        "rendered": source.is_rendered(),
        "keys": source.keys(),
        "options": options,
    })
}

fn as_text(source: &SourceEntry) -> String {
    let options: String = source.options.iter().map(|option| option_as_text("data", option)).collect();
    let keys = source.keys();
    let keys = if keys.is_empty() { "none that others lack".into() } else { keys.join(", ") };
    format!(
        "{}\n    {}\n    data.path: {}; keys of its own: {keys}\n{options}\n",
        source.name,
        source.description,
        path_use(source.path)
    )
}
