//! Objects, scenes and the renderer that turns them into images with known poses.
//!
//! The world has z up and the floor at z = -1; an object stands in its own frame, centred, and is turned by
//! [`SceneParameters::world_from_object`]. Colours are sRGB in [0, 1] unless a name says linear.

mod decimate;
mod files;
mod folder;
mod held_out;
mod mesh;
mod mesh_check;
mod mesh_edit;
mod mesh_listing;
mod normals;
mod parameters;
mod procedural;
mod render;
mod skipped;
mod source;
pub mod sweethome3d;
mod symmetry_record;
mod vector;

pub(in crate::scene) use files::load_furniture;
pub use files::{LoadedMesh, MESH_EXTENSIONS, decode_texture, load_glb, load_mesh, load_obj, load_ply, load_stl};
pub use folder::{MeshFacts, MeshFolder, MeshFolderSettings};
pub(crate) use held_out::{stratified, unit_hash};
pub use mesh::{Material, Mesh, Texture, Triangle};
pub use mesh_check::MeshError;
pub use mesh_edit::BoundingBox;
pub use parameters::{RotationLimitError, RotationSampling, SceneParameters};
pub use procedural::{Procedural, ProceduralSettings};
pub use render::{CameraPose, Footprint, Renderer, SceneError, SceneSettings, Scratch};
pub(crate) use skipped::{SkipReason, Skipped};
pub(crate) use source::io_hint;
pub use source::{Object, ObjectSource, SourceError};
pub use symmetry_record::SymmetryRecord;
