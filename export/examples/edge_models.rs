//! Writes the networks that `tests/peers/edge` times, with random weights: each as a float32 and an int8 `.sxt`, the same
//! as ONNX for batches of one, and an image. Standard output is a JSON object a line, one for each network.
//! `cargo run --release -p sextant-export --example edge_models -- FOLDER`
//!
//! - `tiny`, `resnet18`: the trainer's encoders at 32 and 64 px; `tiny` with its heads, down to the nine numbers of the
//!   rotation
//! - `resnet8`, `vww`: the topologies of MLPerf Tiny's image classification (ResNet-8, 32x32) and visual wake words
//!   (MobileNetV1 0.25, 96x96)
//! - `vww-even`: `vww` down to its features, with as many zeros before a map as after it, which is what MicroFlow takes;
//!   also as the `model/` folder of a firmware

#[allow(dead_code)]
#[path = "../tests/random/networks.rs"]
mod networks;
#[path = "../../runtime/examples/topologies/mod.rs"]
mod topologies;

use std::path::{Path, PathBuf};

use networks::Random;
use sextant_export::onnx::{self, Batch};
use sextant_export::quantize::{Images, Quantizer};
use sextant_runtime::contract::firmware_folder;
use sextant_runtime::contract::graph::ENCODE;
use sextant_runtime::contract::input::IMAGE;
use sextant_runtime::contract::output::{CLASS_LOGITS, INVARIANT};
use sextant_runtime::firmware::model_folder;
use sextant_runtime::graph::{Activation, DataType, Graph, GraphBuilder, GraphError, Op, Padding, ValueId, WeightId};
use sextant_runtime::memory::AlignedVec;
use sextant_runtime::model::{self, Model};
use topologies::{RESNET8, VWW};

type Failure = Box<dyn std::error::Error>;

/// Images that ranges are taken from.
const CALIBRATION: usize = 4;

fn main() -> Result<(), Failure> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("give the folder to write to")?);
    std::fs::create_dir_all(&folder)?;
    for (name, graph) in [("tiny", tiny()?), ("resnet8", resnet8()?), ("vww", vww()?), ("resnet18", resnet18()?)] {
        write(&folder, name, &graph)?;
    }
    let name = "vww-even";
    let [model, images] = write(&folder, name, &vww_even()?)?;
    write_firmware(&folder.join(name), name, &model, &images)
}

/// The int8 model is left, and the images that it was calibrated on.
fn write(folder: &Path, name: &str, graph: &Graph) -> Result<[Vec<u8>; 2], Failure> {
    let pixels: usize = graph.value(graph.inputs[0]).shape.iter().product();
    let images: Vec<u8> = Random::seeded(7).bytes(CALIBRATION * pixels).into_iter().map(|byte| byte as u8).collect();
    let calibration = Images { pixels: &images, count: CALIBRATION };
    let quantizer = Quantizer { equalization: Some(false), ..Quantizer::default() };
    let quantized = quantizer.quantize_only(graph, calibration)?;
    let file = |end: &str| folder.join(format!("{name}{end}"));
    std::fs::write(file(".image"), &images[..pixels])?;
    for (precision, graph) in [("float32", graph), ("int8", &quantized.graph)] {
        let sxt = model::write(&Default::default(), std::slice::from_ref(graph))?;
        std::fs::write(file(&format!("-{precision}.sxt")), sxt)?;
        let onnx = onnx::to_bytes(&onnx::from_graph(graph, &[], Batch::Fixed(1))?)?;
        std::fs::write(file(&format!("-{precision}.onnx")), onnx)?;
    }
    let int8 = model::write(&Default::default(), &[quantized.graph])?;
    let arena_bytes = Model::parse(&AlignedVec::copy_of(&int8))?.graph(ENCODE).map(|graph| graph.arena_bytes());
    println!(
        "{}",
        serde_json::json!({
            "model": name,
            "macs": graph.nodes.iter().map(|node| graph.macs(node)).sum::<u64>(),
            "arena_bytes": arena_bytes,
            "signal_to_noise_db": quantized.drift.signal_to_noise_db,
        })
    );
    Ok([int8, images])
}

fn write_firmware(folder: &Path, name: &str, model: &[u8], images: &[u8]) -> Result<(), Failure> {
    let files = model_folder(name, model, ENCODE, images)?;
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(firmware_folder::MODEL), files.model)?;
    std::fs::write(folder.join(firmware_folder::GOLDEN), files.golden)?;
    Ok(std::fs::write(folder.join(firmware_folder::DESCRIPTION), files.description)?)
}

/// Zeros around a map.
#[derive(Clone, Copy)]
enum Pad {
    /// Half the window on each side, as the trainer's layers.
    Half,
    /// TensorFlow's "same": one more after than before, where it is odd.
    Same,
    None,
}

impl Pad {
    fn of(self, kernel: usize, stride: u16) -> Padding {
        let total = (kernel as u16).saturating_sub(stride);
        let (before, after) = match self {
            Self::Half => (kernel as u16 / 2, kernel as u16 / 2),
            Self::Same => (total / 2, total - total / 2),
            Self::None => (0, 0),
        };
        Padding { top: before, left: before, bottom: after, right: after }
    }
}

struct Network {
    builder: GraphBuilder,
    random: Random,
    pad: Pad,
}

impl Network {
    /// A network of square images, and its first float32 value.
    fn new(size: usize, pad: Pad) -> Result<(Self, ValueId), GraphError> {
        let mut builder = GraphBuilder::new(ENCODE);
        let image = builder.input(IMAGE, &[size, size, 3], DataType::U8);
        // Not symmetric: half of all bytes would lie in the middle between two int8 numbers, where engines differ.
        let normalize = Op::Normalize { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
        let normalized = builder.node("normalize", normalize, &[image])?;
        Ok((Self { builder, random: Random::seeded(1), pad }, normalized))
    }

    /// Filters that keep the spread of their input through a ReLU (He et al. 2015), and small biases.
    fn filters(&mut self, name: &str, shape: &[usize]) -> Result<[WeightId; 2], GraphError> {
        let taps: usize = shape[1..].iter().product();
        let weight = self.random.floats(shape.iter().product(), (6.0 / taps as f32).sqrt());
        let bias = self.random.floats(shape[0], 0.1);
        let weight = self.builder.weight(&format!("{name}.weight"), shape, weight)?;
        Ok([weight, self.builder.weight(&format!("{name}.bias"), &shape[..1], bias)?])
    }

    fn window(
        &mut self,
        name: &str,
        x: ValueId,
        shape: [usize; 4],
        stride: u16,
        activation: Activation,
    ) -> Result<ValueId, GraphError> {
        let groups = (self.builder.shape(x)[2] / shape[3]) as u32;
        let [weight, bias] = self.filters(name, &shape)?;
        let padding = self.pad.of(shape[1], stride);
        let op = Op::Conv2d { weight, bias, stride: [stride; 2], padding, groups, activation };
        self.builder.node(name, op, &[x])
    }

    fn conv(&mut self, name: &str, x: ValueId, cout: usize, kernel: usize, stride: u16) -> Result<ValueId, GraphError> {
        self.plain_conv(name, x, cout, kernel, stride, Activation::Relu)
    }

    fn plain_conv(
        &mut self,
        name: &str,
        x: ValueId,
        cout: usize,
        kernel: usize,
        stride: u16,
        activation: Activation,
    ) -> Result<ValueId, GraphError> {
        let cin = self.builder.shape(x)[2];
        self.window(name, x, [cout, kernel, kernel, cin], stride, activation)
    }

    fn depthwise(&mut self, name: &str, x: ValueId, stride: u16) -> Result<ValueId, GraphError> {
        let channels = self.builder.shape(x)[2];
        self.window(name, x, [channels, 3, 3, 1], stride, Activation::Relu)
    }

    /// Two 3x3 convolutions around a shortcut.
    fn residual_block(&mut self, name: &str, x: ValueId, cout: usize, stride: u16) -> Result<ValueId, GraphError> {
        let shortcut = match stride {
            1 => x,
            _ => self.plain_conv(&format!("{name}.shortcut"), x, cout, 1, stride, Activation::Identity)?,
        };
        let inner = self.conv(&format!("{name}.first"), x, cout, 3, stride)?;
        let inner = self.plain_conv(&format!("{name}.second"), inner, cout, 3, 1, Activation::Identity)?;
        self.builder.node(&format!("{name}.add"), Op::Add { activation: Activation::Relu }, &[inner, shortcut])
    }

    fn linear(&mut self, name: &str, x: ValueId, cout: usize, activation: Activation) -> Result<ValueId, GraphError> {
        let cin = self.builder.shape(x)[0];
        let [weight, bias] = self.filters(name, &[cout, cin])?;
        self.builder.node(name, Op::Linear { weight, bias, activation }, &[x])
    }

    /// The mean of a map, which is an output: int8 files are compared there, in steps.
    fn features(&mut self, x: ValueId) -> Result<ValueId, GraphError> {
        let features = self.builder.node("pool", Op::GlobalAveragePool, &[x])?;
        self.builder.output("features", features);
        Ok(features)
    }

    fn classes(mut self, x: ValueId, classes: usize) -> Result<Graph, GraphError> {
        let logits = self.linear("class", x, classes, Activation::Identity)?;
        self.builder.output(CLASS_LOGITS, logits);
        Ok(self.builder.finish())
    }
}

fn tiny() -> Result<Graph, GraphError> {
    let (mut network, image) = Network::new(32, Pad::Half)?;
    let mut x = network.conv("stem", image, 16, 3, 2)?;
    for (index, channels) in [32, 64, 80].into_iter().enumerate() {
        x = network.residual_block(&format!("block{index}"), x, channels, 2)?;
    }
    let map = network.conv("squeeze", x, 24, 1, 1)?;
    network.pad = Pad::None;
    let side = network.builder.shape(map)[0];
    let features = network.plain_conv("features", map, 128, side, 1, Activation::Identity)?;
    let features = network.features(features)?;
    let hidden = network.linear("rotation.hidden", features, 128, Activation::Relu)?;
    let matrix = network.linear("rotation.last", hidden, 9, Activation::Identity)?;
    network.builder.output("rotation_matrix", matrix);
    let invariant = network.builder.node(INVARIANT, Op::Slice { start: 0, end: 64 }, &[features])?;
    network.classes(invariant, 12)
}

fn resnet18() -> Result<Graph, GraphError> {
    let (mut network, image) = Network::new(64, Pad::Half)?;
    let x = network.conv("stem", image, 64, 7, 2)?;
    let padding = Padding { top: 1, left: 1, bottom: 1, right: 1 };
    let mut x = network.builder.node("max_pool", Op::MaxPool2d { kernel: [3; 2], stride: [2; 2], padding }, &[x])?;
    let blocks = [(64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)];
    for (index, (channels, stride)) in blocks.into_iter().enumerate() {
        x = network.residual_block(&format!("block{index}"), x, channels, stride)?;
    }
    let features = network.features(x)?;
    network.classes(features, 55)
}

fn resnet8() -> Result<Graph, GraphError> {
    let (mut network, image) = Network::new(32, Pad::Same)?;
    let mut x = network.conv("stem", image, 16, 3, 1)?;
    for (name, channels, stride) in RESNET8 {
        x = network.residual_block(name, x, channels, stride)?;
    }
    let features = network.features(x)?;
    network.classes(features, 10)
}

fn vww() -> Result<Graph, GraphError> {
    let (network, features) = mobilenet(Pad::Same)?;
    network.classes(features, 2)
}

fn vww_even() -> Result<Graph, GraphError> {
    Ok(mobilenet(Pad::Half)?.0.builder.finish())
}

fn mobilenet(pad: Pad) -> Result<(Network, ValueId), GraphError> {
    let (mut network, image) = Network::new(96, pad)?;
    let mut x = network.conv("stem", image, 8, 3, 2)?;
    for (index, (channels, stride)) in VWW.into_iter().enumerate() {
        x = network.depthwise(&format!("block{index}.depthwise"), x, stride)?;
        x = network.conv(&format!("block{index}.pointwise"), x, channels, 1, 1)?;
    }
    let features = network.features(x)?;
    Ok((network, features))
}
