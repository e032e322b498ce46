//! Broken files of every kind that a command reads. The transcripts in `tests/cmd/broken/` say what is printed of each;
//! here the files are made, and nothing may have changed on the disk afterwards.

#[path = "../fixtures/mod.rs"]
mod fixtures;

mod disk;
mod images;
mod runs;

use std::fs;
use std::path::Path;

use fixtures::archive::{jpeg_header, npy, png_header, safetensors, zip};
use fixtures::{Place, meshes};
use sextant_tests::run_ok;

/// Runs the commands of a transcript, all of which fail; they must leave everything as it was.
fn fails_as_printed(place: &Place, transcript: &str) {
    let before = place.contents();
    place.follow(&format!("cmd/broken/{transcript}.trycmd"));
    let after = place.contents();
    let changed: Vec<_> = after.iter().filter(|(path, crc)| before.get(*path) != Some(crc)).collect();
    assert!(changed.is_empty(), "left behind or changed: {changed:?}");
    assert_eq!(before.len(), after.len(), "files are gone");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("cmd/broken/{transcript}.trycmd"));
    let text = fs::read_to_string(file).unwrap();
    assert!(!text.contains("panicked"), "{transcript}: a command panics");
    let (commands, failures) = (text.matches("\n$ ").count(), text.matches("\n? 2\n").count());
    assert_eq!(commands, failures, "{transcript}: every command ends with exit code 2");
}

#[test]
fn configurations() {
    let place = Place::new();
    let files: [(&str, &[u8]); 9] = [
        ("empty-section.toml", b"[]\n"),
        ("cut.toml", b"[fit]\nsteps = "),
        ("typo.toml", b"[fit]\nstpes = 100\n"),
        ("two-typos.toml", b"[fit]\nstpes = 100\n\n[optimizer]\nlr = 1\n"),
        ("type.toml", b"[fit]\nsteps = \"many\"\n"),
        ("range.toml", b"[fit]\nbatch_size = 0\n\n[data]\nimage_size = 100000\n"),
        ("nan.toml", b"[optimiser]\nlr = nan\n"),
        ("binary.toml", b"\xff\xfe\x00\x01"),
        ("list.toml", b"[data]\nmean = [0.5]\n"),
    ];
    for (name, bytes) in files {
        place.write(name, bytes);
    }
    place.write("huge.toml", &vec![b'#'; (1 << 20) + 1]);
    place.write("folder.toml/file", b"");
    place.write("other/notes.txt", b"mine");
    place.write("a-file", b"mine");
    fails_as_printed(&place, "config");
}

/// A data set of eight objects in both layouts.
fn data_sets(place: &Place) {
    meshes::write_parts(&place.path("parts"));
    for (format, name) in [("sextant", "good"), ("3diebench", "good-3diebench")] {
        let arguments = ["render", "--source", "meshes", "--meshes", "parts", "--views", "3", "--image-size", "16"];
        run_ok("trainer", &[&arguments[..], &["--format", format, "--out", name]].concat(), &place.path("."));
    }
}

#[test]
fn sextant_data_sets() {
    let place = Place::new();
    data_sets(&place);
    let broken = |name: &str, file: &str| {
        place.copy(&place.path("good"), name);
        format!("{name}/{file}")
    };
    let (manifest, shard) = ("dataset.json", "shard-00000.safetensors");
    place.write("empty/.keep", b"");
    place.truncate(&broken("manifest-empty", manifest), 0);
    place.truncate(&broken("manifest-cut", manifest), 300);
    place.edit(&broken("manifest-binary", manifest), |bytes| bytes[10] = 0xff);
    place.replace(&broken("other-version", manifest), "\"version\": 1", "\"version\": 2");
    place.replace(&broken("other-format", manifest), "sextant-dataset", "somebody-elses");
    place.replace(&broken("absurd-size", manifest), "\"image_size\": 16", "\"image_size\": 100000");
    place.replace(&broken("size-zero", manifest), "\"image_size\": 16", "\"image_size\": 0");
    place.replace(&broken("escaping", manifest), "\"shard-", "\"../shard-");
    fs::remove_file(place.path(&broken("no-shard", shard))).unwrap();
    place.truncate(&broken("shard-empty", shard), 0);
    place.truncate(&broken("shard-header-cut", shard), 100);
    place.truncate(&broken("shard-images-cut", shard), 5000);
    place.edit(&broken("shard-length", shard), |bytes| bytes[7] = 0x7f);
    let at = |needle: &str| {
        let bytes = fs::read(place.path("good").join(shard)).unwrap();
        bytes.windows(needle.len()).position(|window| window == needle.as_bytes()).unwrap()
    };
    let dtype = at("\"U8\"");
    place.edit(&broken("shard-type", shard), |bytes| bytes[dtype + 1] = b'I');
    place.edit(&broken("shard-latents-nan", shard), |bytes| set_latent(bytes, f32::NAN));
    fails_as_printed(&place, "data-set");
}

/// Changes the first latent of a shard.
fn set_latent(bytes: &mut [u8], value: f32) {
    let header_length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + header_length]).unwrap();
    let start = 8 + header_length + header["latents"]["data_offsets"][0].as_u64().unwrap() as usize;
    bytes[start..start + 4].copy_from_slice(&value.to_le_bytes());
}

#[test]
fn three_die_bench_folders() {
    let place = Place::new();
    data_sets(&place);
    let broken = |name: &str, file: &str| {
        place.copy(&place.path("good-3diebench"), name);
        format!("{name}/{file}")
    };
    let (image, latent) = ("bracket/c/image_1.jpg", "bracket/c/latent_1.npy");
    fs::remove_file(place.path(&broken("no-labels", "train_labels.npy"))).unwrap();
    place.truncate(&broken("list-empty", "train_images.npy"), 0);
    place.truncate(&broken("list-cut", "train_images.npy"), 140);
    place.edit(&broken("list-magic", "val_images.npy"), |bytes| bytes[1] = b'X');
    place.copy(&place.path("good-3diebench/train_labels.npy"), &broken("labels-swapped", "val_labels.npy"));
    place.write(&broken("labels-float", "train_labels.npy"), &npy(&[0.0; 6]));
    fs::remove_file(place.path(&broken("no-image", image))).unwrap();
    place.truncate(&broken("image-empty", image), 0);
    place.truncate(&broken("image-cut", image), 200);
    place.write(&broken("image-zero", image), &jpeg_header(0, 0));
    place.write(&broken("image-huge", image), &jpeg_header(65_000, 65_000));
    place.write(&broken("image-png", image), &png_header(16, 16));
    fs::remove_file(place.path(&broken("no-latent", latent))).unwrap();
    place.truncate(&broken("latent-cut", latent), 150);
    place.write(&broken("latent-six", latent), &npy(&[0.0; 6]));
    place.write(&broken("latent-nan", latent), &npy(&[f64::NAN; 7]));
    fs::remove_dir_all(place.path(&broken("no-object", "bracket/c"))).unwrap();
    fails_as_printed(&place, "3diebench");
}

/// An IDX file of bytes.
fn idx(sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let header: Vec<u8> = sizes.iter().flat_map(|size| size.to_be_bytes()).collect();
    [&[0, 0, 8, sizes.len() as u8][..], &header, bytes].concat()
}

#[test]
fn sets_of_pictures() {
    let place = Place::new();
    for split in ["train", "test"] {
        place.write_picture_of(&format!("pets/{split}/cat/1.png"), [20, 20]);
    }
    ["mixed/cat/1.png", "mixed/2.png"].iter().for_each(|name| place.write_picture_of(name, [20, 20]));
    place.write("empty-zip.zip", b"");
    place.write("text.tar.gz", b"text");
    place.write("list.txt", b"cat/1\n");
    for set in ["cifar-short", "cifar-missing"] {
        (1..=5).for_each(|batch| place.write(&format!("{set}/data_batch_{batch}.bin"), &[0; 3073]));
        place.write(&format!("{set}/batches.meta.txt"), b"cat\ndog\n");
    }
    place.write("cifar-short/test_batch.bin", &[0; 3073]);
    place.write("cifar-short/data_batch_2.bin", &[0; 3000]);
    for set in ["idx-counts", "idx-magic", "other-idx"] {
        for split in ["train", "t10k"] {
            place.write(&format!("{set}/{split}-images-idx3-ubyte"), &idx(&[2, 2, 2], &[0; 8]));
            place.write(&format!("{set}/{split}-labels-idx1-ubyte"), &idx(&[2], &[0, 1]));
        }
    }
    place.write("idx-counts/train-labels-idx1-ubyte", &idx(&[3], &[0; 3]));
    place.edit("idx-magic/t10k-images-idx3-ubyte", |bytes| bytes[2] = 0x0d);
    place.write("broken-cache/cifar10-v1/origin.json", b"{");
    fails_as_printed(&place, "pictures");
}

#[test]
fn meshes_and_their_folders() {
    let place = Place::new();
    let obj = "v 0 0 0\nv 1 0 0\nv 0 1 0\n";
    let good = format!("{obj}f 1 2 3\n");
    let (stl, glb) = (meshes::stl(), meshes::glb());
    let ply = meshes::ply();
    let files: [(&str, &[u8]); 22] = [
        ("empty.obj", b""),
        ("text.obj", b"not a mesh\n"),
        ("no-faces.obj", obj.as_bytes()),
        ("index.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n"),
        ("nan.obj", b"v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"),
        ("far.obj", b"v 1e30 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"),
        ("flat.obj", b"v 0 0 0\nv 0 0 0\nv 0 0 0\nf 1 2 3\n"),
        ("empty.stl", b""),
        ("header-cut.stl", &stl[..50]),
        ("triangles-cut.stl", &stl[..150]),
        ("empty.ply", b""),
        ("header-cut.ply", &ply.as_bytes()[..60]),
        ("body-cut.ply", &ply.as_bytes()[..ply.len() - 9]),
        ("absurd.ply", ply.replace("vertex 4", "vertex 4000000000").leak().as_bytes()),
        ("index.ply", ply.replace("3 1 2 3", "3 1 2 9").leak().as_bytes()),
        ("empty.glb", b""),
        ("header-cut.glb", &glb[..10]),
        ("json-cut.glb", &glb[..100]),
        ("data-cut.glb", &glb[..glb.len() - 20]),
        ("flipped.glb", &[&glb[..30], b"\xff\xff", &glb[32..]].concat()),
        ("drawing.dxf", b"0\nSECTION\n"),
        ("nothing/notes.txt", b""),
    ];
    for (name, bytes) in files {
        place.write(name, bytes);
    }
    for folder in ["symmetry-syntax", "symmetry-name", "symmetry-group", "symmetry-type", "symmetry-binary"] {
        place.write(&format!("{folder}/bolt/a.obj"), good.as_bytes());
    }
    place.write("symmetry-syntax/symmetry.toml", b"bolt = ");
    place.write("symmetry-name/symmetry.toml", b"blot = \"none\"\n");
    place.write("symmetry-group/symmetry.toml", b"bolt = \"axial:z\"\n");
    place.write("symmetry-type/symmetry.toml", b"bolt = 4\n");
    place.write("symmetry-binary/symmetry.toml", b"\xff\xfe");
    place.write("twins/bolt/a.obj", good.as_bytes());
    place.write("twins/bolt/a.stl", &stl);
    place.write("mixed/bolt/a.obj", good.as_bytes());
    place.write("mixed/b.obj", good.as_bytes());
    place.write("one-broken/bolt/a.obj", good.as_bytes());
    place.write("one-broken/bolt/b.obj", b"v 0 0\n");
    place.write("plain.obj", good.as_bytes());
    place.write("taken/notes.txt", b"mine");
    fails_as_printed(&place, "meshes");
}

#[test]
fn textures_that_cannot_be_had_are_told_and_the_mesh_is_plain() {
    let place = Place::new();
    let mesh = |name: &str| {
        format!("mtllib {name}.mtl\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nusemtl m\nf 1/1 2/2 3/3\n")
    };
    let textures: [(&str, Option<Vec<u8>>); 5] = [
        ("missing", None),
        ("empty", Some(vec![])),
        ("text", Some(b"not a picture".to_vec())),
        ("zero", Some(png_header(0, 0))),
        ("huge", Some(png_header(100_000, 100_000))),
    ];
    for (name, texture) in textures {
        place.write(&format!("textures/{name}.obj"), mesh(name).as_bytes());
        place.write(&format!("textures/{name}.mtl"), format!("newmtl m\nmap_Kd {name}.png\n").as_bytes());
        if let Some(bytes) = texture {
            place.write(&format!("textures/{name}.png"), &bytes);
        }
    }
    place.write("textures/no-materials.obj", mesh("nowhere").as_bytes());
    place.write("textures/clear.obj", mesh("clear").as_bytes());
    place.write("textures/clear.mtl", b"newmtl m\nNs\nd 0.3\n");
    place.follow("cmd/textures.trycmd");
}

#[test]
fn furniture_packages_and_caches() {
    let place = Place::new();
    let catalogue: &[u8] = b"license=CC0\nid#1=Scopia#bed1\nname#1=Bed\nmodel#1=/a.obj\ncreator#1=A\n\
                             id#2=Scopia#crib\nname#2=Crib\nmodel#2=/a.obj\ncreator#2=A\n";
    let obj: &[u8] = b"v 0 0 0\nv 4 0 0\nv 4 0 3\nv 0 2 0\nf 1 2 3\nf 1 2 4\nf 2 3 4\nf 3 1 4\n";
    let package = zip(&[("PluginFurnitureCatalog.properties", catalogue), ("a.obj", obj)]);
    place.write("package/Scopia.sh3f", &package);
    place.write("no-package/readme.txt", b"");
    place.write("text-package/Scopia.sh3f", b"not a zip file");
    place.write("empty-package/Scopia.sh3f", b"");
    place.write("cut-package/Scopia.sh3f", &package[..package.len() - 30]);
    place.write("bare-package/Scopia.sh3f", &zip(&[("a.obj", obj)]));
    place.write("foreign-package/Other.sh3f", &zip(&[("PluginFurnitureCatalog.properties", b"license=CC0\n")]));
    place.write("bad-catalogue/Scopia.sh3f", &zip(&[("PluginFurnitureCatalog.properties", b"id#1=a\n")]));
    let mut flipped = package.clone();
    flipped[80] ^= 4;
    place.write("flipped-package/Scopia.sh3f", &flipped);
    let here = place.path(".");
    run_ok("trainer", &["data", "prepare", "sweethome3d", "--from", "package", "--cache", "good"], &here);
    let broken = |name: &str, file: &str| {
        place.copy(&place.path("good"), name);
        format!("{name}/sweethome3d-v1/{file}")
    };
    let (index, mesh) = ("index.json", "scopia-bed1.safetensors");
    place.truncate(&broken("index-empty", index), 0);
    place.truncate(&broken("index-cut", index), 200);
    place.replace(&broken("index-version", index), "\"version\": 1", "\"version\": 7");
    place.replace(&broken("index-escaping", index), "scopia-bed1.safetensors", "../scopia-bed1.safetensors");
    fs::remove_file(place.path(&broken("no-mesh", mesh))).unwrap();
    place.truncate(&broken("mesh-cut", mesh), 100);
    place.edit(&broken("mesh-flipped", mesh), |bytes| *bytes.last_mut().unwrap() ^= 1);
    fails_as_printed(&place, "furniture");
}

/// The smallest file of tensors, for programs that want others.
fn one_tensor() -> Vec<u8> {
    safetensors("F32", "[1]", &1f32.to_le_bytes())
}
