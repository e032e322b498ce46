//! Times one engine on one model: `edge-engines ours|tract|rten MODEL INPUT`
//!
//! MODEL is a `.sxt` for ours, else an `.onnx`; INPUT holds the model's input as raw numbers. The first line on standard
//! output is the list of the model's outputs. For each line of standard input, a number of runs, there follows one line:
//! the seconds of each of so many runs. Everything happens on one thread.

mod ours;
mod rten_engine;
mod tract_engine;

use std::io::{BufRead, Write};
use std::time::Instant;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A model with its input.
trait Engine {
    fn run(&mut self) -> Result<(), Failure>;

    /// What the last run computed, in the model's order.
    fn outputs(&self) -> Result<Vec<Vec<f32>>, Failure>;
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [engine, model, input] = arguments.as_slice() else {
        return Err("usage: edge-engines ours|tract|rten MODEL INPUT".into());
    };
    let (model, input) = (std::fs::read(model)?, std::fs::read(input)?);
    match engine.as_str() {
        "ours" => ours::serve(&model, &input),
        "tract" => serve(&mut tract_engine::Tract::load(&model, &input)?),
        "rten" => rten_engine::serve(model, &input),
        other => Err(format!("no engine '{other}'").into()),
    }
}

fn serve(engine: &mut dyn Engine) -> Result<(), Failure> {
    engine.run()?;
    answer(&engine.outputs()?)?;
    for line in std::io::stdin().lock().lines() {
        let runs: usize = line?.trim().parse()?;
        let mut seconds = Vec::with_capacity(runs);
        for _ in 0..runs {
            let start = Instant::now();
            engine.run()?;
            seconds.push(start.elapsed().as_secs_f64());
        }
        answer(&seconds)?;
    }
    Ok(())
}

/// One line; lists of finite numbers print as JSON.
fn answer(numbers: &impl std::fmt::Debug) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{numbers:?}")?;
    Ok(out.flush()?)
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|number| f32::from_le_bytes(*number)).collect()
}
