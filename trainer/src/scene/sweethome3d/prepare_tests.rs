//! A package of two models, whole and broken.

use std::sync::atomic::AtomicBool;

use sextant_runtime::rotation::SymmetryGroup;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::super::SweetHome3d;
use super::*;
use crate::scene::ObjectSource;

const CATALOGUE: &str = "license=CC0\n\
    id#1=Scopia#bed1\nname#1=Bed\nmodel#1=/scopia/bed1/bed1.obj\ncreator#1=A\n\
    id#2=Scopia#truck\nname#2=Truck\nmodel#2=/scopia/truck/truck.obj\ncreator#2=B\n\
    id#3=Scopia#rails\nname#3=Rails\nmodel#3=/scopia/rails/rails.obj\ncreator#3=C\n\
    id#4=Scopia#futon\nname#4=Futon\nmodel#4=/scopia/bed1/bed1.obj\ncreator#4=A\n\
    modelRotation#4=1 0 0 0 0 -1 0 1 0\n";

/// A wedge, 4 wide, 2 high (y) and 3 deep, with a pane of glass above it.
const OBJ: &str = "mtllib bed1.mtl\nv 0 0 0\nv 4 0 0\nv 4 0 3\nv 0 0 3\nv 0 2 0\nv 0 9 0\nv 4 9 0\nv 4 9 3\n\
    usemtl wood\nf 1 2 3\nf 1 3 4\nf 1 5 2\nf 2 5 3\nf 3 5 4\nf 4 5 1\nusemtl glass\nf 6 7 8\n";

const MTL: &str = "newmtl wood\nKd 0.5 0.25 0.125\nnewmtl glass\nKd 1 1 1\nd 0.1\n";

fn package(files: &[(&str, &str)]) -> (TempDir, FurnitureFolder) {
    let scratch = tempfile::tempdir().unwrap();
    let mut zip = ZipWriter::new(fs::File::create(scratch.path().join("Scopia.sh3f")).unwrap());
    for (name, text) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap();
    let folder = FurnitureFolder::named(scratch.path(), scratch.path()).unwrap();
    (scratch, folder)
}

fn whole_package() -> (TempDir, FurnitureFolder) {
    package(&[
        (CATALOGUE_FILE, CATALOGUE),
        ("scopia/bed1/bed1.obj", OBJ),
        ("scopia/bed1/bed1.mtl", MTL),
        ("scopia/truck/truck.obj", "v 0 0 0\nf 1 2 9\n"),
    ])
}

#[test]
fn models_are_prepared_and_broken_ones_are_reported() {
    let (scratch, folder) = whole_package();
    let cache = scratch.path().join("cache");
    let report = prepare(&folder, &cache, false, &|_, _| true).unwrap();
    let objects: Vec<&str> = report.index.objects.iter().map(|object| object.id.as_str()).collect();
    assert_eq!(objects, ["bed/scopia-bed1", "bed/scopia-futon"], "rails are no object of a class");
    let skipped = |id: &str| report.index.skipped.iter().find(|model| model.catalogue_id == id).unwrap();
    assert!(skipped("Scopia#truck").reason.contains("truck.obj"), "{}", skipped("Scopia#truck").reason);
    assert_eq!(skipped("Scopia#crib").reason, "is not in the package");
    let credits = fs::read_to_string(report.folder.join(CREDITS_FILE)).unwrap();
    assert!(credits.contains("A: \"Bed\" (Scopia#bed1), CC0"), "{credits}");

    let source = SweetHome3d::open(&cache, 2.0).unwrap();
    assert_eq!((0..2).filter(|&index| source.is_held_out(index)).count(), 1);
    let bounds = |index: usize| source.object(index).unwrap().mesh.bounding_box().unwrap();
    let scale = 2.0 / 29.0f32.sqrt();
    for (index, extent) in [(0, [4.0, 3.0, 2.0]), (1, [4.0, 2.0, 3.0])] {
        let bounds = bounds(index);
        for (axis, extent) in extent.into_iter().enumerate() {
            let want = extent * scale;
            assert!((bounds.max[axis] - bounds.min[axis] - want).abs() < 1e-4, "object {index}: {bounds:?}");
            assert!((bounds.max[axis] + bounds.min[axis]).abs() < 1e-4, "object {index} is centred");
        }
    }
    let bed = source.object(0).unwrap();
    assert_eq!(bed.symmetry, SymmetryGroup::None);
    assert_eq!(bed.mesh.materials[0].color, [0.5, 0.25, 0.125]);
    assert!(Arc::ptr_eq(&bed.mesh, &source.object(0).unwrap().mesh), "meshes are kept");
}

#[test]
fn preparing_twice_needs_permission_and_gives_the_same() {
    let (scratch, folder) = whole_package();
    let cache = scratch.path().join("cache");
    let first = prepare(&folder, &cache, false, &|_, _| true).unwrap();
    let error = prepare(&folder, &cache, false, &|_, _| true).unwrap_err().to_string();
    assert!(error.contains("--overwrite"), "{error}");
    assert_eq!(prepare(&folder, &cache, true, &|_, _| true).unwrap().index, first.index);
}

#[test]
fn stopping_leaves_nothing() {
    let (scratch, folder) = whole_package();
    let cache = scratch.path().join("cache");
    let called = AtomicBool::new(false);
    let error = prepare(&folder, &cache, false, &|_, _| called.swap(true, Ordering::Relaxed)).unwrap_err();
    assert!(error.to_string().contains("interrupted"), "{error}");
    assert!(!cache.exists());
}

#[test]
fn broken_packages_are_named_as_what_they_are() {
    let cases: [(&[(&str, &str)], &str); 3] = [
        (&[("other.txt", "")], CATALOGUE_FILE),
        (&[(CATALOGUE_FILE, "id#1=a\n")], "model 1 has no `name`"),
        (&[(CATALOGUE_FILE, "id#1=a\nname#1=b\nmodel#1=c\n")], "none of the known models"),
    ];
    for (files, want) in cases {
        let (scratch, folder) = package(files);
        let error = prepare(&folder, &scratch.path().join("cache"), false, &|_, _| true).unwrap_err().to_string();
        assert!(error.contains(want), "{error}");
    }
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("x.sh3f"), "PK\x03\x04 not a zip").unwrap();
    let folder = FurnitureFolder::named(scratch.path(), scratch.path()).unwrap();
    let error = prepare(&folder, &scratch.path().join("cache"), false, &|_, _| true).unwrap_err().to_string();
    assert!(error.contains("x.sh3f") && error.contains("fetch the package again"), "{error}");
}

#[test]
fn broken_caches_are_named_as_what_they_are() {
    type Break = fn(&Path);
    fn replace(path: &Path, from: &str, to: &str) {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }
    let cases: [(&str, Break, &str); 7] = [
        ("none", |f| fs::remove_dir_all(f).unwrap(), "not prepared"),
        ("half an index", |f| fs::write(f.join(INDEX_FILE), "{\"format\"").unwrap(), "broken"),
        ("later version", |f| replace(&f.join(INDEX_FILE), "\"version\": 1", "\"version\": 9"), "version 9"),
        (
            "other classes",
            |f| replace(&f.join(INDEX_FILE), "\"class_map_crc32\": ", "\"class_map_crc32\": 0, \"was\": "),
            "other classes",
        ),
        ("leads out", |f| replace(&f.join(INDEX_FILE), "\"file\": \"", "\"file\": \"../"), "broken entry"),
        ("no mesh", |f| fs::remove_file(f.join("scopia-bed1.safetensors")).unwrap(), "scopia-bed1"),
        (
            "flipped bit",
            |f| {
                let path = f.join("scopia-bed1.safetensors");
                let mut bytes = fs::read(&path).unwrap();
                let last = bytes.len() - 1;
                bytes[last] ^= 1;
                fs::write(path, bytes).unwrap();
            },
            "wrong checksum",
        ),
    ];
    for (name, breaks, want) in cases {
        let (scratch, folder) = whole_package();
        let cache = scratch.path().join("cache");
        breaks(&prepare(&folder, &cache, false, &|_, _| true).unwrap().folder);
        let outcome = SweetHome3d::open(&cache, 1.0).and_then(|source| source.object(0));
        let error = outcome.err().unwrap_or_else(|| panic!("{name} was accepted")).to_string();
        assert!(error.contains(want), "{name}: {error}");
        assert!(name == "no mesh" || error.contains("trainer data prepare sweethome3d"), "{name}: {error}");
    }
}
