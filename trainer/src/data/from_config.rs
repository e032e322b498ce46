use std::path::Path;
use std::sync::Arc;

use super::named_classes::in_order_of;
use super::validation::with_validation;
use super::{BuildSource, DataConfig, DataError, RenderedViews, SourceEntry, ViewSource};
use crate::options::Entries;
use crate::scene::{CameraPose, ObjectSource, Renderer, SceneSettings};

/// The views that a configuration asks for, rendered as they are needed or read from a folder, with the labels of
/// its classes.
///
/// # Errors
/// When the source is unknown, a folder is missing or broken, a setting is out of its range, the data have classes that the
/// configuration does not name, or there is nothing to train on.
pub fn open(sources: &Entries<SourceEntry>, config: &DataConfig) -> Result<Arc<dyn ViewSource>, DataError> {
    let source: Arc<dyn ViewSource> = match entry(sources, config)?.build {
        BuildSource::Images(build) => build(config)?,
        BuildSource::Objects(build) => Arc::new(rendered(build(config)?, config, CameraPose::default())?),
    };
    check_split(config, source.as_ref())?;
    in_order_of(with_validation(source, config.validation_share, config.seed), &config.classes)
}

/// The objects of a configuration with their renderer, whose camera stands as the caller says; `None` where its source has
/// images.
///
/// # Errors
/// When the source is unknown, a folder is missing or broken, or a setting is out of its range.
pub fn open_objects(
    sources: &Entries<SourceEntry>,
    config: &DataConfig,
    camera: CameraPose,
) -> Result<Option<RenderedViews>, DataError> {
    match entry(sources, config)?.build {
        BuildSource::Images(_) => Ok(None),
        BuildSource::Objects(build) => rendered(build(config)?, config, camera).map(Some),
    }
}

fn rendered(
    objects: Arc<dyn ObjectSource>,
    config: &DataConfig,
    camera: CameraPose,
) -> Result<RenderedViews, DataError> {
    let settings = SceneSettings {
        image_size: config.image_size,
        supersampling: config.supersampling,
        shadows: config.shadows,
        camera,
        ..SceneSettings::default()
    };
    let renderer = Renderer::new(settings).map_err(|error| DataError::Unusable(error.to_string()))?;
    Ok(RenderedViews::new(objects, renderer, config.rotation))
}

fn entry<'a>(sources: &'a Entries<SourceEntry>, config: &DataConfig) -> Result<&'a SourceEntry, DataError> {
    let unknown = || DataError::Unusable(format!("there is no source '{}'", config.source));
    sources.find(&config.source).ok_or_else(unknown)
}

/// Without objects to train on a run would end in an error.
fn check_split(config: &DataConfig, source: &dyn ViewSource) -> Result<(), DataError> {
    if !source.training_subjects().is_empty() {
        return Ok(());
    }
    let place = config.path.as_deref().map_or("the data".into(), |path| path.display().to_string());
    Err(DataError::Unusable(format!("{place}: no object to train on: all are held out; add objects")))
}

impl DataConfig {
    /// The folder of a source that cannot do without.
    ///
    /// # Errors
    /// When none is named.
    pub fn needed_path(&self) -> Result<&Path, DataError> {
        let missing = || DataError::Unusable("data.path is missing: name the folder of the data".into());
        self.path.as_deref().ok_or_else(missing)
    }
}
