use std::io::BufRead;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use sextant_runtime::command_line::{next, print_answer, print_json_line};
use sextant_runtime::plane_group::PlaneGroup;

use crate::bench::{Layer, LayerBench, StepBench, write_exchange};
use crate::monitor::peak_memory_bytes;
use crate::registry::Registry;

/// Arguments of `trainer bench`.
#[derive(Args)]
pub struct BenchArgs {
    /// Encoder, as `trainer encoders` lists them: resnet18 as the preset sie-3diebench has it, others as quickstart does.
    #[arg(long, value_name = "ENCODER", default_value = "tiny")]
    net: String,
    /// Change one key of the configuration, such as an option of the encoder; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Rows and columns of an image.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(8..=1024))]
    size: u16,
    /// Images in a step, two for each pair of views.
    #[arg(long, default_value_t = 256)]
    batch: usize,
    /// Threads; by default one for each core.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Steps to measure.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    steps: u16,
    /// Steps before that, not measured.
    #[arg(long, default_value_t = 2)]
    warmup: u16,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Measure one convolution, forward and backward: SIZE,IN,OUT,KERNEL,STRIDE,GROUPS (with --rounds).
    #[arg(long, requires = "rounds", conflicts_with_all = ["net", "size", "sets"], hide = true)]
    layer: Option<Layer>,
    /// The layer's maps are over quarter turns (c4), or those and mirror images (d4): of as many multiplications, with filters to
    /// expand.
    #[arg(long, value_name = "GROUP", requires = "layer", value_parser = plane_group, hide = true)]
    over: Option<PlaneGroup>,
    /// For comparisons in turn with a peer: after each line of standard input measure --steps steps, and print
    /// {"seconds": [..], "peak_memory_bytes": n} on one line.
    #[arg(long, conflicts_with_all = ["json", "warmup"], hide = true)]
    rounds: bool,
    /// Write one step's weights, inputs, losses and gradients to this safetensors file, and end.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rounds", "json", "steps", "warmup"], hide = true)]
    exchange: Option<PathBuf>,
}

/// Measures training steps and prints their speed and the share of each operator.
pub fn run(args: BenchArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    if let Some(threads) = args.threads {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.into());
        pool.build_global().context("--threads: the threads are running already")?;
    }
    let steps = usize::from(args.steps);
    if let Some(layer) = args.layer {
        let mut bench = LayerBench::new(layer, args.over.unwrap_or(PlaneGroup::Identity), args.batch)?;
        return answer_rounds(|| Ok(bench.run(steps)));
    }
    let mut bench = StepBench::new(registry, &args.net, &args.sets, args.size.into(), args.batch)?;
    if let Some(path) = args.exchange {
        write_exchange(&mut bench, &path)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.rounds {
        return answer_rounds(|| bench.run(steps));
    }
    let report = bench.measure(args.warmup.into(), steps)?;
    print_answer(args.json, &report.to_json(), || report.to_string())?;
    next("tests/peers/train_throughput compares with PyTorch");
    Ok(ExitCode::SUCCESS)
}

fn plane_group(name: &str) -> Result<PlaneGroup, String> {
    match name {
        "c4" => Ok(PlaneGroup::QuarterTurns),
        "d4" => Ok(PlaneGroup::TurnsAndMirrors),
        _ => Err("c4 or d4".into()),
    }
}

/// One line of figures for each line of standard input.
fn answer_rounds(mut round: impl FnMut() -> anyhow::Result<Vec<Duration>>) -> anyhow::Result<ExitCode> {
    for line in std::io::stdin().lock().lines() {
        line?;
        let seconds: Vec<f64> = round()?.iter().map(Duration::as_secs_f64).collect();
        print_json_line(&serde_json::json!({ "seconds": seconds, "peak_memory_bytes": peak_memory_bytes() }))?;
    }
    Ok(ExitCode::SUCCESS)
}
