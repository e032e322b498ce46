use std::process::ExitCode;

use clap::Args;

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
        println!("{}", serde_json::to_string_pretty(&methods)?);
    } else {
        for method in METHODS {
            println!("{:<10} {}\n{:<10} {}", method.name, method.paper, "", method.loss);
        }
    }
    eprintln!("next: cargo trainer fit --set method.name=NAME");
    Ok(ExitCode::SUCCESS)
}
