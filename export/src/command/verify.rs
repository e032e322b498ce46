use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use sextant_export::quantize::Requirements;
use sextant_export::{GraphName, RunFolder, inspect, verify};
use sextant_runtime::typed_command::Program;

use super::{Outcome, print_report};

#[derive(Debug, Args)]
pub struct VerifyArguments {
    /// Folder of a run that `cargo trainer fit` made.
    run: PathBuf,
    /// Decibels that the outputs of eight bits have to be above their noise [default: 10].
    #[arg(long, value_name = "DB", value_parser = number, allow_negative_numbers = true)]
    require_db: Option<f64>,
    /// Degrees that eight bits may turn the median rotation by [default: 13].
    #[arg(long, value_name = "DEGREES", value_parser = number)]
    require_deg: Option<f64>,
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
        let int8 = verify::verify_int8(&run, &self.requirements())?;
        if let Some(flag) = self.first_requirement().filter(|_| int8.is_none()) {
            let command = Program::Export.command("int8").path(&self.run);
            anyhow::bail!("{}: has no eight-bit model for {flag}; write one: {command}", self.run.display());
        }
        let eight_bits = int8.as_ref().map_or_else(String::new, ToString::to_string);
        let failure = parity.failure_message();
        let int8_failure = int8.as_ref().and_then(|int8| int8.failure_message());
        let loses_too_much = int8.as_ref().is_some_and(|int8| int8.complaint.is_some());
        let report = Report { parity, int8 };
        print_report(self.json, &report, || format!("{}{eight_bits}", report.parity))?;
        let onnx = run.onnx_path(GraphName::Encode);
        let next = match (&failure, &int8_failure) {
            (None, Some(_)) if loses_too_much => {
                Program::Export.command("sxt").path(&self.run).words("--int8 --layers")
            }
            (None, Some(_)) => Program::Export.command("int8").path(&self.run),
            (None, None) if inspect::inspect(&onnx).is_ok_and(|file| file.is_image_encoder()) => {
                Program::predict(&onnx)
            }
            (None, None) if onnx.is_file() => Program::Export.command("inspect").path(&onnx),
            _ => Program::Export.command("onnx").path(&self.run),
        };
        Ok(Outcome { failure: failure.or(int8_failure), warnings: vec![], next: Some(next) })
    }

    fn requirements(&self) -> Requirements {
        let usual = Requirements::default();
        Requirements {
            least_signal_to_noise_db: self.require_db.unwrap_or(usual.least_signal_to_noise_db),
            most_rotation_deg: self.require_deg.unwrap_or(usual.most_rotation_deg),
            ..usual
        }
    }

    fn first_requirement(&self) -> Option<&'static str> {
        self.require_db.map(|_| "--require-db").or(self.require_deg.map(|_| "--require-deg"))
    }
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| "give a number, such as 20".to_string())
}
