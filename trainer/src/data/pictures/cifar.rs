use std::cell::Cell;
use std::path::{Path, PathBuf};

use sextant_runtime::preprocess::{PictureView, PixelFormat};

use super::archive::{Format, Limits, members};
use super::files::{Files, last_name};
use super::listed::{PictureRecord, ReadPicture};
use super::{ListedPictures, Origin};
use crate::data::DataError;

/// Pixels of a side.
pub(super) const SIDE: usize = 32;
/// Bytes of a picture: all red ones, all green ones, all blue ones.
pub(super) const PICTURE_BYTES: usize = SIDE * SIDE * 3;
/// Files of training pictures in CIFAR-10.
pub(super) const BATCHES: [&str; 5] =
    ["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"];
pub(super) const TEST_BATCH: &str = "test_batch.bin";
pub(super) const CLASS_NAMES_FILE: &str = "batches.meta.txt";

const TRAIN_100: &str = "train.bin";
const TEST_100: &str = "test.bin";
const FINE_NAMES_FILE: &str = "fine_label_names.txt";
const COARSE_NAMES_FILE: &str = "coarse_label_names.txt";
/// The folders that the official archives unpack to.
const OFFICIAL_FOLDERS: [&str; 2] = ["cifar-10-batches-bin", "cifar-100-binary"];

/// Which labels of CIFAR-100 are the classes; CIFAR-10 has one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CifarLabels {
    /// The 100 classes.
    Fine,
    /// The 20 groups of five classes.
    Coarse,
}

/// Whether a path is a folder with CIFAR's binary files, or with the folder of them, or an archive of them.
///
/// # Errors
/// When an archive cannot be read.
pub fn holds_cifar(path: &Path, memory_bytes: u64) -> Result<bool, DataError> {
    let Some(format) = Format::of(path).filter(|_| path.is_file()) else { return Ok(folder_of(path).is_some()) };
    let is_found = Cell::new(false);
    let note = |name: &str| {
        is_found.set(is_found.get() || is_of_cifar(last_name(name)));
        false
    };
    members(path, format, &Limits { unpacked_bytes: memory_bytes }, note)?;
    Ok(is_found.get())
}

/// The pictures of CIFAR-10 or CIFAR-100 in the official binary format: a folder of the files, a folder with the official
/// folder in it, or the official archive. The test pictures are held out.
///
/// # Errors
/// When files are missing, or a file is not of the format.
pub fn list_cifar(path: &Path, labels: CifarLabels, memory_bytes: u64) -> Result<ListedPictures, DataError> {
    let folder = folder_of(path).unwrap_or_else(|| path.to_owned());
    let mut files = Files::read(&folder, is_of_cifar, memory_bytes)?;
    let kind = Kind::of(&files, labels)?;
    let class_names = class_names(&mut files, kind.names_file)?;
    let mut set = Set { kind, class_names, records: Vec::new(), files: Vec::new() };
    for name in kind.training {
        set.add(&mut files, name, false)?;
    }
    set.add(&mut files, kind.test, true)?;
    let Set { class_names, records, files, .. } = set;
    Ok(ListedPictures {
        path: path.to_owned(),
        layout: kind.name.into(),
        class_names,
        records,
        reader: Box::new(PlanarFiles(files)),
        warnings: Origin::read(&folder)?.and_then(|origin| origin.warning()).into_iter().collect(),
    })
}

/// The folder itself, or the official one in it.
fn folder_of(path: &Path) -> Option<PathBuf> {
    let holds = |folder: &PathBuf| [BATCHES[0], TEST_BATCH, TRAIN_100].iter().any(|name| folder.join(name).is_file());
    let below = OFFICIAL_FOLDERS.map(|name| path.join(name));
    [path.to_owned()].into_iter().chain(below).find(holds)
}

fn is_of_cifar(name: &str) -> bool {
    let others = [TEST_BATCH, CLASS_NAMES_FILE, TRAIN_100, TEST_100, FINE_NAMES_FILE, COARSE_NAMES_FILE];
    BATCHES.contains(&name) || others.contains(&name)
}

/// One of the two data sets.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    training: &'static [&'static str],
    test: &'static str,
    names_file: &'static str,
    /// Bytes before the picture, and which of them is the class.
    label_bytes: usize,
    label_at: usize,
}

impl Kind {
    fn of(files: &Files, labels: CifarLabels) -> Result<Self, DataError> {
        let has_10 = files.has(BATCHES[0]) || files.has(TEST_BATCH);
        let has_100 = files.has(TRAIN_100) || files.has(TEST_100);
        let malformed = |reason: &str| Err(DataError::malformed(&files.place, reason));
        match (has_10, has_100, labels) {
            (true, true, _) => malformed("holds files of CIFAR-10 and of CIFAR-100: name a folder of one"),
            (false, false, _) => malformed(
                "no CIFAR there: expected data_batch_1.bin to data_batch_5.bin and test_batch.bin, or train.bin and test.bin",
            ),
            (true, false, CifarLabels::Coarse) => {
                malformed("CIFAR-10 has no coarse labels: leave out data.cifar_labels")
            }
            (true, false, CifarLabels::Fine) => Ok(Self {
                name: "CIFAR-10",
                training: &BATCHES,
                test: TEST_BATCH,
                names_file: CLASS_NAMES_FILE,
                label_bytes: 1,
                label_at: 0,
            }),
            (false, true, _) => Ok(Self {
                name: "CIFAR-100",
                training: &[TRAIN_100],
                test: TEST_100,
                names_file: if labels == CifarLabels::Fine { FINE_NAMES_FILE } else { COARSE_NAMES_FILE },
                label_bytes: 2,
                label_at: usize::from(labels == CifarLabels::Fine),
            }),
        }
    }
}

fn class_names(files: &mut Files, name: &str) -> Result<Vec<String>, DataError> {
    let bytes = files.take(name)?;
    let path = files.place.join(name);
    let text = String::from_utf8(bytes).map_err(|_| DataError::malformed(&path, "is no text (UTF-8)"))?;
    let names: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let is_new = |at: usize| !names[..at].contains(&names[at]);
    if names.is_empty() || names.len() > 256 || !(0..names.len()).all(is_new) {
        return Err(DataError::malformed(&path, "must have one to 256 names of classes, a line each, none twice"));
    }
    Ok(names)
}

/// What was read so far.
struct Set {
    kind: Kind,
    class_names: Vec<String>,
    records: Vec<PictureRecord>,
    /// Each with its first place and the bytes before each picture.
    files: Vec<PlanarFile>,
}

impl Set {
    fn add(&mut self, files: &mut Files, name: &str, held_out: bool) -> Result<(), DataError> {
        let bytes = files.take(name)?;
        let path = files.place.join(name);
        let record_bytes = self.kind.label_bytes + PICTURE_BYTES;
        if bytes.is_empty() || !bytes.len().is_multiple_of(record_bytes) {
            let reason = format!(
                "has {} bytes, which are no whole number of records of {record_bytes}: copy the data set again",
                bytes.len()
            );
            return Err(DataError::malformed(&path, reason));
        }
        let first = self.records.len();
        for (at, record) in bytes.chunks_exact(record_bytes).enumerate() {
            let label = usize::from(record[self.kind.label_at]);
            let Some(class) = self.class_names.get(label) else {
                let classes = self.class_names.len();
                let reason = format!("the label {label} of record {at} is out of range: there are {classes} classes");
                return Err(DataError::malformed(&path, reason));
            };
            let id = format!("{class}/{}-{at:05}", name.trim_end_matches(".bin"));
            self.records.push(PictureRecord { id, label, held_out, place: first + at });
        }
        self.files.push(PlanarFile { first, label_bytes: self.kind.label_bytes, bytes });
        Ok(())
    }
}

struct PlanarFile {
    first: usize,
    label_bytes: usize,
    bytes: Vec<u8>,
}

/// Pictures as CIFAR has them, each colour for itself.
struct PlanarFiles(Vec<PlanarFile>);

impl ReadPicture for PlanarFiles {
    fn read(&self, place: usize, see: &mut dyn FnMut(PictureView<'_>)) -> Result<(), String> {
        let file = &self.0[self.0.partition_point(|file| file.first <= place) - 1];
        let record_bytes = file.label_bytes + PICTURE_BYTES;
        let record = &file.bytes[(place - file.first) * record_bytes..][..record_bytes];
        let rgb = interleaved(&record[file.label_bytes..]);
        see(PictureView::new(&rgb, PixelFormat::Rgb8, SIDE, SIDE).map_err(|error| error.to_string())?);
        Ok(())
    }
}

/// `[32, 32, 3]` of `[3, 32, 32]`.
fn interleaved(planes: &[u8]) -> Vec<u8> {
    let plane = SIDE * SIDE;
    (0..plane).flat_map(|pixel| [planes[pixel], planes[plane + pixel], planes[2 * plane + pixel]]).collect()
}

/// `[3, 32, 32]` of `[32, 32, 3]`.
pub(super) fn planar(rgb: &[u8]) -> Vec<u8> {
    (0..3).flat_map(|channel| rgb.iter().skip(channel).step_by(3).copied()).collect()
}
