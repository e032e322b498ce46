use candle_core::{Result, Tensor};
use sextant_runtime::graph::{self, GraphBuilder, ValueId};
use sextant_runtime::plane_group::PlaneGroup;

use super::{ConvNorm, ConvNormConfig, Cost, Halving, Mode, Reduction, ReductionConfig, Scope};
use crate::ops::Activation;

/// Shape of a basic block.
#[derive(Clone, Copy, Debug)]
pub struct BasicBlockConfig {
    /// Channels in, of all orientations.
    pub channels_in: usize,
    /// Channels out, of all orientations.
    pub channels_out: usize,
    /// What its maps are over.
    pub group: PlaneGroup,
    /// How it makes its map smaller; it does not without.
    pub halving: Option<Halving>,
}

impl BasicBlockConfig {
    /// A block that keeps the size of its map, over [`PlaneGroup::Identity`].
    pub fn new(channels_in: usize, channels_out: usize) -> Self {
        Self { channels_in, channels_out, group: PlaneGroup::Identity, halving: None }
    }

    /// From a map over a group to another one.
    pub fn over(self, group: PlaneGroup) -> Self {
        Self { group, ..self }
    }

    /// With a map half as large.
    pub fn halving(self, halving: Halving) -> Self {
        Self { halving: Some(halving), ..self }
    }

    /// The convolution that goes by two where the block does so by a convolution.
    fn halving_convolution(&self, kernel: usize) -> ConvNormConfig {
        let config = ConvNormConfig::new(self.channels_in, self.channels_out, kernel).over(self.group);
        self.halving.map_or(config, |halving| halving.convolution(config))
    }

    fn first(&self) -> ConvNormConfig {
        self.halving_convolution(3)
    }

    fn second(&self) -> ConvNormConfig {
        ConvNormConfig::new(self.channels_out, self.channels_out, 3).over(self.group).ending_branch()
    }

    fn shortcut(&self) -> Option<ConvNormConfig> {
        let changes_shape = self.halving.is_some() || self.channels_in != self.channels_out;
        changes_shape.then(|| self.halving_convolution(1))
    }

    fn reduction(&self) -> Option<ReductionConfig> {
        self.halving.and_then(Halving::reduction)
    }

    /// Side of what it makes of a square map.
    pub fn side_of_result(&self, side: usize) -> usize {
        if self.halving.is_some() { side.div_ceil(2) } else { side }
    }

    /// What it costs on a square map.
    pub fn cost(&self, side: usize) -> Cost {
        let reduction = self.reduction();
        let reduced = |channels| reduction.map_or_else(Cost::default, |reduction| reduction.cost(side, channels));
        let side_of_shortcut = reduction.map_or(side, |reduction| reduction.side_of_result(side));
        let shortcut = self.shortcut().map(|config| reduced(self.channels_in) + config.cost(side_of_shortcut));
        let first = self.first().cost(side) + reduced(self.channels_out);
        first + self.second().cost(self.side_of_result(side)) + shortcut.unwrap_or_default()
    }

    /// Makes the block. The second norm starts at zero, so that the block starts as its shortcut.
    ///
    /// # Errors
    /// When its channels are no whole fields of its group, or the device has no memory for it.
    pub fn init(self, scope: &mut Scope) -> Result<BasicBlock> {
        let reduction = |layer: &str, channels: usize, scope: &mut Scope| {
            let scope = &mut scope.child(layer);
            let init =
                |config: ReductionConfig| config.init(format!("{}.{}", scope.name(), config.name()), channels, scope);
            self.reduction().map(init).transpose()
        };
        let first = self.first().init(&mut scope.child("first"))?;
        let first_reduction = reduction("first", self.channels_out, scope)?;
        let second = self.second().init(&mut scope.child("second"))?;
        let shortcut = |config: ConvNormConfig| -> Result<Shortcut> {
            let reduction = reduction("shortcut", self.channels_in, scope)?;
            Ok(Shortcut { reduction, convolution: config.init(&mut scope.child("shortcut"))? })
        };
        let shortcut = self.shortcut().map(shortcut).transpose()?;
        Ok(BasicBlock { first, first_reduction, second, shortcut })
    }
}

/// Two 3x3 convolutions around a shortcut (He et al. 2016, figure 2).
pub struct BasicBlock {
    first: ConvNorm,
    first_reduction: Option<Reduction>,
    second: ConvNorm,
    shortcut: Option<Shortcut>,
}

/// A way around the convolutions that changes the map's shape as they do. The map is made smaller first, which costs less.
struct Shortcut {
    reduction: Option<Reduction>,
    convolution: ConvNorm,
}

impl BasicBlock {
    /// # Shapes
    /// `[n, h, w, channels_in]` to `[n, h, w, channels_out]`, or `[n, ceil(h / 2), ceil(w / 2), channels_out]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        let shortcut = match &self.shortcut {
            None => x.clone(),
            Some(Shortcut { reduction, convolution }) => {
                let x = reduced(reduction.as_ref(), x, mode)?;
                convolution.forward(&x, None, Activation::Identity, mode)?
            }
        };
        let hidden = self.first.forward(x, None, Activation::Relu, mode)?;
        let hidden = reduced(self.first_reduction.as_ref(), &hidden, mode)?;
        self.second.forward(&hidden, Some(&shortcut), Activation::Relu, mode)
    }

    /// Appends the block's operators.
    ///
    /// # Errors
    /// When the value does not fit, or a folded weight is not finite.
    pub fn lower(&self, graph: &mut GraphBuilder, x: ValueId) -> anyhow::Result<ValueId> {
        let shortcut = match &self.shortcut {
            None => x,
            Some(Shortcut { reduction, convolution }) => {
                let x = lower_reduced(reduction.as_ref(), graph, x)?;
                convolution.lower(graph, x, None, graph::Activation::Identity)?
            }
        };
        let hidden = self.first.lower(graph, x, None, graph::Activation::Relu)?;
        let hidden = lower_reduced(self.first_reduction.as_ref(), graph, hidden)?;
        self.second.lower(graph, hidden, Some(shortcut), graph::Activation::Relu)
    }
}

/// A map after what makes it smaller, where there is something.
pub(super) fn reduced(reduction: Option<&Reduction>, x: &Tensor, mode: Mode) -> Result<Tensor> {
    reduction.map_or_else(|| Ok(x.clone()), |reduction| reduction.forward(x, mode))
}

/// Appends what [`reduced`] does.
pub(super) fn lower_reduced(
    reduction: Option<&Reduction>,
    graph: &mut GraphBuilder,
    x: ValueId,
) -> anyhow::Result<ValueId> {
    reduction.map_or(Ok(x), |reduction| reduction.lower(graph, x))
}
