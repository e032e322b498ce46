use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use super::folder::name_bytes;
use super::index::checked_widths;
use super::{Features, Index, Listing, NewPicture, SearchError, Stamp};
use crate::picture::{Picture, PictureLimits};
use crate::pose::{PictureView, PoseError, Prediction, Predictor};

/// What differs between an index and a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Pictures that the index does not have as they are now.
    pub pending: Vec<(PathBuf, Stamp)>,
    /// How many of these the index does not have at all.
    pub new: usize,
    /// How many pictures of the index are not in the folder any more.
    pub gone: usize,
}

/// A picture that is left out, since its file is none or cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its name, relative to the folder.
    pub name: PathBuf,
    /// Why, for people.
    pub reason: String,
}

impl Changes {
    /// Whether the index is as the folder.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.gone == 0
    }

    /// How many pictures of the index have another file now.
    pub fn changed(&self) -> usize {
        self.pending.len() - self.new
    }
}

impl Index {
    /// What has to be computed, and what to be left out, for the index to be as the folder.
    pub fn changes(&self, listing: &Listing) -> Changes {
        let mut changes = Changes { gone: self.pictures.len(), ..Changes::default() };
        let mut known = self.pictures.iter().peekable();
        // Both are in the order of their names' bytes.
        for (name, stamp) in &listing.pictures {
            while known.next_if(|known| name_bytes(&known.name) < name_bytes(name)).is_some() {}
            let found = known.next_if(|known| known.name == *name);
            changes.gone -= usize::from(found.is_some());
            changes.new += usize::from(found.is_none());
            if found.is_none_or(|found| found.stamp != *stamp) {
                changes.pending.push((name.clone(), *stamp));
            }
        }
        changes
    }

    /// Makes the index as the folder, with the predictor's threads. `progress` is told of each picture that is done. Pictures that
    /// cannot be read are given back, and are not in the index.
    ///
    /// # Errors
    /// When the model has no answer to a picture, or no features. The index is then as before.
    pub fn update(
        &mut self,
        folder: &Path,
        listing: &Listing,
        predictor: &mut Predictor,
        limits: &PictureLimits,
        progress: impl Fn() + Sync,
    ) -> Result<Vec<Unreadable>, SearchError> {
        let Changes { pending, .. } = self.changes(listing);
        let answers = predictor.predict_each(pending.len(), |position, predict| {
            let (name, stamp) = &pending[position];
            let answer = new_picture(folder, name, *stamp, limits, predict);
            progress();
            answer
        });
        let (mut known, mut unreadable) = (vec![], vec![]);
        for answer in answers {
            match answer? {
                Ok(picture) => known.push(picture),
                Err(picture) => unreadable.push(picture),
            }
        }
        let mut updated = self.clone();
        let is_current = |name: &Path, stamp: Stamp| {
            let place = listing.pictures.binary_search_by(|(other, _)| name_bytes(other).cmp(name_bytes(name)));
            place.is_ok_and(|place| listing.pictures[place].1 == stamp)
        };
        updated.retain(|picture| is_current(&picture.name, picture.stamp));
        let mut widths = updated.widths;
        for picture in &known {
            let named = |fault| SearchError::Features { name: picture.name.clone(), fault };
            widths = checked_widths(widths, &picture.features()).map_err(named)?;
        }
        updated.merge(known, widths);
        *self = updated;
        Ok(unreadable)
    }
}

fn new_picture(
    folder: &Path,
    name: &Path,
    stamp: Stamp,
    limits: &PictureLimits,
    predict: &mut dyn FnMut(&PictureView<'_>) -> Result<Prediction, PoseError>,
) -> Result<Result<NewPicture, Unreadable>, SearchError> {
    let picture = match decoded(&folder.join(name), limits) {
        Ok(picture) => picture,
        Err(reason) => return Ok(Err(Unreadable { name: name.to_path_buf(), reason })),
    };
    let at_model = |source| SearchError::Model { name: name.to_path_buf(), source: std::boxed::Box::new(source) };
    let prediction = predict(&picture.view()).map_err(at_model)?;
    let without = |fault| SearchError::Features { name: name.to_path_buf(), fault };
    let Features { invariant, equivariant } = Features::of(&prediction).map_err(without)?;
    let (invariant, equivariant) = (invariant.to_vec(), equivariant.to_vec());
    Ok(Ok(NewPicture { name: name.to_path_buf(), stamp, invariant, equivariant }))
}

fn decoded(path: &Path, limits: &PictureLimits) -> Result<Picture, String> {
    let mut file = vec![];
    let read = File::open(path).and_then(|opened| opened.take(limits.memory_bytes + 1).read_to_end(&mut file));
    match read {
        Err(error) => Err(error.to_string()),
        Ok(length) if length as u64 > limits.memory_bytes => {
            Err(std::format!("more than {} bytes, the most that is read of a picture", limits.memory_bytes))
        }
        Ok(_) => Picture::decode(&file, limits).map_err(|error| error.to_string()),
    }
}
