//! An ONNX model on an accelerator: `cargo run --release --features ort --example onnx_provider -- MODEL.onnx openvino`,
//! with `ORT_DYLIB_PATH` set to ONNX Runtime's shared library.

use std::env;
use std::error::Error;

use sextant_runtime::backend::{BackendOptions, nodes_text};
use sextant_runtime::pose::{PictureView, PixelFormat, Predictor, PredictorOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(path), Some(provider)) = (arguments.next(), arguments.next()) else {
        return Err("give an .onnx file and a provider, such as openvino or cuda".into());
    };
    let backend = BackendOptions { provider: Some(provider.parse()?), ..BackendOptions::default() };
    // An accelerator that is not there, or that takes none of the model's nodes, is an error: nothing falls back in silence.
    let mut predictor = Predictor::open_with(path, &PredictorOptions { backend, ..PredictorOptions::default() })?;
    if let Some(nodes) = predictor.encoder().nodes_by_provider() {
        println!("nodes: {}", nodes_text(nodes));
    }
    let [height, width] = predictor.image_size();
    let pixels = vec![128; width * height];
    let prediction = predictor.predict(&PictureView::new(&pixels, PixelFormat::Grey8, width, height)?)?;
    println!("wxyz {:?}", prediction.rotation().map(|rotation| rotation.wxyz()));
    Ok(())
}
