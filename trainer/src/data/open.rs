use std::path::Path;

use sextant_runtime::typed_command::Program;

use super::manifest::MANIFEST_FILE;
use super::three_die_bench::TRAIN_IMAGES_FILE;
use super::{DataError, SextantFolder, ThreeDieBenchFolder};
use crate::scene::CameraPose;

/// Largest side of an image that a data set may have.
pub(crate) const MAX_IMAGE_SIZE: usize = 8192;

/// The layouts of a data set's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataFormat {
    /// Safetensors shards and `dataset.json`.
    Sextant,
    /// JPEG files, `latent_k.npy` and lists of objects, as 3DIEBench has them.
    ThreeDieBench,
}

impl DataFormat {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sextant => "sextant",
            Self::ThreeDieBench => "3diebench",
        }
    }
}

/// The layout of the data set in `folder`.
///
/// # Errors
/// When there is no data set of a known layout.
pub fn detect_format(folder: &Path) -> Result<DataFormat, DataError> {
    std::fs::read_dir(folder).map_err(DataError::io(folder))?;
    if folder.join(MANIFEST_FILE).is_file() {
        return Ok(DataFormat::Sextant);
    }
    if folder.join(TRAIN_IMAGES_FILE).is_file() {
        return Ok(DataFormat::ThreeDieBench);
    }
    let render = Program::Trainer.command("render --out DIR");
    let reason = format!("no data set: it has neither {MANIFEST_FILE} nor {TRAIN_IMAGES_FILE}; `{render}` makes one");
    Err(DataError::malformed(folder, reason))
}

pub(crate) fn is_data_set(folder: &Path) -> bool {
    detect_format(folder).is_ok()
}

/// Opens a data set of our own layout; images are resized to `image_size`.
///
/// # Errors
/// When it is of another layout, missing or broken.
pub(super) fn open_sextant(folder: &Path, image_size: usize) -> Result<SextantFolder, DataError> {
    check_layout(folder, image_size, DataFormat::Sextant)?;
    SextantFolder::open(folder, Some(image_size))
}

/// Opens a data set of 3DIEBench's layout, whose camera stood there; images are resized to `image_size`.
///
/// # Errors
/// When it is of another layout, missing or broken.
pub(super) fn open_three_die_bench(
    folder: &Path,
    image_size: usize,
    camera: CameraPose,
) -> Result<ThreeDieBenchFolder, DataError> {
    check_layout(folder, image_size, DataFormat::ThreeDieBench)?;
    ThreeDieBenchFolder::open(folder, Some(image_size), camera)
}

/// Each layout has its own keys and its own camera, so that one is never read in place of the other.
fn check_layout(folder: &Path, image_size: usize, wanted: DataFormat) -> Result<(), DataError> {
    if !(1..=MAX_IMAGE_SIZE).contains(&image_size) {
        return Err(DataError::Unusable(format!("images must have 1 to {MAX_IMAGE_SIZE} pixels a side")));
    }
    match detect_format(folder)? {
        found if found == wanted => Ok(()),
        found => {
            let reason = format!("has the layout `{}`, not `{}`: set data.source={0}", found.name(), wanted.name());
            Err(DataError::malformed(folder, reason))
        }
    }
}
