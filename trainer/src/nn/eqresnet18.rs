//! `resnet18-cifar` over a group: EqResNet-18 of Wang et al., NeurIPS 2024, with features of the plain network's size.

use sextant_runtime::plane_group::PlaneGroup;

use super::EncoderEntry;
use super::equivariant::{OPTIONS, Plain};
use super::resnet18::{ResNet18, small_trunk};
use super::split::Positions;

pub(super) const C4_ENTRY: EncoderEntry = EncoderEntry {
    name: "eqresnet18-c4",
    pools_map: false,
    description: "`resnet18-cifar` with maps that follow quarter turns whatever the weights are, 512 features",
    options: &OPTIONS,
    build: |setting, scope| Ok(Box::new(RESNET18.over(PlaneGroup::QuarterTurns, setting, scope)?)),
};

pub(super) const D4_ENTRY: EncoderEntry = EncoderEntry {
    name: "eqresnet18-d4",
    pools_map: false,
    description: "the same for quarter turns and mirror images",
    options: &OPTIONS,
    build: |setting, scope| Ok(Box::new(RESNET18.over(PlaneGroup::TurnsAndMirrors, setting, scope)?)),
};

pub(super) const RESNET18: Plain = Plain {
    trunk: |motions, image_size, channels| small_trunk(motions, image_size, channels),
    positions: Positions::Mean,
    feature_width: ResNet18::FEATURES,
    cost: ResNet18::small_cost,
};
