use std::path::Path;

use sextant_runtime::preprocess::{PictureView, PixelFormat};

use super::ListedPictures;
use super::idx_file::{Idx, find, read};
use super::listed::{PictureRecord, ReadPicture};
use crate::data::DataError;

pub(super) const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
pub(super) const TRAIN_LABELS: &str = "train-labels-idx1-ubyte";
pub(super) const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
pub(super) const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";

/// The classes of Fashion-MNIST, whose files do not name them.
pub const FASHION_MNIST_CLASSES: [&str; 10] =
    ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle-boot"];

/// CRC-32 of the labels of Fashion-MNIST, those of training and test one after the other: by them the data set is known.
pub(super) const FASHION_MNIST_LABELS_CRC32: u32 = 0xf179_3760;

/// Whether a folder has IDX files of MNIST's names.
pub fn looks_like_idx(folder: &Path) -> bool {
    [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS].iter().any(|name| find(folder, name).is_some())
}

/// The pictures of a folder of IDX files, plain or in gzip, grey; those of `t10k-…` are held out. Classes are called `0`, `1`
/// and so on, those of Fashion-MNIST by their names.
///
/// # Errors
/// When a file is missing, is no IDX file of bytes, or has other counts than its companion.
pub fn list_idx(folder: &Path, memory_bytes: u64) -> Result<ListedPictures, DataError> {
    list_known(folder, memory_bytes, FASHION_MNIST_LABELS_CRC32)
}

/// As [`list_idx`], with the checksum of Fashion-MNIST's labels.
pub(super) fn list_known(
    folder: &Path,
    memory_bytes: u64,
    fashion_mnist_crc32: u32,
) -> Result<ListedPictures, DataError> {
    std::fs::read_dir(folder).map_err(DataError::io(folder))?;
    let training = Split::read(folder, TRAIN_IMAGES, TRAIN_LABELS, memory_bytes)?;
    let test = Split::read(folder, TEST_IMAGES, TEST_LABELS, memory_bytes)?;
    let labels = [&training.labels[..], &test.labels].concat();
    let is_fashion_mnist = crc32fast::hash(&labels) == fashion_mnist_crc32;
    let class_count = labels.iter().max().map_or(0, |most| usize::from(*most) + 1);
    let class_names: Vec<String> = if is_fashion_mnist {
        FASHION_MNIST_CLASSES.map(str::to_owned).to_vec()
    } else {
        (0..class_count).map(|label| label.to_string()).collect()
    };
    let record = |(place, label): (usize, &u8)| {
        let (held_out, label) = (place >= training.labels.len(), usize::from(*label));
        let (split, at) = if held_out { ("test", place - training.labels.len()) } else { ("train", place) };
        PictureRecord { id: format!("{}/{split}-{at:05}", class_names[label]), label, held_out, place }
    };
    let records: Vec<PictureRecord> = labels.iter().enumerate().map(record).collect();
    if records.is_empty() {
        return Err(DataError::malformed(folder, "the IDX files have no picture"));
    }
    Ok(ListedPictures {
        path: folder.to_owned(),
        layout: if is_fashion_mnist { "IDX files of Fashion-MNIST" } else { "IDX files" }.into(),
        class_names,
        records,
        reader: Box::new(GreyPictures([training, test])),
        warnings: Vec::new(),
    })
}

/// Pictures with their labels.
struct Split {
    /// Width and height.
    size: [usize; 2],
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

impl Split {
    fn read(folder: &Path, images: &str, labels: &str, memory_bytes: u64) -> Result<Self, DataError> {
        let found = |name: &str| {
            let missing = || DataError::malformed(folder, format!("neither {name} nor {name}.gz is there"));
            find(folder, name).ok_or_else(missing)
        };
        let labels = read(&found(labels)?, 1, memory_bytes)?;
        let images = read(&found(images)?, 3, memory_bytes)?;
        let Idx { path, sizes, bytes } = images;
        let [count, height, width] = sizes[..] else { unreachable!("a file with three sizes") };
        if count != labels.bytes.len() {
            let reason = format!("{count} pictures, and {} labels in {}", labels.bytes.len(), labels.path.display());
            return Err(DataError::malformed(&path, reason));
        }
        if width == 0 || height == 0 {
            return Err(DataError::malformed(&path, format!("pictures of {width}x{height} px")));
        }
        Ok(Self { size: [width, height], pixels: bytes, labels: labels.bytes })
    }
}

/// Training pictures, then test pictures.
struct GreyPictures([Split; 2]);

impl ReadPicture for GreyPictures {
    fn read(&self, place: usize, see: &mut dyn FnMut(PictureView<'_>)) -> Result<(), String> {
        let [training, test] = &self.0;
        let before = training.labels.len();
        let (split, at) = if place < before { (training, place) } else { (test, place - before) };
        let [width, height] = split.size;
        let pixels = &split.pixels[at * width * height..][..width * height];
        see(PictureView::new(pixels, PixelFormat::Grey8, width, height).map_err(|error| error.to_string())?);
        Ok(())
    }
}
