use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;
use serde::Serialize;
use sextant_runtime::backend::NodesByProvider;
use sextant_runtime::command_line::print_answer;
use sextant_runtime::pose::{PictureView, PixelFormat};

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
    /// Images that are given together.
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,
    /// Threads that share the images of a batch.
    #[arg(long, value_name = "COUNT", default_value_t = NonZeroUsize::MIN)]
    threads: NonZeroUsize,
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
    /// At the median.
    images_per_second: f64,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    if arguments.threads.get() > usize::from(arguments.batch) {
        bail!(
            "{} threads have nothing to share in a batch of {}: give --batch, too",
            arguments.threads,
            arguments.batch
        );
    }
    let mut predictor = arguments.model.predictor_of(arguments.threads)?;
    let [height, width] = predictor.image_size();
    let image: Vec<u8> = (0..3 * height * width).map(|index| (index * 31 % 251) as u8).collect();
    let pictures = vec![PictureView::new(&image, PixelFormat::Rgb8, width, height)?; usize::from(arguments.batch)];
    let mut once = || predictor.predict_batch(&pictures).into_iter().try_for_each(|answer| answer.map(drop));
    for _ in 0..WARM_UP_RUNS {
        once()?;
    }
    let mut durations_ms = Vec::new();
    let start = Instant::now();
    while durations_ms.len() < LEAST_RUNS || (durations_ms.len() < MOST_RUNS && start.elapsed() < BUDGET) {
        let begin = Instant::now();
        once()?;
        durations_ms.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    let model = PathName::of(&arguments.model.model);
    let latency = Latency {
        model_bytes: model.bytes.clone(),
        model,
        backend: predictor.encoder().kind().to_string(),
        threads: arguments.threads.get(),
        batch: arguments.batch.into(),
        provider: arguments.model.engine.provider.as_ref().map(ToString::to_string),
        nodes_by_provider: predictor.encoder().nodes_by_provider().cloned(),
        runs: durations_ms.len(),
        median_ms: quantile(&mut durations_ms, 0.5),
        p95_ms: quantile(&mut durations_ms, 0.95),
        images_per_second: f64::from(arguments.batch) / quantile(&mut durations_ms, 0.5) * 1e3,
    };
    print_answer(arguments.json, &latency, || describe(&latency))?;
    Ok(ExitCode::SUCCESS)
}

fn describe(latency: &Latency) -> String {
    let provider = latency.provider.as_ref().map_or_else(String::new, |provider| format!(" on {provider}"));
    format!(
        "{} with {}{provider}, batch {}, {}, {} runs\nmedian_ms  {:.3}\np95_ms     {:.3}\nimages/s   {:.0}\n",
        shown(&latency.model.text),
        latency.backend,
        latency.batch,
        if latency.threads == 1 { "one thread".to_string() } else { format!("{} threads", latency.threads) },
        latency.runs,
        latency.median_ms,
        latency.p95_ms,
        latency.images_per_second
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
