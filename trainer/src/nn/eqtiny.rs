//! `tiny` over a group.

use sextant_runtime::plane_group::PlaneGroup;

use super::EncoderEntry;
use super::equivariant::{OPTIONS, Plain};
use super::split::Positions;
use super::tiny::{Tiny, trunk};

pub(super) const C4_ENTRY: EncoderEntry = EncoderEntry {
    name: "eqtiny-c4",
    pools_map: false,
    description: "`tiny` with maps that follow quarter turns whatever the weights are, 128 features",
    options: &OPTIONS,
    build: |setting, scope| Ok(Box::new(TINY.over(PlaneGroup::QuarterTurns, setting, scope)?)),
};

pub(super) const D4_ENTRY: EncoderEntry = EncoderEntry {
    name: "eqtiny-d4",
    pools_map: false,
    description: "the same for quarter turns and mirror images",
    options: &OPTIONS,
    build: |setting, scope| Ok(Box::new(TINY.over(PlaneGroup::TurnsAndMirrors, setting, scope)?)),
};

pub(super) const TINY: Plain = Plain {
    trunk: |motions, image_size, channels| trunk(motions, image_size, Tiny::MAP_CHANNELS, channels),
    positions: Positions::Dense,
    feature_width: Tiny::FEATURES,
    cost: Tiny::cost,
};
