use super::{BuildSource, PathUse, SourceEntry};
use crate::data::open_folder;

pub(super) const SEXTANT_ENTRY: SourceEntry =
    stored("sextant", "a folder of rendered images in our own layout, as `trainer render` makes it");

pub(super) const THREE_DIE_BENCH_ENTRY: SourceEntry =
    stored("3diebench", "a folder of rendered images in the layout of 3DIEBench");

/// The layout is read off the folder.
const fn stored(name: &'static str, description: &'static str) -> SourceEntry {
    SourceEntry {
        name,
        description,
        path: PathUse::Needed,
        shared_keys: &[],
        options: &[],
        build: BuildSource::Images(|config| open_folder(config.needed_path()?, Some(config.image_size))),
    }
}
