//! Writes well-known networks for microcontrollers, int8 with random weights, each as the `model/` folder of a firmware:
//! `cargo run -p sextant-runtime --example edge_networks -- FOLDER`
//!
//! - `resnet8`, `vww`: the topologies of MLPerf Tiny's image classification (ResNet-8, 32x32) and visual wake words
//!   (MobileNetV1 0.25, 96x96)
//! - `resnet8-stripes`, `vww-stripes`: the same with their first layers in stripes, which answer the same
//! - `layers`: the layers that `firmware-example/README.md` lists one by one
//! - `small`: fits 16 KiB of memory
//! - `turns`: tells by how many quarter turns an image of 28x28 is rotated, and has no pose and no classes
//! - `odd`: windows, channels and activations that fit no kernel's stride
//! - `p4`: equivariant to quarter turns, with base filters alone; `p4-expanded`: the same with all filters, which answers the
//!   same bits
//! - `p4m-odd`, `p4m-odd-expanded`: equivariant to quarter turns and mirror images, in shapes that fit no kernel's stride
//!
//! Prints what each takes, and for both topologies what stripes take: each line less memory than the one before, for the
//! fewest multiplications.

mod topologies;

use std::collections::BTreeMap;
use std::path::PathBuf;

use sextant_runtime::contract::firmware_folder;
use sextant_runtime::contract::graph::ENCODE;
use sextant_runtime::contract::input::IMAGE;
use sextant_runtime::contract::metadata::TRANSFORMATIONS;
use sextant_runtime::contract::output::{CLASS_LOGITS, EQUIVARIANT, INVARIANT, TRANSFORMATION_LOGITS};
use sextant_runtime::firmware::model_folder;
use sextant_runtime::graph::{
    Activation, DataType, Graph, GraphBuilder, GraphError, Op, Padding, Quantization, ValueId, WeightData, WeightId,
};
use sextant_runtime::plane_group::{Fibre, FilterExpansion, PlaneGroup};
use sextant_runtime::{model, patchwise};
use topologies::{RESNET8, VWW};

/// Every activation: what follows a ReLU uses all numbers.
const SCALE: Quantization = Quantization { scale: 0.02, zero_point: -128 };

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("give the folder to write to")?);
    for (name, graph) in [("resnet8", resnet8()?), ("vww", vww()?)] {
        print_stripes(name, &graph)?;
    }
    let mut answers = BTreeMap::new();
    for (name, size, graph) in [
        ("resnet8", 32, resnet8()?),
        ("resnet8-stripes", 32, in_stripes(&resnet8()?, "stack1.add", 4).ok_or("too few rows")?),
        ("vww", 96, vww()?),
        ("vww-stripes", 96, in_stripes(&vww()?, "block3.depthwise", 4).ok_or("too few rows")?),
        ("layers", 32, layers()?),
        ("small", 24, small()?),
        ("turns", 28, turns()?),
        ("odd", 13, odd()?),
        ("p4", 32, p4()?),
        ("p4-expanded", 32, p4()?.with_expanded_filters()),
        ("p4m-odd", 15, p4m_odd()?),
        ("p4m-odd-expanded", 15, p4m_odd()?.with_expanded_filters()),
    ] {
        let images: Vec<u8> = numbers(2 * size * size * 3, 77).map(|number| number as u8).collect();
        let classes =
            [(TRANSFORMATIONS.to_string(), r#"{"quarter-turns": ["0°", "90°", "180°", "270°"]}"#.to_string())];
        let metadata: BTreeMap<_, _> = classes.into_iter().filter(|_| name == "turns").collect();
        let files = model_folder(name, &model::write(&metadata, &[graph])?, ENCODE, &images)?;
        if name.strip_suffix("-expanded").is_some_and(|base| answers.get(base) != Some(&files.golden)) {
            return Err(format!("{name} answers other bits than its base filters").into());
        }
        answers.insert(name, files.golden.clone());
        let (one, other) = files.golden.split_at(files.golden.len() / 2);
        if one.get(size * size * 3..) == other.get(size * size * 3..) {
            return Err(format!("{name} answers both images the same: its golden frames would test nothing").into());
        }
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(firmware_folder::MODEL), &files.model)?;
        std::fs::write(folder.join(firmware_folder::GOLDEN), &files.golden)?;
        std::fs::write(folder.join(firmware_folder::DESCRIPTION), &files.description)?;
        println!("{name}: {} MACs, arena {} bytes, file {} bytes", files.macs, files.arena_bytes, files.model.len());
    }
    Ok(())
}

/// The graph with its layers up to the one of that name in that many stripes.
fn in_stripes(graph: &Graph, last_layer: &str, stripes: usize) -> Option<Graph> {
    let stage = patchwise::stages(graph).into_iter().find(|stage| stage.last_layer(graph) == last_layer)?;
    stage.in_stripes(graph, stripes)
}

fn print_stripes(name: &str, graph: &Graph) -> Result<(), model::WriteError> {
    let macs = |graph: &Graph| graph.nodes.iter().map(|node| graph.macs(node)).sum::<u64>();
    let (whole_macs, mut least_arena) = (macs(graph), model::planned_arena_bytes(graph)?);
    let mut ways = vec![];
    for stage in patchwise::stages(graph) {
        for (stripes, striped) in (2..=8).filter_map(|stripes| Some((stripes, stage.in_stripes(graph, stripes)?))) {
            let extra_macs = macs(&striped) - whole_macs;
            ways.push((
                extra_macs,
                model::planned_arena_bytes(&striped)?,
                stage.last_layer(graph).to_string(),
                stripes,
            ));
        }
    }
    ways.sort();
    println!("{name}: arena {least_arena} bytes whole");
    for (extra_macs, arena_bytes, last_layer, stripes) in ways {
        if arena_bytes < least_arena {
            least_arena = arena_bytes;
            let percent = 100.0 * extra_macs as f64 / whole_macs as f64;
            println!("  {arena_bytes} in {stripes} stripes up to {last_layer}, {percent:.1} % more multiplications");
        }
    }
    Ok(())
}

/// Bytes that look random, the same each time.
fn numbers(count: usize, seed: u64) -> impl Iterator<Item = i8> {
    let mut state = seed;
    (0..count).map(move |_| {
        // The constants of Knuth's MMIX generator.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as i8
    })
}

struct Network {
    builder: GraphBuilder,
    seed: u64,
    activation: Activation,
    /// Of the next layers; the group that moves nothing of plain ones.
    expansion: FilterExpansion,
}

const PLAIN: FilterExpansion = FilterExpansion { group: PlaneGroup::Identity, reads: Fibre::Trivial };

impl Network {
    /// A network of square images, and its first int8 value.
    fn new(size: usize) -> Result<(Self, ValueId), GraphError> {
        let mut builder = GraphBuilder::new(ENCODE);
        let image = builder.input(IMAGE, &[size, size, 3], DataType::U8);
        let op = Op::QuantizeImage { mean: [0.0; 3], std: [0.2; 3], rows: None };
        let made = builder.quantized_node("normalize", op, &[image], SCALE)?;
        Ok((Self { builder, seed: 1, activation: Activation::Relu, expansion: PLAIN }, made))
    }

    /// Random filters `[cout][taps]` that keep the spread of their input, and biases that take out its zero point.
    fn filters(&mut self, name: &str, shape: &[usize], cout: usize) -> Result<[WeightId; 2], GraphError> {
        self.seed += 1;
        let count: usize = shape.iter().product();
        let taps = count / cout;
        let depthwise = shape[0] == 1 && cout > 1;
        let values: Vec<i8> = numbers(count, self.seed).map(|number| number.max(-127)).collect();
        let of_channel = |channel: usize, tap: usize| match depthwise {
            true => values[tap * cout + channel],
            false => values[channel * taps + tap],
        };
        let sum = |channel: usize| (0..taps).map(|tap| i32::from(of_channel(channel, tap))).sum::<i32>();
        let bias = (0..cout).map(|channel| -i32::from(SCALE.zero_point) * sum(channel)).collect();
        // 73 is the spread of uniform bytes. A ReLU leaves half of the square of a number: without the 2 nothing would be
        // left of a deep network's.
        let factor = (2.0 / taps as f64).sqrt() / 73.0;
        let shift = (-factor.log2()).floor() as u32 - 1;
        let multiplier = (factor * f64::from(shift).exp2() * 4_294_967_296.0).round() as i32;
        let data = WeightData::I8 { values, multipliers: vec![multiplier; cout], shift };
        let weight = self.builder.expanded_constant(&format!("{name}.weight"), shape, data, self.expansion)?;
        let bias = self.builder.constant(&format!("{name}.bias"), &[cout], WeightData::I32(bias))?;
        Ok([weight, bias])
    }

    /// Padded as TensorFlow's "same": one more after than before, where it is odd.
    fn conv(&mut self, name: &str, x: ValueId, cout: usize, kernel: usize, stride: u16) -> Result<ValueId, GraphError> {
        let shape = [cout, kernel, kernel, self.builder.shape(x)[2]];
        let [weight, bias] = self.filters(name, &shape, cout)?;
        self.window(name, x, [weight, bias], kernel, stride, 1)
    }

    fn depthwise(&mut self, name: &str, x: ValueId, stride: u16) -> Result<ValueId, GraphError> {
        self.depthwise_of(name, x, 3, stride)
    }

    fn depthwise_of(&mut self, name: &str, x: ValueId, kernel: usize, stride: u16) -> Result<ValueId, GraphError> {
        let channels = self.builder.shape(x)[2];
        let filters = self.filters(name, &[1, kernel, kernel, channels], channels)?;
        self.window(name, x, filters, kernel, stride, channels)
    }

    fn grouped(&mut self, name: &str, x: ValueId, cout: usize, groups: usize) -> Result<ValueId, GraphError> {
        let shape = [cout, 3, 3, self.builder.shape(x)[2] / groups];
        let filters = self.filters(name, &shape, cout)?;
        self.window(name, x, filters, 3, 1, groups)
    }

    fn window(
        &mut self,
        name: &str,
        x: ValueId,
        [weight, bias]: [WeightId; 2],
        kernel: usize,
        stride: u16,
        groups: usize,
    ) -> Result<ValueId, GraphError> {
        let total = (kernel as u16).saturating_sub(stride);
        let (before, after) = (total / 2, total - total / 2);
        let padding = Padding { top: before, left: before, bottom: after, right: after };
        let activation = self.activation;
        let op = Op::Conv2d { weight, bias, stride: [stride; 2], padding, groups: groups as u32, activation };
        self.builder.quantized_node(name, op, &[x], SCALE)
    }

    /// The largest number over the orientations of each field, which stand beside each other as pixels do.
    fn invariant(&mut self, x: ValueId) -> Result<ValueId, GraphError> {
        let (order, shape) = (self.expansion.group.order(), self.builder.shape(x));
        let shape = [shape[0], shape[1] * order, shape[2] / order, 0].map(|extent| extent as u32);
        let side_by_side = self.builder.node("orientations", Op::Reshape { shape }, &[x])?;
        let window = [1, order as u16];
        let op = Op::MaxPool2d { kernel: window, stride: window, padding: Padding::default() };
        self.builder.node("largest", op, &[side_by_side])
    }

    fn add(&mut self, name: &str, a: ValueId, b: ValueId) -> Result<ValueId, GraphError> {
        self.builder.quantized_node(name, Op::Add { activation: Activation::Relu }, &[a, b], SCALE)
    }

    fn linear(&mut self, name: &str, x: ValueId, cout: usize) -> Result<ValueId, GraphError> {
        let cin = self.builder.shape(x)[0];
        let [weight, bias] = self.filters(name, &[cout, cin], cout)?;
        self.builder.quantized_node(name, Op::Linear { weight, bias, activation: Activation::Relu }, &[x], SCALE)
    }

    /// Mean over the map if it is one, then a float32 layer, as the quantiser leaves the last one.
    fn finish(mut self, x: ValueId, classes: usize) -> Result<Graph, GraphError> {
        let features = self.features(x)?;
        let logits = self.head(features, classes)?;
        self.builder.output(CLASS_LOGITS, logits);
        Ok(self.builder.finish())
    }

    /// The same with both halves of the features, and quarter turns instead of classes.
    fn finish_with_turns(mut self, x: ValueId) -> Result<Graph, GraphError> {
        let features = self.features(x)?;
        let [half, width] = [1, 2].map(|halves| self.builder.shape(features)[0] as u32 * halves / 2);
        for (name, start, end) in [(INVARIANT, 0, half), (EQUIVARIANT, half, width)] {
            let part = self.builder.node(name, Op::Slice { start, end }, &[features])?;
            self.builder.output(name, part);
        }
        let logits = self.head(features, 4)?;
        self.builder.output(&format!("{TRANSFORMATION_LOGITS}quarter-turns"), logits);
        Ok(self.builder.finish())
    }

    fn features(&mut self, x: ValueId) -> Result<ValueId, GraphError> {
        let pooled = match self.builder.shape(x).len() {
            3 => self.builder.quantized_node("pool", Op::GlobalAveragePool, &[x], SCALE)?,
            _ => x,
        };
        self.builder.node("features", Op::Dequantize, &[pooled])
    }

    fn head(&mut self, real: ValueId, classes: usize) -> Result<ValueId, GraphError> {
        let cin = self.builder.shape(real)[0];
        let weights = numbers(classes * cin, 99).map(|number| f32::from(number) / 512.0).collect();
        let weight = self.builder.weight("head.weight", &[classes, cin], weights)?;
        let bias = self.builder.weight("head.bias", &[classes], vec![0.0; classes])?;
        let op = Op::Linear { weight, bias, activation: Activation::Identity };
        self.builder.node("head", op, &[real])
    }
}

fn resnet8() -> Result<Graph, GraphError> {
    let (mut network, image) = Network::new(32)?;
    let mut x = network.conv("stem", image, 16, 3, 1)?;
    for (name, channels, stride) in RESNET8 {
        let shortcut = match stride {
            1 => x,
            _ => network.conv(&format!("{name}.shortcut"), x, channels, 1, stride)?,
        };
        let inner = network.conv(&format!("{name}.first"), x, channels, 3, stride)?;
        let inner = network.conv(&format!("{name}.second"), inner, channels, 3, 1)?;
        x = network.add(&format!("{name}.add"), inner, shortcut)?;
    }
    network.finish(x, 10)
}

fn vww() -> Result<Graph, GraphError> {
    let (mut network, image) = Network::new(96)?;
    let mut x = network.conv("stem", image, 8, 3, 2)?;
    for (index, (channels, stride)) in VWW.into_iter().enumerate() {
        x = network.depthwise(&format!("block{index}.depthwise"), x, stride)?;
        x = network.conv(&format!("block{index}.pointwise"), x, channels, 1, 1)?;
    }
    network.finish(x, 2)
}

fn layers() -> Result<Graph, GraphError> {
    let (mut network, image) = Network::new(32)?;
    let x = network.conv("conv3x3_3_16", image, 16, 3, 1)?;
    let x = network.conv("conv3x3_16_32_stride2", x, 32, 3, 2)?;
    let x = network.conv("conv3x3_32_64_stride2", x, 64, 3, 2)?;
    let x = network.depthwise("depthwise3x3_64", x, 1)?;
    let x = network.conv("conv1x1_64_64", x, 64, 1, 1)?;
    let x = network.conv("conv1x1_64_8", x, 8, 1, 1)?;
    let x = network.builder.node("flat", Op::Reshape { shape: [512, 0, 0, 0] }, &[x])?;
    let x = network.linear("linear_512_64", x, 64)?;
    network.finish(x, 10)
}

fn small() -> Result<Graph, GraphError> {
    let (mut network, image) = Network::new(24)?;
    let mut x = network.conv("stem", image, 8, 3, 2)?;
    for (index, (channels, stride)) in [(16, 2), (32, 1), (32, 2), (64, 1)].into_iter().enumerate() {
        x = network.depthwise(&format!("block{index}.depthwise"), x, stride)?;
        x = network.conv(&format!("block{index}.pointwise"), x, channels, 1, 1)?;
    }
    network.finish(x, 4)
}

fn turns() -> Result<Graph, GraphError> {
    let (mut network, image) = Network::new(28)?;
    let x = network.conv("stem", image, 8, 3, 2)?;
    let x = network.conv("conv0", x, 16, 3, 2)?;
    let x = network.conv("conv1", x, 32, 3, 2)?;
    network.finish_with_turns(x)
}

fn odd() -> Result<Graph, GraphError> {
    let (mut network, image) = Network::new(13)?;
    let x = network.conv("stem", image, 7, 3, 2)?;
    let x = network.depthwise("depthwise3x3", x, 1)?;
    network.activation = Activation::Clamp { low: 0.5, high: 3.5 };
    let x = network.depthwise("depthwise3x3.limited", x, 1)?;
    let x = network.conv("pointwise.limited", x, 10, 1, 1)?;
    network.activation = Activation::Relu;
    let x = network.depthwise_of("depthwise5x5", x, 5, 1)?;
    let x = network.grouped("grouped", x, 6, 2)?;
    let x = network.depthwise_of("depthwise2x2", x, 2, 2)?;
    let x = network.conv("wide", x, 5, 5, 3)?;
    let elements = network.builder.shape(x).iter().product::<usize>();
    let x = network.builder.node("flat", Op::Reshape { shape: [elements as u32, 0, 0, 0] }, &[x])?;
    let x = network.linear("linear", x, 9)?;
    network.finish(x, 3)
}

fn p4() -> Result<Graph, GraphError> {
    equivariant(PlaneGroup::QuarterTurns, 32, [(4, 3, 1), (8, 3, 2), (8, 3, 1), (16, 3, 2), (16, 3, 1)])
}

fn p4m_odd() -> Result<Graph, GraphError> {
    equivariant(PlaneGroup::TurnsAndMirrors, 15, [(3, 3, 1), (5, 3, 2), (2, 2, 1), (4, 5, 2), (3, 1, 1)])
}

/// A picture lifted to a group, and convolutions over it: fields, side of the filters and step of each layer.
fn equivariant(group: PlaneGroup, size: usize, layers: [(usize, usize, u16); 5]) -> Result<Graph, GraphError> {
    let (mut network, mut x) = Network::new(size)?;
    for (index, (fields, kernel, stride)) in layers.into_iter().enumerate() {
        let reads = if index == 0 { Fibre::Trivial } else { Fibre::Regular };
        network.expansion = FilterExpansion { group, reads };
        x = network.conv(&format!("group_conv{index}"), x, fields, kernel, stride)?;
    }
    let x = network.invariant(x)?;
    network.expansion = PLAIN;
    network.finish(x, 10)
}
