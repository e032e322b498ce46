use std::fs;
use std::path::{Path, PathBuf};

use sextant_runtime::picture::{Picture, PictureLimits};
use sextant_runtime::preprocess::PictureView;

use super::ListedPictures;
use super::archive::{Format, Limits, Member, members};
use super::layout::{Arranged, Placed, arrange};
use super::listed::{PictureRecord, ReadPicture};
use super::listing::{Skipped, holds_pictures, is_picture, list_folder};
use crate::data::DataError;
use crate::scene::stratified;

/// Folders below a folder that are looked into for pictures when its layout is guessed.
const DEEPEST: usize = 3;

/// How a folder or an archive of pictures is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PictureFolderSettings {
    /// Whether folders are classes.
    pub with_classes: bool,
    /// Share of each class that is held out where the folders tell no split.
    pub held_out_share: f32,
    /// Decides which.
    pub seed: u64,
    /// Bytes that the files of an archive may take, unpacked.
    pub archive_bytes: u64,
}

/// Whether a folder has pictures in itself or in folders below it, or a file is an archive.
pub fn looks_like_pictures(path: &Path) -> bool {
    if path.is_file() { Format::of(path).is_some() } else { holds_pictures(path, DEEPEST) }
}

/// The PNG and JPEG files of a folder or an archive, as SPLIT/CLASS/NAME, CLASS/NAME or without classes.
///
/// # Errors
/// When the folder or archive cannot be read or has no pictures, or some lie in folders of classes and others do not.
pub fn list_pictures(path: &Path, settings: &PictureFolderSettings) -> Result<ListedPictures, DataError> {
    let (names, reader, skipped) = found_in(path, settings)?;
    if names.is_empty() {
        let skipped = skipped.summary().map_or(String::new(), |skipped| format!("; skipped: {skipped}"));
        let expected = "expected SPLIT/CLASS/NAME, CLASS/NAME or NAME with .png, .jpg or .jpeg";
        return Err(DataError::malformed(path, format!("no pictures there; {expected}{skipped}")));
    }
    let Arranged { layout, pictures, mut warnings } =
        arrange(&names, settings.with_classes).map_err(|reason| DataError::malformed(path, reason))?;
    warnings.extend(skipped.summary().map(|skipped| format!("skipped {skipped}")));
    let mut class_names: Vec<String> = pictures.iter().filter_map(|picture| picture.class.clone()).collect();
    class_names.dedup();
    if let [class] = &class_names[..] {
        warnings.push(format!("all pictures are of one class, {class}: figures of classes say nothing"));
    }
    let warnings = warnings.into_iter().map(|warning| format!("{}: {warning}", path.display())).collect();
    let records = records(pictures, &class_names, settings);
    Ok(ListedPictures { path: path.to_owned(), layout: layout.into(), class_names, records, reader, warnings })
}

type Found = (Vec<String>, Box<dyn ReadPicture>, Skipped);

fn found_in(path: &Path, settings: &PictureFolderSettings) -> Result<Found, DataError> {
    let metadata = fs::metadata(path).map_err(DataError::io(path))?;
    if metadata.is_dir() {
        let (found, skipped) = list_folder(path)?;
        let (names, paths) = found.into_iter().unzip();
        return Ok((names, Box::new(PictureFiles(paths)), skipped));
    }
    let Some(format) = Format::of(path) else {
        return Err(DataError::malformed(path, "is neither a folder nor a .tar.gz, .tgz, .tar or .zip archive"));
    };
    let found = members(path, format, &Limits { unpacked_bytes: settings.archive_bytes }, is_picture)?;
    let names = found.files.iter().map(|member| member.name.clone()).collect();
    Ok((names, Box::new(PictureMembers(found.files)), found.skipped))
}

/// Labels, and a split where the folders tell none.
fn records(pictures: Vec<Placed>, class_names: &[String], settings: &PictureFolderSettings) -> Vec<PictureRecord> {
    let classes: Vec<&str> = pictures.iter().map(|picture| picture.class.as_deref().unwrap_or("")).collect();
    let ids: Vec<String> = pictures.iter().map(|picture| picture.id.clone()).collect();
    let drawn = stratified(&classes, &ids, settings.held_out_share, settings.seed);
    let label = |class: Option<String>| class.and_then(|class| class_names.iter().position(|name| *name == class));
    let record = |(Placed { picture, id, class, held_out }, drawn): (Placed, bool)| PictureRecord {
        id,
        label: label(class).unwrap_or(0),
        held_out: held_out.unwrap_or(drawn),
        place: picture,
    };
    pictures.into_iter().zip(drawn).map(record).collect()
}

/// Pictures in files.
struct PictureFiles(Vec<PathBuf>);

impl ReadPicture for PictureFiles {
    fn read(&self, place: usize, see: &mut dyn FnMut(PictureView<'_>)) -> Result<(), String> {
        let path = &self.0[place];
        let length = fs::metadata(path).map_err(|error| error.to_string())?.len();
        let most = PictureLimits::default().memory_bytes;
        if length > most {
            return Err(format!("a file of {} MiB, more than {} MiB", length >> 20, most >> 20));
        }
        decode(&fs::read(path).map_err(|error| error.to_string())?, see)
    }
}

/// Pictures of an archive, packed as they are in their files.
struct PictureMembers(Vec<Member>);

impl ReadPicture for PictureMembers {
    fn read(&self, place: usize, see: &mut dyn FnMut(PictureView<'_>)) -> Result<(), String> {
        decode(&self.0[place].bytes, see)
    }
}

/// As `runtime predict` does it: decoded by the one decoder, turned as EXIF says.
fn decode(file: &[u8], see: &mut dyn FnMut(PictureView<'_>)) -> Result<(), String> {
    let picture = Picture::decode(file, &PictureLimits::default()).map_err(|error| error.to_string())?;
    see(picture.view());
    Ok(())
}
