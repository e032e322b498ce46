use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use sextant_runtime::command_line::{next, print_answer};
use sextant_runtime::typed_command::Program;

use crate::method::{METHODS, MethodConfig, MethodEntry, Needs};
use crate::options::ConfigOption;

/// Arguments of `trainer methods`.
#[derive(Args)]
pub struct MethodsArgs {
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

/// Prints every method with its paper, its loss and its options.
pub fn run(args: MethodsArgs) -> anyhow::Result<ExitCode> {
    let methods: Vec<Value> = METHODS.iter().map(as_json).collect();
    print_answer(args.json, &methods, || METHODS.iter().map(as_text).collect())?;
    next(Program::Trainer.command("fit --set").assignment("method.name", METHODS[0].name));
    Ok(ExitCode::SUCCESS)
}

fn as_json(method: &MethodEntry) -> Value {
    let option = |option: &ConfigOption| {
        json!({
            "key": format!("method.{}", option.key),
            "default": option.default_value(),
            "allowed": option.allowed(),
            "help": option.help,
        })
    };
    let options: Vec<_> = method.options.iter().map(option).collect();
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
    (method.needs)(&MethodConfig::named(method.name)).expect("every method takes its own defaults")
}

fn as_text(method: &MethodEntry) -> String {
    let Needs { views, transformations } = needs(method);
    let known: String =
        transformations.iter().map(|transformation| format!(", {} known", transformation.name())).collect();
    let mut text = format!("{}\n    {}\n    loss: {}\n", method.name, method.paper, method.loss);
    text += &format!("    needs: {views} views of each object{known}\n");
    for option in method.options {
        let default = option.default_value().to_string();
        text += &format!("    method.{:<26} {:<14} {} ({})\n", option.key, default, option.help, option.allowed());
    }
    text + "\n"
}
