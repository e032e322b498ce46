use std::path::PathBuf;

use clap::Args;
use sextant_export::quantize::Quantizer;
use sextant_export::{Budget, FirmwareExport, FirmwareReport, RunFolder};
use sextant_runtime::typed_command::{Program, TypedCommand};

use super::{Outcome, doubts, print_report, wrote};

#[derive(Debug, Args)]
pub struct FirmwareArguments {
    /// Folder of a run that `cargo trainer fit` made.
    run: PathBuf,
    /// Folder to write: new, empty, or from this command.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What the model may take of a device, such as ram=64K,flash=256K: memory for its arena, flash for its file. Its first
    /// layers are computed in stripes if they must be to fit.
    #[arg(long, value_name = "LIMITS")]
    budget: Option<Budget>,
    /// Golden frames that the program checks when it starts, at most as many as the run has golden images [default: 4].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    frames: Option<u32>,
    /// Write only the three files of the project's `model` folder.
    #[arg(long, conflicts_with = "runtime")]
    model_only: bool,
    /// Depend on the folder of the package sextant-runtime, instead of carrying the engine's source.
    #[arg(long, value_name = "PATH")]
    runtime: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl FirmwareArguments {
    pub fn run(self) -> anyhow::Result<Outcome> {
        let run = RunFolder::open(&self.run)?;
        let quantizer = Quantizer::default();
        let frames = self.frames.map(|frames| frames as usize);
        let (model_only, runtime) = (self.model_only, self.runtime);
        let export = FirmwareExport { quantizer, budget: self.budget, frames, model_only, runtime };
        let (report, files) = export.prepare(&run, &self.out)?;
        print_report(self.json, &report, || table(&report))?;
        files.write()?;
        let failure = report.budget.as_ref().and_then(|budget| budget.failure_message());
        let next = match model_only {
            _ if failure.is_some() => Program::Export.command("inspect").path(&run.model_path()),
            true => TypedCommand::other("cargo firmware --model").path(&self.out),
            false => TypedCommand::other("cd").path(&self.out).words("&& cargo run --release"),
        };
        let (warnings, doubt) = doubts(Some(&report.quantization), &run);
        Ok(Outcome { next: doubt.filter(|_| failure.is_none()).or(Some(next)), failure, warnings })
    }
}

fn table(report: &FirmwareReport) -> String {
    let FirmwareReport { path, written, model_bytes, arena_bytes, macs, frames, budget, quantization } = report;
    let mut text = super::sxt::losses(quantization, false);
    text += &budget.as_ref().map_or_else(String::new, ToString::to_string);
    let done = wrote(*written);
    text += &format!("{done} {} ({frames} golden frames)\n", path.display());
    text += &format!("model {model_bytes} bytes of flash, arena {arena_bytes} bytes of memory, {macs} MACs\n");
    text
}
