use candle_core::{Result, Tensor};
use sextant_runtime::contract::output::{EQUIVARIANT, INVARIANT};
use sextant_runtime::graph::{GraphBuilder, Op, ValueId};
use sextant_runtime::plane_group::PlaneGroup;

use super::{EightBits, Encoded, Encoder, Mode, Projector, Scope, split_halves};
use crate::ops::Activation;

/// An encoder whose invariant half goes through three layers more, which are deployed with it.
///
/// Both halves of an encoder are made of one map, and a map tells how the object is turned: one layer cannot forget it. These
/// layers can, and whatever asks for invariance asks it of what comes out of them.
pub(super) struct WithInvariantHead {
    encoder: Box<dyn Encoder>,
    head: Projector,
    /// What follows the join of the halves.
    joined: EightBits,
}

/// Node that joins the halves.
const JOINED: &str = "features.joined";

impl WithInvariantHead {
    /// With hidden layers of that width.
    ///
    /// # Errors
    /// When the device has no memory for it.
    pub fn new(encoder: Box<dyn Encoder>, hidden: usize, scope: &mut Scope) -> Result<Self> {
        let half = encoder.feature_width() / 2;
        let mut scope = scope.child("invariant_head");
        let head = Projector::new(half, hidden, half, &mut scope)?;
        Ok(Self { encoder, head, joined: EightBits::of(JOINED, &mut scope.child("joined"))? })
    }
}

impl Encoder for WithInvariantHead {
    fn feature_width(&self) -> usize {
        self.encoder.feature_width()
    }

    fn map_channels(&self) -> usize {
        self.encoder.map_channels()
    }

    fn equivariant_to(&self) -> PlaneGroup {
        self.encoder.equivariant_to()
    }

    /// As the encoder within, with another invariant half.
    ///
    /// # Errors
    /// As the encoder within.
    fn encode(&self, images: &Tensor, mode: Mode) -> Result<Encoded> {
        let Encoded { map, features } = self.encoder.encode(images, mode)?;
        let (invariant, equivariant) = split_halves(&features)?;
        let features = Tensor::cat(&[self.head.forward(&invariant, mode)?, equivariant], 1)?;
        Ok(Encoded { map, features: self.joined.follow(&features, Activation::Identity, mode)? })
    }

    fn lower(&self, graph: &mut GraphBuilder, images: ValueId) -> anyhow::Result<ValueId> {
        let features = self.encoder.lower(graph, images)?;
        let width = self.feature_width() as u32;
        let half = |graph: &mut GraphBuilder, name: &str, start: u32, end: u32| {
            graph.node(&format!("features.{name}"), Op::Slice { start, end }, &[features])
        };
        let invariant = half(graph, INVARIANT, 0, width / 2)?;
        let equivariant = half(graph, EQUIVARIANT, width / 2, width)?;
        let invariant = self.head.lower(graph, invariant)?;
        Ok(graph.node(JOINED, Op::Concat, &[invariant, equivariant])?)
    }
}
