use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use sextant_runtime::typed_command::Program;

use super::listed::{option_as_json, option_as_text};
use super::output::{print, print_json};
use crate::method::MethodEntry;
use crate::registry::Registry;

/// Arguments of `trainer methods`.
#[derive(Args)]
pub struct MethodsArgs {
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

/// Prints every method with its paper, its loss and its options.
pub fn run(args: MethodsArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    if args.json {
        print_json(&registry.methods().iter().map(as_json).collect::<Vec<_>>())?;
    } else {
        print(&registry.methods().iter().map(as_text).collect::<String>())?;
    }
    eprintln!(
        "next: {}",
        Program::Trainer.command("fit --set").assignment("method.name", registry.methods().names()[0])
    );
    Ok(ExitCode::SUCCESS)
}

fn as_json(method: &MethodEntry) -> Value {
    let options: Vec<_> = method.options.iter().map(|option| option_as_json("method", option)).collect();
    json!({ "name": method.name, "paper": method.paper, "loss": method.loss, "options": options })
}

fn as_text(method: &MethodEntry) -> String {
    let options: String = method.options.iter().map(|option| option_as_text("method", option)).collect();
    format!("{}\n    {}\n    loss: {}\n{options}\n", method.name, method.paper, method.loss)
}
