use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::Serialize;
use sextant_runtime::backend::NodesByProvider;
use sextant_runtime::command_line::print_answer;

use super::ModelArguments;
use super::names::{PathName, shown};

const WARM_UP_RUNS: usize = 5;
const LEAST_RUNS: usize = 20;
const MOST_RUNS: usize = 2000;
const BUDGET: Duration = Duration::from_secs(3);

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    model: ModelArguments,
    /// Prints one JSON object instead.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Latency {
    model: PathName,
    /// The path in hexadecimal, where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    model_bytes: Option<String>,
    backend: String,
    /// The execution provider that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    /// What each execution provider was seen to run, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes_by_provider: Option<NodesByProvider>,
    threads: usize,
    batch: usize,
    runs: usize,
    median_ms: f64,
    p95_ms: f64,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut encoder = arguments.model.open()?;
    let [height, width] = encoder.description().image_size;
    let image: Vec<u8> = (0..3 * height * width).map(|index| (index * 31 % 251) as u8).collect();
    for _ in 0..WARM_UP_RUNS {
        encoder.run(&image)?;
    }
    let mut durations_ms = Vec::new();
    let start = Instant::now();
    while durations_ms.len() < LEAST_RUNS || (durations_ms.len() < MOST_RUNS && start.elapsed() < BUDGET) {
        let begin = Instant::now();
        encoder.run(&image)?;
        durations_ms.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    let model = PathName::of(&arguments.model.model);
    let latency = Latency {
        model_bytes: model.bytes.clone(),
        model,
        backend: encoder.kind().to_string(),
        provider: arguments.model.provider.as_ref().map(ToString::to_string),
        nodes_by_provider: encoder.nodes_by_provider().cloned(),
        threads: 1,
        batch: 1,
        runs: durations_ms.len(),
        median_ms: quantile(&mut durations_ms, 0.5),
        p95_ms: quantile(&mut durations_ms, 0.95),
    };
    print_answer(arguments.json, &latency, || describe(&latency))?;
    Ok(ExitCode::SUCCESS)
}

fn describe(latency: &Latency) -> String {
    let provider = latency.provider.as_ref().map_or_else(String::new, |provider| format!(" on {provider}"));
    format!(
        "{} with {}{provider}, batch 1, one thread, {} runs\nmedian_ms  {:.3}\np95_ms     {:.3}\n",
        shown(&latency.model.text),
        latency.backend,
        latency.runs,
        latency.median_ms,
        latency.p95_ms
    )
}

/// The value that a fraction of the values does not exceed; the values are sorted.
fn quantile(values: &mut [f64], fraction: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[((values.len() as f64 * fraction).ceil() as usize).clamp(1, values.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let mut values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(quantile(&mut values, 0.5), 3.0);
        assert_eq!(quantile(&mut values, 0.95), 5.0);
        assert_eq!(quantile(&mut [7.0], 0.5), 7.0);
    }
}
