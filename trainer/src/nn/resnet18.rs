use candle_core::{Result, Tensor};
use sextant_runtime::graph::{self, GraphBuilder, Op, Padding, ValueId};

use super::{BasicBlock, ConvNorm, ConvNormConfig, EightBits, Encoded, Encoder, EncoderEntry, Mode, Scope};
use crate::ops::{self, Activation};

pub(super) const ENTRY: EncoderEntry = EncoderEntry {
    name: "resnet18",
    description: "ResNet-18 (He et al. 2016) as the SIE paper trains it, 512 features",
    build: |_, scope| Ok(Box::new(ResNet18::new(Stem::Large, scope)?)),
};

pub(super) const CIFAR_ENTRY: EncoderEntry = EncoderEntry {
    name: "resnet18-cifar",
    description: "the same for small pictures, as of CIFAR: 3x3 stem without stride, no max-pool",
    build: |_, scope| Ok(Box::new(ResNet18::new(Stem::Small, scope)?)),
};

/// How a network begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stem {
    /// 7x7 with stride 2, and 3x3 max-pool with stride 2: for 224 pixels, as published.
    Large,
    /// 3x3 with stride 1, and no pool: for 32 pixels.
    Small,
}

/// ResNet-18 (He et al. 2016) as SIE trains it: a stem, four stages of two basic blocks whose last norm starts at zero, global
/// average pool.
pub struct ResNet18 {
    stem: ConvNorm,
    is_pooled: bool,
    blocks: Vec<BasicBlock>,
    /// What follows the average pool.
    pooled: EightBits,
}

/// Channels and stride of the eight blocks.
const BLOCKS: [(usize, usize); 8] = [(64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)];

/// Node of the pool that ends the network.
const AVERAGE_POOL: &str = "average_pool";

impl ResNet18 {
    /// Numbers in a feature vector.
    pub const FEATURES: usize = 512;

    /// Makes the network.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(stem: Stem, scope: &mut Scope) -> Result<Self> {
        let is_pooled = stem == Stem::Large;
        let stem = match stem {
            Stem::Large => ConvNormConfig::new(3, 64, 7).stride(2),
            Stem::Small => ConvNormConfig::new(3, 64, 3),
        };
        let stem = stem.init(&mut scope.child("stem"))?;
        let mut channels_in = 64;
        let mut blocks = Vec::with_capacity(BLOCKS.len());
        for (index, (channels_out, stride)) in BLOCKS.into_iter().enumerate() {
            let name = format!("block{index}");
            blocks.push(BasicBlock::new(channels_in, channels_out, stride, &mut scope.child(&name))?);
            channels_in = channels_out;
        }
        Ok(Self { stem, is_pooled, blocks, pooled: EightBits::of(AVERAGE_POOL, &mut scope.child("pool"))? })
    }
}

impl Encoder for ResNet18 {
    fn feature_width(&self) -> usize {
        Self::FEATURES
    }

    fn map_channels(&self) -> usize {
        Self::FEATURES
    }

    /// The last map and its mean over positions.
    ///
    /// # Shapes
    /// `[n, h, w, 3]` to a map `[n, ceil(h / 32), ceil(w / 32), 512]`, with the small stem of `ceil(h / 8)` and `ceil(w / 8)`,
    /// and features `[n, 512]`.
    ///
    /// # Errors
    /// When shapes differ.
    fn encode(&self, images: &Tensor, mode: Mode) -> Result<Encoded> {
        let mut x = self.stem.forward(images, None, Activation::Relu, mode)?;
        if self.is_pooled {
            x = ops::max_pool2d(&x, [3, 3], [2, 2], [1, 1])?;
        }
        for block in &self.blocks {
            x = block.forward(&x, mode)?;
        }
        let pooled = ops::global_average_pool(&x)?;
        Ok(Encoded { features: self.pooled.follow(&pooled, Activation::Identity, mode)?, map: x })
    }

    fn lower(&self, graph: &mut GraphBuilder, images: ValueId) -> anyhow::Result<ValueId> {
        let mut x = self.stem.lower(graph, images, None, graph::Activation::Relu)?;
        if self.is_pooled {
            let padding = Padding { top: 1, left: 1, bottom: 1, right: 1 };
            x = graph.node("max_pool", Op::MaxPool2d { kernel: [3, 3], stride: [2, 2], padding }, &[x])?;
        }
        for block in &self.blocks {
            x = block.lower(graph, x)?;
        }
        Ok(graph.node(AVERAGE_POOL, Op::GlobalAveragePool, &[x])?)
    }
}
