use candle_core::{Result, Tensor};
use sextant_runtime::graph::{self, GraphBuilder, Op, ValueId};

use super::trunk::{Motions, StemConfig, Trunk, TrunkConfig};
use super::{ConvNorm, ConvNormConfig, Cost, EightBits, Encoded, Encoder, EncoderEntry, Mode, Scope};
use crate::ops::{self, Activation};

pub(super) const ENTRY: EncoderEntry = EncoderEntry {
    name: "tiny",
    pools_map: false,
    description: "for CPUs and microcontrollers: at most 12 M multiply-adds at 64 px, 128 features",
    options: &[],
    build: |setting, scope| Ok(Box::new(Tiny::new(setting.image_size, scope)?)),
};

pub(super) const POOLED_ENTRY: EncoderEntry = EncoderEntry {
    name: "tiny-pooled",
    pools_map: true,
    description: "the same with the mean over the last map for features, which forgets where a thing is: what is it?",
    options: &[],
    build: |_, scope| Ok(Box::new(TinyPooled::new(scope)?)),
};

/// A small residual network for microcontrollers: plain convolutions and ReLU only, which int8 carries well.
///
/// Its features are a dense layer over the last map, not the map's average: where a part of the object is tells how
/// the object is turned. At 64x64 it costs 10 M multiply-accumulates; its weights, with heads of 128
/// numbers, fit 256 KiB as int8.
pub struct Tiny {
    trunk: Trunk,
    features: ConvNorm,
    /// What follows the pool that drops the axes of the features.
    flattened: EightBits,
}

/// Channels of the stem, which halves the image.
const STEM: usize = 16;
/// Channels of the blocks, each of which halves the map.
const BLOCKS: [usize; 3] = [32, 64, 80];
/// Node that drops the axes of the features.
const FLATTEN: &str = "features.flatten";

impl Tiny {
    /// Numbers in a feature vector.
    pub const FEATURES: usize = 128;
    /// Channels of the last map, whose side is a sixteenth of the image's.
    pub const MAP_CHANNELS: usize = 24;

    /// Makes the network for square images of a size.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(image_size: usize, scope: &mut Scope) -> Result<Self> {
        let (trunk, features) = Self::layers(image_size);
        Ok(Self {
            trunk: trunk.init(scope)?,
            features: features.init(&mut scope.child("features"))?,
            flattened: EightBits::of(FLATTEN, &mut scope.child("flatten"))?,
        })
    }

    /// What the network costs on a square image.
    pub(super) fn cost(image_size: usize) -> Cost {
        let (trunk, features) = Self::layers(image_size);
        trunk.cost(image_size) + features.cost(trunk.side_of_result(image_size))
    }

    fn layers(image_size: usize) -> (TrunkConfig, ConvNormConfig) {
        let trunk = trunk(Motions::NONE, image_size, Self::MAP_CHANNELS, |channels| channels);
        let side = trunk.side_of_result(image_size);
        (trunk, ConvNormConfig::new(Self::MAP_CHANNELS, Self::FEATURES, side).unpadded())
    }
}

impl Encoder for Tiny {
    fn feature_width(&self) -> usize {
        Self::FEATURES
    }

    fn map_channels(&self) -> usize {
        Self::MAP_CHANNELS
    }

    /// The last map and the dense layer over it.
    ///
    /// # Shapes
    /// `[n, s, s, 3]` to a map `[n, ceil(s / 16), ceil(s / 16), 24]` and features `[n, 128]`.
    ///
    /// # Errors
    /// When shapes differ, or the images are of another size.
    fn encode(&self, images: &Tensor, mode: Mode) -> Result<Encoded> {
        let map = self.trunk.forward(images, mode)?;
        let features = self.features.forward(&map, None, Activation::Identity, mode)?;
        let flat = ops::global_average_pool(&features)?;
        Ok(Encoded { features: self.flattened.follow(&flat, Activation::Identity, mode)?, map })
    }

    fn lower(&self, graph: &mut GraphBuilder, images: ValueId) -> anyhow::Result<ValueId> {
        let x = self.trunk.lower(graph, images)?;
        let x = self.features.lower(graph, x, None, graph::Activation::Identity)?;
        // The map has one position left: this only drops its axes.
        Ok(graph.node(FLATTEN, Op::GlobalAveragePool, &[x])?)
    }
}

/// The layers that make the last map of square images of a size. `channels` tells how many stand for those of the network that
/// follows no motions.
pub(super) fn trunk(
    motions: Motions,
    image_size: usize,
    map_channels: usize,
    channels: impl Fn(usize) -> usize,
) -> TrunkConfig {
    let stem = ConvNormConfig::new(3, channels(STEM), 3).lifting_to(motions.group);
    let stem = StemConfig::halving(stem, motions.halving(image_size));
    let blocks = BLOCKS.map(|width| (channels(width), true));
    TrunkConfig::new(stem, image_size.div_ceil(2), motions, &blocks).squeezed_to(channels(map_channels))
}

/// The same layers with a map of as many channels as features, which are its mean over positions: pictures of any size.
pub struct TinyPooled {
    trunk: Trunk,
    /// What follows the average pool.
    pooled: EightBits,
}

/// Node of the pool that ends the network.
const AVERAGE_POOL: &str = "average_pool";

impl TinyPooled {
    /// Makes the network.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(scope: &mut Scope) -> Result<Self> {
        // What follows no motions is the same for pictures of any size.
        let trunk = trunk(Motions::NONE, 0, Tiny::FEATURES, |channels| channels).init(scope)?;
        Ok(Self { trunk, pooled: EightBits::of(AVERAGE_POOL, &mut scope.child("pool"))? })
    }
}

impl Encoder for TinyPooled {
    fn feature_width(&self) -> usize {
        Tiny::FEATURES
    }

    fn map_channels(&self) -> usize {
        Tiny::FEATURES
    }

    /// The last map and its mean over positions.
    ///
    /// # Shapes
    /// `[n, s, s, 3]` to a map `[n, ceil(s / 16), ceil(s / 16), 128]` and features `[n, 128]`.
    ///
    /// # Errors
    /// When shapes differ.
    fn encode(&self, images: &Tensor, mode: Mode) -> Result<Encoded> {
        let map = self.trunk.forward(images, mode)?;
        let pooled = ops::global_average_pool(&map)?;
        Ok(Encoded { features: self.pooled.follow(&pooled, Activation::Identity, mode)?, map })
    }

    fn lower(&self, graph: &mut GraphBuilder, images: ValueId) -> anyhow::Result<ValueId> {
        let x = self.trunk.lower(graph, images)?;
        Ok(graph.node(AVERAGE_POOL, Op::GlobalAveragePool, &[x])?)
    }
}
