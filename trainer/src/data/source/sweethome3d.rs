use std::path::PathBuf;
use std::sync::Arc;

use super::{BuildSource, PathUse, SharedKey, SourceEntry};
use crate::cache_folder::default_cache_folder;
use crate::scene::sweethome3d::SweetHome3d;

pub(super) const ENTRY: SourceEntry = SourceEntry {
    name: "sweethome3d",
    description: "the furniture of Debian's Sweet Home 3D package, once it is in the cache",
    path: PathUse::Optional,
    shared_keys: &[SharedKey::new("one_picture")],
    options: &[],
    build: BuildSource::Objects(|config| {
        let cache = config.path.clone().map_or_else(default_cache_folder, Ok::<PathBuf, _>)?;
        Ok(Arc::new(SweetHome3d::open(&cache, config.object_diagonal)?))
    }),
};
