use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use sextant_runtime::command_line::{next, print_answer};
use sextant_runtime::typed_command::Program;

use super::listed::{option_as_json, option_as_text};
use crate::method::{MethodConfig, MethodEntry, Needs};
use crate::registry::Registry;
use crate::transformation::Transformations;

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
    let known = registry.transformations();
    let listed: Vec<Value> = methods.iter().map(|method| as_json(method, known)).collect();
    print_answer(args.json, &listed, || methods.iter().map(|method| as_text(method, known)).collect())?;
    next(Program::Trainer.command("fit --set").assignment("method.name", methods.names()[0]));
    Ok(ExitCode::SUCCESS)
}

fn as_json(method: &MethodEntry, known: &Transformations) -> Value {
    let options: Vec<_> = method.options.iter().map(|option| option_as_json("method", option)).collect();
    let Needs { views, transformations, drawing } = needs(method, known);
    let transformations: Vec<&str> = transformations.iter().map(|transformation| transformation.name()).collect();
    json!({
        "name": method.name,
        "paper": method.paper,
        "loss": method.loss,
        "needs": { "views": views, "transformations": transformations, "block": drawing.block },
        "options": options,
    })
}

/// What it needs with its options at their defaults.
fn needs(method: &MethodEntry, known: &Transformations) -> Needs {
    (method.needs)(&MethodConfig::of(method), known).expect("every method takes its own defaults")
}

fn as_text(method: &MethodEntry, known: &Transformations) -> String {
    let Needs { views, transformations, drawing } = needs(method, known);
    let known: String =
        transformations.iter().map(|transformation| format!(", {} known", transformation.name())).collect();
    let options: String = method.options.iter().map(|option| option_as_text("method", option)).collect();
    let blocks = match drawing.block {
        1 => String::new(),
        block => format!(", blocks of {block} subjects drawn alike"),
    };
    let needs = format!("    needs: {views} views of each object{known}{blocks}\n");
    format!("{}\n    {}\n    loss: {}\n{needs}{options}\n", method.name, method.paper, method.loss)
}
