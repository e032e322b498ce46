use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sextant_runtime::picture::{Picture, PictureError, PictureLimits};

use super::names::shown;
use super::sources;

/// Why an image cannot be used.
#[derive(Debug)]
pub struct ImageError {
    path: PathBuf,
    fault: Fault,
}

#[derive(Debug)]
enum Fault {
    Read(io::Error),
    /// A file, or a stream, that goes on beyond what may be read.
    TooLong {
        most_bytes: u64,
    },
    Picture(PictureError),
}

impl ImageError {
    /// What to try, for people.
    pub fn hint(&self) -> &'static str {
        match &self.fault {
            Fault::Read(_) => "give the path of a PNG or JPEG file that you may read",
            Fault::TooLong { .. } => "give a PNG or JPEG file, or allow more with --max-picture-memory",
            Fault::Picture(error) => error.hint(),
        }
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", shown(&self.path.to_string_lossy()))?;
        match &self.fault {
            Fault::Read(error) => error.fmt(f),
            Fault::TooLong { most_bytes } => {
                write!(f, "more than {most_bytes} bytes, the most that is read of a picture")
            }
            Fault::Picture(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ImageError {}

/// The picture of that PNG or JPEG file, pipe or standard input (`-`): upright (EXIF), 8-bit RGB, transparency over mid grey.
pub fn load(path: &Path, limits: &PictureLimits) -> Result<Picture, ImageError> {
    let at_path = |fault| ImageError { path: path.to_path_buf(), fault };
    let file = read(path, limits.memory_bytes).map_err(at_path)?;
    Picture::decode(&file, limits).map_err(|error| at_path(Fault::Picture(error)))
}

/// All bytes, for a pipe cannot be read twice; a device may never end.
fn read(path: &Path, most_bytes: u64) -> Result<Vec<u8>, Fault> {
    let mut bytes = vec![];
    match sources::open(path).and_then(|file| file.take(most_bytes + 1).read_to_end(&mut bytes)) {
        Err(error) => Err(Fault::Read(error)),
        Ok(length) if length as u64 > most_bytes => Err(Fault::TooLong { most_bytes }),
        Ok(_) => Ok(bytes),
    }
}
