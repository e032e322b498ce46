//! Sets of pictures written by hand, whole and broken.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::cifar::{BATCHES, CLASS_NAMES_FILE, PICTURE_BYTES, TEST_BATCH, planar};
use super::*;
use crate::data::named_classes::in_order_of;
use crate::data::{DataError, Place, ViewSource};

const MEMORY: u64 = 64 << 20;

pub(super) fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A PNG file of one colour.
fn png([width, height]: [usize; 2], rgb: [u8; 3]) -> Vec<u8> {
    let mut file = Vec::new();
    let pixels = rgb.repeat(width * height);
    PngEncoder::new(&mut file).write_image(&pixels, width as u32, height as u32, ExtendedColorType::Rgb8).unwrap();
    file
}

pub(super) fn write_png(path: &Path, size: [usize; 2], rgb: [u8; 3]) {
    write(path, &png(size, rgb));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A folder in an archive, below a folder of that name.
pub(super) fn write_tar_gz(archive: &Path, folder: &Path, name: &str) {
    let mut tar = tar::Builder::new(GzEncoder::new(File::create(archive).unwrap(), Compression::fast()));
    tar.append_dir_all(name, folder).unwrap();
    tar.into_inner().unwrap().finish().unwrap();
}

/// The bytes of an IDX file.
fn idx(sizes: &[usize], bytes: &[u8]) -> Vec<u8> {
    let sizes_bytes: Vec<u8> = sizes.iter().flat_map(|size| (*size as u32).to_be_bytes()).collect();
    [&[0, 0, 8, sizes.len() as u8][..], &sizes_bytes, bytes].concat()
}

/// Four IDX files with pictures of 3x2 pixels, all of which are as bright as ten times the label; one of them packed.
pub(super) fn write_idx(folder: &Path, training: &[u8], test: &[u8]) {
    for (split, labels) in [("train", training), ("t10k", test)] {
        let pixels: Vec<u8> = labels.iter().flat_map(|label| [label * 10; 6]).collect();
        write(&folder.join(format!("{split}-images-idx3-ubyte")), &idx(&[labels.len(), 2, 3], &pixels));
        write(&folder.join(format!("{split}-labels-idx1-ubyte.gz")), &gzip(&idx(&[labels.len()], labels)));
    }
}

/// A colour that tells a picture from others.
fn pixels_of(number: usize) -> Vec<u8> {
    (0..PICTURE_BYTES).map(|at| (at * 7 + number * 13) as u8).collect()
}

/// CIFAR-10's files with two training pictures of each batch and one test picture of each class.
pub(super) fn write_cifar10(folder: &Path, classes: &[&str]) {
    let record = |label: usize, number: usize| [vec![label as u8], planar(&pixels_of(number))].concat();
    for (batch, name) in BATCHES.iter().enumerate() {
        let records = [2 * batch, 2 * batch + 1].map(|number| record(number % classes.len(), number));
        write(&folder.join(name), &records.concat());
    }
    let test: Vec<u8> = (0..classes.len()).flat_map(|label| record(label, 100 + label)).collect();
    write(&folder.join(TEST_BATCH), &test);
    write(&folder.join(CLASS_NAMES_FILE), (classes.join("\n") + "\n\n").as_bytes());
}

/// CIFAR-100's files: 100 classes of 20 groups, with one picture for training and one for the test.
fn write_cifar100(folder: &Path) {
    let record = |coarse: u8, fine: u8, number: usize| [vec![coarse, fine], planar(&pixels_of(number))].concat();
    write(&folder.join("train.bin"), &[record(19, 99, 1), record(3, 0, 2)].concat());
    write(&folder.join("test.bin"), &record(19, 98, 3));
    let names = |prefix: &str, count: usize| (0..count).map(|at| format!("{prefix}-{at}\n")).collect::<String>();
    write(&folder.join("fine_label_names.txt"), names("fine", 100).as_bytes());
    write(&folder.join("coarse_label_names.txt"), names("coarse", 20).as_bytes());
}

fn settings() -> PictureFolderSettings {
    PictureFolderSettings { with_classes: true, held_out_share: 0.2, seed: 0, archive_bytes: MEMORY }
}

fn ids(listed: &ListedPictures) -> Vec<String> {
    (0..listed.len()).map(|picture| listed.id(picture).to_owned()).collect()
}

fn held_out(listed: &ListedPictures) -> Vec<String> {
    let held_out = (0..listed.len()).filter(|&picture| listed.is_held_out(picture));
    held_out.map(|picture| listed.id(picture).to_owned()).collect()
}

fn loaded(listed: ListedPictures, size: usize) -> PictureSet {
    listed.load(size, MEMORY, false).unwrap_or_else(|error| panic!("{error}"))
}

/// The first pixel of each picture.
fn colours(set: &PictureSet) -> Vec<[u8; 3]> {
    let places = Place::all(&(0..set.subject_count()).collect::<Vec<_>>());
    let batch = set.views(&places, 1, 0).unwrap();
    batch.images.chunks_exact(set.image_size().pow(2) * 3).map(|image| [image[0], image[1], image[2]]).collect()
}

#[test]
fn cifar_10_is_read_from_folders_and_archives() {
    let scratch = tempfile::tempdir().unwrap();
    let official = scratch.path().join("cifar-10-batches-bin");
    write_cifar10(&official, &["plane", "car", "bird"]);
    let archive = scratch.path().join("cifar-10-binary.tar.gz");
    write_tar_gz(&archive, &official, "cifar-10-batches-bin");
    for path in [official.as_path(), scratch.path(), &archive] {
        assert!(holds_cifar(path, MEMORY).unwrap(), "{path:?}");
        let listed = list_cifar(path, CifarLabels::Fine, MEMORY).unwrap();
        assert_eq!((listed.layout(), listed.len()), ("CIFAR-10", 13));
        assert_eq!(
            ids(&listed)[..3],
            ["plane/data_batch_1-00000", "car/data_batch_1-00001", "bird/data_batch_2-00000"]
        );
        assert_eq!(held_out(&listed), ["plane/test_batch-00000", "car/test_batch-00001", "bird/test_batch-00002"]);
        let set = loaded(listed, 32);
        assert_eq!(set.class_names(), ["plane", "car", "bird"]);
        let batch = set.views(&Place::all(&[3, 12]), 1, 0).unwrap();
        assert_eq!(batch.images, [pixels_of(3), pixels_of(102)].concat(), "planes become pixels");
        assert_eq!((batch.labels, batch.subjects), (vec![0, 2], vec![3, 12]));
    }
}

#[test]
fn cifar_100_has_two_kinds_of_labels() {
    let scratch = tempfile::tempdir().unwrap();
    write_cifar100(scratch.path());
    for (labels, classes, names) in [
        (CifarLabels::Fine, 100, ["fine-99", "fine-0", "fine-98"]),
        (CifarLabels::Coarse, 20, ["coarse-19", "coarse-3", "coarse-19"]),
    ] {
        let listed = list_cifar(scratch.path(), labels, MEMORY).unwrap();
        assert_eq!((listed.layout(), listed.class_names().len()), ("CIFAR-100", classes));
        let of = |picture| listed.class_names()[listed.label(picture)].as_str();
        assert_eq!([of(0), of(1), of(2)], names);
        let batch = loaded(listed, 32).views(&Place::all(&[2]), 1, 0).unwrap();
        assert_eq!(batch.images, pixels_of(3));
    }
}

#[test]
fn broken_files_of_cifar_are_named_as_what_they_are() {
    type Break = fn(&Path);
    let cases: [(&str, Break, &str); 9] = [
        ("a batch is missing", |f| fs::remove_file(f.join(BATCHES[2])).unwrap(), "data_batch_3.bin is missing"),
        ("no test pictures", |f| fs::remove_file(f.join(TEST_BATCH)).unwrap(), "test_batch.bin is missing"),
        ("no names", |f| fs::remove_file(f.join(CLASS_NAMES_FILE)).unwrap(), "batches.meta.txt is missing"),
        ("empty names", |f| write(&f.join(CLASS_NAMES_FILE), b"\n"), "must have one to 256 names"),
        ("a name twice", |f| write(&f.join(CLASS_NAMES_FILE), b"cat\ncat\n"), "none twice"),
        (
            "short",
            |f| write(&f.join(BATCHES[0]), &[0; 3072]),
            "has 3072 bytes, which are no whole number of records of 3073",
        ),
        ("empty", |f| write(&f.join(BATCHES[0]), b""), "has 0 bytes"),
        (
            "label",
            |f| write(&f.join(BATCHES[1]), &[3; 3073]),
            "the label 3 of record 0 is out of range: there are 3 classes",
        ),
        ("both", |f| write(&f.join("train.bin"), b""), "of CIFAR-10 and of CIFAR-100"),
    ];
    for (name, breaks, want) in cases {
        let scratch = tempfile::tempdir().unwrap();
        write_cifar10(scratch.path(), &["plane", "car", "bird"]);
        breaks(scratch.path());
        let error = list_cifar(scratch.path(), CifarLabels::Fine, MEMORY).unwrap_err().to_string();
        assert!(error.contains(want), "{name}: {error}");
    }
    let scratch = tempfile::tempdir().unwrap();
    let error = |labels, memory| list_cifar(scratch.path(), labels, memory).unwrap_err().to_string();
    assert!(error(CifarLabels::Fine, MEMORY).contains("no CIFAR there"));
    write_cifar10(scratch.path(), &["plane"]);
    assert!(error(CifarLabels::Coarse, MEMORY).contains("has no coarse labels"));
    assert!(error(CifarLabels::Fine, 10_000).contains("data.picture_memory_mib"));
}

#[test]
fn idx_files_are_grey_pictures_with_numbers_for_classes() {
    let scratch = tempfile::tempdir().unwrap();
    write_idx(scratch.path(), &[0, 2, 1], &[2]);
    assert!(looks_like_idx(scratch.path()));
    let listed = list_idx(scratch.path(), MEMORY).unwrap();
    assert_eq!(ids(&listed), ["0/train-00000", "2/train-00001", "1/train-00002", "2/test-00000"]);
    assert_eq!(held_out(&listed), ["2/test-00000"]);
    assert_eq!(listed.inspect()[0], Ok([3, 2]));
    let set = loaded(listed, 16);
    assert_eq!(set.class_names(), ["0", "1", "2"]);
    assert_eq!(colours(&set), [[0; 3], [20; 3], [10; 3], [20; 3]]);
}

#[test]
fn idx_files_that_disagree_are_refused() {
    type Break = fn(&Path);
    let cases: [(&str, Break, &str); 4] = [
        (
            "a file is missing",
            |f| fs::remove_file(f.join("t10k-images-idx3-ubyte")).unwrap(),
            "neither t10k-images-idx3-ubyte nor t10k-images-idx3-ubyte.gz is there",
        ),
        (
            "a label more",
            |f| write(&f.join("train-labels-idx1-ubyte"), &idx(&[3], &[0; 3])),
            "2 pictures, and 3 labels in",
        ),
        ("no pixels", |f| write(&f.join("train-images-idx3-ubyte"), &idx(&[2, 0, 3], &[])), "pictures of 3x0 px"),
        (
            "labels for pictures",
            |f| write(&f.join("train-images-idx3-ubyte"), &idx(&[2], &[0; 2])),
            "is no IDX file of bytes with 3 sizes",
        ),
    ];
    for (name, breaks, want) in cases {
        let scratch = tempfile::tempdir().unwrap();
        write_idx(scratch.path(), &[0, 1], &[1]);
        breaks(scratch.path());
        let error = list_idx(scratch.path(), MEMORY).unwrap_err().to_string();
        assert!(error.contains(want), "{name}: {error}");
    }
    let scratch = tempfile::tempdir().unwrap();
    write_idx(scratch.path(), &[], &[]);
    assert!(list_idx(scratch.path(), MEMORY).unwrap_err().to_string().contains("have no picture"));
}

#[test]
fn a_folder_of_classes_is_split_by_share_and_seed() {
    let scratch = tempfile::tempdir().unwrap();
    for (class, count) in [("cat", 10), ("dog", 5), ("eel", 1)] {
        for at in 0..count {
            write_png(&scratch.path().join(class).join(format!("{at}.PNG")), [8, 8], [at, 0, 0]);
        }
    }
    let split = |seed| held_out(&list_pictures(scratch.path(), &PictureFolderSettings { seed, ..settings() }).unwrap());
    assert_eq!(split(0), split(0));
    assert_eq!(split(0).len(), 3);
    assert!((1..9).any(|seed| split(seed) != split(0)));
    let set = loaded(list_pictures(scratch.path(), &settings()).unwrap(), 16);
    assert_eq!(set.class_names(), ["cat", "dog", "eel"]);
    assert_eq!(set.warnings(), ["nothing is held out of eel: figures leave them out"]);
}

#[test]
fn pictures_without_classes_have_no_names_of_classes() {
    let scratch = tempfile::tempdir().unwrap();
    for at in 0..5 {
        write_png(&scratch.path().join(format!("{at}.png")), [20 + usize::from(at), 10], [at, 0, 0]);
    }
    let set = loaded(list_pictures(scratch.path(), &settings()).unwrap(), 16);
    assert_eq!((set.class_names().len(), set.label(3), set.held_out_subjects().len()), (0, 0, 1));
    assert_eq!(set.warnings(), [""; 0]);
    assert_eq!(colours(&set), [0, 1, 2, 3, 4].map(|at| [at, 0, 0]));
    let named = in_order_of(Arc::new(set), &["cat".into()]).unwrap();
    assert_eq!((named.class_names().len(), named.label(3)), (0, 0), "a run with classes can look at them, too");
    let all = PictureFolderSettings { held_out_share: 0.0, ..settings() };
    let set = loaded(list_pictures(scratch.path(), &all).unwrap(), 16);
    assert_eq!(set.warnings(), ["no object is held out: figures are of the very pictures of the objects trained on"]);
}

#[test]
fn pictures_are_turned_cropped_and_resized_as_for_prediction() {
    let scratch = tempfile::tempdir().unwrap();
    let file = include_bytes!("../../../../runtime/tests/pictures/baseline.jpg");
    write(&scratch.path().join("a.jpg"), file);
    let picture = sextant_runtime::picture::Picture::decode(file, &Default::default()).unwrap();
    let set = loaded(list_pictures(scratch.path(), &settings()).unwrap(), 16);
    assert_eq!(set.views(&Place::all(&[0]), 1, 0).unwrap().images, picture.view().resized(16, 16));
}

#[test]
fn views_of_a_picture_are_the_same_wherever_it_is_kept() {
    let scratch = tempfile::tempdir().unwrap();
    for at in 0..200_u8 {
        write_png(&scratch.path().join(format!("{at:03}.png")), [16, 16], [at, 255 - at, 7]);
    }
    let listed = || list_pictures(scratch.path(), &settings()).unwrap();
    let kept = listed().load(16, MEMORY, false).unwrap();
    let read = listed().load(16, 1000, false).unwrap();
    assert!(read.warnings()[0].contains("read anew for each batch"), "{:?}", read.warnings());
    let places = Place::all(&[7, 199, 7, 0]);
    let batch = kept.views(&places, 3, 1).unwrap();
    assert_eq!(batch, read.views(&places, 3, 2).unwrap());
    assert_eq!((batch.view_count(), batch.len()), (3, 4));
    for view in 0..3 {
        assert_eq!(batch.images_of(view), batch.images_of(0));
        assert_eq!(batch.images_at(view, 1..2)[..3], [199, 56, 7]);
    }
    assert!(batch.transformations.iter().all(|parameters| parameters.iter().next().is_none()));
    assert_eq!((kept.view_count(0), kept.camera(), kept.offers().len()), (Some(1), None, 0));
    assert_eq!(kept.views(&[], 2, 0).unwrap().images, [0; 0]);
}

#[test]
fn broken_pictures_are_all_named_or_left_out() {
    let scratch = tempfile::tempdir().unwrap();
    for at in 0..4 {
        write_png(&scratch.path().join(format!("{at}.png")), [8, 8], [at, 0, 0]);
    }
    let whole = png([8, 8], [9; 3]);
    write(&scratch.path().join("1.png"), &whole[..whole.len() / 2]);
    write(&scratch.path().join("2.jpg"), b"GIF89a");
    for memory in [MEMORY, 100] {
        let listed = || list_pictures(scratch.path(), &settings()).unwrap();
        let error = listed().load(16, memory, false).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("2 of 5 pictures cannot be read"), "{text}");
        assert!(text.contains("1.png: the PNG file ends early") && text.contains("2.jpg: a GIF picture"), "{text}");
        assert!(error.hint().unwrap().contains("data.skip_broken=true"));
        let set = listed().load(16, memory, true).unwrap();
        assert_eq!(colours(&set), [[0; 3], [2, 0, 0], [3, 0, 0]]);
        assert!(set.warnings()[0].contains("skipped 1.png: the PNG file ends early"), "{:?}", set.warnings());
    }
    fs::remove_file(scratch.path().join("0.png")).unwrap();
    (2..4).for_each(|at| fs::remove_file(scratch.path().join(format!("{at}.png"))).unwrap());
    let error = list_pictures(scratch.path(), &settings()).unwrap().load(16, MEMORY, true).unwrap_err();
    assert!(error.to_string().contains("2 of 2 pictures"), "{error}");
}

#[cfg(unix)]
#[test]
fn what_lies_beside_pictures_is_counted() {
    use std::os::unix::fs::symlink;
    let scratch = tempfile::tempdir().unwrap();
    let set = scratch.path().join("set");
    write_png(&set.join("cat/1.png"), [8, 8], [1; 3]);
    write_png(&set.join("cat/2.JPeG"), [8, 8], [2; 3]);
    write_png(&set.join("cat/._1.png"), [8, 8], [3; 3]);
    write_png(&set.join(".hidden/cat/1.png"), [8, 8], [3; 3]);
    write(&set.join("notes.txt"), b"x");
    symlink("nowhere.png", set.join("cat/3.png")).unwrap();
    symlink("..", set.join("cat/round")).unwrap();
    symlink("1.png", set.join("cat/4.png")).unwrap();
    let listed = list_pictures(&set, &settings()).unwrap();
    assert_eq!(ids(&listed), ["cat/1.png", "cat/2.JPeG", "cat/4.png"]);
    let warnings = listed.warnings().join("\n");
    for want in [
        "1 file that is no PNG or JPEG (notes.txt)",
        "1 dead link (cat/3.png)",
        "1 link to a folder that is read already (cat/round)",
        "all pictures are of one class, cat",
    ] {
        assert!(warnings.contains(want), "{warnings}");
    }
    assert_eq!(colours(&loaded(listed, 16)), [[1; 3], [2; 3], [1; 3]]);
}

#[test]
fn a_place_without_pictures_says_what_lies_there() {
    let scratch = tempfile::tempdir().unwrap();
    let error = |path: &Path| list_pictures(path, &settings()).unwrap_err().to_string();
    let found = error(scratch.path());
    assert!(found.contains("no pictures there; expected SPLIT/CLASS/NAME, CLASS/NAME or NAME"), "{found}");
    write(&scratch.path().join("a.webp"), b"x");
    assert!(error(scratch.path()).contains("skipped: 1 file that is no PNG or JPEG (a.webp)"));
    assert!(error(&scratch.path().join("a.webp")).contains("is neither a folder nor a .tar.gz"));
    assert!(matches!(list_pictures(&scratch.path().join("b"), &settings()), Err(DataError::Io { .. })));
}

/// A zip file of those members.
fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A tar file of those members, whatever their names.
fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, *bytes).unwrap();
    }
    tar.into_inner().unwrap()
}

#[test]
fn archives_are_read_as_the_folders_in_them() {
    let (one, two) = (png([8, 8], [1; 3]), png([8, 8], [2; 3]));
    let members: [(&str, &[u8]); 6] = [
        ("./pets/train/cat/1.png", &one),
        ("pets/train/dog/1.png", &two),
        ("pets/test/cat/2.png", &two),
        ("pets/README", b"x"),
        ("pets/train/cat/._1.png", b"x"),
        ("pets/test/dog/2.png", &one),
    ];
    let scratch = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("set.tar", tar_of(&members)),
        ("set.tgz", gzip(&tar_of(&members))),
        ("set.TAR.GZ", gzip(&tar_of(&members))),
        ("set.zip", zip_of(&members)),
    ] {
        let path = scratch.path().join(name);
        write(&path, &bytes);
        assert!(looks_like_pictures(&path));
        let listed = list_pictures(&path, &settings()).unwrap();
        assert_eq!(ids(&listed), ["test/cat/2.png", "train/cat/1.png", "test/dog/2.png", "train/dog/1.png"], "{name}");
        assert!(listed.warnings()[0].contains("1 file that is no PNG or JPEG (pets/README)"), "{name}");
        let set = loaded(listed, 16);
        assert_eq!(set.class_names(), ["cat", "dog"], "{name}");
        assert_eq!(colours(&set), [[2; 3], [1; 3], [1; 3], [2; 3]], "{name}");
    }
}

#[test]
fn hostile_names_in_archives_are_passed_over() {
    let (one, two) = (png([8, 8], [1; 3]), png([8, 8], [2; 3]));
    let members: [(&str, &[u8]); 6] = [
        ("cat/1.png", &one),
        ("../cat/2.png", &one),
        ("/cat/3.png", &one),
        ("cat\\..\\4.png", &one),
        ("C:/5.png", &one),
        ("./cat/1.png", &two),
    ];
    let scratch = tempfile::tempdir().unwrap();
    for (name, bytes) in [("set.tar", tar_of(&members)), ("set.zip", zip_of(&members))] {
        let path = scratch.path().join(name);
        write(&path, &bytes);
        let listed = list_pictures(&path, &settings()).unwrap();
        assert_eq!(ids(&listed), ["cat/1.png"], "{name}");
        let warnings = listed.warnings().join("\n");
        assert!(warnings.contains("4 names that lead out of the archive (../cat/2.png"), "{warnings}");
        assert!(warnings.contains("1 file that comes again (cat/1.png)"), "{warnings}");
        assert_eq!(colours(&loaded(listed, 16)), [[2; 3]], "the later one counts");
    }
}

#[test]
fn links_in_archives_are_passed_over() {
    let scratch = tempfile::tempdir().unwrap();
    let one = png([8, 8], [1; 3]);
    let mut tar = tar::Builder::new(tar_of(&[("a.png", &one)])[..1024].to_vec());
    for (name, kind) in
        [("b.png", tar::EntryType::Symlink), ("c.png", tar::EntryType::Link), ("d.png", tar::EntryType::Char)]
    {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_cksum();
        tar.append_link(&mut header, name, "/etc/passwd").unwrap();
    }
    write(&scratch.path().join("set.tar"), &tar.into_inner().unwrap());
    let mut zip = ZipWriter::new(std::io::Cursor::new(zip_of(&[])));
    zip.start_file("a.png", SimpleFileOptions::default()).unwrap();
    zip.write_all(&one).unwrap();
    for name in ["b.png", "c.png", "d.png"] {
        zip.add_symlink(name, "/etc/passwd", SimpleFileOptions::default()).unwrap();
    }
    write(&scratch.path().join("set.zip"), &zip.finish().unwrap().into_inner());
    for name in ["set.tar", "set.zip"] {
        let listed = list_pictures(&scratch.path().join(name), &settings()).unwrap();
        assert_eq!(ids(&listed), ["a.png"], "{name}");
        assert!(listed.warnings()[0].contains("3 links or devices (b.png, c.png, d.png)"), "{:?}", listed.warnings());
    }
}

#[test]
fn broken_archives_and_bombs_are_refused() {
    let one = png([8, 8], [1; 3]);
    let members: [(&str, &[u8]); 2] = [("a.png", &one), ("b.png", &one)];
    let zeros = vec![0; 80 << 20];
    let bomb: [(&str, &[u8]); 1] = [("a.png", &zeros)];
    let beside: [(&str, &[u8]); 1] = [("a.bin", &zeros)];
    let (tar, zip) = (tar_of(&members), zip_of(&members));
    let mut flipped = zip.clone();
    flipped[40] ^= 1;
    let cases: [(&str, Vec<u8>, &str); 12] = [
        ("empty.tar", vec![], "no pictures there"),
        ("empty.zip", vec![], "the archive is broken"),
        ("text.zip", b"text".to_vec(), "the archive is broken"),
        ("text.tar.gz", b"text".to_vec(), "the archive is broken"),
        ("text.tar", vec![b'x'; 1024], "the archive is broken"),
        ("cut.tar", tar[..520].to_vec(), "the archive is broken"),
        ("cut.tgz", gzip(&tar)[..60].to_vec(), "the archive is broken"),
        ("cut.zip", zip[..zip.len() - 30].to_vec(), "the archive is broken"),
        ("flipped.zip", flipped, "the archive is broken (a.png: "),
        ("bomb.zip", zip_of(&bomb), "unpacks to more than data.picture_memory_mib = 64"),
        ("bomb.tar.gz", gzip(&tar_of(&bomb)), "unpacks to more than data.picture_memory_mib = 64"),
        ("beside.tar.gz", gzip(&tar_of(&beside)), "unpacks to more than data.picture_memory_mib = 64"),
    ];
    let scratch = tempfile::tempdir().unwrap();
    for (name, bytes, want) in cases {
        let path = scratch.path().join(name);
        write(&path, &bytes);
        let error = list_pictures(&path, &settings()).unwrap_err().to_string();
        assert!(error.contains(want) && error.contains(name), "{name}: {error}");
    }
}
