use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use sextant_runtime::command_line::{next, print};
use sextant_runtime::contract::run_folder::REPORT;
use sextant_runtime::durable::write_file;
use sextant_runtime::typed_command::quoted;

use super::output::refuse_dash;
use crate::registry::Registry;
use crate::report::report;
use crate::run::RunError;

/// Arguments of `trainer report`.
#[derive(Args)]
pub struct ReportArgs {
    /// Folders of finished runs, such as runs/quickstart.
    #[arg(required = true)]
    runs: Vec<PathBuf>,
    /// HTML file to write [default: report.html in the first run].
    #[arg(long)]
    out: Option<PathBuf>,
    /// Where to compute: auto, cpu or cuda:N (compiled, not run).
    #[arg(long, default_value = "auto")]
    device: String,
}

/// Writes one HTML file about some runs.
pub fn run(args: ReportArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    if let Some(out) = &args.out {
        refuse_dash("--out", out, "a report is one HTML file that is written as a whole")?;
    }
    let runs: Vec<&Path> = args.runs.iter().map(PathBuf::as_path).collect();
    let html = report(registry, &runs, &args.device).with_context(|| "reporting")?;
    let out = args.out.unwrap_or_else(|| args.runs[0].join(REPORT));
    write_file(&out, html.as_bytes()).map_err(RunError::from)?;
    print(&format!("{}\n", out.display()))?;
    next(format_args!("open {} in a browser", quoted(out.as_os_str())));
    Ok(ExitCode::SUCCESS)
}
