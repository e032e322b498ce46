use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use sextant_export::{GraphName, RunFolder, verify};
use sextant_runtime::typed_command::Program;

use super::{Outcome, predict_with, print, print_json};

#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// Folder of a run that `cargo trainer fit` made.
    run: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    parity: verify::Parity,
    int8: Option<verify::Int8Verification>,
}

impl VerifyArguments {
    pub fn run(self) -> anyhow::Result<Outcome> {
        let run = RunFolder::open(&self.run)?;
        let parity = verify::verify(&run)?;
        let int8 = verify::verify_int8(&run)?;
        let eight_bits = int8.as_ref().map_or_else(String::new, ToString::to_string);
        let failure = parity.failure_message();
        let int8_failure = int8.as_ref().and_then(|int8| int8.failure_message());
        match self.json {
            true => print_json(&Report { parity, int8 })?,
            false => print(&format!("{parity}{eight_bits}"))?,
        }
        let onnx = run.onnx_path(GraphName::Encode);
        let next = match (&failure, &int8_failure) {
            (None, Some(_)) => Program::Export.command("int8").path(&self.run),
            (None, None) if onnx.is_file() => predict_with(&onnx),
            _ => Program::Export.command("onnx").path(&self.run),
        };
        Ok(Outcome { failure: failure.or(int8_failure), next })
    }
}
