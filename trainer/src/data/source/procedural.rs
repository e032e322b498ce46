use std::sync::Arc;

use super::{BuildSource, PathUse, SharedKey, SourceEntry};
use crate::data::DataConfig;
use crate::scene::{Procedural, ProceduralSettings};

pub(super) const ENTRY: SourceEntry = SourceEntry {
    name: "procedural",
    description: "parametric families of objects, made by the program",
    path: PathUse::Unused,
    shared_keys: &[
        SharedKey::new("families"),
        SharedKey::new("objects_per_family"),
        SharedKey::new("held_out_per_family"),
        SharedKey::new("seed"),
        SharedKey::new("one_picture"),
    ],
    options: &[],
    build: BuildSource::Objects(|config| Ok(Arc::new(Procedural::new(settings(config))?))),
};

fn settings(config: &DataConfig) -> ProceduralSettings {
    ProceduralSettings {
        objects_per_family: config.objects_per_family,
        held_out_per_family: config.held_out_per_family,
        seed: config.seed,
        object_diagonal: config.object_diagonal,
        families: (!config.families.is_empty()).then(|| config.families.clone()),
    }
}
