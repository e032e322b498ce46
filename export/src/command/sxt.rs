use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use sextant_export::quantize::LayerReport;
use sextant_export::{Budget, PendingFiles, QuantizationReport, RunFolder, SxtExport, SxtReport};
use sextant_runtime::typed_command::Program;

use super::quantizer::QuantizerArguments;
use super::{Outcome, doubts, print_report, wrote};

#[derive(Debug, Args)]
pub struct SxtArguments {
    /// Folder of a run that `cargo trainer fit` made.
    run: PathBuf,
    /// Quantise to eight bits, with ranges from the run's calibration images.
    #[arg(long)]
    int8: bool,
    /// File to write [default: RUN/model-int8.sxt with --int8, else RUN/model-float32.sxt].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    quantizer: QuantizerArguments,
    /// Print what each layer costs.
    #[arg(long, requires = "int8")]
    layers: bool,
    /// What the model may take of a device, such as ram=64K,flash=256K: memory for its arena, flash for its file. Without
    /// --int8, float32 is taken if it fits, else eight bits, with the first layers in stripes if they must be.
    #[arg(long, value_name = "LIMITS")]
    budget: Option<Budget>,
    /// Store all filters of an equivariant network, which are copies of its base filters, and not these alone: a larger file
    /// that answers the same bits.
    #[arg(long)]
    expand_filters: bool,
    /// Replace FILE even when this command did not write it.
    #[arg(long)]
    overwrite: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl SxtArguments {
    pub fn run(self) -> anyhow::Result<Outcome> {
        if let Some(flag) = self.quantizer.first_given().filter(|_| !self.int8 && self.budget.is_none()) {
            anyhow::bail!("{flag} says how to quantise: add --int8, or a --budget");
        }
        let run = RunFolder::open(&self.run)?;
        let (mut report, mut files) = self.prepare(&run, self.int8)?;
        if !report.written && !self.int8 {
            (report, files) = self.prepare(&run, true)?;
        }
        print_report(self.json, &report, || table(&report, self.layers))?;
        files.write()?;
        let failure = report.budget.as_ref().and_then(|budget| budget.failure_message());
        let next = match failure {
            Some(_) => Program::Export.command("inspect").path(&run.model_path()),
            None => Program::predict(&report.path),
        };
        let (warnings, doubt) = doubts(report.quantization.as_ref().filter(|_| !self.layers), &run);
        Ok(Outcome { next: doubt.filter(|_| failure.is_none()).or(Some(next)), failure, warnings })
    }

    fn prepare(&self, run: &RunFolder, int8: bool) -> anyhow::Result<(SxtReport, PendingFiles)> {
        let default = if int8 { run.int8_model_path() } else { run.float_model_path() };
        let out = self.out.clone().unwrap_or(default);
        let quantizer = int8.then(|| self.quantizer.quantizer());
        let (budget, expand_filters, overwrite) = (self.budget, self.expand_filters, self.overwrite);
        Ok(SxtExport { quantizer, budget, expand_filters, overwrite }.prepare(run, &out)?)
    }
}

fn table(report: &SxtReport, layers: bool) -> String {
    let SxtReport { path, size_bytes, float_size_bytes, arena_bytes, float_arena_bytes, quantization, written, budget } =
        report;
    let mut text = quantization.as_ref().map_or_else(String::new, |report| losses(report, layers));
    text += &budget.as_ref().map_or_else(String::new, ToString::to_string);
    let done = wrote(*written);
    let _ = writeln!(text, "{done} {} ({size_bytes} bytes; float32: {float_size_bytes})", path.display());
    let _ = writeln!(text, "arena {arena_bytes} bytes (float32: {float_arena_bytes})");
    text
}

/// What quantising cost, after one row per layer if they are asked for.
pub(super) fn losses(report: &QuantizationReport, layers: bool) -> String {
    let mut text = if layers { layer_table(&report.layers) } else { String::new() };
    let drift = &report.drift;
    let balanced = if report.equalized { "balanced" } else { "not balanced" };
    let _ = writeln!(
        text,
        "calibrated on {} images, channels {balanced}; against float32 on {} golden images:",
        report.calibration_images, report.test_images
    );
    let _ = writeln!(text, "  outputs   {:.1} dB signal to noise", drift.signal_to_noise_db);
    if let (Some(median), Some(largest)) = (drift.rotation_median_deg, drift.rotation_largest_deg) {
        let _ = writeln!(text, "  rotation  {median:.3} degrees apart in the median, {largest:.3} at most");
    }
    if let Some(changes) = drift.class_changes_percent {
        let _ = writeln!(text, "  class     {changes:.2} points of the images change theirs");
    }
    for (transformation, changes) in &drift.transformation_changes_percent {
        let _ = writeln!(text, "  {transformation}  {changes:.2} points of the images change their class");
    }
    text
}

fn layer_table(layers: &[LayerReport]) -> String {
    let width = layers.iter().map(|layer| layer.name.len()).max().unwrap_or(0).max("layer".len());
    let mut text = format!("{:width$}  {:>8}  {:>14}\n", "layer", "SNR dB", "alone, degrees");
    for layer in layers {
        let decibels = layer.signal_to_noise_db.map_or("-".to_string(), |db| format!("{db:.1}"));
        let degrees = layer.rotation_drift_deg.map_or("-".to_string(), |deg| format!("{deg:.3}"));
        let _ = writeln!(text, "{:width$}  {decibels:>8}  {degrees:>14}", layer.name);
    }
    text
}
