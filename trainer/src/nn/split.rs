use candle_core::{Result, Tensor};
use sextant_runtime::contract::output::{EQUIVARIANT, INVARIANT};
use sextant_runtime::graph::{self, GraphBuilder, Op, ValueId};
use sextant_runtime::plane_group::PlaneGroup;

use super::orientations::{largest_orientation, lower_largest_orientation};
use super::{ConvNorm, ConvNormConfig, Cost, EightBits, Mode, Scope};
use crate::ops::{self, Activation};

/// How features come from the last map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Positions {
    /// A dense layer over all of it: where something is stays known.
    Dense,
    /// A rectified layer on each position, and the mean over them.
    Mean,
}

/// Shape of the layers that make features of a map over a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct SplitConfig {
    pub group: PlaneGroup,
    /// Channels of the map, of all orientations.
    pub channels_in: usize,
    /// Side of the map.
    pub side: usize,
    /// Numbers in each half of the features.
    pub half_width: usize,
    pub positions: Positions,
}

impl SplitConfig {
    fn layer(&self, channels_out: usize) -> ConvNormConfig {
        let kernel = match self.positions {
            Positions::Dense => self.side,
            Positions::Mean => 1,
        };
        ConvNormConfig::new(self.channels_in, channels_out, kernel).unpadded().over(self.group)
    }

    /// As many fields as the half has numbers.
    fn invariant(&self) -> ConvNormConfig {
        self.layer(self.half_width * self.group.order())
    }

    /// As many channels as the half has numbers.
    fn equivariant(&self) -> ConvNormConfig {
        self.layer(self.half_width)
    }

    /// What it costs.
    pub fn cost(&self) -> Cost {
        self.invariant().cost(self.side) + self.equivariant().cost(self.side)
    }

    /// Makes the layers.
    ///
    /// # Errors
    /// When channels are no whole fields of the group, or the device has no memory for it.
    pub fn init(self, scope: &mut Scope) -> Result<Split> {
        let half = |name: &str, layer: ConvNormConfig, scope: &mut Scope| -> Result<Half> {
            let scope = &mut scope.child(name);
            let layer = layer.init(scope)?;
            let pool_name = format!("{}.pool", scope.name());
            let pooled = EightBits::of(&pool_name, &mut scope.child("pool"))?;
            Ok(Half { layer, largest_name: format!("{}.largest", scope.name()), pool_name, pooled })
        };
        let invariant = half(INVARIANT, self.invariant(), scope)?;
        let equivariant = half(EQUIVARIANT, self.equivariant(), scope)?;
        let name = scope.name().to_string();
        Ok(Split { config: self, invariant, equivariant, joined: EightBits::of(&name, scope)?, name })
    }
}

/// Features of which one half no motion changes, and the other has its orientations put in another order.
///
/// The invariant half is, for each of its fields, the largest of the orientations. The equivariant half has fewer fields, of
/// all orientations: number `g * fields + field` is of orientation `g`.
pub(super) struct Split {
    config: SplitConfig,
    name: String,
    invariant: Half,
    equivariant: Half,
    /// What follows when both are joined.
    joined: EightBits,
}

struct Half {
    layer: ConvNorm,
    /// Node of the largest orientations.
    largest_name: String,
    /// Node of the mean over positions, of which a dense layer leaves one.
    pool_name: String,
    pooled: EightBits,
}

impl Split {
    /// # Shapes
    /// A map `[n, side, side, channels_in]` to features `[n, 2 half_width]`.
    ///
    /// # Errors
    /// When shapes differ.
    pub fn forward(&self, map: &Tensor, mode: Mode) -> Result<Tensor> {
        let activation = match self.config.positions {
            Positions::Dense => Activation::Identity,
            Positions::Mean => Activation::Relu,
        };
        let of_layer = |half: &Half| half.layer.forward(map, None, activation, mode);
        let pooled =
            |half: &Half, x: &Tensor| half.pooled.follow(&ops::global_average_pool(x)?, Activation::Identity, mode);
        let largest = largest_orientation(&of_layer(&self.invariant)?, self.config.group)?;
        let invariant = pooled(&self.invariant, &largest)?;
        let equivariant = pooled(&self.equivariant, &of_layer(&self.equivariant)?)?;
        self.joined.follow(&ops::join_columns(&invariant, &equivariant)?, Activation::Identity, mode)
    }

    /// Appends the operators.
    ///
    /// # Errors
    /// When the value does not fit, or a folded weight is not finite.
    pub fn lower(&self, graph: &mut GraphBuilder, map: ValueId) -> anyhow::Result<ValueId> {
        let activation = match self.config.positions {
            Positions::Dense => graph::Activation::Identity,
            Positions::Mean => graph::Activation::Relu,
        };
        let Self { config, invariant, equivariant, .. } = self;
        let all = invariant.layer.lower(graph, map, None, activation)?;
        let largest = lower_largest_orientation(graph, &invariant.largest_name, all, config.group)?;
        let fibre = equivariant.layer.lower(graph, map, None, activation)?;
        let first = graph.node(&invariant.pool_name, Op::GlobalAveragePool, &[largest])?;
        let second = graph.node(&equivariant.pool_name, Op::GlobalAveragePool, &[fibre])?;
        Ok(graph.node(&self.name, Op::Concat, &[first, second])?)
    }
}
