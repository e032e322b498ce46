//! Where objects or images come from: each source is one file with an entry, and one line of [`SOURCES`].

mod entry;
mod meshes;
mod procedural;
mod stored;
mod sweethome3d;

pub use entry::{BuildSource, PathUse, SharedKey, SourceEntry};
pub use stored::CAMERA_AZIMUTH;

/// Every source of this project.
pub const SOURCES: [SourceEntry; 5] =
    [procedural::ENTRY, sweethome3d::ENTRY, meshes::ENTRY, stored::SEXTANT_ENTRY, stored::THREE_DIE_BENCH_ENTRY];
