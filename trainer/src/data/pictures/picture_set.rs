use rayon::prelude::*;
use sextant_runtime::rotation::{SymmetryGroup, UnitQuaternion};

use super::ListedPictures;
use super::listed::{PictureRecord, ReadPicture, read_named};
use crate::data::split::split_warnings;
use crate::data::{DataError, Place, ViewBatch, ViewSource};
use crate::scene::CameraPose;
use crate::transformation::{Parameters, Transformation};

/// Pictures that a thread copies in one go.
const LEAST_PER_THREAD: usize = 64;

/// A set of pictures, each a subject with one view: what differs between views is done to them afterwards.
pub struct PictureSet {
    image_size: usize,
    class_names: Vec<String>,
    records: Vec<PictureRecord>,
    images: Images,
    warnings: Vec<String>,
}

/// Where the images of a set are.
enum Images {
    /// In memory, `[pictures, size, size, 3]`.
    Kept(Vec<u8>),
    /// Where they came from: they are read anew for each batch.
    Read(Box<dyn ReadPicture>),
}

impl PictureSet {
    /// As [`ListedPictures::load`].
    pub(super) fn load(
        listed: ListedPictures,
        image_size: usize,
        memory_bytes: u64,
        skip_broken: bool,
    ) -> Result<Self, DataError> {
        let image_bytes = image_size * image_size * 3;
        let needed = listed.len() as u64 * image_bytes as u64;
        let is_kept = needed <= memory_bytes;
        let (mut images, outcomes) = if is_kept {
            read_all(&listed, image_size)
        } else {
            (Vec::new(), listed.inspect().into_iter().map(|size| size.map(|_| ())).collect())
        };
        let is_whole: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
        let errors: Vec<String> = outcomes.into_iter().filter_map(Result::err).collect();
        if !errors.is_empty() && (!skip_broken || errors.len() == listed.len()) {
            return Err(listed.broken(errors));
        }
        let ListedPictures { path, class_names, mut records, reader, mut warnings, .. } = listed;
        warnings.extend(errors.iter().map(|error| format!("{}: skipped {error}", path.display())));
        if !errors.is_empty() {
            keep_whole(&is_whole, &mut images, image_bytes);
            let mut is_whole = is_whole.into_iter();
            records.retain(|_| is_whole.next().unwrap_or(true));
        }
        if !is_kept {
            warnings.push(read_anew(records.len(), image_size, needed, memory_bytes));
        }
        let images = if is_kept { Images::Kept(images) } else { Images::Read(reader) };
        Ok(Self { image_size, class_names, records, images, warnings })
    }

    /// Fills an image with that of a picture.
    fn fill(&self, picture: usize, image: &mut [u8]) -> Result<(), DataError> {
        let record = &self.records[picture];
        match &self.images {
            Images::Kept(images) => {
                image.copy_from_slice(&images[picture * image.len()..][..image.len()]);
                Ok(())
            }
            Images::Read(reader) => {
                let size = self.image_size;
                read_named(reader.as_ref(), record, &mut |view| view.resize_into(size, size, image))
                    .map_err(|error| DataError::Unusable(format!("{error}; was it changed since the set was opened?")))
            }
        }
    }
}

/// All images where they are kept, and which could not be read.
fn read_all(listed: &ListedPictures, image_size: usize) -> (Vec<u8>, Vec<Result<(), String>>) {
    let image_bytes = image_size * image_size * 3;
    let mut images = vec![0; listed.len() * image_bytes];
    let bar = listed.bar();
    let read = |(image, record): (&mut [u8], &PictureRecord)| {
        let outcome = listed.read(record, &mut |view| view.resize_into(image_size, image_size, image));
        bar.inc(1);
        outcome
    };
    let outcomes = images.par_chunks_exact_mut(image_bytes).zip(&listed.records).map(read).collect();
    bar.finish_and_clear();
    (images, outcomes)
}

/// Moves the images that are whole together.
fn keep_whole(is_whole: &[bool], images: &mut Vec<u8>, image_bytes: usize) {
    if images.is_empty() {
        return;
    }
    let whole: Vec<usize> = (0..is_whole.len()).filter(|&picture| is_whole[picture]).collect();
    for (to, from) in whole.iter().enumerate() {
        images.copy_within(from * image_bytes..(from + 1) * image_bytes, to * image_bytes);
    }
    images.truncate(whole.len() * image_bytes);
}

fn read_anew(pictures: usize, image_size: usize, needed: u64, memory_bytes: u64) -> String {
    let [needed, allowed] = [needed, memory_bytes].map(|bytes| bytes >> 20);
    format!(
        "{pictures} pictures of {image_size} px take {needed} MiB, more than data.picture_memory_mib = {allowed}: they are \
         read anew for each batch"
    )
}

impl ViewSource for PictureSet {
    fn image_size(&self) -> usize {
        self.image_size
    }

    fn class_names(&self) -> &[String] {
        &self.class_names
    }

    fn subject_count(&self) -> usize {
        self.records.len()
    }

    fn subject_id(&self, picture: usize) -> String {
        self.records[picture].id.clone()
    }

    fn label(&self, picture: usize) -> usize {
        self.records[picture].label
    }

    fn symmetry(&self, _picture: usize) -> SymmetryGroup {
        SymmetryGroup::None
    }

    fn is_held_out(&self, picture: usize) -> bool {
        self.records[picture].held_out
    }

    fn camera(&self) -> Option<CameraPose> {
        None
    }

    fn offers(&self) -> Vec<&'static dyn Transformation> {
        Vec::new()
    }

    /// The same picture `count` times at each place.
    fn views(&self, places: &[Place], count: usize, _stream_seed: u64) -> Result<ViewBatch, DataError> {
        let image_bytes = self.image_size.pow(2) * 3;
        let mut images = vec![0; count * places.len() * image_bytes];
        let (first, others) = images.split_at_mut(count.min(1) * places.len() * image_bytes);
        let at_once = if matches!(self.images, Images::Kept(_)) { LEAST_PER_THREAD } else { 1 };
        let to_fill = first.par_chunks_exact_mut(image_bytes).zip(places).with_min_len(at_once);
        to_fill.try_for_each(|(image, place)| self.fill(place.subject, image))?;
        if !first.is_empty() {
            others.par_chunks_exact_mut(first.len()).for_each(|view| view.copy_from_slice(first));
        }
        Ok(ViewBatch {
            images,
            transformations: vec![Parameters::NONE; count * places.len()],
            labels: places.iter().map(|place| self.label(place.subject) as u32).collect(),
            subjects: places.iter().map(|place| place.subject as u32).collect(),
            camera_from_world: UnitQuaternion::IDENTITY,
        })
    }

    fn view_count(&self, _picture: usize) -> Option<usize> {
        Some(1)
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.iter().cloned().chain(split_warnings(self)).collect()
    }
}

impl std::fmt::Debug for PictureSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PictureSet")
            .field("image_size", &self.image_size)
            .field("pictures", &self.records.len())
            .finish()
    }
}
