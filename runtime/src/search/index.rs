use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::vec;
use std::vec::Vec;

use super::folder::name_bytes;
use super::format::{self, HEADER_BYTES};
use super::{Features, FeaturesFault, IndexFault, SearchError, Stamp};
use crate::durable::write_file;

/// A model file, and what tells that it has not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelMark {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// CRC-32 of it.
    pub checksum: u32,
}

/// A picture whose features are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedPicture {
    /// Its name, relative to the folder.
    pub name: PathBuf,
    /// Its file when its features were computed.
    pub stamp: Stamp,
}

/// A picture and its features.
#[derive(Clone, Debug, PartialEq)]
pub struct NewPicture {
    /// Its name, relative to the folder.
    pub name: PathBuf,
    /// Its file.
    pub stamp: Stamp,
    /// Empty where the model does not give them, as the next.
    pub invariant: Vec<f32>,
    /// What turns with the object.
    pub equivariant: Vec<f32>,
}

/// The features of a folder's pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    pub(super) model: ModelMark,
    /// Numbers of both halves; zero while there is no picture.
    pub(super) widths: [usize; 2],
    /// In the order of their names' bytes, each once.
    pub(super) pictures: Vec<IndexedPicture>,
    /// A row for each picture: the invariant half, then the equivariant one.
    pub(super) features: Vec<f32>,
}

impl ModelMark {
    /// That of a file, with its path from the root.
    ///
    /// # Errors
    /// When it cannot be read, or is no regular file.
    pub fn of(path: &Path) -> io::Result<Self> {
        if !path.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let mut file = File::open(path)?;
        let (mut hasher, mut bytes, mut buffer) = (crc32fast::Hasher::new(), 0, vec![0; 1 << 16]);
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                return Ok(Self { path: path.canonicalize()?, bytes, checksum: hasher.finalize() });
            }
            hasher.update(&buffer[..count]);
            bytes += count as u64;
        }
    }

    /// Whether two files hold the same model, wherever they are.
    pub fn is_same_model(&self, other: &Self) -> bool {
        (self.bytes, self.checksum) == (other.bytes, other.checksum)
    }
}

impl NewPicture {
    pub(super) fn features(&self) -> Features<'_> {
        Features { invariant: &self.invariant, equivariant: &self.equivariant }
    }
}

impl Index {
    /// An index without pictures, of the features that a model gives.
    pub fn new(model: ModelMark) -> Self {
        Self { model, widths: [0; 2], pictures: vec![], features: vec![] }
    }

    /// The index in a file; `None` where there is no file.
    ///
    /// # Errors
    /// When it cannot be read, or is no whole index.
    pub fn read(path: &Path) -> Result<Option<Self>, SearchError> {
        let failed = |source| SearchError::Read { path: path.to_path_buf(), source };
        let metadata = match path.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            metadata => metadata.map_err(failed)?,
        };
        let refused = |fault| SearchError::Index { path: path.to_path_buf(), fault };
        if !metadata.is_file() {
            return Err(refused(IndexFault::NoIndex));
        }
        let mut file = File::open(path).map_err(failed)?.take(metadata.len());
        let mut bytes = vec![];
        // The start first: a large file that is something else is not read.
        file.by_ref().take(HEADER_BYTES as u64).read_to_end(&mut bytes).map_err(failed)?;
        format::check_header(&bytes, metadata.len()).map_err(refused)?;
        file.read_to_end(&mut bytes).map_err(failed)?;
        Self::of_bytes(&bytes).map(Some).map_err(refused)
    }

    /// Replaces the index in a file; a reader finds the old or the new one, whatever happens meanwhile.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn write(&self, path: &Path) -> Result<(), SearchError> {
        write_file(path, &self.to_bytes()).map_err(SearchError::Write)
    }

    /// The model whose features these are.
    pub fn model(&self) -> &ModelMark {
        &self.model
    }

    /// Says where the model is now.
    pub fn set_model_path(&mut self, path: PathBuf) {
        self.model.path = path;
    }

    /// The pictures, in the order of their names' bytes.
    pub fn pictures(&self) -> &[IndexedPicture] {
        &self.pictures
    }

    /// Numbers of the invariant and of the equivariant half; zero while there is no picture.
    pub fn widths(&self) -> [usize; 2] {
        self.widths
    }

    /// Adds pictures, or replaces those of the same names.
    ///
    /// # Errors
    /// When features are not finite or not as many as those of the others. The index is then as before.
    pub fn extend(&mut self, pictures: impl IntoIterator<Item = NewPicture>) -> Result<(), FeaturesFault> {
        let new: Vec<NewPicture> = pictures.into_iter().collect();
        let widths = new.iter().try_fold(self.widths, |widths, picture| checked_widths(widths, &picture.features()))?;
        self.merge(new, widths);
        Ok(())
    }

    /// Adds pictures that are checked, or replaces those of the same names.
    pub(super) fn merge(&mut self, mut new: Vec<NewPicture>, widths: [usize; 2]) {
        new.sort_by(|a, b| name_bytes(&a.name).cmp(name_bytes(&b.name)));
        // Of pictures of one name the last counts.
        new.reverse();
        new.dedup_by(|a, b| a.name == b.name);
        new.reverse();
        let old = std::mem::replace(self, Self { widths, ..Self::new(self.model.clone()) });
        let mut new = new.into_iter().peekable();
        for (position, picture) in old.pictures.iter().enumerate() {
            let order = |other: &NewPicture| name_bytes(&other.name).cmp(name_bytes(&picture.name));
            while let Some(other) = new.next_if(|other| order(other).is_lt()) {
                self.push(other);
            }
            if new.peek().is_none_or(|other| order(other).is_gt()) {
                self.pictures.push(picture.clone());
                self.features.extend_from_slice(old.row(position));
            }
        }
        new.for_each(|picture| self.push(picture));
    }

    fn push(&mut self, picture: NewPicture) {
        self.pictures.push(IndexedPicture { name: picture.name, stamp: picture.stamp });
        self.features.extend(picture.invariant.iter().chain(&picture.equivariant));
    }

    /// Leaves out all pictures that the function does not want.
    pub fn retain(&mut self, mut is_kept: impl FnMut(&IndexedPicture) -> bool) {
        let old = std::mem::replace(self, Self { widths: self.widths, ..Self::new(self.model.clone()) });
        for (position, picture) in old.pictures.iter().enumerate() {
            if is_kept(picture) {
                self.pictures.push(picture.clone());
                self.features.extend_from_slice(old.row(position));
            }
        }
        if self.pictures.is_empty() {
            self.widths = [0; 2];
        }
    }

    /// Both halves of a picture's features.
    pub(super) fn row(&self, position: usize) -> &[f32] {
        let width = self.widths[0] + self.widths[1];
        &self.features[position * width..(position + 1) * width]
    }
}

/// The widths of an index that has these features, too.
pub(super) fn checked_widths(widths: [usize; 2], features: &Features<'_>) -> Result<[usize; 2], FeaturesFault> {
    let found = features.widths();
    if found == [0; 2] {
        return Err(FeaturesFault::None);
    }
    if widths != [0; 2] && found != widths {
        return Err(FeaturesFault::Widths { expected: widths, found });
    }
    match features.invariant.iter().chain(features.equivariant).all(|value| value.is_finite()) {
        true => Ok(found),
        false => Err(FeaturesFault::NotFinite),
    }
}
