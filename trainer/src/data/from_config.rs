use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::named_classes::in_order_of;
use super::{DataConfig, DataError, DataSource, RenderedViews, ViewSource, open_folder};
use crate::scene::sweethome3d::{SweetHome3d, default_cache_folder};
use crate::scene::{
    MeshFolder, MeshFolderSettings, ObjectSource, Procedural, ProceduralSettings, Renderer, SceneSettings,
};

/// The views that a configuration asks for, rendered as they are needed or read from a folder, with the labels of
/// its classes.
///
/// # Errors
/// When a folder is missing or broken, a setting is out of its range, the data have classes that the configuration does
/// not name, or there is nothing to train on.
pub fn open(config: &DataConfig) -> Result<Arc<dyn ViewSource>, DataError> {
    let source = open_any(config)?;
    check_split(config, source.as_ref())?;
    in_order_of(source, &config.classes)
}

fn open_any(config: &DataConfig) -> Result<Arc<dyn ViewSource>, DataError> {
    Ok(match open_objects(config)? {
        Some(rendered) => Arc::new(rendered),
        None => open_folder(path(config)?, Some(config.image_size))?,
    })
}

/// The objects of a configuration with their renderer; `None` where it names a folder of images.
///
/// # Errors
/// When a folder is missing or broken, or a setting is out of its range.
pub fn open_objects(config: &DataConfig) -> Result<Option<RenderedViews>, DataError> {
    let objects: Arc<dyn ObjectSource> = match config.source {
        DataSource::Sextant | DataSource::ThreeDieBench => return Ok(None),
        DataSource::Procedural => Arc::new(Procedural::new(procedural_settings(config))?),
        DataSource::Meshes => {
            let meshes = MeshFolder::open(path(config)?, mesh_settings(config))?;
            Arc::new(meshes.load_all()?)
        }
        DataSource::Sweethome3d => {
            let cache = config.path.clone().map_or_else(default_cache_folder, Ok::<PathBuf, _>)?;
            Arc::new(SweetHome3d::open(&cache, config.object_diagonal)?)
        }
    };
    let settings = SceneSettings {
        image_size: config.image_size,
        supersampling: config.supersampling,
        shadows: config.shadows,
        ..SceneSettings::default()
    };
    let renderer = Renderer::new(settings).map_err(|error| DataError::Unusable(error.to_string()))?;
    Ok(Some(RenderedViews::new(objects, renderer, config.rotation)))
}

/// Without objects to train on a run would end in an error.
fn check_split(config: &DataConfig, source: &dyn ViewSource) -> Result<(), DataError> {
    if !source.training_subjects().is_empty() {
        return Ok(());
    }
    let place = config.path.as_deref().map_or("the data".into(), |path| path.display().to_string());
    Err(DataError::Unusable(format!("{place}: no object to train on: all are held out; add objects")))
}

fn path(config: &DataConfig) -> Result<&Path, DataError> {
    config
        .path
        .as_deref()
        .ok_or_else(|| DataError::Unusable("data.path is missing: name the folder of the data".into()))
}

fn procedural_settings(config: &DataConfig) -> ProceduralSettings {
    ProceduralSettings {
        objects_per_family: config.objects_per_family,
        held_out_per_family: config.held_out_per_family,
        seed: config.seed,
        object_diagonal: config.object_diagonal,
        families: (!config.families.is_empty()).then(|| config.families.clone()),
    }
}

fn mesh_settings(config: &DataConfig) -> MeshFolderSettings {
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
