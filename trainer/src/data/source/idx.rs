use super::picture_options::{LIMIT, MEMORY, load, memory_bytes};
use super::{BuildSource, PathUse, SharedKey, SourceEntry};
use crate::data::pictures::list_idx;
use crate::data::pictures::prepare::FASHION_MNIST;

pub(super) const ENTRY: SourceEntry = SourceEntry {
    name: "idx",
    description: "IDX files as those of MNIST; without a path Fashion-MNIST, from the cache or Debian's package",
    path: PathUse::Optional,
    shared_keys: &[SharedKey::new("seed")],
    options: &[LIMIT, MEMORY],
    build: BuildSource::Images(|config| {
        let path = config.path.clone().map_or_else(|| FASHION_MNIST.prepared_folder(), Ok)?;
        load(list_idx(&path, memory_bytes(config)?)?, config)
    }),
};
