//! Where objects or images come from: each source is one file with an entry, and one line of [`SOURCES`].

mod cifar;
mod entry;
mod idx;
mod meshes;
mod picture_options;
mod pictures;
mod procedural;
mod stored;
mod sweethome3d;

pub use entry::{BuildSource, PathUse, SharedKey, SourceEntry};
pub use picture_options::DEFAULT_PICTURE_MEMORY_BYTES;
pub use stored::CAMERA_AZIMUTH;

/// Every source of this project.
pub const SOURCES: [SourceEntry; 8] = [
    procedural::ENTRY,
    sweethome3d::ENTRY,
    meshes::ENTRY,
    stored::SEXTANT_ENTRY,
    stored::THREE_DIE_BENCH_ENTRY,
    pictures::ENTRY,
    cifar::ENTRY,
    idx::ENTRY,
];
