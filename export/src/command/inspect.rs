use std::path::PathBuf;

use clap::Args;
use sextant_export::inspect;

use super::{Outcome, predict_with, print, print_json};

#[derive(Debug, Args)]
pub struct InspectArguments {
    /// A .sxt or .onnx file.
    file: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl InspectArguments {
    pub fn run(self) -> anyhow::Result<Outcome> {
        let inspection = inspect::inspect(&self.file)?;
        match self.json {
            true => print_json(&inspection)?,
            false => print(&inspection.to_string())?,
        }
        let next = inspection.is_image_encoder().then(|| predict_with(&self.file));
        Ok(Outcome { failure: None, warnings: vec![], next })
    }
}
