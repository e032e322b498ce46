use candle_core::{Result, Tensor};
use sextant_runtime::graph::{GraphBuilder, Op, ValueId};

use super::trunk::{Motions, StemConfig, Trunk, TrunkConfig};
use super::{ConvNormConfig, Cost, EightBits, Encoded, Encoder, EncoderEntry, Mode, ReductionConfig, Scope};
use crate::ops::{self, Activation};

pub(super) const ENTRY: EncoderEntry = EncoderEntry {
    name: "resnet18",
    pools_map: true,
    description: "ResNet-18 (He et al. 2016) as the SIE paper trains it, 512 features",
    options: &[],
    build: |_, scope| Ok(Box::new(ResNet18::new(Stem::Large, scope)?)),
};

pub(super) const CIFAR_ENTRY: EncoderEntry = EncoderEntry {
    name: "resnet18-cifar",
    pools_map: true,
    description: "the same for small pictures, as of CIFAR: 3x3 stem without stride, no max-pool",
    options: &[],
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
    trunk: Trunk,
    /// What follows the average pool.
    pooled: EightBits,
}

/// Channels of the stem.
const STEM: usize = 64;
/// Channels of the eight blocks, and which of them halve the map.
const BLOCKS: [(usize, bool); 8] =
    [(64, false), (64, false), (128, true), (128, false), (256, true), (256, false), (512, true), (512, false)];

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
        let trunk = match stem {
            Stem::Large => {
                let convolution = ConvNormConfig::new(3, STEM, 7).stride(2);
                let stem = StemConfig { convolution, reduction: Some(ReductionConfig::MaxPool { kernel: 3 }) };
                // What follows no motions is the same for pictures of any size.
                TrunkConfig::new(stem, 0, Motions::NONE, &BLOCKS)
            }
            Stem::Small => small_trunk(Motions::NONE, 0, |channels| channels),
        };
        Ok(Self { trunk: trunk.init(scope)?, pooled: EightBits::of(AVERAGE_POOL, &mut scope.child("pool"))? })
    }

    /// What the network with the small stem costs on a square image.
    pub(super) fn small_cost(image_size: usize) -> Cost {
        small_trunk(Motions::NONE, image_size, |channels| channels).cost(image_size)
    }
}

/// The layers with the small stem for square images of a size. `channels` tells how many stand for those of the network that
/// follows no motions.
pub(super) fn small_trunk(motions: Motions, image_size: usize, channels: impl Fn(usize) -> usize) -> TrunkConfig {
    let stem = ConvNormConfig::new(3, channels(STEM), 3).lifting_to(motions.group);
    let blocks = BLOCKS.map(|(width, halves)| (channels(width), halves));
    TrunkConfig::new(StemConfig::new(stem), image_size, motions, &blocks)
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
        let x = self.trunk.forward(images, mode)?;
        let pooled = ops::global_average_pool(&x)?;
        Ok(Encoded { features: self.pooled.follow(&pooled, Activation::Identity, mode)?, map: x })
    }

    fn lower(&self, graph: &mut GraphBuilder, images: ValueId) -> anyhow::Result<ValueId> {
        let x = self.trunk.lower(graph, images)?;
        Ok(graph.node(AVERAGE_POOL, Op::GlobalAveragePool, &[x])?)
    }
}
