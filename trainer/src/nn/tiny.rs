use candle_core::{Result, Tensor};
use sextant_runtime::graph::{self, GraphBuilder, Op, ValueId};

use super::{BasicBlock, ConvNorm, ConvNormConfig, EightBits, Encoded, Encoder, EncoderEntry, Mode, Scope};
use crate::ops::{self, Activation};

pub(super) const ENTRY: EncoderEntry = EncoderEntry {
    name: "tiny",
    description: "for CPUs and microcontrollers: at most 12 M multiply-adds at 64 px, 128 features",
    build: |image_size, scope| Ok(Box::new(Tiny::new(image_size, scope)?)),
};

pub(super) const POOLED_ENTRY: EncoderEntry = EncoderEntry {
    name: "tiny-pooled",
    description: "the same with the mean over the last map for features, which forgets where a thing is: what is it?",
    build: |_, scope| Ok(Box::new(TinyPooled::new(scope)?)),
};

/// A small residual network for microcontrollers: plain convolutions and ReLU only, which int8 carries well.
///
/// Its features are a dense layer over the last map, not the map's average: where a part of the object is tells how
/// the object is turned. At 64x64 it costs 10 M multiply-accumulates; its weights, with the heads, fit 256 KiB as int8.
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
        let trunk = Trunk::new(Self::MAP_CHANNELS, scope)?;
        let map_size = (0..=BLOCKS.len()).fold(image_size, |size, _| size.div_ceil(2));
        let features = ConvNormConfig::new(Self::MAP_CHANNELS, Self::FEATURES, map_size).unpadded();
        Ok(Self {
            trunk,
            features: features.init(&mut scope.child("features"))?,
            flattened: EightBits::of(FLATTEN, &mut scope.child("flatten"))?,
        })
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

/// Stem, blocks and the layer that gives the last map its channels.
struct Trunk {
    stem: ConvNorm,
    blocks: Vec<BasicBlock>,
    squeeze: ConvNorm,
}

impl Trunk {
    fn new(map_channels: usize, scope: &mut Scope) -> Result<Self> {
        let stem = ConvNormConfig::new(3, STEM, 3).stride(2).init(&mut scope.child("stem"))?;
        let mut channels_in = STEM;
        let mut blocks = Vec::with_capacity(BLOCKS.len());
        for (index, channels_out) in BLOCKS.into_iter().enumerate() {
            let name = format!("block{index}");
            blocks.push(BasicBlock::new(channels_in, channels_out, 2, &mut scope.child(&name))?);
            channels_in = channels_out;
        }
        let squeeze = ConvNormConfig::new(channels_in, map_channels, 1).init(&mut scope.child("squeeze"))?;
        Ok(Self { stem, blocks, squeeze })
    }

    fn forward(&self, images: &Tensor, mode: Mode) -> Result<Tensor> {
        let mut x = self.stem.forward(images, None, Activation::Relu, mode)?;
        for block in &self.blocks {
            x = block.forward(&x, mode)?;
        }
        self.squeeze.forward(&x, None, Activation::Relu, mode)
    }

    fn lower(&self, graph: &mut GraphBuilder, images: ValueId) -> anyhow::Result<ValueId> {
        let mut x = self.stem.lower(graph, images, None, graph::Activation::Relu)?;
        for block in &self.blocks {
            x = block.lower(graph, x)?;
        }
        self.squeeze.lower(graph, x, None, graph::Activation::Relu)
    }
}

/// The same trunk with a map of as many channels as features, which are its mean over positions: pictures of any size.
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
        let trunk = Trunk::new(Tiny::FEATURES, scope)?;
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
