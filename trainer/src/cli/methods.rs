use std::process::ExitCode;

use clap::Args;

use super::output::{print, print_json};
use crate::method::METHODS;

/// Arguments of `trainer methods`.
#[derive(Args)]
pub struct MethodsArgs {
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

/// Prints every method with its paper and its loss.
pub fn run(args: MethodsArgs) -> anyhow::Result<ExitCode> {
    if args.json {
        let methods: Vec<_> =
            METHODS.iter().map(|m| serde_json::json!({ "name": m.name, "paper": m.paper, "loss": m.loss })).collect();
        print_json(&methods)?;
    } else {
        let entry = |m: &crate::method::MethodEntry| format!("{:<10} {}\n{:<10} {}\n", m.name, m.paper, "", m.loss);
        print(&METHODS.iter().map(entry).collect::<String>())?;
    }
    eprintln!("next: cargo trainer fit --set method.name={}", METHODS[0].name);
    Ok(ExitCode::SUCCESS)
}
