use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use sextant_runtime::command_line::{next, print_answer};
use sextant_runtime::contract::run_folder::ENCODER;
use sextant_runtime::typed_command::Program;

use super::output::refuse_dash;
use crate::fit::write_encoder;
use crate::registry::Registry;

/// Arguments of `trainer encoder`.
#[derive(Args)]
pub struct EncoderArgs {
    /// Folder of a finished run.
    run: PathBuf,
    /// File to write; by default encoder.safetensors in the run's folder.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Writes what other runs begin with.
pub fn run(args: EncoderArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    let out = args.out.unwrap_or_else(|| args.run.join(ENCODER));
    refuse_dash("--out", &out, "an encoder is one safetensors file that is written as a whole")?;
    let bytes = write_encoder(registry, &args.run, &out)?;
    let answer = json!({ "file": out, "bytes": bytes });
    print_answer(args.json, &answer, || format!("wrote {} ({bytes} bytes, float16)\n", out.display()))?;
    next(Program::Trainer.command("fit --from").path(&out));
    Ok(ExitCode::SUCCESS)
}
