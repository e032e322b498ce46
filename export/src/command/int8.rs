use std::path::PathBuf;

use clap::{Args, ValueEnum};
use sextant_export::onnx::{Batch, Numbers};
use sextant_export::{Int8Export, Int8Report, RunFolder};
use sextant_runtime::typed_command::Program;

use super::onnx::parse_batch;
use super::quantizer::QuantizerArguments;
use super::{Outcome, doubts, not_written, predict_or_inspect, print_report, wrote};

#[derive(Debug, Args)]
pub struct Int8Arguments {
    /// Folder of a run that `cargo trainer fit` made, which is quantised; or an eight-bit .sxt file.
    #[arg(value_name = "RUN|FILE.sxt")]
    source: PathBuf,
    /// File to write, and of a run the .sxt beside it [default: RUN/model-int8.onnx, or FILE.onnx].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Samples that the network takes at a time: a number, or `dynamic` for any.
    #[arg(long, value_name = "N|dynamic", default_value = "dynamic", value_parser = parse_batch)]
    batch: Batch,
    /// What activations are written as; the numbers stand for the same.
    #[arg(long, value_enum, default_value = "uint8")]
    activations: ActivationsArgument,
    #[command(flatten)]
    quantizer: QuantizerArguments,
    /// Print what each layer costs.
    #[arg(long)]
    layers: bool,
    /// Replace files even when this command did not write them.
    #[arg(long)]
    overwrite: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ActivationsArgument {
    /// 0 to 255: ONNX Runtime computes all of it with eight bits on x86.
    Uint8,
    /// -128 to 127: for accelerators that know only these.
    Int8,
}

impl Int8Arguments {
    pub fn run(self) -> anyhow::Result<Outcome> {
        let export = Int8Export {
            quantizer: self.quantizer.quantizer(),
            numbers: match self.activations {
                ActivationsArgument::Uint8 => Numbers::Uint8,
                ActivationsArgument::Int8 => Numbers::Int8,
            },
            batch: self.batch,
            overwrite: self.overwrite,
        };
        let ((report, files), out, (mut warnings, doubt)) = if self.source.is_file() {
            if let Some(flag) = self.quantizer.first_given().or(self.layers.then_some("--layers")) {
                anyhow::bail!(
                    "{}: has eight bits already; {flag} is for a run, which is quantised",
                    self.source.display()
                );
            }
            let out = self.out.unwrap_or_else(|| self.source.with_extension("onnx"));
            (export.prepare_file(&self.source, &out)?, out, (vec![], None))
        } else {
            let run = RunFolder::open(&self.source)?;
            let out = self.out.unwrap_or_else(|| run.int8_onnx_path());
            let prepared = export.prepare_run(&run, &out)?;
            let doubts = doubts(prepared.0.quantization.as_ref(), &run);
            (prepared, out, doubts)
        };
        print_report(self.json, &report, || table(&report, self.layers))?;
        files.write()?;
        let failure = not_written(report.parity.failure_message(), &out);
        let next = match failure {
            Some(_) if self.source.is_file() => Some(Program::Export.command("inspect").path(&self.source)),
            Some(_) => Some(Program::Export.command("verify").path(&self.source)),
            None => {
                let (about_batch, next) = predict_or_inspect(&out, self.batch);
                warnings.extend(about_batch);
                doubt.or(next)
            }
        };
        Ok(Outcome { failure, warnings, next })
    }
}

fn table(report: &Int8Report, layers: bool) -> String {
    let Int8Report { path, written, size_bytes, sxt_path, quantization, parity } = report;
    let mut text = quantization.as_ref().map_or_else(String::new, |report| super::sxt::losses(report, layers));
    text += &parity.to_string();
    let done = wrote(*written);
    text += &format!("{done} {} ({size_bytes} bytes)\n", path.display());
    if let Some(sxt) = sxt_path {
        text += &format!("wrote {}, the same network for our own engine\n", sxt.display());
    }
    text
}
