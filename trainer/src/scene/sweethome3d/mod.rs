//! The furniture of Sweet Home 3D, from the Debian package `sweethome3d-furniture`.
//!
//! [`prepare`] reads the package's five catalogues once and writes a cache of small meshes, with an index and a credits
//! file; [`SweetHome3d`] gives the objects of that cache. Which models are used, in which of 46 classes, says
//! `classes.toml`.

mod cache;
mod catalogue;
mod class_map;
mod glass;
mod mesh_file;
mod model;
mod package;
mod prepare;
mod source;
mod symmetry_test;

pub use cache::{CacheIndex, CachedObject, SkippedModel};
pub use catalogue::{Catalogue, CatalogueEntry, parse_catalogue};
pub use package::{FurnitureFolder, PACKAGE};
pub use prepare::{NOT_IN_PACKAGE, PrepareReport, prepare};
pub use source::SweetHome3d;
pub use symmetry_test::vertical_symmetry;
