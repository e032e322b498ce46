use std::io::Write;
use std::path::Path;

use rayon::prelude::*;
use sextant_runtime::durable::write_synced;

use super::{Prepared, PreparedSet};
use crate::data::pictures::cifar::{BATCHES, CLASS_NAMES_FILE, PICTURE_BYTES, SIDE, TEST_BATCH, planar};
use crate::data::pictures::listed::PictureRecord;
use crate::data::pictures::origin::ORIGIN_FILE;
use crate::data::pictures::{
    CifarLabels, ListedPictures, Origin, PictureFolderSettings, holds_cifar, list_cifar, list_pictures,
};
use crate::data::{DEFAULT_PICTURE_MEMORY_BYTES, DataError};
use crate::durable::stage_folder;

/// 50,000 and 10,000 pictures of ten kinds of things.
pub const CIFAR10: PreparedSet = PreparedSet {
    name: "cifar10",
    version: 1,
    command: "data prepare cifar10 --from PATH",
    installed: None,
    list: |folder| list_cifar(folder, CifarLabels::Fine, DEFAULT_PICTURE_MEMORY_BYTES),
};

/// The classes of CIFAR-10 in their official order.
pub const CIFAR10_CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Writes CIFAR-10 into the cache in the official binary format, from a folder or an archive of that format or of pictures as
/// SPLIT/CLASS/NAME. When `is_stopped` says so, nothing is written.
///
/// # Errors
/// When it is no CIFAR-10, a picture cannot be read, or the cache has the data set already (unless `overwrite`) or cannot be
/// written; nothing is left then.
pub fn prepare_cifar10(
    from: &Path,
    cache: &Path,
    overwrite: bool,
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Result<Prepared, DataError> {
    let destination = CIFAR10.folder_in(cache);
    let staged = stage_folder(&destination, overwrite, PreparedSet::is_ours)?;
    let (listed, copy) = listed_in(from)?;
    check_classes(from, &listed)?;
    let records = binary_records(&listed, is_stopped)?;
    let of_split = |held_out: bool| -> Vec<&[u8]> {
        let of_split = listed.records.iter().zip(&records).filter(|(record, _)| record.held_out == held_out);
        of_split.map(|(_, bytes)| &bytes[..]).collect()
    };
    let (training, test) = (of_split(false), of_split(true));
    let files = BATCHES.iter().zip(training.chunks(training.len().div_ceil(BATCHES.len())));
    for (name, records) in files.chain([(&TEST_BATCH, &test[..])]) {
        write_synced(&staged.path().join(name), |file| records.iter().try_for_each(|record| file.write_all(record)))?;
    }
    let class_names = CIFAR10_CLASSES.join("\n") + "\n";
    write_synced(&staged.path().join(CLASS_NAMES_FILE), |file| file.write_all(class_names.as_bytes()))?;
    let origin = Origin::new("CIFAR-10", from, copy);
    let json = origin.to_json()?;
    write_synced(&staged.path().join(ORIGIN_FILE), |file| file.write_all(&json))?;
    staged.commit()?;
    let listed = (CIFAR10.list)(&destination)?;
    Ok(Prepared { folder: destination, origin, listed })
}

/// The pictures, and what differs from the official ones.
fn listed_in(from: &Path) -> Result<(ListedPictures, Option<String>), DataError> {
    let memory_bytes = DEFAULT_PICTURE_MEMORY_BYTES;
    if holds_cifar(from, memory_bytes)? {
        let copy = Origin::read(from)?.and_then(|origin| origin.copy);
        return Ok((list_cifar(from, CifarLabels::Fine, memory_bytes)?, copy));
    }
    let settings =
        PictureFolderSettings { with_classes: true, held_out_share: 0.0, seed: 0, archive_bytes: memory_bytes };
    let listed = list_pictures(from, &settings)?;
    let is_lossy = listed.records.iter().any(|record| !record.id.to_lowercase().ends_with(".png"));
    Ok((listed, is_lossy.then(|| "JPEG copy".into())))
}

fn check_classes(from: &Path, listed: &ListedPictures) -> Result<(), DataError> {
    if listed.class_names != CIFAR10_CLASSES {
        let found = listed.class_names.iter().take(12).map(String::as_str).collect::<Vec<_>>().join(", ");
        let found = if found.is_empty() { "none" } else { &found };
        let reason = format!("is not CIFAR-10, whose classes are {}: found {found}", CIFAR10_CLASSES.join(", "));
        return Err(DataError::malformed(from, reason));
    }
    for held_out in [false, true] {
        if !listed.records.iter().any(|record| record.held_out == held_out) {
            return Err(DataError::malformed(from, "has no split: expected train/CLASS/NAME and test/CLASS/NAME"));
        }
    }
    Ok(())
}

/// Each picture as a label and its planes.
fn binary_records(listed: &ListedPictures, is_stopped: &(dyn Fn() -> bool + Sync)) -> Result<Vec<Vec<u8>>, DataError> {
    let bar = listed.bar();
    let record = |record: &PictureRecord| {
        if is_stopped() {
            return Err(DataError::Interrupted);
        }
        let bytes = binary_record(listed, record);
        bar.inc(1);
        Ok(bytes)
    };
    let read: Result<Vec<_>, DataError> = listed.records.par_iter().map(record).collect();
    bar.finish_and_clear();
    let (mut records, mut errors) = (Vec::new(), Vec::new());
    for outcome in read? {
        match outcome {
            Ok(record) => records.push(record),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(records) } else { Err(listed.broken(errors)) }
}

fn binary_record(listed: &ListedPictures, record: &PictureRecord) -> Result<Vec<u8>, String> {
    let (mut size, mut rgb) = ([0; 2], vec![0; PICTURE_BYTES]);
    listed.read(record, &mut |view| {
        size = view.size();
        view.resize_into(SIDE, SIDE, &mut rgb);
    })?;
    if size != [SIDE; 2] {
        return Err(format!("{}: {}x{} px, where CIFAR-10 has {SIDE}x{SIDE}", record.id, size[0], size[1]));
    }
    Ok([vec![record.label as u8], planar(&rgb)].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::pictures::tests::{write_cifar10, write_png, write_tar_gz};

    fn never() -> bool {
        false
    }

    fn shown(listed: &ListedPictures) -> Vec<(usize, bool, Vec<u8>)> {
        let shown = |record: &PictureRecord| {
            let mut image = vec![0; PICTURE_BYTES];
            listed.read(record, &mut |view| view.resize_into(SIDE, SIDE, &mut image)).unwrap();
            (record.label, record.held_out, image)
        };
        listed.records.iter().map(shown).collect()
    }

    #[test]
    fn the_official_format_comes_out_as_it_went_in() {
        let scratch = tempfile::tempdir().unwrap();
        let (from, cache) = (scratch.path().join("from"), scratch.path().join("cache"));
        write_cifar10(&from.join("cifar-10-batches-bin"), &CIFAR10_CLASSES);
        let prepared = prepare_cifar10(&from, &cache, false, &never).unwrap();
        let before = list_cifar(&from, CifarLabels::Fine, 1 << 20).unwrap();
        assert_eq!(shown(&prepared.listed), shown(&before));
        assert_eq!(prepared.origin.copy, None);
        assert!(CIFAR10.open(&cache).unwrap().is_some());
        let error = prepare_cifar10(&from, &cache, false, &never).unwrap_err().to_string();
        assert!(error.contains("--overwrite"), "{error}");
        prepare_cifar10(&from, &cache, true, &never).unwrap();
    }

    #[test]
    fn pictures_of_a_split_are_converted_from_folders_and_archives() {
        let scratch = tempfile::tempdir().unwrap();
        let from = scratch.path().join("set");
        for (label, class) in CIFAR10_CLASSES.iter().enumerate() {
            write_png(&from.join(format!("train/{class}/a.png")), [32, 32], [label as u8, 10, 20]);
            write_png(&from.join(format!("test/{class}/b.png")), [32, 32], [label as u8, 30, 40]);
        }
        let archive = scratch.path().join("set.tar.gz");
        write_tar_gz(&archive, &from, "set");
        let mut seen = Vec::new();
        for (at, from) in [&from, &archive].into_iter().enumerate() {
            let prepared = prepare_cifar10(from, &scratch.path().join(format!("cache-{at}")), false, &never).unwrap();
            seen.push(shown(&prepared.listed));
        }
        assert_eq!(seen[0], seen[1]);
        let (label, held_out, image) = &seen[0][3];
        assert_eq!((*label, *held_out, &image[..3]), (3, false, &[3, 10, 20][..]));
        assert_eq!(seen[0].iter().filter(|(_, held_out, _)| *held_out).count(), 10);
    }

    #[test]
    fn what_is_not_the_data_set_leaves_nothing() {
        type Write = fn(&Path);
        fn all(from: &Path, size: [usize; 2]) {
            for class in CIFAR10_CLASSES {
                write_png(&from.join("train").join(class).join("a.png"), size, [1, 2, 3]);
                write_png(&from.join("test").join(class).join("a.png"), size, [1, 2, 3]);
            }
        }
        let cases: [(&str, Write, &str); 5] = [
            ("no folder", |_| (), "No such file"),
            ("other classes", |from| write_png(&from.join("train/cat/a.png"), [32, 32], [0; 3]), "found cat"),
            ("no classes", |from| write_png(&from.join("a.png"), [32, 32], [0; 3]), "found none"),
            (
                "no split",
                |from| {
                    all(from, [32, 32]);
                    std::fs::remove_dir_all(from.join("test")).unwrap();
                },
                "has no split",
            ),
            ("other size", |from| all(from, [28, 32]), "20 of 20 pictures cannot be read"),
        ];
        for (name, write, want) in cases {
            let scratch = tempfile::tempdir().unwrap();
            let (from, cache) = (scratch.path().join("from"), scratch.path().join("cache"));
            write(&from);
            let error = prepare_cifar10(&from, &cache, false, &never).unwrap_err().to_string();
            assert!(error.contains(want), "{name}: {error}");
            assert!(!cache.exists(), "{name}");
        }
        let scratch = tempfile::tempdir().unwrap();
        all(&scratch.path().join("from"), [32, 32]);
        let stopped = prepare_cifar10(&scratch.path().join("from"), &scratch.path().join("cache"), false, &|| true);
        assert!(matches!(stopped, Err(DataError::Interrupted)), "{stopped:?}");
        assert!(!scratch.path().join("cache").exists());
    }
}
