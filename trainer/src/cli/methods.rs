use std::process::ExitCode;

use clap::Args;

use serde_json::{Value, json};

use crate::method::{METHODS, MethodEntry, MethodOption};

/// Arguments of `trainer methods`.
#[derive(Args)]
pub struct MethodsArgs {
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

/// Prints every method with its paper, its loss and its options.
pub fn run(args: MethodsArgs) -> anyhow::Result<ExitCode> {
    if args.json {
        println!("{}", serde_json::to_string_pretty(&METHODS.iter().map(as_json).collect::<Vec<_>>())?);
    } else {
        METHODS.iter().for_each(print);
    }
    eprintln!("next: cargo trainer fit --set method.name=NAME");
    Ok(ExitCode::SUCCESS)
}

fn as_json(method: &MethodEntry) -> Value {
    let option = |option: &MethodOption| {
        json!({
            "key": format!("method.{}", option.key),
            "default": option.default_value(),
            "allowed": option.allowed(),
            "help": option.help,
        })
    };
    let options: Vec<_> = method.options.iter().map(option).collect();
    json!({ "name": method.name, "paper": method.paper, "loss": method.loss, "options": options })
}

fn print(method: &MethodEntry) {
    println!("{}\n    {}\n    loss: {}", method.name, method.paper, method.loss);
    for option in method.options {
        let default = option.default_value().to_string();
        println!("    method.{:<26} {:<14} {} ({})", option.key, default, option.help, option.allowed());
    }
    println!();
}
