//! Round trips and broken folders, of both layouts.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sextant_runtime::rotation::SymmetryGroup;
use tempfile::TempDir;

use super::latents::{latents_of, scene_of};
use super::*;
use crate::scene::{CameraPose, RotationSampling, SceneParameters};

const VIEWS: usize = 3;
const SIZE: usize = 8;

fn description() -> DataSetDescription {
    let object = |index: usize| ObjectRecord {
        id: format!("class-{}/object-{index}", index % 2),
        label: index % 2,
        held_out: index >= 3,
        symmetry: SymmetryGroup::Cyclic { axis: [0.0, 0.0, 1.0], order: 2 }.into(),
    };
    DataSetDescription {
        image_size: SIZE,
        views_per_object: VIEWS,
        class_names: vec!["class-0".to_owned(), "class-1".to_owned()],
        objects: (0..5).map(object).collect(),
        rotation: RotationSampling::default(),
        seed: 9,
        camera: CameraPose { azimuth_deg: 30.0, ..CameraPose::default() },
        source: "test".to_owned(),
    }
}

/// Every image is one grey, and every latent one number, that tell object and view.
fn grey(object: usize, view: usize) -> u8 {
    (object * 40 + view * 10) as u8
}

fn scene(grey: u8) -> SceneParameters {
    scene_of([f32::from(grey) / 256.0; 7])
}

/// A folder of either layout.
fn open_folder(folder: &Path, image_size: Option<usize>) -> Result<Arc<dyn ViewSource>, DataError> {
    Ok(match detect_format(folder)? {
        DataFormat::Sextant => Arc::new(SextantFolder::open(folder, image_size)?),
        DataFormat::ThreeDieBench => {
            Arc::new(ThreeDieBenchFolder::open(folder, image_size, CameraPose::THREE_DIE_BENCH)?)
        }
    })
}

fn write_all(mut writer: Box<dyn DataSetWriter>) {
    for object in 0..5 {
        let scenes: Vec<SceneParameters> = (0..VIEWS).map(|view| scene(grey(object, view))).collect();
        let images: Vec<u8> = (0..VIEWS).flat_map(|view| vec![grey(object, view); SIZE * SIZE * 3]).collect();
        writer.write_object(&scenes, &images).unwrap();
    }
    writer.finish().unwrap();
}

fn sextant_set() -> (TempDir, PathBuf) {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("set");
    write_all(Box::new(SextantWriter::create(&folder, false, description()).unwrap()));
    (scratch, folder)
}

fn three_die_bench_set() -> (TempDir, PathBuf) {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("set");
    write_all(Box::new(ThreeDieBenchWriter::create(&folder, false, description()).unwrap()));
    (scratch, folder)
}

#[test]
fn both_layouts_give_the_views_that_were_written() {
    for (format, (_scratch, folder)) in
        [(DataFormat::Sextant, sextant_set()), (DataFormat::ThreeDieBench, three_die_bench_set())]
    {
        assert_eq!(detect_format(&folder).unwrap(), format);
        let source = open_folder(&folder, None).unwrap();
        assert_eq!((source.subject_count(), source.image_size()), (5, SIZE));
        assert_eq!(source.class_names(), ["class-0", "class-1"]);
        assert_eq!((source.training_subjects(), source.held_out_subjects()), (vec![0, 1, 2], vec![3, 4]));
        let objects = [4, 0, 3, 0];
        let places = Place::all(&objects);
        let batch = source.views(&places, VIEWS, 5).unwrap();
        assert_eq!(batch.subjects, [4, 0, 3, 0]);
        assert_eq!(batch.labels, [0, 0, 1, 0]);
        for (index, &object) in objects.iter().enumerate() {
            let greys = [0, 1, 2].map(|view| {
                let image = batch.images_at(view, index..index + 1);
                let done = &batch.transformations_of(view)[index];
                assert_eq!(done, &scene(image[0]).transformations(), "image and transformations belong together");
                assert!(image.iter().all(|&value| value == image[0]), "{format:?}");
                image[0]
            });
            let all: BTreeSet<u8> = (0..VIEWS).map(|view| grey(object, view)).collect();
            assert_eq!(BTreeSet::from(greys), all, "all views that there are, once each");
        }
        assert_eq!(source.views(&places, VIEWS, 5).unwrap(), batch);
        let part = source.views(&[places[2], places[0]], 2, 5).unwrap();
        for view in 0..2 {
            let both = [batch.images_at(view, 2..3), batch.images_at(view, 0..1)].concat();
            assert_eq!(part.images_of(view), both);
        }
        assert_ne!(source.views(&places, VIEWS, 6).unwrap(), batch);
        let more = source.views(&places, 2 * VIEWS, 5).unwrap();
        assert_eq!(more.images[..batch.images.len()], batch.images, "then they come again");
        let small = open_folder(&folder, Some(4)).unwrap().views(&places, 2, 5).unwrap();
        assert_eq!(small.images.len(), 2 * 4 * 4 * 4 * 3);
    }
}

#[test]
fn the_manifest_keeps_what_the_shards_cannot() {
    let (_scratch, folder) = sextant_set();
    let source = SextantFolder::open(&folder, None).unwrap();
    assert_eq!(source.symmetry(2), SymmetryGroup::Cyclic { axis: [0.0, 0.0, 1.0], order: 2 });
    assert_eq!(source.subject_id(2), "class-0/object-2");
    let manifest = source.manifest();
    assert_eq!((manifest.seed, manifest.source.as_str(), manifest.frame.as_str()), (9, "test", FRAME));
    let greys: Vec<f64> = (0..5).flat_map(|o| (0..VIEWS).map(move |v| f64::from(grey(o, v)) / 255.0)).collect();
    let mean = greys.iter().sum::<f64>() / greys.len() as f64;
    let std = (greys.iter().map(|grey| (grey - mean).powi(2)).sum::<f64>() / greys.len() as f64).sqrt();
    for channel in 0..3 {
        assert!((f64::from(manifest.normalisation.mean[channel]) - mean).abs() < 1e-5);
        assert!((f64::from(manifest.normalisation.std[channel]) - std).abs() < 1e-5);
    }
}

#[test]
fn three_die_bench_has_exactly_its_files() {
    let (_scratch, folder) = three_die_bench_set();
    let mut files = Vec::new();
    let mut folders = vec![folder.clone()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    assert_eq!(files.len(), 4 + 5 * VIEWS * 2);
    let lists =
        ["train_images.npy", "train_labels.npy", "val_images.npy", "val_labels.npy"].map(|name| folder.join(name));
    assert_eq!(
        read_npy(&lists[0]).unwrap().values,
        NpyValues::Text(vec!["/class-0/object-0/".into(), "/class-1/object-1/".into(), "/class-0/object-2/".into()])
    );
    assert_eq!(read_npy(&lists[3]).unwrap().values, NpyValues::I64(vec![1, 0]));
    let latents = read_npy(&folder.join("class-0/object-0/latent_1.npy")).unwrap();
    assert_eq!(latents.values, NpyValues::F64(vec![f64::from(10.0f32 / 256.0); 7]));
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

fn truncate(path: &Path, bytes: usize) {
    let whole = fs::read(path).unwrap();
    fs::write(path, &whole[..bytes.min(whole.len())]).unwrap();
}

/// Writes a shard anew with one tensor changed.
fn rewrite_shard(folder: &Path, name: &str, change: impl Fn(&mut safetensors::Dtype, &mut Vec<usize>, &mut Vec<u8>)) {
    let path = folder.join("shard-00000.safetensors");
    let bytes = fs::read(&path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: Vec<_> =
        file.tensors().into_iter().map(|(n, v)| (n, v.dtype(), v.shape().to_vec(), v.data().to_vec())).collect();
    for (_, dtype, shape, data) in tensors.iter_mut().filter(|tensor| tensor.0 == name) {
        change(dtype, shape, data);
    }
    let views = tensors
        .iter()
        .map(|(n, dtype, shape, data)| (n, safetensors::tensor::TensorView::new(*dtype, shape.clone(), data).unwrap()));
    fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
}

#[test]
fn broken_sextant_folders_are_named_as_what_they_are() {
    type Break = fn(&Path);
    let cases: [(&str, Break, &[&str]); 20] = [
        ("no folder", |f| fs::remove_dir_all(f).unwrap(), &["set"]),
        (
            "empty folder",
            |f| {
                fs::remove_dir_all(f).unwrap();
                fs::create_dir(f).unwrap()
            },
            &["no data set", "render"],
        ),
        ("empty manifest", |f| truncate(&f.join("dataset.json"), 0), &["dataset.json", "not JSON"]),
        ("half a manifest", |f| truncate(&f.join("dataset.json"), 200), &["dataset.json", "not JSON"]),
        (
            "other format",
            |f| replace(&f.join("dataset.json"), "sextant-dataset", "x"),
            &["not a data set of this program"],
        ),
        (
            "later version",
            |f| replace(&f.join("dataset.json"), "\"version\": 1", "\"version\": 2"),
            &["version 2", "knows 1"],
        ),
        ("missing key", |f| replace(&f.join("dataset.json"), "\"seed\"", "\"sead\""), &["dataset.json", "seed"]),
        ("unknown label", |f| replace(&f.join("dataset.json"), "\"label\": 1", "\"label\": 7"), &["unknown label 7"]),
        ("absurd size", |f| replace(&f.join("dataset.json"), "\"image_size\": 8", "\"image_size\": 99999"), &["99999"]),
        (
            "other size",
            |f| replace(&f.join("dataset.json"), "\"image_size\": 8", "\"image_size\": 16"),
            &["`images` is U8"],
        ),
        (
            "shard elsewhere",
            |f| replace(&f.join("dataset.json"), "shard-", "../shard-"),
            &["not a file of this folder"],
        ),
        ("bad symmetry", |f| replace(&f.join("dataset.json"), "\"symmetry\": \"", "\"symmetry\": \"x"), &["symmetry"]),
        ("no shard", |f| fs::remove_file(f.join("shard-00000.safetensors")).unwrap(), &["shard-00000"]),
        ("empty shard", |f| truncate(&f.join("shard-00000.safetensors"), 0), &["shard-00000", "not a whole"]),
        ("half a shard", |f| truncate(&f.join("shard-00000.safetensors"), 1500), &["shard-00000", "not a whole"]),
        (
            "NaN",
            |f| rewrite_shard(f, "latents", |_, _, data| data[28..32].copy_from_slice(&f32::NAN.to_le_bytes())),
            &["NaN in row 1"],
        ),
        (
            "degrees",
            |f| rewrite_shard(f, "latents", |_, _, data| data[28..32].copy_from_slice(&90f32.to_le_bytes())),
            &["`latents` in row 1: the Euler angle about x is 90", "degrees"],
        ),
        (
            "a hue of bytes",
            |f| rewrite_shard(f, "latents", |_, _, data| data[12..16].copy_from_slice(&200f32.to_le_bytes())),
            &["`latents` in row 0: the floor's hue is 200"],
        ),
        (
            "two classes of one name",
            |f| replace(&f.join("dataset.json"), "\"class-1\"", "\"class-0\""),
            &["two classes are called class-0"],
        ),
        ("unknown object", |f| rewrite_shard(f, "objects", |_, _, data| data[0] = 9), &["row 0 is of object 9"]),
    ];
    for (name, breaks, wants) in cases {
        let (_scratch, folder) = sextant_set();
        breaks(&folder);
        let error = open_folder(&folder, None).err().unwrap_or_else(|| panic!("{name} was accepted")).to_string();
        assert!(wants.iter().all(|want| error.contains(want)), "{name}: {error}");
    }
}

#[test]
fn wrong_types_labels_and_counts_are_found() {
    type Change = fn(&mut safetensors::Dtype, &mut Vec<usize>, &mut Vec<u8>);
    let cases: [(&str, Change, &str); 4] = [
        ("latents", |dtype, _, _| *dtype = safetensors::Dtype::I32, "`latents` is I32"),
        ("labels", |_, _, data| data[0] = 1, "row 0 has label 1"),
        ("objects", |_, _, data| data[..4].copy_from_slice(&2u32.to_le_bytes()), "images instead of 3"),
        ("images", |_, shape, _| *shape = vec![15, 64, 3, 1], "`images` is U8 [15, 64, 3, 1]"),
    ];
    for (tensor, change, want) in cases {
        let (_scratch, folder) = sextant_set();
        rewrite_shard(&folder, tensor, change);
        let error = SextantFolder::open(&folder, None).unwrap_err().to_string();
        assert!(error.contains(want), "{tensor}: {error}");
    }
}

#[test]
fn a_shard_truncated_or_flipped_anywhere_never_panics() {
    let (_scratch, folder) = sextant_set();
    let path = folder.join("shard-00000.safetensors");
    let good = fs::read(&path).unwrap();
    for length in (0..good.len()).step_by(193) {
        fs::write(&path, &good[..length]).unwrap();
        assert!(SextantFolder::open(&folder, None).is_err(), "truncated to {length}");
    }
    for bit in (0..600 * 8).step_by(7) {
        let mut flipped = good.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &flipped).unwrap();
        if let Ok(source) = SextantFolder::open(&folder, None) {
            source.views(&Place::all(&[0, 1, 2, 3, 4]), 2, 0).unwrap();
        }
    }
}

#[test]
fn a_shard_that_is_cut_short_while_it_is_in_use_is_named() {
    let (_scratch, folder) = sextant_set();
    let source = SextantFolder::open(&folder, None).unwrap();
    let path = folder.join("shard-00000.safetensors");
    let before = source.views(&Place::all(&[0, 1, 2, 3, 4]), 2, 0).unwrap();
    let whole = fs::metadata(&path).unwrap().len();
    // The same file, as `truncate` or a failed copy over it leaves it: not another one of the name.
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(whole / 2).unwrap();
    let error = source.views(&Place::all(&[0, 1, 2, 3, 4]), 2, 0).unwrap_err();
    assert!(error.to_string().starts_with(&format!("{}: was cut short", path.display())), "{error}");
    assert!(error.hint().unwrap().starts_with("copy the data set again"));
    file.set_len(whole).unwrap();
    assert_eq!(source.views(&Place::all(&[0, 1, 2, 3, 4]), 2, 0).unwrap().labels, before.labels);
}

#[test]
fn broken_three_die_bench_folders_are_named_as_what_they_are() {
    fn write(path: &Path, values: NpyValues) {
        let mut bytes = Vec::new();
        write_npy(&mut bytes, &NpyArray::vector(values)).unwrap();
        fs::write(path, bytes).unwrap();
    }
    type Break = fn(&Path);
    let cases: [(&str, Break, &[&str]); 19] = [
        ("no labels", |f| fs::remove_file(f.join("train_labels.npy")).unwrap(), &["train_labels.npy"]),
        ("half a list", |f| truncate(&f.join("train_images.npy"), 200), &["train_images.npy", "truncated"]),
        ("numbers for strings", |f| write(&f.join("val_images.npy"), NpyValues::I64(vec![1])), &["no strings"]),
        (
            "floats for labels",
            |f| write(&f.join("val_labels.npy"), NpyValues::F64(vec![1.0; 2])),
            &["no whole numbers"],
        ),
        ("too few labels", |f| write(&f.join("val_labels.npy"), NpyValues::I64(vec![1])), &["1 labels for 2 objects"]),
        ("negative label", |f| write(&f.join("val_labels.npy"), NpyValues::I64(vec![1, -1])), &["label -1"]),
        ("absurd label", |f| write(&f.join("val_labels.npy"), NpyValues::I64(vec![1, i64::MAX])), &["out of range"]),
        (
            "leads out of the folder",
            |f| write(&f.join("val_images.npy"), NpyValues::Text(vec!["/../x/".into(), "/a/b/".into()])),
            &["/../x/"],
        ),
        (
            "no image",
            |f| fs::remove_file(f.join("class-0/object-0/image_0.jpg")).unwrap(),
            &["a file is missing: class-0/object-0/image_0.jpg"],
        ),
        (
            "a view is gone",
            |f| {
                for name in ["image_1.jpg", "latent_1.npy"] {
                    fs::remove_file(f.join("class-1/object-3").join(name)).unwrap();
                }
            },
            &["2 files are missing: class-1/object-3/image_1.jpg, class-1/object-3/latent_1.npy"],
        ),
        (
            "latents of the last views are gone",
            |f| fs::remove_file(f.join("class-0/object-2/latent_2.npy")).unwrap(),
            &["a file is missing: class-0/object-2/latent_2.npy"],
        ),
        (
            "an object is gone",
            |f| fs::remove_dir_all(f.join("class-0/object-4")).unwrap(),
            &["a file is missing: class-0/object-4"],
        ),
        (
            "nothing in a folder",
            |f| {
                fs::remove_dir_all(f.join("class-0/object-4")).unwrap();
                fs::create_dir(f.join("class-0/object-4")).unwrap();
            },
            &["class-0/object-4/image_0.jpg, class-0/object-4/latent_0.npy"],
        ),
        (
            "degrees",
            |f| {
                write(
                    &f.join("class-0/object-4/latent_0.npy"),
                    NpyValues::F64(vec![45.0, 0.0, 0.0, 0.5, 0.1, 0.1, 0.5]),
                )
            },
            &["latent_0.npy", "about x is 45", "degrees"],
        ),
        (
            "hues of bytes",
            |f| {
                write(
                    &f.join("class-0/object-0/latent_1.npy"),
                    NpyValues::F32(vec![0.0, 0.0, 0.0, 255.0, 0.1, 0.1, 0.5]),
                )
            },
            &["latent_1.npy", "floor's hue is 255"],
        ),
        ("half an image", |f| truncate(&f.join("class-0/object-0/image_2.jpg"), 100), &["image_2.jpg", "JPEG"]),
        ("half a latent", |f| truncate(&f.join("class-0/object-0/latent_2.npy"), 150), &["latent_2.npy", "truncated"]),
        (
            "six latents",
            |f| write(&f.join("class-0/object-0/latent_2.npy"), NpyValues::F64(vec![0.0; 6])),
            &["latent_2.npy", "instead of 7"],
        ),
        (
            "NaN",
            |f| write(&f.join("class-0/object-0/latent_2.npy"), NpyValues::F64(vec![f64::NAN; 7])),
            &["latent_2.npy", "NaN"],
        ),
    ];
    for (name, breaks, wants) in cases {
        let (_scratch, folder) = three_die_bench_set();
        breaks(&folder);
        let check = |folder: &Path| {
            let source = ThreeDieBenchFolder::open(folder, None, CameraPose::THREE_DIE_BENCH)?;
            (0..source.views_of(0)).try_for_each(|view| source.check_view(0, view))
        };
        let error = check(&folder).err().unwrap_or_else(|| panic!("{name} was accepted")).to_string();
        assert!(wants.iter().all(|want| error.contains(want)), "{name}: {error}");
    }
}

/// Writes the lists of a folder anew.
fn write_lists(folder: &Path, lists: [(&str, &[&str], NpyValues); 2]) {
    for (split, objects, labels) in lists {
        let paths = objects.iter().map(|object| format!("/{object}/")).collect();
        for (name, values) in [("images", NpyValues::Text(paths)), ("labels", labels)] {
            let mut bytes = Vec::new();
            write_npy(&mut bytes, &NpyArray::vector(values)).unwrap();
            fs::write(folder.join(format!("{split}_{name}.npy")), bytes).unwrap();
        }
    }
}

#[test]
fn lists_that_contradict_themselves_are_warned_of() {
    struct Case {
        train: (&'static [&'static str], &'static [i64]),
        val: (&'static [&'static str], &'static [i64]),
        class_names: &'static [&'static str],
        warnings: &'static [&'static str],
    }
    let cases = [
        Case {
            train: (&["class-0/object-0", "class-1/object-1"], &[0, 1]),
            val: (&["class-1/object-3", "class-0/object-4"], &[1, 0]),
            class_names: &["class-0", "class-1"],
            warnings: &[],
        },
        Case {
            train: (&["class-0/object-0", "class-0/object-2", "class-1/object-1"], &[0, 1, 1]),
            val: (&["class-1/object-3", "class-0/object-4"], &[1, 0]),
            class_names: &["class-0", "class-1"],
            warnings: &[
                "labels and folders disagree for 1 of 5 objects, as class-0/object-2 with the label 1 (class-1)",
            ],
        },
        Case {
            train: (&["class-0/object-0", "class-0/object-2"], &[0, 1]),
            val: (&["class-0/object-4"], &[1]),
            class_names: &["class-0", "class-0 (label 1)"],
            warnings: &["labels and folders disagree for 2 of 3", "nothing is held out of class-0"],
        },
        Case {
            train: (&["class-0/object-0", "class-1/object-1"], &[0, 1]),
            val: (&["class-1/object-1", "class-0/object-4"], &[1, 0]),
            class_names: &["class-0", "class-1"],
            warnings: &["have objects in common, so that figures are of objects trained on: class-1/object-1"],
        },
        Case {
            train: (&["class-0/object-0", "class-0/object-0", "class-1/object-1"], &[0, 0, 1]),
            val: (&["class-1/object-3", "class-0/object-4"], &[1, 0]),
            class_names: &["class-0", "class-1"],
            warnings: &["a list has objects more than once: class-0/object-0"],
        },
        Case {
            train: (&["class-0/object-0", "class-1/object-1"], &[0, 2]),
            val: (&["class-1/object-3", "class-0/object-4"], &[2, 0]),
            class_names: &["class-0", "class-1 (label 1)", "class-1"],
            warnings: &["no object is of class-1 (label 1)"],
        },
    ];
    for Case { train, val, class_names, warnings } in cases {
        let (_scratch, folder) = three_die_bench_set();
        let labels = |labels: &[i64]| NpyValues::I64(labels.to_vec());
        write_lists(&folder, [("train", train.0, labels(train.1)), ("val", val.0, labels(val.1))]);
        let source = open_folder(&folder, None).unwrap_or_else(|error| panic!("{train:?}: {error}"));
        let found = source.warnings();
        assert_eq!(found.len(), warnings.len(), "{train:?}: {found:?}");
        let is_told = |wanted: &&&str| found.iter().any(|warning| warning.contains(**wanted));
        assert!(warnings.iter().all(|wanted| is_told(&wanted)), "{train:?}: {found:?}");
        assert_eq!(source.class_names(), class_names, "{train:?}");
    }
}

#[test]
fn labels_and_latents_of_other_types_are_read() {
    let (_scratch, folder) = three_die_bench_set();
    // As numpy on Windows and on big-endian machines writes them.
    let npy = |descr: &str, count: usize, body: &[u8]| {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({count},), }}\n");
        [b"\x93NUMPY\x01\x00", &u16::try_from(header.len()).unwrap().to_le_bytes()[..], header.as_bytes(), body]
            .concat()
    };
    let int32: Vec<u8> = [0i32, 1, 0].iter().flat_map(|label| label.to_le_bytes()).collect();
    fs::write(folder.join("train_labels.npy"), npy("<i4", 3, &int32)).unwrap();
    for view in 0..VIEWS {
        let body: Vec<u8> = latents_of(&scene(grey(0, view))).iter().flat_map(|value| value.to_be_bytes()).collect();
        fs::write(folder.join(format!("class-0/object-0/latent_{view}.npy")), npy(">f4", 7, &body)).unwrap();
    }
    let source = open_folder(&folder, None).unwrap();
    assert_eq!([0, 1, 2].map(|object| source.label(object)), [0, 1, 0]);
    let found = &source.views(&Place::all(&[0]), 1, 1).unwrap().transformations[0];
    assert!((0..VIEWS).any(|view| scene(grey(0, view)).transformations() == *found), "{found:?}");
}

#[test]
fn objects_may_differ_in_their_number_of_views() {
    let (_scratch, folder) = three_die_bench_set();
    for name in ["image_2.jpg", "latent_2.npy"] {
        fs::remove_file(folder.join("class-0/object-0").join(name)).unwrap();
    }
    let source = open_folder(&folder, None).unwrap();
    assert_eq!([0, 1].map(|object| source.view_count(object)), [Some(2), Some(3)]);
    let warnings = source.warnings();
    assert_eq!(warnings, ["objects have 2 to 3 views; 2 have class-0/object-0"]);
    let seen = |object: usize| -> BTreeSet<u32> {
        let batch = source.views(&Place::all(&[object; 64]), 2, 3).unwrap();
        batch.transformations.iter().map(|done| done.hues().unwrap()[0].to_bits()).collect()
    };
    assert_eq!([0, 1].map(|object| seen(object).len()), [2, 3], "all views that there are");
}

#[test]
fn a_manifest_that_contradicts_itself_is_warned_of() {
    let (_scratch, folder) = sextant_set();
    assert_eq!(open_folder(&folder, None).unwrap().warnings(), Vec::<String>::new());
    // Object 4, held out, takes the name of object 0; object 1 that of the other class.
    replace(&folder.join("dataset.json"), "class-0/object-4", "class-0/object-0");
    replace(&folder.join("dataset.json"), "class-1/object-1", "class-0/object-1");
    let warnings = open_folder(&folder, None).unwrap().warnings().join("\n");
    assert!(
        warnings.contains("trained on and held out, so that figures are of known ones: class-0/object-0"),
        "{warnings}"
    );
    assert!(warnings.contains("as class-0/object-1 with the class class-1"), "{warnings}");
}

#[test]
fn an_unfinished_set_leaves_nothing_and_a_finished_one_is_kept() {
    let (scratch, folder) = sextant_set();
    let error = SextantWriter::create(&folder, false, description()).unwrap_err().to_string();
    assert!(error.contains("--overwrite"), "{error}");
    let mut writer = SextantWriter::create(&folder, true, description()).unwrap();
    writer.write_object(&[scene(0); VIEWS], &[0; VIEWS * SIZE * SIZE * 3]).unwrap();
    drop(writer);
    SextantFolder::open(&folder, None).unwrap();
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
}

#[test]
fn ids_that_are_no_folders_are_refused() {
    for id in ["a", "a/b/c", "a/..", "../b", "a/b"] {
        let mut description = description();
        description.objects[1].id = id.to_owned();
        description.objects[2].id = "a/b".to_owned();
        let scratch = tempfile::tempdir().unwrap();
        let error =
            ThreeDieBenchWriter::create(&scratch.path().join("set"), false, description).unwrap_err().to_string();
        assert!(error.contains("CLASS/NAME"), "{id}: {error}");
    }
}
