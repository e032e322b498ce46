use candle_core::{Result, Tensor};
use sextant_runtime::graph::{self, GraphBuilder, ValueId};
use sextant_runtime::plane_group::PlaneGroup;

use super::basic_block::{lower_reduced, reduced};
use super::{
    BasicBlock, BasicBlockConfig, ConvNorm, ConvNormConfig, Cost, Downsampling, Halving, Mode, Reduction,
    ReductionConfig, Scope,
};
use crate::ops::Activation;

/// The motions that a network follows, and how its maps become smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Motions {
    pub group: PlaneGroup,
    /// `None` where it follows none: odd windows go by two on maps of any side then.
    pub downsampling: Option<Downsampling>,
}

impl Motions {
    /// Of an ordinary network.
    pub const NONE: Self = Self { group: PlaneGroup::Identity, downsampling: None };

    /// How a map of that side becomes half as large.
    pub fn halving(self, side: usize) -> Halving {
        self.downsampling.map_or(Halving::OddWindow, |downsampling| Halving::Symmetric { downsampling, side })
    }
}

/// A convolution, and what makes its map smaller then.
#[derive(Clone, Copy, Debug)]
pub(super) struct StemConfig {
    pub convolution: ConvNormConfig,
    pub reduction: Option<ReductionConfig>,
}

impl StemConfig {
    /// A stem that keeps the size of a picture.
    pub fn new(convolution: ConvNormConfig) -> Self {
        Self { convolution, reduction: None }
    }

    /// One that halves it.
    pub fn halving(convolution: ConvNormConfig, halving: Halving) -> Self {
        Self { convolution: halving.convolution(convolution), reduction: halving.reduction() }
    }

    fn side_of_result(&self, side: usize) -> usize {
        let side = self.convolution.side_of_result(side);
        self.reduction.map_or(side, |reduction| reduction.side_of_result(side))
    }

    fn cost(&self, side: usize) -> Cost {
        let (made, channels) = (self.convolution.side_of_result(side), self.convolution.channels_out);
        let reduced = self.reduction.map(|reduction| reduction.cost(made, channels));
        self.convolution.cost(side) + reduced.unwrap_or_default()
    }
}

/// A stem and basic blocks, and a layer that gives the last map other channels.
#[derive(Clone, Debug)]
pub(super) struct TrunkConfig {
    stem: StemConfig,
    blocks: Vec<BasicBlockConfig>,
    squeeze: Option<ConvNormConfig>,
    group: PlaneGroup,
}

impl TrunkConfig {
    /// Blocks behind a stem that makes maps of a side: of each the channels and whether it halves the map.
    pub fn new(stem: StemConfig, mut side: usize, motions: Motions, blocks: &[(usize, bool)]) -> Self {
        let mut channels_in = stem.convolution.channels_out;
        let mut block = |&(channels_out, halves): &(usize, bool)| {
            let config = BasicBlockConfig::new(channels_in, channels_out).over(motions.group);
            let config = if halves { config.halving(motions.halving(side)) } else { config };
            (channels_in, side) = (channels_out, config.side_of_result(side));
            config
        };
        Self { stem, blocks: blocks.iter().map(&mut block).collect(), squeeze: None, group: motions.group }
    }

    /// With a last map of so many channels, which a window of one position makes.
    pub fn squeezed_to(self, channels: usize) -> Self {
        Self { squeeze: Some(ConvNormConfig::new(self.channels_out(), channels, 1).over(self.group)), ..self }
    }

    /// Channels of the last map.
    pub fn channels_out(&self) -> usize {
        let of_blocks = self.blocks.last().map_or(self.stem.convolution.channels_out, |block| block.channels_out);
        self.squeeze.map_or(of_blocks, |squeeze| squeeze.channels_out)
    }

    /// Side of the last map for square pictures.
    pub fn side_of_result(&self, side: usize) -> usize {
        self.blocks.iter().fold(self.stem.side_of_result(side), |side, block| block.side_of_result(side))
    }

    /// What it costs on a square picture.
    pub fn cost(&self, side: usize) -> Cost {
        let (mut sum, mut side_of_map) = (self.stem.cost(side), self.stem.side_of_result(side));
        for block in &self.blocks {
            sum = sum + block.cost(side_of_map);
            side_of_map = block.side_of_result(side_of_map);
        }
        sum + self.squeeze.map(|squeeze| squeeze.cost(side_of_map)).unwrap_or_default()
    }

    /// Makes the layers.
    ///
    /// # Errors
    /// When channels are no whole fields of a group, or the device has no memory for it.
    pub fn init(self, scope: &mut Scope) -> Result<Trunk> {
        let StemConfig { convolution, reduction } = self.stem;
        let stem = convolution.init(&mut scope.child("stem"))?;
        let reduce = |config: ReductionConfig| {
            config.init(config.name().into(), convolution.channels_out, &mut scope.child("stem"))
        };
        let stem_reduction = reduction.map(reduce).transpose()?;
        let block =
            |(index, config): (usize, BasicBlockConfig)| config.init(&mut scope.child(&format!("block{index}")));
        let blocks = self.blocks.into_iter().enumerate().map(block).collect::<Result<_>>()?;
        let squeeze = self.squeeze.map(|squeeze| squeeze.init(&mut scope.child("squeeze"))).transpose()?;
        Ok(Trunk { stem, stem_reduction, blocks, squeeze })
    }
}

/// Pictures to a map.
pub(super) struct Trunk {
    stem: ConvNorm,
    stem_reduction: Option<Reduction>,
    blocks: Vec<BasicBlock>,
    squeeze: Option<ConvNorm>,
}

impl Trunk {
    /// The last map of images `[n, h, w, 3]`.
    pub fn forward(&self, images: &Tensor, mode: Mode) -> Result<Tensor> {
        let x = self.stem.forward(images, None, Activation::Relu, mode)?;
        let x = reduced(self.stem_reduction.as_ref(), &x, mode)?;
        let x = self.blocks.iter().try_fold(x, |x, block| block.forward(&x, mode))?;
        match &self.squeeze {
            Some(squeeze) => squeeze.forward(&x, None, Activation::Relu, mode),
            None => Ok(x),
        }
    }

    /// Appends the operators.
    pub fn lower(&self, graph: &mut GraphBuilder, images: ValueId) -> anyhow::Result<ValueId> {
        let x = self.stem.lower(graph, images, None, graph::Activation::Relu)?;
        let x = lower_reduced(self.stem_reduction.as_ref(), graph, x)?;
        let x = self.blocks.iter().try_fold(x, |x, block| block.lower(graph, x))?;
        match &self.squeeze {
            Some(squeeze) => squeeze.lower(graph, x, None, graph::Activation::Relu),
            None => Ok(x),
        }
    }
}
