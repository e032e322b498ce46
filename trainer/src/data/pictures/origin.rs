use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::data::DataError;

/// Name of the file beside prepared pictures.
pub(super) const ORIGIN_FILE: &str = "origin.json";

const FORMAT: &str = "sextant-prepared-pictures";
const VERSION: u32 = 1;

/// What `trainer data prepare` says of pictures that it has put into the cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    format: String,
    version: u32,
    /// The name of the data set.
    pub name: String,
    /// Where it came from, in words: the file or folder.
    pub from: String,
    /// What differs from the data set as it was published, such as `JPEG copy`; figures have to say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<String>,
}

impl Origin {
    pub(super) fn new(name: &str, from: &Path, copy: Option<String>) -> Self {
        let from =
            from.file_name().map_or_else(|| from.display().to_string(), |name| name.to_string_lossy().into_owned());
        Self { format: FORMAT.into(), version: VERSION, name: name.into(), from, copy }
    }

    /// What is said of the pictures in a folder; `None` where nothing is, as in the folders of others.
    ///
    /// # Errors
    /// When the file is broken or of another version.
    pub fn read(folder: &Path) -> Result<Option<Self>, DataError> {
        let path = folder.join(ORIGIN_FILE);
        let text = match fs::read_to_string(&path) {
            Err(error) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&error.kind()) => return Ok(None),
            text => text.map_err(DataError::io(&path))?,
        };
        let broken = |what: String| {
            DataError::Unusable(format!("{}: {what}: prepare the data set again with --overwrite", path.display()))
        };
        let origin: Self = serde_json::from_str(&text).map_err(|error| broken(format!("broken ({error})")))?;
        if origin.format != FORMAT || origin.version != VERSION {
            return Err(broken(format!(
                "is {} version {}, needed is version {VERSION}",
                origin.format, origin.version
            )));
        }
        Ok(Some(origin))
    }

    /// The lines of the file.
    pub(super) fn to_json(&self) -> Result<Vec<u8>, DataError> {
        serde_json::to_vec_pretty(self).map_err(|error| DataError::Unusable(format!("{ORIGIN_FILE}: {error}")))
    }

    /// That figures are not those of the data set as it was published.
    pub(super) fn warning(&self) -> Option<String> {
        let copy = self.copy.as_ref()?;
        Some(format!("a {copy} of {0}: name it so beside every figure, since it is not {0} itself", self.name))
    }
}
