//! Runs a model on an execution provider of ONNX Runtime, and tells which nodes it ran and how long an image takes:
//!
//! ```console
//! ORT_DYLIB_PATH=libonnxruntime.so.1 cargo run --release --example execution_provider -- model.onnx openvino:GPU
//! ```

use std::error::Error;
use std::time::Instant;

use sextant_runtime::backend::{BackendOptions, Encoder, RequestedProvider, nodes_text};

const IMAGES: u32 = 100;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, provider] = &arguments[..] else { return Err("give MODEL.onnx PROVIDER".into()) };
    let provider: RequestedProvider = provider.parse()?;
    let options = BackendOptions { provider: Some(provider), ..BackendOptions::default() };
    let mut encoder = Encoder::open(model.as_ref(), &options).map_err(|error| match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    })?;
    // Only a model that the provider computes was opened.
    println!("{}", encoder.nodes_by_provider().map(nodes_text).unwrap_or_default());
    let [height, width] = encoder.description().image_size;
    let image = vec![128; 3 * height * width];
    let start = Instant::now();
    for _ in 0..IMAGES {
        encoder.run(&image)?;
    }
    println!("{:.3} ms an image", 1e3 * start.elapsed().as_secs_f64() / f64::from(IMAGES));
    Ok(())
}
