use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sextant_export::onnx::Batch;
use sextant_export::{GraphName, OnnxExport, OnnxReport, RunFolder};
use sextant_runtime::contract::graph::ENCODE;
use sextant_runtime::typed_command::Program;

use super::{Outcome, not_written, predict_or_inspect, print_report, wrote};

#[derive(Debug, Args)]
pub struct OnnxArguments {
    /// Folder of a run that `cargo trainer fit` made.
    run: PathBuf,
    /// File to write [default: RUN/model.onnx; RUN/predict_latent.onnx for that graph].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Samples that the network takes at a time: a number, or `dynamic` for any.
    #[arg(long, value_name = "N|dynamic", default_value = "dynamic", value_parser = parse_batch)]
    batch: Batch,
    /// Which graph of the model.
    #[arg(long, value_enum, default_value = ENCODE)]
    graph: GraphArgument,
    /// Replace FILE even when this command did not write it.
    #[arg(long)]
    overwrite: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum GraphArgument {
    /// Image to rotation, class and features.
    Encode,
    /// Equivariant features and a rotation to the features after it.
    PredictLatent,
}

impl OnnxArguments {
    pub fn run(self) -> anyhow::Result<Outcome> {
        let run = RunFolder::open(&self.run)?;
        let graph = match self.graph {
            GraphArgument::Encode => GraphName::Encode,
            GraphArgument::PredictLatent => GraphName::PredictLatent,
        };
        let out = self.out.unwrap_or_else(|| run.onnx_path(graph));
        let export = OnnxExport { graph, batch: self.batch, overwrite: self.overwrite };
        let (report, files) = export.prepare(&run, &out)?;
        print_report(self.json, &report, || table(&report))?;
        files.write()?;
        let failure = not_written(report.parity.failure_message(), &out);
        let (warnings, next) = match (&failure, graph) {
            (Some(_), _) => (vec![], Some(Program::Export.command("verify").path(&self.run))),
            (None, GraphName::Encode) => predict_or_inspect(&out, self.batch),
            (None, GraphName::PredictLatent) => (vec![], Some(Program::Export.command("inspect").path(&out))),
        };
        Ok(Outcome { failure, warnings, next })
    }
}

fn table(report: &OnnxReport) -> String {
    let OnnxReport { path, size_bytes, samples, parity, .. } = report;
    let done = wrote(report.written);
    format!("{parity}{done} {} ({size_bytes} bytes), checked on {samples} inputs", path.display())
}

pub(super) fn parse_batch(text: &str) -> Result<Batch, String> {
    match (text, text.parse()) {
        ("dynamic", _) => Ok(Batch::Dynamic),
        (_, Ok(samples @ 1..=LARGEST_BATCH)) => Ok(Batch::Fixed(samples)),
        _ => Err(format!("give `dynamic` or a number from 1 to {LARGEST_BATCH}")),
    }
}

/// More samples at a time only cost memory.
const LARGEST_BATCH: u32 = 4096;
