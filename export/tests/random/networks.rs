//! Small networks with random weights.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sextant_runtime::graph::{Activation, DataType, Graph, GraphBuilder, Op, Padding, ValueId, WeightId};
use sextant_runtime::plane_group::{Fibre, FilterExpansion, PlaneGroup};

pub const IMAGE_SIZE: usize = 16;

/// Draws the weights of a network from a seed.
pub struct Random(ChaCha8Rng);

impl Random {
    pub fn seeded(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Numbers in `[-scale, scale)`.
    pub fn floats(&mut self, count: usize, scale: f32) -> Vec<f32> {
        (0..count).map(|_| scale * (2.0 * self.0.random::<f32>() - 1.0)).collect()
    }

    /// Whole numbers in `[0, 255]`, as bytes of an image.
    pub fn bytes(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| f32::from(self.0.random::<u8>())).collect()
    }

    /// A weight that keeps the size of its input.
    pub fn weight(&mut self, builder: &mut GraphBuilder, name: &str, shape: &[usize]) -> WeightId {
        let fan_in: usize = shape[1..].iter().product();
        let data = self.floats(shape.iter().product(), (3.0 / fan_in as f32).sqrt());
        builder.weight(name, shape, data).unwrap()
    }

    pub fn bias(&mut self, builder: &mut GraphBuilder, name: &str, count: usize) -> WeightId {
        let data = self.floats(count, 0.1);
        builder.weight(name, &[count], data).unwrap()
    }

    /// A square convolution with `cout` channels that pads half its window.
    #[allow(clippy::too_many_arguments)] // the attributes of one convolution
    pub fn conv(
        &mut self,
        builder: &mut GraphBuilder,
        name: &str,
        input: ValueId,
        cout: usize,
        size: usize,
        stride: u16,
        groups: usize,
        activation: Activation,
    ) -> ValueId {
        let cin = builder.shape(input)[2];
        let weight = self.weight(builder, &format!("{name}.weight"), &[cout, size, size, cin / groups]);
        let bias = self.bias(builder, &format!("{name}.bias"), cout);
        let half = size as u16 / 2;
        let padding = Padding { top: half, left: half, bottom: half, right: half };
        let op = Op::Conv2d { weight, bias, stride: [stride; 2], padding, groups: groups as u32, activation };
        builder.node(name, op, &[input]).unwrap()
    }

    pub fn linear(
        &mut self,
        builder: &mut GraphBuilder,
        name: &str,
        input: ValueId,
        cout: usize,
        activation: Activation,
    ) -> ValueId {
        let cin = builder.shape(input)[0];
        let weight = self.weight(builder, &format!("{name}.weight"), &[cout, cin]);
        let bias = self.bias(builder, &format!("{name}.bias"), cout);
        builder.node(name, Op::Linear { weight, bias, activation }, &[input]).unwrap()
    }
}

/// A residual encoder with both heads that uses every operator of `encode`.
pub fn encoder(seed: u64) -> Graph {
    let mut random = Random::seeded(seed);
    let mut b = GraphBuilder::new("encode");
    let image = b.input("image", &[IMAGE_SIZE, IMAGE_SIZE, 3], DataType::U8);
    let normalize = Op::Normalize { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
    let x = b.node("normalize", normalize, &[image]).unwrap();
    let stem = random.conv(&mut b, "stem", x, 16, 7, 2, 1, Activation::Relu);
    let pool =
        Op::MaxPool2d { kernel: [3, 3], stride: [2, 2], padding: Padding { top: 1, left: 1, bottom: 1, right: 1 } };
    let pooled = b.node("pool", pool, &[stem]).unwrap();
    let inner = random.conv(&mut b, "block1.conv1", pooled, 16, 3, 1, 1, Activation::Relu);
    let inner = random.conv(&mut b, "block1.conv2", inner, 16, 3, 1, 1, Activation::Identity);
    let block1 = b.node("block1.add", Op::Add { activation: Activation::Relu }, &[inner, pooled]).unwrap();
    let inner = random.conv(&mut b, "block2.depthwise", block1, 16, 3, 2, 16, Activation::Relu);
    let inner = random.conv(&mut b, "block2.pointwise", inner, 32, 1, 1, 1, Activation::Identity);
    let shortcut = random.conv(&mut b, "block2.shortcut", block1, 32, 1, 2, 2, Activation::Identity);
    let sum = b.node("block2.add", Op::Add { activation: Activation::Identity }, &[inner, shortcut]).unwrap();
    let block2 = b.node("block2.relu", Op::Relu, &[sum]).unwrap();
    let halves = [(0, 20), (20, 32)]
        .map(|(start, end)| b.node(&format!("channels{start}"), Op::Slice { start, end }, &[block2]).unwrap());
    let swapped = b.node("swapped", Op::Concat, &[halves[1], halves[0]]).unwrap();
    let features = b.node("features", Op::GlobalAveragePool, &[swapped]).unwrap();
    let invariant = b.node("invariant", Op::Slice { start: 0, end: 16 }, &[features]).unwrap();
    let equivariant = b.node("equivariant", Op::Slice { start: 16, end: 32 }, &[features]).unwrap();
    let hidden = random.linear(&mut b, "class.hidden", invariant, 24, Activation::Relu);
    let logits = random.linear(&mut b, "class.logits", hidden, 5, Activation::Identity);
    let joined = b.node("pose.joined", Op::Concat, &[invariant, equivariant]).unwrap();
    let nine = random.linear(&mut b, "pose.matrix", joined, 9, Activation::Identity);
    let rotation = b.node("pose.rotation", Op::NearestRotation, &[nine]).unwrap();
    for (name, value) in
        [("rotation_wxyz", rotation), ("class_logits", logits), ("invariant", invariant), ("equivariant", equivariant)]
    {
        b.output(name, value);
    }
    b.finish()
}

/// Of images of 28x28 pixels: both halves of the features, and by how many quarter turns a picture is rotated. No pose, no
/// classes.
pub fn orientation(seed: u64) -> Graph {
    let mut random = Random::seeded(seed);
    let (mut b, features) = halves(&mut random);
    let logits = random.linear(&mut b, "turns", features, 4, Activation::Identity);
    b.output("transformation_logits.quarter-turns", logits);
    b.finish()
}

/// The same network with features alone.
pub fn features_alone(seed: u64) -> Graph {
    halves(&mut Random::seeded(seed)).0.finish()
}

/// A network whose outputs are both halves of its features, and the features.
fn halves(random: &mut Random) -> (GraphBuilder, ValueId) {
    let mut b = GraphBuilder::new("encode");
    let image = b.input("image", &[28, 28, 3], DataType::U8);
    let normalize = Op::Normalize { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
    let mut x = b.node("normalize", normalize, &[image]).unwrap();
    for (name, cout) in [("conv0", 8), ("conv1", 16), ("conv2", 32)] {
        x = random.conv(&mut b, name, x, cout, 3, 2, 1, Activation::Relu);
    }
    let features = b.node("features", Op::GlobalAveragePool, &[x]).unwrap();
    for (name, start, end) in [("invariant", 0, 16), ("equivariant", 16, 32)] {
        let half = b.node(name, Op::Slice { start, end }, &[features]).unwrap();
        b.output(name, half);
    }
    (b, features)
}

/// A network that quarter turns and mirror images of the picture do not change, of base filters: a picture lifted to the
/// group, a convolution over it, and the largest number of all orientations.
pub fn invariant(seed: u64) -> Graph {
    let mut random = Random::seeded(seed);
    let mut b = GraphBuilder::new("encode");
    let image = b.input("image", &[IMAGE_SIZE, IMAGE_SIZE, 3], DataType::U8);
    let normalize = Op::Normalize { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
    let mut x = b.node("normalize", normalize, &[image]).unwrap();
    let group = PlaneGroup::TurnsAndMirrors;
    for (name, fields, reads) in [("lifted", 4, Fibre::Trivial), ("regular", 5, Fibre::Regular)] {
        let shape = [fields, 3, 3, b.shape(x)[2]];
        let numbers = random.floats(shape.iter().product(), (3.0 / shape[1..].iter().product::<usize>() as f32).sqrt());
        let expansion = FilterExpansion { group, reads };
        let weight = b.expanded_weight(&format!("{name}.weight"), &shape, numbers, expansion).unwrap();
        let bias = random.bias(&mut b, &format!("{name}.bias"), fields);
        let padding = Padding { top: 1, left: 1, bottom: 1, right: 1 };
        let op = Op::Conv2d { weight, bias, stride: [1, 1], padding, groups: 1, activation: Activation::Relu };
        x = b.node(name, op, &[x]).unwrap();
    }
    let shape = [IMAGE_SIZE as u32, IMAGE_SIZE as u32 * 8, 5, 0];
    x = b.node("orientations", Op::Reshape { shape }, &[x]).unwrap();
    let op = Op::MaxPool2d { kernel: [1, 8], stride: [1, 8], padding: Padding::default() };
    x = b.node("largest", op, &[x]).unwrap();
    let features = b.node("features", Op::GlobalAveragePool, &[x]).unwrap();
    b.output("invariant", features);
    b.finish()
}

/// The equivariant half and a rotation to the equivariant half after it.
pub fn predictor(seed: u64) -> Graph {
    let mut random = Random::seeded(seed);
    let mut b = GraphBuilder::new("predict_latent");
    let z = b.input("equivariant", &[16], DataType::F32);
    let condition = b.input("rotation_wxyz", &[4], DataType::F32);
    let weight = random.weight(&mut b, "predictor.weight", &[4, 16, 16]);
    let predicted = b.node("predictor", Op::ApplyPredictor { weight }, &[z, condition]).unwrap();
    b.output("predicted", predicted);
    b.finish()
}
