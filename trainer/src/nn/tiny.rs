use candle_core::{Result, Tensor};
use sextant_runtime::graph::{self, GraphBuilder, Op, ValueId};

use super::{BasicBlock, ConvNorm, ConvNormConfig, Mode, Scope};
use crate::ops::Activation;

/// A small residual network for microcontrollers: plain convolutions and ReLU only, which int8 carries well.
///
/// At 64x64 it costs 10 M multiply-accumulates; its weights fit 256 KiB as int8.
pub struct Tiny {
    stem: ConvNorm,
    blocks: Vec<BasicBlock>,
    features: ConvNorm,
}

/// Channels of the stem, which halves the image.
const STEM: usize = 16;
/// Channels of the blocks, each of which halves the map.
const BLOCKS: [usize; 3] = [32, 64, 96];

impl Tiny {
    /// Numbers in a feature vector.
    pub const FEATURES: usize = 128;

    /// Makes the network.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(scope: &mut Scope) -> Result<Self> {
        let stem = ConvNormConfig::new(3, STEM, 3).stride(2).init(&mut scope.child("stem"))?;
        let mut channels_in = STEM;
        let mut blocks = Vec::with_capacity(BLOCKS.len());
        for (index, channels_out) in BLOCKS.into_iter().enumerate() {
            let name = format!("block{index}");
            blocks.push(BasicBlock::new(channels_in, channels_out, 2, &mut scope.child(&name))?);
            channels_in = channels_out;
        }
        let features = ConvNormConfig::new(channels_in, Self::FEATURES, 1).init(&mut scope.child("features"))?;
        Ok(Self { stem, blocks, features })
    }

    /// The last spatial map, whose mean over positions are the features.
    ///
    /// # Shapes
    /// `[n, h, w, 3]` to `[n, ceil(h / 16), ceil(w / 16), 128]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn map(&self, images: &Tensor, mode: Mode) -> Result<Tensor> {
        let mut x = self.stem.forward(images, None, Activation::Relu, mode)?;
        for block in &self.blocks {
            x = block.forward(&x, mode)?;
        }
        self.features.forward(&x, None, Activation::Relu, mode)
    }

    /// Appends the network's operators.
    ///
    /// # Errors
    /// When the image does not fit, or a folded weight is not finite.
    pub fn lower(&self, graph: &mut GraphBuilder, images: ValueId) -> anyhow::Result<ValueId> {
        let mut x = self.stem.lower(graph, images, None, graph::Activation::Relu)?;
        for block in &self.blocks {
            x = block.lower(graph, x)?;
        }
        let x = self.features.lower(graph, x, None, graph::Activation::Relu)?;
        Ok(graph.node("average_pool", Op::GlobalAveragePool, &[x])?)
    }
}
