use super::picture_options::{LIMIT, MEMORY, load, memory_bytes};
use super::{BuildSource, PathUse, SharedKey, SourceEntry};
use crate::data::pictures::{PictureFolderSettings, list_pictures};
use crate::data::{DataConfig, DataError};
use crate::options::ConfigOption;

const LABELS: ConfigOption =
    ConfigOption::choice("labels", &["folders", "none"], "whether folders are classes, or nothing is known of classes");

pub(super) const ENTRY: SourceEntry = SourceEntry {
    name: "pictures",
    description: "a folder or archive of PNG and JPEG files: SPLIT/CLASS/NAME, CLASS/NAME, or without classes",
    path: PathUse::Needed,
    shared_keys: &[SharedKey::new("seed"), SharedKey::new("held_out_share"), SharedKey::new("skip_broken")],
    options: &[LABELS, LIMIT, MEMORY],
    build: BuildSource::Images(|config| load(list_pictures(config.needed_path()?, &settings(config)?)?, config)),
};

fn settings(config: &DataConfig) -> Result<PictureFolderSettings, DataError> {
    Ok(PictureFolderSettings {
        with_classes: config.options.choice(LABELS.key)? == "folders",
        held_out_share: config.held_out_share,
        seed: config.seed,
        archive_bytes: memory_bytes(config)?,
    })
}
