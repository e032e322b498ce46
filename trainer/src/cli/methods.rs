use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use sextant_runtime::command_line::{next, print_answer};
use sextant_runtime::typed_command::Program;

use super::listed::{option_as_json, option_as_text};
use crate::method::{MethodConfig, MethodEntry, Needs};
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
    let methods = registry.methods();
    let listed: Vec<Value> = methods.iter().map(as_json).collect();
    print_answer(args.json, &listed, || methods.iter().map(as_text).collect())?;
    next(Program::Trainer.command("fit --set").assignment("method.name", methods.names()[0]));
    Ok(ExitCode::SUCCESS)
}

fn as_json(method: &MethodEntry) -> Value {
    let options: Vec<_> = method.options.iter().map(|option| option_as_json("method", option)).collect();
    let Needs { views, transformations } = needs(method);
    let transformations: Vec<&str> = transformations.iter().map(|transformation| transformation.name()).collect();
    json!({
        "name": method.name,
        "paper": method.paper,
        "loss": method.loss,
        "needs": { "views": views, "transformations": transformations },
        "options": options,
    })
}

/// What it needs with its options at their defaults.
fn needs(method: &MethodEntry) -> Needs {
    (method.needs)(&MethodConfig::of(method)).expect("every method takes its own defaults")
}

fn as_text(method: &MethodEntry) -> String {
    let Needs { views, transformations } = needs(method);
    let known: String =
        transformations.iter().map(|transformation| format!(", {} known", transformation.name())).collect();
    let options: String = method.options.iter().map(|option| option_as_text("method", option)).collect();
    let needs = format!("    needs: {views} views of each object{known}\n");
    format!("{}\n    {}\n    loss: {}\n{needs}{options}\n", method.name, method.paper, method.loss)
}
