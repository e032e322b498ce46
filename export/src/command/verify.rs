use std::path::PathBuf;

use clap::Args;
use sextant_export::{GraphName, RunFolder, verify};

use super::{Outcome, print, print_json};

#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// Folder of a run that `cargo trainer fit` made.
    run: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl VerifyArguments {
    pub fn run(self) -> anyhow::Result<Outcome> {
        let run = RunFolder::open(&self.run)?;
        let parity = verify::verify(&run)?;
        match self.json {
            true => print_json(&parity)?,
            false => print(&parity.to_string())?,
        }
        let failure = parity.failure_message();
        let onnx = run.onnx_path(GraphName::Encode);
        let next = match failure {
            None if onnx.is_file() => format!("cargo runtime predict {} IMAGE.png", onnx.display()),
            _ => format!("cargo export onnx {}", self.run.display()),
        };
        Ok(Outcome { failure, next })
    }
}
