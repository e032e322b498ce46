//! The images that all runs of a study see.

use std::path::Path;

use anyhow::ensure;

use super::StudyOptions;
use crate::config::Config;
use crate::data::{
    DataError, DataSetDescription, DataSetWriter, SextantFolder, SextantWriter, open_objects, write_views,
};
use crate::scene::CameraPose;

/// Folder of the images, beside the runs.
const FOLDER: &str = "images";

/// Renders `plan.views` views of each object into a folder beside the runs, once, and gives the `key=value` changes with
/// which a run reads them; none where the configuration reads images already. `None` when the user stops it.
///
/// # Errors
/// When objects cannot be had, the folder holds other images, or it cannot be written.
pub fn rendered_images(options: &StudyOptions) -> anyhow::Result<Option<Vec<String>>> {
    let plan = &options.plan;
    let config = Config::resolve(&plan.registry, Some(&plan.preset), plan.file.as_deref(), &plan.sets)?.data;
    if plan.views == 0 {
        return Ok(Some(Vec::new()));
    }
    let Some(rendered) = open_objects(plan.registry.sources(), &config, CameraPose::default())? else {
        return Ok(Some(Vec::new()));
    };
    let folder = options.out.join(FOLDER);
    let description = DataSetDescription::of(&rendered, plan.views, config.seed, &config.source)?;
    if folder.exists() {
        check(&folder, &description)?;
    } else {
        eprintln!("{}: rendering {} views of {} objects", folder.display(), plan.views, description.objects.len());
        std::fs::create_dir_all(&options.out)?;
        let mut writer: Box<dyn DataSetWriter> = Box::new(SextantWriter::create(&folder, false, description.clone())?);
        match write_views(&rendered, &description, writer.as_mut(), &options.stop, |_, _| {}) {
            Err(DataError::Interrupted) => return Ok(None),
            outcome => outcome?,
        }
        writer.finish()?;
    }
    Ok(Some(vec!["data.source=sextant".into(), format!("data.path={}", serde_json::json!(folder))]))
}

/// That a folder holds the images that would be rendered.
fn check(folder: &Path, wanted: &DataSetDescription) -> anyhow::Result<()> {
    let found = SextantFolder::open(folder, None)?;
    let found = found.manifest();
    let same = found.image_size == wanted.image_size
        && found.views_per_object == wanted.views_per_object
        && found.camera == wanted.camera
        && found.seed == wanted.seed
        && found.objects.len() == wanted.objects.len();
    ensure!(same, "{}: holds other images than the study asks for; delete it, or give another --out", folder.display());
    Ok(())
}
