use std::fs::File;
use std::io;
use std::path::Path;

use sextant_runtime::durable::write_synced;

use super::{Prepared, PreparedSet};
use crate::data::pictures::idx::{
    FASHION_MNIST_CLASSES, FASHION_MNIST_LABELS_CRC32, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, list_known,
};
use crate::data::pictures::idx_file::find;
use crate::data::pictures::origin::ORIGIN_FILE;
use crate::data::pictures::{Origin, list_idx};
use crate::data::{DEFAULT_PICTURE_MEMORY_BYTES, DataError};
use crate::debian_package::DebianPackage;
use crate::durable::stage_folder;

const FILES: [&str; 4] = [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS];

/// 60,000 and 10,000 grey pictures of clothes.
pub const FASHION_MNIST: PreparedSet = PreparedSet {
    name: "fashion-mnist",
    version: 1,
    command: "data prepare fashion-mnist",
    installed: Some("/usr/share/datasets/fashion-mnist"),
    list: |folder| list_idx(folder, DEFAULT_PICTURE_MEMORY_BYTES),
};

/// The Debian package with Fashion-MNIST.
pub const FASHION_MNIST_PACKAGE: DebianPackage = DebianPackage {
    name: "dataset-fashion-mnist",
    file: "dataset-fashion-mnist_*_all.deb",
    folder: "usr/share/datasets/fashion-mnist",
    contents: "*-ubyte.gz",
    is_in: |folder| FILES.iter().all(|name| find(folder, name).is_some()),
};

/// Copies Fashion-MNIST's four IDX files from a folder into the cache, as they are; `from` is what the user named.
///
/// # Errors
/// When a file is missing or broken, the files are those of another data set, or the cache has the data set already (unless
/// `overwrite`) or cannot be written; nothing is left then.
pub fn prepare_fashion_mnist(folder: &Path, from: &Path, cache: &Path, overwrite: bool) -> Result<Prepared, DataError> {
    copy_known(folder, from, cache, overwrite, FASHION_MNIST_LABELS_CRC32)
}

fn copy_known(
    folder: &Path,
    from: &Path,
    cache: &Path,
    overwrite: bool,
    labels_crc32: u32,
) -> Result<Prepared, DataError> {
    let listed = list_known(folder, DEFAULT_PICTURE_MEMORY_BYTES, labels_crc32)?;
    if listed.class_names() != FASHION_MNIST_CLASSES {
        let reason = "is not Fashion-MNIST, since its labels are others: read it with data.source=idx and data.path";
        return Err(DataError::malformed(folder, reason));
    }
    let destination = FASHION_MNIST.folder_in(cache);
    let staged = stage_folder(&destination, overwrite, PreparedSet::is_ours)?;
    for path in FILES.iter().filter_map(|name| find(folder, name)) {
        let name = path.file_name().unwrap_or_default();
        let mut file = File::open(&path).map_err(DataError::io(&path))?;
        write_synced(&staged.path().join(name), |copy| io::copy(&mut file, copy).map(|_| ()))?;
    }
    let origin = Origin::new("Fashion-MNIST", from, None);
    let json = origin.to_json()?;
    write_synced(&staged.path().join(ORIGIN_FILE), |file| io::Write::write_all(file, &json))?;
    staged.commit()?;
    Ok(Prepared { folder: destination, origin, listed })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::data::pictures::tests::write_idx;

    #[test]
    fn the_files_of_the_data_set_are_copied_and_others_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let (from, cache) = (scratch.path().join("from"), scratch.path().join("cache"));
        write_idx(&from, &[0, 9, 1], &[2, 3]);
        let error = prepare_fashion_mnist(&from, &from, &cache, false).unwrap_err().to_string();
        assert!(error.contains("is not Fashion-MNIST") && !cache.exists(), "{error}");
        let crc32 = crc32fast::hash(&[0, 9, 1, 2, 3]);
        let prepared = copy_known(&from, &from, &cache, false, crc32).unwrap();
        assert_eq!(prepared.listed.id(1), "ankle-boot/train-00001");
        assert_eq!(Origin::read(&prepared.folder).unwrap().unwrap(), prepared.origin);
        for name in fs::read_dir(&from).unwrap().map(|entry| entry.unwrap().file_name()) {
            assert_eq!(fs::read(from.join(&name)).unwrap(), fs::read(prepared.folder.join(&name)).unwrap());
        }
        let error = copy_known(&from, &from, &cache, false, crc32).unwrap_err().to_string();
        assert!(error.contains("--overwrite"), "{error}");
        copy_known(&from, &from, &cache, true, crc32).unwrap();
    }
}
