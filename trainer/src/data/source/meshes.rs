use std::sync::Arc;

use super::{BuildSource, PathUse, SharedKey, SourceEntry};
use crate::data::DataConfig;
use crate::scene::{MeshFolder, MeshFolderSettings};

const HELD_OUT_LIST: &str = "held_out_list";

pub(super) const ENTRY: SourceEntry = SourceEntry {
    name: "meshes",
    description: "a folder CLASS/OBJECT of OBJ, STL, PLY or GLB files",
    path: PathUse::Needed,
    shared_keys: &[
        SharedKey::unless("seed", HELD_OUT_LIST),
        SharedKey::unless("held_out_share", HELD_OUT_LIST),
        SharedKey::new(HELD_OUT_LIST),
        SharedKey::new("skip_broken"),
        SharedKey::new("y_up"),
        SharedKey::new("one_picture"),
    ],
    options: &[],
    build: BuildSource::Objects(|config| {
        let meshes = MeshFolder::open(config.needed_path()?, settings(config))?;
        Ok(Arc::new(meshes.load_all()?))
    }),
};

fn settings(config: &DataConfig) -> MeshFolderSettings {
    MeshFolderSettings {
        diagonal: config.object_diagonal,
        held_out_share: config.held_out_share,
        held_out_list: config.held_out_list.clone(),
        seed: config.seed,
        skip_broken: config.skip_broken,
        y_up: config.y_up,
        ..MeshFolderSettings::default()
    }
}
