use std::process::ExitCode;

use candle_core::Device;
use clap::Args;
use serde_json::{Value, json};
use sextant_runtime::command_line::{next, print_answer};
use sextant_runtime::graph::{DataType, GraphBuilder};
use sextant_runtime::typed_command::Program;

use super::listed::{option_as_json, option_as_text};
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

/// What an encoder is, made for images of [`IMAGE_SIZE`] with its options at their defaults.
struct Listed {
    entry: EncoderEntry,
    weights: usize,
    multiply_adds: u64,
    features: usize,
    equivariant_to: &'static str,
}

/// Prints every encoder with what it has.
pub fn run(args: EncodersArgs, registry: &Registry) -> anyhow::Result<ExitCode> {
    let listed = registry.encoders().iter().map(listed).collect::<anyhow::Result<Vec<_>>>()?;
    let objects: Vec<Value> = listed.iter().map(as_json).collect();
    print_answer(args.json, &objects, || listed.iter().map(as_text).collect())?;
    let first = registry.encoders().names()[0];
    next(Program::Trainer.command("fit --set").assignment("model.encoder", first));
    Ok(ExitCode::SUCCESS)
}

fn listed(entry: &EncoderEntry) -> anyhow::Result<Listed> {
    let mut store = ParameterStore::new(0, &Device::Cpu);
    let encoder = entry.init_by_default(IMAGE_SIZE, &mut store.root())?;
    let (features, equivariant_to) = (encoder.feature_width(), encoder.equivariant_to().words());
    let weights = store.trained().values().map(|weight| weight.elem_count()).sum();
    let mut graph = GraphBuilder::new(entry.name);
    let images = graph.input("images", &[IMAGE_SIZE, IMAGE_SIZE, 3], DataType::F32);
    encoder.lower(&mut graph, images)?;
    let graph = graph.finish();
    let multiply_adds = graph.nodes.iter().map(|node| graph.macs(node)).sum();
    Ok(Listed { entry: *entry, weights, multiply_adds, features, equivariant_to })
}

fn as_json(listed: &Listed) -> Value {
    let options: Vec<_> = listed.entry.options.iter().map(|option| option_as_json("model", option)).collect();
    json!({
        "name": listed.entry.name,
        "description": listed.entry.description,
        "weights": listed.weights,
        "multiply_adds": listed.multiply_adds,
        "features": listed.features,
        "equivariant_to": listed.equivariant_to,
        "options": options,
    })
}

fn as_text(listed: &Listed) -> String {
    let Listed { entry, weights, multiply_adds, features, equivariant_to } = listed;
    let options: String = entry.options.iter().map(|option| option_as_text("model", option)).collect();
    let multiply_adds = *multiply_adds as f64 / 1e6;
    format!(
        "{}\n    {}\n    {features} features, {weights} weights, {multiply_adds:.1} M multiply-adds at {IMAGE_SIZE} px; \
         equivariant to: {equivariant_to}\n{options}\n",
        entry.name, entry.description
    )
}
