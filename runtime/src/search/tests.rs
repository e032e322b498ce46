use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use image::{Rgb, RgbImage};
use proptest::prelude::*;

use super::*;
use crate::graph::{DataType, GraphBuilder, Op};
use crate::picture::PictureLimits;
use crate::pose::Predictor;

fn mark() -> ModelMark {
    ModelMark { path: "/models/m.sxt".into(), bytes: 99, checksum: 0xdead_beef }
}

fn picture(name: &str, invariant: &[f32], equivariant: &[f32]) -> NewPicture {
    let stamp = Stamp { bytes: name.len() as u64, modified_s: -3, modified_ns: 999_999_999 };
    NewPicture { name: name.into(), stamp, invariant: invariant.into(), equivariant: equivariant.into() }
}

fn index(pictures: &[NewPicture]) -> Index {
    let mut index = Index::new(mark());
    index.extend(pictures.to_vec()).unwrap();
    index
}

fn names(index: &Index) -> Vec<&str> {
    index.pictures().iter().map(|picture| picture.name.to_str().unwrap()).collect()
}

fn found(index: &Index, query: [&[f32]; 2], half: Half, top: usize) -> Vec<String> {
    let query = Features { invariant: query[0], equivariant: query[1] };
    let matches = index.nearest(&query, half, top).unwrap();
    matches.iter().map(|found| std::format!("{} {:.3}", found.name.display(), found.similarity)).collect()
}

#[test]
fn each_half_and_both_have_answers_of_their_own() {
    let index = index(&[
        picture("c", &[1.0, 0.0], &[0.0, 3.0, 0.0]),
        picture("a", &[0.0, -2.0], &[1.0, 0.0, 0.0]),
        picture("b", &[1.0, 1.0], &[0.0, 0.0, 2.0]),
    ]);
    assert_eq!(names(&index), ["a", "b", "c"]);
    let query: [&[f32]; 2] = [&[2.0, 0.0], &[0.0, 0.0, 1.0]];
    assert_eq!(found(&index, query, Half::Invariant, 2), ["c 1.000", "b 0.707"]);
    assert_eq!(found(&index, query, Half::Equivariant, 9), ["b 1.000", "a 0.000", "c 0.000"]);
    assert_eq!(found(&index, query, Half::Features, 1), ["b 0.730"]);
    assert!(found(&index, query, Half::Features, 0).is_empty());
}

#[test]
fn equal_pictures_come_in_the_order_of_their_names_and_zeros_are_like_none() {
    let same = [1.0, 2.0];
    let pictures: Vec<_> = ["d", "b", "e", "a"].iter().map(|name| picture(name, &same, &[])).collect();
    let mut index = index(&pictures);
    index.extend([picture("0", &[0.0, 0.0], &[]), picture("far", &[-1.0, -2.0], &[])]).unwrap();
    assert_eq!(found(&index, [&same, &[]], Half::Invariant, 3), ["a 1.000", "b 1.000", "d 1.000"]);
    assert_eq!(found(&index, [&same, &[]], Half::Features, 9).len(), 5);
    // Products of such numbers overflow in single precision.
    let large = [f32::MAX, f32::MAX];
    index.extend([picture("large", &large, &[])]).unwrap();
    assert_eq!(found(&index, [&large, &[]], Half::Invariant, 1), ["large 1.000"]);
}

#[test]
fn features_that_cannot_be_compared_are_refused() {
    let mut index = index(&[picture("a", &[1.0, 0.0], &[])]);
    let before = index.clone();
    let cases: [(&[f32], &[f32], FeaturesFault); 5] = [
        (&[f32::NAN, 0.0], &[], FeaturesFault::NotFinite),
        (&[f32::INFINITY, 0.0], &[], FeaturesFault::NotFinite),
        (&[1.0], &[], FeaturesFault::Widths { expected: [2, 0], found: [1, 0] }),
        (&[1.0, 0.0], &[1.0], FeaturesFault::Widths { expected: [2, 0], found: [2, 1] }),
        (&[], &[], FeaturesFault::None),
    ];
    for (invariant, equivariant, fault) in cases {
        assert_eq!(index.extend([picture("b", &[1.0, 1.0], &[]), picture("c", invariant, equivariant)]), Err(fault));
        let query = Features { invariant, equivariant };
        assert_eq!(index.nearest(&query, Half::Features, 1), Err(fault));
    }
    assert_eq!(index, before);
    let query = Features { invariant: &[1.0, 0.0], equivariant: &[] };
    assert_eq!(index.nearest(&query, Half::Equivariant, 1), Err(FeaturesFault::NoHalf));
    let zero = Features { invariant: &[0.0, -0.0], equivariant: &[] };
    assert_eq!(index.nearest(&zero, Half::Invariant, 1), Err(FeaturesFault::Zero));
}

#[test]
fn pictures_are_replaced_by_name_and_left_out() {
    let mut index = index(&[picture("b", &[1.0], &[]), picture("d", &[2.0], &[])]);
    index.extend([picture("d", &[3.0], &[]), picture("c", &[4.0], &[]), picture("d", &[5.0], &[])]).unwrap();
    assert_eq!((names(&index), &index.features[..]), (vec!["b", "c", "d"], &[1.0, 4.0, 5.0][..]));
    index.retain(|picture| picture.name != Path::new("c"));
    assert_eq!((names(&index), &index.features[..]), (vec!["b", "d"], &[1.0, 5.0][..]));
    index.retain(|_| false);
    assert_eq!(index, Index::new(mark()));
    // Another width is none of an empty index's.
    index.extend([picture("x", &[1.0, 2.0], &[])]).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_answer_is_that_of_a_plain_sort(
        rows in proptest::collection::vec(proptest::collection::vec(-2i8..=2, 11), 1..60),
        query in proptest::collection::vec(-2i8..=2, 11),
        top in 0usize..70,
    ) {
        let numbers = |row: &[i8]| row.iter().map(|value| f32::from(*value)).collect::<Vec<f32>>();
        let pictures: Vec<_> =
            rows.iter().enumerate().map(|(i, row)| picture(&std::format!("{i:02}"), &numbers(row), &[])).collect();
        let index = index(&pictures);
        let query = numbers(&query);
        prop_assume!(query.iter().any(|value| *value != 0.0));
        let exact = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let mut expected: Vec<(f64, PathBuf)> = pictures
            .iter()
            .filter(|picture| picture.invariant.iter().any(|value| *value != 0.0))
            .map(|picture| {
                let row = &picture.invariant;
                let norms = exact(&query, &query).sqrt() * exact(row, row).sqrt();
                ((exact(&query, row) / norms).clamp(-1.0, 1.0), picture.name.clone())
            })
            .collect();
        // Stable: equal ones stay in the order of their names.
        expected.sort_by(|(a, _), (b, _)| b.partial_cmp(a).unwrap());
        expected.truncate(top);
        let features = Features { invariant: &query, equivariant: &[] };
        let found: Vec<_> = index.nearest(&features, Half::Invariant, top).unwrap();
        let found: Vec<(f64, PathBuf)> = found.into_iter().map(|found| (found.similarity, found.name)).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn any_bytes_are_an_index_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut file = b"\x89SXI\r\n\x1a\n\x01\0\0\0".to_vec();
        file.extend(bytes);
        let _ = Index::of_bytes(&file);
    }
}

/// A small index with all parts.
fn whole() -> Index {
    index(&[picture("a.png", &[1.0, -2.0], &[0.5]), picture("in ner/b\n.jpg", &[0.0, 3.0], &[9.0])])
}

#[test]
fn an_index_is_read_as_it_was_written() {
    for index in [whole(), Index::new(mark())] {
        assert_eq!(Index::of_bytes(&index.to_bytes()), Ok(index));
    }
}

#[cfg(unix)]
#[test]
fn names_need_not_be_utf8() {
    use std::os::unix::ffi::OsStrExt;
    let name = PathBuf::from(std::ffi::OsStr::from_bytes(b"caf\xe9.png"));
    let index = index(&[NewPicture { name: name.clone(), ..picture("", &[1.0], &[]) }]);
    assert_eq!(Index::of_bytes(&index.to_bytes()).unwrap().pictures()[0].name, name);
}

#[test]
fn damaged_files_are_errors() {
    let good = whole().to_bytes();
    for length in 0..good.len() {
        assert!(Index::of_bytes(&good[..length]).is_err(), "{length} bytes");
    }
    for offset in 0..good.len() {
        let mut bytes = good.clone();
        bytes[offset] ^= 0x10;
        assert!(Index::of_bytes(&bytes).is_err(), "byte {offset}");
    }
    assert_eq!(Index::of_bytes(&[&good[..], b"x"].concat()), Err(IndexFault::Length));
}

/// Files whose checksum is right, and which no index writes.
#[test]
fn hostile_files_are_errors() {
    let good = whole().to_bytes();
    let names = good.len() - b"a.pngin ner/b\n.jpg".len();
    let contents = |what| IndexFault::Contents { what };
    let out = contents("a name leads out of the folder");
    let (order, feature) = (contents("the names are not in order"), contents("a feature is not finite"));
    let many = u32::MAX.to_le_bytes();
    let cases: [(&str, usize, &[u8], IndexFault); 15] = [
        ("magic", 1, b"PNG", IndexFault::NoIndex),
        ("version", 8, &[2], IndexFault::Version { found: 2 }),
        ("length", 16, &[1], IndexFault::Length),
        ("more pictures than bytes", 36, &many, IndexFault::Length),
        ("wider than bytes", 40, &many, IndexFault::Length),
        ("all at once", 36, &[0xff; 28], IndexFault::Length),
        ("reserved", 52, &[1], contents("a number that is not used is not zero")),
        ("nanoseconds", 64 + 16, &many, contents("a time has more nanoseconds than a second")),
        ("a name longer than all", 64 + 20, &[200], contents("a name is cut off")),
        ("a name shorter than it is", 64 + 24 + 20, &[3], contents("there are more names than pictures")),
        ("feature", 64 + 48, &f32::NAN.to_le_bytes(), feature),
        ("root", names, b"/.png", out),
        ("parent", names, b"../ng", out),
        ("order", names, b"x.png", order),
        ("an empty name", 64 + 20, &[0], order),
    ];
    for (name, offset, change, fault) in cases {
        let mut bytes = good.clone();
        bytes[offset..offset + change.len()].copy_from_slice(change);
        let checksum = crc32fast::hash(&bytes[16..]);
        bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
        assert_eq!(Index::of_bytes(&bytes), Err(fault), "{name}");
    }
    assert_eq!(Index::of_bytes(b""), Err(IndexFault::NoIndex));
}

/// A folder of its own that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(std::format!("sextant-search-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("inner/deep")).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, colour: [u8; 3]) {
        RgbImage::from_pixel(4, 4, Rgb(colour)).save(self.0.join(name)).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The mean colour.
fn colour_model() -> Vec<u8> {
    let mut builder = GraphBuilder::new("encode");
    let image = builder.input("image", &[4, 4, 3], DataType::U8);
    let normalize = Op::Normalize { mean: [0.0; 3], std: [1.0; 3] };
    let map = builder.node("normalize", normalize, &[image]).unwrap();
    let colour = builder.node("colour", Op::GlobalAveragePool, &[map]).unwrap();
    builder.output("invariant", colour);
    crate::model::write(&BTreeMap::new(), &[builder.finish()]).unwrap()
}

#[test]
fn folders_are_listed_with_all_below_them() {
    let folder = Folder::new("listing");
    for name in ["b.png", "inner/c.PNG", "inner/deep/a.png", ".hidden.png"] {
        folder.write(name, [1, 2, 3]);
    }
    fs::write(folder.0.join("inner/notes.txt"), "no picture").unwrap();
    fs::write(folder.0.join("a.jpeg"), "no picture, by its name one").unwrap();
    fs::create_dir(folder.0.join("folder.png")).unwrap();
    let mut expected = vec!["a.jpeg", "b.png", "inner/c.PNG", "inner/deep/a.png"];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("..", folder.0.join("inner/circle")).unwrap();
        std::os::unix::fs::symlink("nowhere", folder.0.join("dead.png")).unwrap();
        std::os::unix::fs::symlink("b.png", folder.0.join("link.png")).unwrap();
        expected.push("link.png");
    }
    let listing = Listing::of(&folder.0).unwrap();
    let found: Vec<_> = listing.pictures.iter().map(|(name, _)| name.to_str().unwrap()).collect();
    assert_eq!((found, listing.unreadable.len()), (expected, 0));
    let size = fs::metadata(folder.0.join("b.png")).unwrap().len();
    assert_eq!(listing.pictures[1].1.bytes, size);
    assert!(Listing::of(&folder.0.join("missing")).is_err());
}

#[test]
fn only_what_differs_is_looked_at() {
    let folder = Folder::new("update");
    let mut predictor = Predictor::from_bytes(&colour_model()).unwrap();
    let mut index = Index::new(mark());
    let mut update = |index: &mut Index| {
        let listing = Listing::of(&folder.0).unwrap();
        let Changes { pending, new, gone } = index.changes(&listing);
        let unreadable = index.update(&folder.0, &listing, &mut predictor, &PictureLimits::default(), || {}).unwrap();
        let unreadable: Vec<String> = unreadable.iter().map(|one| one.name.display().to_string()).collect();
        ([pending.len(), new, gone], unreadable)
    };
    folder.write("a.png", [255, 0, 0]);
    folder.write("inner/b.png", [0, 255, 0]);
    fs::write(folder.0.join("broken.png"), "no picture").unwrap();
    assert_eq!(update(&mut index), ([3, 3, 0], vec!["broken.png".to_string()]));
    assert_eq!(names(&index), ["a.png", "inner/b.png"]);
    // What cannot be read is tried again.
    assert_eq!(update(&mut index).0, [1, 1, 0]);
    fs::remove_file(folder.0.join("broken.png")).unwrap();
    assert_eq!(update(&mut index), ([0, 0, 0], vec![]));
    // Another size of the file, or another time.
    RgbImage::from_pixel(40, 7, Rgb([0, 0, 255])).save(folder.0.join("a.png")).unwrap();
    folder.write("c.png", [9, 9, 9]);
    assert_eq!(update(&mut index).0, [2, 1, 0]);
    assert_eq!(found(&index, [&[0.0, 0.0, 1.0], &[]], Half::Invariant, 1), ["a.png 1.000"]);
    fs::remove_file(folder.0.join("inner/b.png")).unwrap();
    assert_eq!(update(&mut index).0, [0, 0, 1]);
    assert_eq!(names(&index), ["a.png", "c.png"]);
    let file = folder.0.join(INDEX_NAME);
    assert!(Index::read(&file).unwrap().is_none());
    index.write(&file).unwrap();
    assert_eq!(Index::read(&file).unwrap(), Some(index));
    assert!(matches!(Index::read(&folder.0), Err(SearchError::Index { fault: IndexFault::NoIndex, .. })));
}
