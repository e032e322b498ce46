use std::path::PathBuf;

use clap::Args;
use sextant_export::inspect;
use sextant_runtime::typed_command::Program;

use super::{Outcome, print_report};

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
        print_report(self.json, &inspection, || inspection.to_string())?;
        let next = inspection.is_image_encoder().then(|| Program::predict(&self.file));
        Ok(Outcome { failure: None, warnings: vec![], next })
    }
}
