use std::process::ExitCode;

use candle_core::Device;
use clap::Args;
use serde_json::{Value, json};
use sextant_runtime::command_line::{next, print_answer};
use sextant_runtime::typed_command::Program;

use crate::nn::{EncoderEntry, ParameterStore};
use crate::registry::Registry;

/// Arguments of `trainer encoders`.
#[derive(Args)]
pub struct EncodersArgs {
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

/// Side of the images that encoders are made for, to tell what they have.
const IMAGE_SIZE: usize = 64;

/// What an encoder is, made for images of [`IMAGE_SIZE`].
struct Listed {
    entry: EncoderEntry,
    weights: usize,
    features: usize,
    equivariant_to: &'static str,
}

/// Prints every encoder with what it has.
pub fn run(args: EncodersArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    let listed = registry.encoders().iter().map(listed).collect::<candle_core::Result<Vec<_>>>()?;
    let objects: Vec<Value> = listed.iter().map(as_json).collect();
    print_answer(args.json, &objects, || listed.iter().map(as_text).collect())?;
    let first = registry.encoders().names()[0];
    next(Program::Trainer.command("fit --set").assignment("model.encoder", first));
    Ok(ExitCode::SUCCESS)
}

fn listed(entry: &EncoderEntry) -> candle_core::Result<Listed> {
    let mut store = ParameterStore::new(0, &Device::Cpu);
    let encoder = entry.init(IMAGE_SIZE, &mut store.root())?;
    let (features, equivariant_to) = (encoder.feature_width(), encoder.equivariant_to().words());
    let weights = store.trained().values().map(|weight| weight.elem_count()).sum();
    Ok(Listed { entry: *entry, weights, features, equivariant_to })
}

fn as_json(listed: &Listed) -> Value {
    json!({
        "name": listed.entry.name,
        "description": listed.entry.description,
        "weights": listed.weights,
        "features": listed.features,
        "equivariant_to": listed.equivariant_to,
    })
}

fn as_text(Listed { entry, weights, features, equivariant_to }: &Listed) -> String {
    format!(
        "{}\n    {}\n    {features} features, {weights} weights at {IMAGE_SIZE} px; equivariant to: {equivariant_to}\n\n",
        entry.name, entry.description
    )
}
